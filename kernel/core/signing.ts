/** The ports of identity: raw private keys never travel through the code, only a `Signer` does. */
import type { Hash, PublicKey, Signature } from './bytes.ts'

export interface Signer {
  readonly publicKey: PublicKey
  sign(hash: Hash): Signature
}

/** RFC 8032, cofactorless, canonical S and A, small-order keys rejected. All implementations agree on every input. */
export interface Verifier {
  verify(signature: Signature, hash: Hash, key: PublicKey): boolean
}

/** Milliseconds since the Unix epoch, from outside: the core never reads a clock. */
export interface Clock {
  nowMs(): number
}

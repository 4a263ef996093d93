/**
 * Ed25519: one rule for all peers — RFC 8032, cofactorless ([S]B - [k]A, encoded, is R byte for byte), canonical S
 * and A, neither A nor R of small order. The checks before the equation are made here, not left to the library:
 * OpenSSL 3.5 rejects small orders, as libsodium does, where OpenSSL 1 and BoringSSL accept them.
 *
 * Two implementations that agree on every input: node:crypto (fast), and @noble/ed25519 (portable, the reference).
 */
import { createPrivateKey, createPublicKey, generateKeyPairSync, sign, verify, type KeyObject } from 'node:crypto'
import { sha512 } from '@noble/hashes/sha2.js'
import * as noble from '@noble/ed25519'
import { compareBytes, parsePublicKey, type Hash, type PublicKey, type Signature } from './bytes.ts'
import { InvariantError } from './result.ts'
import type { Signer, Verifier } from './signing.ts'

export const SEED_LENGTH = 32

/** 2^255 - 19 and the group's order, big-endian: to compare bytes with. */
const FIELD = 2n ** 255n - 19n
const ORDER = 2n ** 252n + 27742317777372353535851937790883648493n

const littleEndian = (n: bigint): Uint8Array =>
  Uint8Array.from({ length: 32 }, (_, i) => Number((n >> BigInt(8 * i)) & 0xffn))

/** y of the points of order 1, 2, 4 and 8 (canonical; the sign of x is masked off before the comparison). */
const SMALL_ORDER_Y = [
  1n,
  FIELD - 1n,
  0n,
  0x7a03ac9277fdc74ec6cc392cfa53202a0f67100d760b3cba4fd84d3d706a17c7n,
  0x05fc536d880238b13933c6d305acdfd5f098eff289f4c345b027b2c28f95e826n,
].map(littleEndian)

const ORDER_BYTES = littleEndian(ORDER)
const FIELD_BYTES = littleEndian(FIELD)

const lessLittleEndian = (a: Uint8Array, b: Uint8Array): boolean => {
  for (let i = 31; i >= 0; i--) if (a[i] !== b[i]) return a[i]! < b[i]!
  return false
}

/** y without the sign of x. */
const withoutSign = (point: Uint8Array): Uint8Array => {
  const y = point.slice(0, 32)
  y[31]! &= 0x7f
  return y
}

const isSmallOrder = (y: Uint8Array): boolean => SMALL_ORDER_Y.some((bad) => compareBytes(bad, y) === 0)

/** A key that may be verified with: y canonical, and not of small order. Whether it is on the curve comes later. */
export const isUsableKey = (key: Uint8Array): boolean => {
  const y = withoutSign(key)
  return key.length === 32 && lessLittleEndian(y, FIELD_BYTES) && !isSmallOrder(y)
}

const isAcceptable = (signature: Uint8Array, key: Uint8Array): boolean =>
  signature.length === 64 &&
  lessLittleEndian(signature.subarray(32), ORDER_BYTES) &&
  !isSmallOrder(withoutSign(signature)) &&
  isUsableKey(key)

/** ASN.1 around a raw Ed25519 public key (RFC 8410). */
const SPKI_PREFIX = Buffer.from('302a300506032b6570032100', 'hex')
const PKCS8_PREFIX = Buffer.from('302e020100300506032b657004220420', 'hex')
/** Key objects kept: importing one costs a tenth of a verification. */
const KEYS_MAX = 256

/** The fast one. */
export class NodeVerifier implements Verifier {
  readonly #keys = new Map<string, KeyObject>()

  verify(signature: Signature, hash: Hash, key: PublicKey): boolean {
    return this.verifyBytes(signature, hash, key)
  }

  /** The same over a message of any length, as the published vectors need it. */
  verifyBytes(signature: Uint8Array, message: Uint8Array, key: Uint8Array): boolean {
    if (!isAcceptable(signature, key)) return false
    const object = this.#key(key)
    return object !== undefined && verify(null, message, object, signature)
  }

  #key(key: Uint8Array): KeyObject | undefined {
    const name = Buffer.from(key.buffer, key.byteOffset, key.length).toString('latin1')
    const known = this.#keys.get(name)
    if (known) return known
    let object: KeyObject
    try {
      object = createPublicKey({ key: Buffer.concat([SPKI_PREFIX, key]), format: 'der', type: 'spki' })
    } catch {
      return undefined // OpenSSL refuses to import it: no signature is good under it
    }
    if (this.#keys.size >= KEYS_MAX) this.#keys.delete(this.#keys.keys().next().value!)
    this.#keys.set(name, object)
    return object
  }
}

noble.hashes.sha512 = sha512

/** The portable one. */
export class NobleVerifier implements Verifier {
  verify(signature: Signature, hash: Hash, key: PublicKey): boolean {
    return this.verifyBytes(signature, hash, key)
  }

  verifyBytes(signature: Uint8Array, message: Uint8Array, key: Uint8Array): boolean {
    return isAcceptable(signature, key) && cofactorless(signature, message, key)
  }
}

/** [S]B - [k]A, encoded, must be R byte for byte. (noble's own `verify` multiplies by the cofactor.) */
const cofactorless = (signature: Uint8Array, message: Uint8Array, key: Uint8Array): boolean => {
  const R = signature.subarray(0, 32)
  const S = toBigInt(signature.subarray(32))
  try {
    const A = noble.Point.fromBytes(key, false)
    const k = toBigInt(sha512(Buffer.concat([R, key, message]))) % ORDER
    const sB = noble.Point.BASE.multiply(S, false)
    const expected = sB.subtract(A.multiply(k, false))
    return compareBytes(expected.toBytes(), R) === 0
  } catch {
    return false // the key is not a point of the curve
  }
}

const toBigInt = (bytes: Uint8Array): bigint => {
  let n = 0n
  for (let i = bytes.length - 1; i >= 0; i--) n = (n << 8n) | BigInt(bytes[i]!)
  return n
}

/** A signer whose key is the RFC 8032 seed, 32 bytes. */
export const createSigner = (seed: Uint8Array): Signer => {
  if (seed.length !== SEED_LENGTH) throw new InvariantError(`a seed has ${seed.length} bytes instead of ${SEED_LENGTH}`)
  const key = createPrivateKey({ key: Buffer.concat([PKCS8_PREFIX, seed]), format: 'der', type: 'pkcs8' })
  const spki = createPublicKey(key).export({ format: 'der', type: 'spki' })
  const publicKey = parsePublicKey(spki.subarray(SPKI_PREFIX.length))
  if (!publicKey.ok) throw new InvariantError(publicKey.error.message)
  return {
    publicKey: publicKey.value,
    sign: (hash) => new Uint8Array(sign(null, hash, key)) as Uint8Array as Signature,
  }
}

/** A fresh random seed, for a new device. */
export const generateSeed = (): Uint8Array => {
  const { privateKey } = generateKeyPairSync('ed25519')
  return new Uint8Array(privateKey.export({ format: 'der', type: 'pkcs8' }).subarray(PKCS8_PREFIX.length))
}

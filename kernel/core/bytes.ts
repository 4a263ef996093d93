/** Fixed-length byte values. Branded once, in the parsers below, which copy: callers may still mutate their buffer. */
import { err, latticeError, ok, type LatticeError, type Result } from './result.ts'

declare const tag: unique symbol
export type Branded<T, Name extends string> = T & { readonly [tag]: Name }

/** SHA-256 digest, 32 bytes: the name of an intention, a store or a chunk. */
export type Hash = Branded<Uint8Array, 'Hash'>
/** The hash of a store's genesis. */
export type StoreId = Hash
/** SHA-256 of a chunk's stored bytes. */
export type Cid = Hash
/** Ed25519 public key, 32 bytes: names a device. */
export type PublicKey = Branded<Uint8Array, 'PublicKey'>
/** Ed25519 signature, 64 bytes. */
export type Signature = Branded<Uint8Array, 'Signature'>
/** Lower-case hex of a `Hash` or `PublicKey`, for maps, JSON and people. */
export type HexKey = Branded<string, 'HexKey'>

export type BadLength = LatticeError<'bad-length'>

const fixed =
  <T extends Uint8Array>(what: string, length: number) =>
  (bytes: Uint8Array): Result<T, BadLength> =>
    bytes.length === length
      ? ok(new Uint8Array(bytes) as T)
      : err(latticeError('bad-length', 'permanent', `${what} has ${bytes.length} bytes instead of ${length}`))

export const HASH_LENGTH = 32
export const PUBLIC_KEY_LENGTH = 32
export const SIGNATURE_LENGTH = 64

export const parseHash = fixed<Hash>('a hash', HASH_LENGTH)
export const parsePublicKey = fixed<PublicKey>('a public key', PUBLIC_KEY_LENGTH)
export const parseSignature = fixed<Signature>('a signature', SIGNATURE_LENGTH)

/** Buffer's is more than twice as fast as a loop over a table. */
export const bytesToHex = (bytes: Uint8Array): HexKey =>
  Buffer.from(bytes.buffer, bytes.byteOffset, bytes.length).toString('hex') as HexKey

/** A name for a short byte string in maps of this process: quicker to make than hex, no good for people. */
export const bytesToName = (bytes: Uint8Array): string => String.fromCharCode.apply(null, bytes as unknown as number[])

/** Lower- or upper-case hex of even length; anything else is refused. */
export const hexToBytes = (hex: string): Result<Uint8Array, LatticeError<'bad-hex'>> => {
  if (hex.length % 2 !== 0 || /[^0-9a-fA-F]/.test(hex))
    return err(latticeError('bad-hex', 'permanent', 'not a hexadecimal string'))
  const bytes = new Uint8Array(hex.length / 2)
  for (let i = 0; i < bytes.length; i++) bytes[i] = Number.parseInt(hex.slice(2 * i, 2 * i + 2), 16)
  return ok(bytes)
}

/** Unsigned byte-wise order, shorter first on a common prefix: the order of keys in storage. */
export const compareBytes = (a: Uint8Array, b: Uint8Array): number => {
  const n = Math.min(a.length, b.length)
  for (let i = 0; i < n; i++) {
    const d = a[i]! - b[i]!
    if (d !== 0) return d
  }
  return a.length - b.length
}

export const equalBytes = (a: Uint8Array, b: Uint8Array): boolean => a.length === b.length && compareBytes(a, b) === 0

export const concatBytes = (...parts: readonly Uint8Array[]): Uint8Array => {
  const out = new Uint8Array(parts.reduce((n, p) => n + p.length, 0))
  let at = 0
  for (const p of parts) {
    out.set(p, at)
    at += p.length
  }
  return out
}

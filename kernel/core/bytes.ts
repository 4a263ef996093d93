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

/** What `toString` of a Buffer calls; they take any bytes, and so spare a Buffer for each. */
const { hexSlice, latin1Slice } = Buffer.prototype as unknown as Record<
  'hexSlice' | 'latin1Slice',
  (this: Uint8Array, start: number, end: number) => string
>

/** V8 keeps typed arrays up to this size on its heap. */
const ON_HEAP_MAX = 64
const DIGIT = Uint8Array.from('0123456789abcdef', (digit) => digit.charCodeAt(0))
/** Written anew for each; not on the heap. */
const DIGITS = new Uint8Array(new ArrayBuffer(2 * ON_HEAP_MAX))

/** Lower-case hex. */
export const bytesToHex = (bytes: Uint8Array): HexKey =>
  (bytes.length <= ON_HEAP_MAX ? shortToHex(bytes) : hexSlice.call(bytes, 0, bytes.length)) as HexKey

/** Given what lies on its heap, V8 moves it out before native code may see it: that takes three times as long as this. */
const shortToHex = (bytes: Uint8Array): string => {
  let at = 0
  for (let i = 0; i < bytes.length; i++) {
    const byte = bytes[i]!
    DIGITS[at++] = DIGIT[byte >>> 4]!
    DIGITS[at++] = DIGIT[byte & 15]!
  }
  return latin1Slice.call(DIGITS, 0, at)
}

const SLAB_BYTES = 8 * 1024
const SLICE_MAX = SLAB_BYTES / 8
let slab = new ArrayBuffer(SLAB_BYTES)
let slabUsed = 0

/**
 * Zeroed bytes for a value of a few hundred bytes that lives for a moment, or among others of its age: longer than 64
 * bytes, they are a part of a buffer that such values share. One of its own, outside V8's heap, takes 30 times as long
 * to make, and the collector has to look after each. Never for what is transferred to another thread.
 */
export const allocate = (length: number): Uint8Array<ArrayBuffer> => {
  if (length <= ON_HEAP_MAX || length > SLICE_MAX) return new Uint8Array(length)
  if (slabUsed + length > SLAB_BYTES) {
    slab = new ArrayBuffer(SLAB_BYTES)
    slabUsed = 0
  }
  const bytes = new Uint8Array(slab, slabUsed, length)
  slabUsed += (length + 7) & ~7
  return bytes
}

const utf8 = new TextEncoder()
/** Nothing is dropped: a U+FEFF in front is part of a name. */
const utf8Strict = new TextDecoder('utf-8', { fatal: true, ignoreBOM: true })

/** The common case, a short name in ASCII, by hand: that takes a tenth of the time of the encoder. */
export const encodeUtf8 = (text: string): Uint8Array => {
  const bytes = allocate(text.length)
  for (let i = 0; i < text.length; i++) {
    const code = text.charCodeAt(i)
    if (code > 127) return utf8.encode(text)
    bytes[i] = code
  }
  return bytes
}

const isAscii = (bytes: Uint8Array): boolean => {
  for (let i = 0; i < bytes.length; i++) if (bytes[i]! > 127) return false
  return true
}

/** A file name. Longer text is not worth the trouble. */
const NAME_MAX = 255

/** Undefined for what is not valid UTF-8. */
export const decodeUtf8 = (bytes: Uint8Array): string | undefined => {
  if (bytes.length <= NAME_MAX && isAscii(bytes)) return String.fromCharCode.apply(null, bytes as unknown as number[])
  try {
    return utf8Strict.decode(bytes)
  } catch {
    return undefined
  }
}

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
  // Called so often, and for so little, that an iterator would cost more than the copying.
  let length = 0
  for (let i = 0; i < parts.length; i++) length += parts[i]!.length
  const out = allocate(length)
  let at = 0
  for (let i = 0; i < parts.length; i++) {
    out.set(parts[i]!, at)
    at += parts[i]!.length
  }
  return out
}

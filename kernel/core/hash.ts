/** SHA-256, with the domain tags that keep one kind of hash from being taken for another. */
import { hash as nodeHash } from 'node:crypto'
import { concatBytes, HASH_LENGTH, type Hash } from './bytes.ts'

export const sha256 = (bytes: Uint8Array): Hash =>
  new Uint8Array(nodeHash('sha256', bytes, 'buffer')) as Uint8Array as Hash

/** `SHA-256(tag ‖ 00 ‖ bytes)`, the tag in ASCII. */
export const taggedHash = (tag: string): ((...parts: readonly Uint8Array[]) => Hash) => {
  const prefix = new TextEncoder().encode(`${tag}\0`)
  return (...parts) => sha256(concatBytes(prefix, ...parts))
}

/** Bytes that are a hash because of where they come from: a digest, or a field whose length was checked. */
export const toHash = (bytes: Uint8Array): Hash => {
  if (bytes.length !== HASH_LENGTH) throw new RangeError(`a hash has ${bytes.length} bytes`)
  return bytes as Hash
}

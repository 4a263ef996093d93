/**
 * The chunk list of a long file, kept as a chunk of its own: a serialised `ChunkList` in its one canonical form.
 * Written by hand rather than by the protobuf library because it is hashed: field order, minimal varints, nothing else.
 * At most 100,000 chunks, so that a manifest (at most 4,000,000 bytes) travels in one frame; a longer list has parts
 * (manifest-parts.ts).
 */
import type { Cid } from '../core/bytes.ts'
import { err, invariant, latticeError, ok, type LatticeError, type Result } from '../core/result.ts'
import { CHUNK_MAX, type ChunkRef } from './port.ts'

export const MANIFEST_CHUNKS_MAX = 100_000
/** An entry takes at most 40 bytes: two tags and lengths, the CID, a length of up to 3 bytes. */
export const MANIFEST_BYTES_MAX = MANIFEST_CHUNKS_MAX * 40

export type ManifestError = LatticeError<'bad-manifest'>

const ENTRY_TAG = 0x0a // ChunkList.chunks, length-delimited
const CID_TAG = 0x0a // Chunk.cid, length-delimited
const LENGTH_TAG = 0x10 // Chunk.length, varint
const CID_BYTES = 32

const varintBytes = (value: number): number => (value < 0x80 ? 1 : value < 0x4000 ? 2 : 3)

/** At most MANIFEST_CHUNKS_MAX chunks of 1 byte to 1 MiB. */
export const encodeManifest = (chunks: readonly ChunkRef[]): Uint8Array => {
  invariant(chunks.length <= MANIFEST_CHUNKS_MAX, 'a manifest has a maximum')
  const bytes = new Uint8Array(chunks.reduce((sum, { length }) => sum + 5 + CID_BYTES + varintBytes(length), 0))
  let at = 0
  for (const { cid, length } of chunks) {
    invariant(length > 0 && length <= CHUNK_MAX && cid.length === CID_BYTES, 'a chunk reference is well formed')
    bytes[at++] = ENTRY_TAG
    bytes[at++] = 3 + CID_BYTES + varintBytes(length)
    bytes[at++] = CID_TAG
    bytes[at++] = CID_BYTES
    bytes.set(cid, at)
    at += CID_BYTES
    bytes[at++] = LENGTH_TAG
    let rest = length
    for (; rest >= 0x80; rest >>>= 7) bytes[at++] = (rest & 0x7f) | 0x80
    bytes[at++] = rest
  }
  return bytes
}

/** Accepts the canonical form only. The CIDs share one copy of their own, which lives as long as any of them. */
export const parseManifest = (bytes: Uint8Array): Result<readonly ChunkRef[], ManifestError> => {
  if (bytes.length > MANIFEST_BYTES_MAX) return bad(`it has ${bytes.length} bytes`)
  const { buffer } = new Uint8Array(bytes)
  const chunks: ChunkRef[] = []
  let at = 0
  while (at < bytes.length) {
    const size = bytes[at + 1]!
    const end = at + 2 + size
    const head = bytes[at] === ENTRY_TAG && bytes[at + 2] === CID_TAG && bytes[at + 3] === CID_BYTES
    const lengthAt = at + 4 + CID_BYTES
    if (!head || size < 4 + CID_BYTES || size > 6 + CID_BYTES || end > bytes.length || bytes[lengthAt] !== LENGTH_TAG)
      return bad(`entry ${chunks.length} is malformed`)
    const length = readLength(bytes, lengthAt + 1, end)
    if (length === undefined) return bad(`entry ${chunks.length} has no canonical length within 1 MiB`)
    chunks.push({ cid: new Uint8Array(buffer, at + 4, CID_BYTES) as Uint8Array as Cid, length })
    if (chunks.length > MANIFEST_CHUNKS_MAX) return bad('it names too many chunks')
    at = end
  }
  return ok(chunks)
}

/** A minimal varint that fills the bytes from `at` to `end` (1 to 3) exactly. */
const readLength = (bytes: Uint8Array, at: number, end: number): number | undefined => {
  let value = 0
  for (let i = at; i < end; i++) {
    const byte = bytes[i]!
    if (byte >= 0x80 === (i === end - 1)) return undefined
    value |= (byte & 0x7f) << (7 * (i - at))
  }
  const minimal = end - at === 1 || bytes[end - 1] !== 0
  return minimal && value > 0 && value <= CHUNK_MAX ? value : undefined
}

const bad = (why: string): Result<never, ManifestError> =>
  err(latticeError('bad-manifest', 'corrupt', `not a chunk list: ${why}`))

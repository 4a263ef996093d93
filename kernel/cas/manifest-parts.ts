/**
 * The chunk list of any file, whatever its length: up to 100,000 chunks lie in one manifest (manifest.ts), more in
 * parts of 16,384, each a manifest and a chunk of ordinary length, named by a list of parts. The CID of the list, or of
 * the single manifest, names the content. The shape follows from the chunks alone: equal content has an equal CID.
 *
 * A list of parts is serialised as field 2 of `ChunkList`, which has no other use: a reader that knows only field 1
 * refuses it. It says how many chunks and bytes each part has, so that a reader sees from its 48 KiB at most what the
 * rest will cost. 1,024 parts hold every file of up to 1 TiB, since no chunk but the last is shorter than 64 KiB.
 */
import type { Cid } from '../core/bytes.ts'
import { err, latticeError, ok, type LatticeError, type Result } from '../core/result.ts'
import { cidOf } from './digest.ts'
import { encodeManifest, MANIFEST_CHUNKS_MAX, parseManifest, type ManifestError } from './manifest.ts'
import { CHUNK_MAX, CHUNK_MIN, type ChunkRef } from './port.ts'

export const PART_CHUNKS = 16_384
export const PARTS_MAX = 1_024
export const FILE_CHUNKS_MAX = PART_CHUNKS * PARTS_MAX

/** A manifest of some of a file's chunks. */
export interface ManifestPart {
  readonly cid: Cid
  /** PART_CHUNKS in every part but the last. */
  readonly chunks: number
  /** Bytes of content. */
  readonly size: number
}

/** What the CID of a manifest leads to. */
export type ManifestNode =
  | { readonly kind: 'chunks'; readonly chunks: readonly ChunkRef[] }
  | { readonly kind: 'parts'; readonly parts: readonly ManifestPart[] }

const PART_TAG = 0x12 // ChunkList, field 2, length-delimited
const CID_TAG = 0x0a // field 1, length-delimited
const CHUNKS_TAG = 0x10 // field 2, varint
const SIZE_TAG = 0x18 // field 3, varint
const CID_BYTES = 32
/** Tag and length of the entry and of the CID, the CID, two tags, varints of 3 and 5 bytes. */
const ENTRY_BYTES_MAX = 4 + CID_BYTES + 2 + 3 + 5
export const PARTS_BYTES_MAX = PARTS_MAX * ENTRY_BYTES_MAX

const sizeOf = (chunks: readonly ChunkRef[]): number => {
  let size = 0
  for (const { length } of chunks) size += length
  return size
}

/**
 * Everything to be stored for a list of chunks, the one whose CID names the content last. Lazily: parts of up to
 * 650 KiB. Undefined: more than FILE_CHUNKS_MAX chunks.
 */
export const encodeManifests = (
  chunks: readonly ChunkRef[],
): Iterable<{ readonly cid: Cid; readonly bytes: Uint8Array }> | undefined =>
  chunks.length > FILE_CHUNKS_MAX ? undefined : encodeLevels(chunks)

function* encodeLevels(chunks: readonly ChunkRef[]): Generator<{ readonly cid: Cid; readonly bytes: Uint8Array }> {
  if (chunks.length <= MANIFEST_CHUNKS_MAX) return yield named(encodeManifest(chunks))
  const parts: ManifestPart[] = []
  for (let from = 0; from < chunks.length; from += PART_CHUNKS) {
    const stretch = chunks.slice(from, from + PART_CHUNKS)
    const part = named(encodeManifest(stretch))
    parts.push({ cid: part.cid, chunks: stretch.length, size: sizeOf(stretch) })
    yield part
  }
  yield named(encodeParts(parts))
}

const named = (bytes: Uint8Array) => ({ cid: cidOf(bytes), bytes })

export const encodeParts = (parts: readonly ManifestPart[]): Uint8Array => {
  const bytes = new Uint8Array(ENTRY_BYTES_MAX * parts.length)
  let at = 0
  for (const { cid, chunks, size } of parts) {
    const entry = at
    bytes[entry] = PART_TAG
    bytes[entry + 2] = CID_TAG
    bytes[entry + 3] = CID_BYTES
    bytes.set(cid, entry + 4)
    bytes[entry + 4 + CID_BYTES] = CHUNKS_TAG
    at = writeVarint(bytes, entry + 5 + CID_BYTES, chunks)
    bytes[at] = SIZE_TAG
    at = writeVarint(bytes, at + 1, size)
    bytes[entry + 1] = at - entry - 2
  }
  return bytes.slice(0, at)
}

/** Accepts the canonical form of either level only. The CIDs are copies. */
export const parseManifestNode = (bytes: Uint8Array): Result<ManifestNode, ManifestError> => {
  if (bytes[0] !== PART_TAG) {
    const chunks = parseManifest(bytes)
    return chunks.ok ? ok({ kind: 'chunks', chunks: chunks.value }) : chunks
  }
  if (bytes.length > PARTS_BYTES_MAX) return bad(`a list of parts has ${bytes.length} bytes`)
  const parts: ManifestPart[] = []
  for (let at = 0; at < bytes.length;) {
    const read = readPart(bytes, at)
    if (read === undefined) return bad(`part ${parts.length} is malformed`)
    parts.push(read.part)
    at = read.end
  }
  const wrong = whatIsWrong(parts)
  return wrong === undefined ? ok({ kind: 'parts', parts }) : bad(wrong)
}

const readPart = (bytes: Uint8Array, at: number): { readonly part: ManifestPart; readonly end: number } | undefined => {
  const end = at + 2 + bytes[at + 1]!
  const cidAt = at + 4
  const chunksAt = cidAt + CID_BYTES
  const isHead = bytes[at] === PART_TAG && bytes[at + 2] === CID_TAG && bytes[at + 3] === CID_BYTES
  if (!isHead || !(end <= bytes.length) || bytes[chunksAt] !== CHUNKS_TAG) return undefined
  const chunks = readVarint(bytes, chunksAt + 1, end, 3)
  if (chunks === undefined || bytes[chunks.end] !== SIZE_TAG) return undefined
  const size = readVarint(bytes, chunks.end + 1, end, 5)
  if (size === undefined || size.end !== end) return undefined
  return { part: { cid: bytes.slice(cidAt, chunksAt) as Cid, chunks: chunks.value, size: size.value }, end }
}

/** The rules of the shape, and that a part has no more chunks than its bytes can fill. */
const whatIsWrong = (parts: readonly ManifestPart[]): string | undefined => {
  if (parts.length > PARTS_MAX) return 'it names too many parts'
  let total = 0
  for (const [i, { chunks, size }] of parts.entries()) {
    total += chunks
    const isLast = i === parts.length - 1
    if (isLast ? chunks < 1 || chunks > PART_CHUNKS : chunks !== PART_CHUNKS) return `part ${i} has ${chunks} chunks`
    const sizeMin = isLast ? (chunks - 1) * CHUNK_MIN + 1 : chunks * CHUNK_MIN
    if (size < sizeMin || size > chunks * CHUNK_MAX) return `part ${i} has ${size} bytes in ${chunks} chunks`
  }
  return total > MANIFEST_CHUNKS_MAX ? undefined : 'so few chunks fit into one manifest'
}

/** Bytes that hash to the CID, as `Cas.read` and `BlobSource.fetch` give them. */
export type ReadManifest<E extends LatticeError> = (cid: Cid) => Promise<Result<Uint8Array, E>>

/**
 * The chunks that the manifest of a file of `size` bytes names, part by part: up to 16,384 at a time, or 100,000 once.
 * An error is the last thing yielded. Nothing but the first blob is read for a manifest that is not of that size.
 */
export async function* manifestChunks<E extends LatticeError>(
  cid: Cid,
  size: number,
  read: ReadManifest<E>,
): AsyncGenerator<Result<readonly ChunkRef[], E | ManifestError>, void, undefined> {
  const bytes = await read(cid)
  const node = bytes.ok ? parseManifestNode(bytes.value) : bytes
  if (!node.ok) return yield node
  const found = node.value.kind === 'chunks' ? sizeOf(node.value.chunks) : sizeOfParts(node.value.parts)
  if (found !== size) return yield bad(`it is of ${found} bytes, the file of ${size}`)
  if (node.value.kind === 'chunks') return yield ok(node.value.chunks)
  for (const part of node.value.parts) {
    const chunks = await readChunksOf(part, read)
    yield chunks
    if (!chunks.ok) return
  }
}

const readChunksOf = async <E extends LatticeError>(
  part: ManifestPart,
  read: ReadManifest<E>,
): Promise<Result<readonly ChunkRef[], E | ManifestError>> => {
  const bytes = await read(part.cid)
  const chunks = bytes.ok ? parseManifest(bytes.value) : bytes
  if (!chunks.ok) return chunks
  const isAsSaid = chunks.value.length === part.chunks && sizeOf(chunks.value) === part.size
  return isAsSaid ? chunks : bad('a part does not have the chunks and bytes that its list says')
}

/** All chunks of a file at once, about 200 bytes of memory each: for long files prefer `manifestChunks`. */
export const resolveManifest = async <E extends LatticeError>(
  cid: Cid,
  size: number,
  read: ReadManifest<E>,
): Promise<Result<readonly ChunkRef[], E | ManifestError>> => {
  const all: ChunkRef[] = []
  for await (const chunks of manifestChunks(cid, size, read)) {
    if (!chunks.ok) return chunks
    for (const chunk of chunks.value) all.push(chunk)
  }
  return ok(all)
}

const sizeOfParts = (parts: readonly ManifestPart[]): number => parts.reduce((sum, { size }) => sum + size, 0)

/** Where the next field begins. `value` may exceed 32 bits. */
const writeVarint = (bytes: Uint8Array, at: number, value: number): number => {
  let rest = value
  for (; rest >= 0x80; rest = Math.floor(rest / 0x80)) bytes[at++] = (rest % 0x80) | 0x80
  bytes[at++] = rest
  return at
}

/** A minimal varint of up to `bytesMax` bytes before `end`. */
const readVarint = (
  bytes: Uint8Array,
  at: number,
  end: number,
  bytesMax: number,
): { readonly value: number; readonly end: number } | undefined => {
  let value = 0
  for (let i = 0; i < bytesMax && at + i < end; i++) {
    const byte = bytes[at + i]!
    value += (byte & 0x7f) * 2 ** (7 * i)
    if (byte < 0x80) return byte === 0 && i > 0 ? undefined : { value, end: at + i + 1 }
  }
  return undefined
}

const bad = (why: string): Result<never, ManifestError> =>
  err(latticeError('bad-manifest', 'corrupt', `not a manifest: ${why}`))

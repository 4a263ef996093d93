/**
 * What content keeps in storage. Keys begin with the store's id, so that a store is dropped by ranges.
 *
 *   cas-small  store ‖ cid         the bytes of a chunk of up to 32 KiB
 *   cas-files  store ‖ cid         length (u32) of a chunk that lies in a file under blobs/
 *   cas-refs   store ‖ cid         how many live references name the chunk (u32); absent: none
 *   cas-idle   store ‖ cid         since when (u64, unix ms) a stored chunk has no reference; 0: removal is under way
 *   cas-at     store ‖ cid ‖ file  offset (u64) and length (u32) of the chunk in a file of the user's
 *   cas-of     store ‖ file        the chunks of a file of the user's: cid ‖ length (u32) each
 *
 * Integers are big-endian. `file` is 1 to 64 bytes.
 */
import { concatBytes, type Cid, type StoreId } from '../core/bytes.ts'
import { latticeError } from '../core/result.ts'
import type { KeyRange, TableName } from '../storage/port.ts'
import type { CasError, CasErrorKind, ChunkRef, InplaceLocation } from './port.ts'

export const SMALL = 'cas-small'
export const FILES = 'cas-files'
export const REFS = 'cas-refs'
export const IDLE = 'cas-idle'
export const AT = 'cas-at'
export const OF = 'cas-of'
export const CAS_TABLES: readonly TableName[] = [SMALL, FILES, REFS, IDLE, AT, OF]

export const FILE_KEY_MAX = 64

export const chunkKey = (store: StoreId, cid: Cid): Uint8Array => concatBytes(store, cid)
export const atKey = (store: StoreId, cid: Cid, file: Uint8Array): Uint8Array => concatBytes(store, cid, file)
export const ofKey = (store: StoreId, file: Uint8Array): Uint8Array => concatBytes(store, file)

/** All keys that begin with `prefix`. */
export const prefixRange = (prefix: Uint8Array): KeyRange => {
  const lt = prefix.slice()
  for (let i = lt.length - 1; i >= 0; i--) {
    if (lt[i] === 0xff) continue
    lt[i]!++
    return { gte: prefix, lt: lt.subarray(0, i + 1) }
  }
  return { gte: prefix }
}

const viewOf = (bytes: Uint8Array): DataView => new DataView(bytes.buffer, bytes.byteOffset, bytes.byteLength)

export const encodeU32 = (value: number): Uint8Array => {
  const bytes = new Uint8Array(4)
  viewOf(bytes).setUint32(0, value)
  return bytes
}
export const decodeU32 = (bytes: Uint8Array): number => viewOf(bytes).getUint32(0)

export const encodeMs = (ms: number): Uint8Array => {
  const bytes = new Uint8Array(8)
  viewOf(bytes).setBigUint64(0, BigInt(ms))
  return bytes
}
export const decodeMs = (bytes: Uint8Array): number => Number(viewOf(bytes).getBigUint64(0))

export const encodePlace = (offset: number, length: number): Uint8Array => {
  const bytes = new Uint8Array(12)
  const view = viewOf(bytes)
  view.setBigUint64(0, BigInt(offset))
  view.setUint32(8, length)
  return bytes
}

export interface Place extends InplaceLocation {
  readonly length: number
}

/** An entry of `cas-at`. */
export const decodePlace = (key: Uint8Array, value: Uint8Array): Place => ({
  file: key.slice(64),
  offset: Number(viewOf(value).getBigUint64(0)),
  length: viewOf(value).getUint32(8),
})

export const encodeChunks = (chunks: readonly ChunkRef[]): Uint8Array => {
  const bytes = new Uint8Array(36 * chunks.length)
  const view = viewOf(bytes)
  for (const [i, { cid, length }] of chunks.entries()) {
    bytes.set(cid, 36 * i)
    view.setUint32(36 * i + 32, length)
  }
  return bytes
}

/** The CIDs of a value of `cas-of`; views of it. */
export const cidsOfFile = (value: Uint8Array): Cid[] =>
  Array.from({ length: value.length / 36 }, (_, i) => value.subarray(36 * i, 36 * i + 32) as Cid)

export const casError = (kind: CasErrorKind, message: string): CasError =>
  latticeError(
    kind,
    kind === 'chunk-damaged' ? 'corrupt' : kind === 'chunk-missing' ? 'permanent' : 'retryable',
    message,
  )

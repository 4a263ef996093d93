/**
 * What content keeps in storage. Keys begin with the store's id, so that a store is dropped by ranges.
 *
 *   cas-small  store ‖ cid         the bytes of a chunk of up to 32 KiB
 *   cas-files  store ‖ cid         length (u32) of a chunk that lies in a file under blobs/
 *   cas-refs   store ‖ cid         how many live references name the chunk (u32); absent: none
 *   cas-idle   store ‖ cid         since when (u64, unix ms) a stored chunk has no reference; 0: removal is under way
 *   cas-at     store' ‖ cid' ‖ file  offset (u48) and length (u32) of the chunk in a file of the user's
 *   cas-of     store' ‖ file ‖ n     the chunks 4096·n and following of a file of the user's, up to 4096: cid' each
 *   cas-gone   store' ‖ file         empty: the file is gone, whatever the two above still say of it
 *
 * Integers are big-endian; n is a u16. `file` is 1 to 64 bytes. store' and cid' are the first 16 bytes: the tables of
 * the user's files grow by an entry per file in random places, where every byte costs pages to write, and what they
 * say is checked against the whole CID anyway.
 */
import { concatBytes, type Cid, type StoreId } from '../core/bytes.ts'
import { latticeError } from '../core/result.ts'
import { StorageError } from '../storage/errors.ts'
import type { KeyRange, TableName } from '../storage/port.ts'
import type { CasError, CasErrorKind, ChunkRef, InplaceLocation } from './port.ts'

export const SMALL = 'cas-small'
export const FILES = 'cas-files'
export const REFS = 'cas-refs'
export const IDLE = 'cas-idle'
export const AT = 'cas-at'
export const OF = 'cas-of'
export const GONE = 'cas-gone'
export const CAS_TABLES: readonly TableName[] = [SMALL, FILES, REFS, IDLE, AT, OF, GONE]

export const FILE_KEY_MAX = 64

export const chunkKey = (store: StoreId, cid: Cid): Uint8Array => concatBytes(store, cid)

/** Bytes of a store id and of a CID in the tables of the user's files. */
const SHORT = 16
/** Chunks in one value of `cas-of`: a value of 64 KiB, and a long file forgotten in steps of a few milliseconds. */
export const OF_CHUNKS_MAX = 4096

/** The prefix of all keys of `cas-at` about a chunk. `cid` may be shortened already. */
export const atPrefix = (store: StoreId, cid: Uint8Array): Uint8Array => {
  const key = new Uint8Array(2 * SHORT)
  for (let i = 0; i < SHORT; i++) {
    key[i] = store[i]!
    key[SHORT + i] = cid[i]!
  }
  return key
}

export const atKey = (store: StoreId, cid: Uint8Array, file: Uint8Array): Uint8Array => {
  // Up to 64 bytes live on the heap, which makes short keys cheap; copying so few by hand is faster than `set`.
  const key = new Uint8Array(2 * SHORT + file.length)
  for (let i = 0; i < SHORT; i++) {
    key[i] = store[i]!
    key[SHORT + i] = cid[i]!
  }
  for (let i = 0; i < file.length; i++) key[2 * SHORT + i] = file[i]!
  return key
}

/** store' ‖ file, and room for some more bytes. */
const keyOfFile = (store: StoreId, file: Uint8Array, more: number): Uint8Array => {
  const key = new Uint8Array(SHORT + file.length + more)
  for (let i = 0; i < SHORT; i++) key[i] = store[i]!
  for (let i = 0; i < file.length; i++) key[SHORT + i] = file[i]!
  return key
}

export const ofKey = (store: StoreId, file: Uint8Array, n: number): Uint8Array => {
  const key = keyOfFile(store, file, 2)
  key[key.length - 2] = n >>> 8
  key[key.length - 1] = n
  return key
}

export const goneKey = (store: StoreId, file: Uint8Array): Uint8Array => keyOfFile(store, file, 0)

export const fileOfGone = (key: Uint8Array): Uint8Array => key.slice(SHORT)

/** The prefix of all keys of a store in `table`. */
export const storePrefix = (table: TableName, store: StoreId): Uint8Array =>
  table === AT || table === OF || table === GONE ? store.subarray(0, SHORT) : store

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

/** A value of ours has one length; another one is damage on the disk. */
const viewOfLength = (bytes: Uint8Array, length: number): DataView => {
  if (bytes.length !== length) throw new StorageError('store-corrupt', 'a record of stored content is damaged')
  return viewOf(bytes)
}

export const encodeU32 = (value: number): Uint8Array => {
  const bytes = new Uint8Array(4)
  viewOf(bytes).setUint32(0, value)
  return bytes
}
export const decodeU32 = (bytes: Uint8Array): number => viewOfLength(bytes, 4).getUint32(0)

export const encodeMs = (ms: number): Uint8Array => {
  const bytes = new Uint8Array(8)
  viewOf(bytes).setBigUint64(0, BigInt(ms))
  return bytes
}
export const decodeMs = (bytes: Uint8Array): number => Number(viewOfLength(bytes, 8).getBigUint64(0))

export const encodePlace = (offset: number, length: number): Uint8Array => {
  const bytes = new Uint8Array(10)
  const view = viewOf(bytes)
  view.setUint16(0, offset / 2 ** 32)
  view.setUint32(2, offset)
  view.setUint32(6, length)
  return bytes
}

export interface Place extends InplaceLocation {
  readonly length: number
}

/** An entry of `cas-at`. */
export const decodePlace = (key: Uint8Array, value: Uint8Array): Place => {
  const view = viewOfLength(value, 10)
  return {
    file: key.slice(2 * SHORT),
    offset: view.getUint16(0) * 2 ** 32 + view.getUint32(2),
    length: view.getUint32(6),
  }
}

/** A value of `cas-of`: the chunks from index `from` on, up to OF_CHUNKS_MAX. */
export const encodeChunks = (chunks: readonly ChunkRef[], from: number): Uint8Array => {
  const count = Math.min(OF_CHUNKS_MAX, chunks.length - from)
  const bytes = new Uint8Array(SHORT * count)
  for (let k = 0; k < count; k++) {
    const { cid } = chunks[from + k]!
    for (let i = 0; i < SHORT; i++) bytes[SHORT * k + i] = cid[i]!
  }
  return bytes
}

export const chunksIn = (value: Uint8Array): number => value.length / SHORT

/** The k-th shortened CID of a value of `cas-of`. */
export const shortCidAt = (value: Uint8Array, k: number): Uint8Array => value.subarray(SHORT * k, SHORT * (k + 1))

export const casError = (kind: CasErrorKind, message: string): CasError =>
  latticeError(
    kind,
    kind === 'chunk-damaged' ? 'corrupt' : kind === 'chunk-missing' ? 'permanent' : 'retryable',
    message,
  )

/**
 * The one door to durable key-value storage. Two implementations (lmdb, memory) pass one conformance suite.
 *
 * Keys are 1 to 1,900 bytes, ordered byte-wise within a table; values any bytes up to 64 MiB.
 * A table is a short name from a fixed list given when the backend is opened.
 * Returned values belong to the caller: they are copies and never change underneath it.
 */

export type TableName = string

export interface KeyRange {
  /** First key, inclusive; absent: from the start. */
  readonly gte?: Uint8Array
  /** End, exclusive; absent: to the end. */
  readonly lt?: Uint8Array
  readonly limit?: number
  readonly reverse?: boolean
}

export type Entry = readonly [key: Uint8Array, value: Uint8Array]

export interface StorageReader {
  get(table: TableName, key: Uint8Array): Uint8Array | undefined
  /** Lazily; must be consumed synchronously: no read transaction lives across an `await`. */
  range(table: TableName, range?: KeyRange): Iterable<Entry>
  count(table: TableName, range?: KeyRange): number
}

export interface StorageWriter extends StorageReader {
  put(table: TableName, key: Uint8Array, value: Uint8Array): void
  delete(table: TableName, key: Uint8Array): void
}

export interface StorageBackend extends StorageReader, AsyncDisposable {
  /**
   * Runs `body` atomically; it sees its own writes and those of bodies queued before it. Synchronous: a body may not
   * await. Bodies queued together share one commit; the promise resolves once that commit is on disk.
   * If `body` throws, its writes alone are undone and the promise rejects with that error.
   * Readers outside see all of a committed body or none of it.
   */
  write<T>(body: (tx: StorageWriter) => T): Promise<T>
  /** Bytes on disk (0 in memory). */
  readonly sizeBytes: number
}

export type StorageErrorKind = 'home-in-use' | 'disk-full' | 'store-corrupt' | 'storage-io'

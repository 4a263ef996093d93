/**
 * Chunks in files of our own, `<home>/blobs/<store>/<first byte of the CID>/<CID>` in hex; chunks of up to 32 KiB in
 * storage, where a file each would waste a block and two system calls.
 *
 * A chunk is written to `<home>/blobs/tmp`, synced (unless the caller can fetch it again), renamed, and only then
 * recorded: what is recorded is there. Removal runs the other way: marked, unlinked, unmarked; a crash between leaves
 * a mark that the next removal finishes. Writes and removals take turns, so that neither undoes half of the other.
 */
import { mkdirSync, readdirSync, rmSync } from 'node:fs'
import { mkdir, open, rename, rm, unlink } from 'node:fs/promises'
import { join } from 'node:path'
import { bytesToHex, type Cid, type StoreId } from '../core/bytes.ts'
import { err, ok, type Result } from '../core/result.ts'
import type { Clock } from '../core/signing.ts'
import { StorageError } from '../storage/errors.ts'
import type { StorageBackend, StorageWriter, TableName } from '../storage/port.ts'
import { hashesTo } from './digest.ts'
import type { CasError, Room, StoringBackend } from './port.ts'
import type { ChunkReader } from './reading.ts'
import { OrphanSweep } from './sweep.ts'
import {
  casError,
  chunkKey,
  CAS_TABLES,
  decodeU32,
  encodeMs,
  encodeU32,
  FILES,
  IDLE,
  prefixRange,
  REFS,
  SMALL,
  storePrefix,
} from './tables.ts'

/** Up to this many bytes a chunk is packed in storage. */
export const PACKED_MAX = 32 * 1024
/** Files written at a time: the wait is for fsync, which runs in the thread pool. */
const WRITES_AT_ONCE = 8
/** Entries dropped in one transaction: a few milliseconds. */
const DROP_BATCH = 2_000

export interface ChunkBytes {
  readonly cid: Cid
  readonly bytes: Uint8Array
}

export interface WriteOptions {
  /** Default true. False for what can be fetched again: after a power cut the chunk may be damaged, and is then gone. */
  readonly durable?: boolean
}

export class StoredChunks implements StoringBackend {
  readonly #storage: StorageBackend
  readonly #reader: ChunkReader
  readonly #clock: Clock
  readonly #blobs: string
  readonly #readOnly: boolean
  readonly #orphans: OrphanSweep
  #turn: Promise<unknown> = Promise.resolve()
  #nextTemp = 0

  constructor(storage: StorageBackend, reader: ChunkReader, clock: Clock, home: string, readOnly: boolean) {
    this.#storage = storage
    this.#reader = reader
    this.#clock = clock
    this.#blobs = join(home, 'blobs')
    this.#readOnly = readOnly
    this.#orphans = new OrphanSweep(this.#blobs)
    if (readOnly) return
    // One process owns the home: temporary files are left-overs of a crash.
    mkdirSync(this.#tempDir, { recursive: true })
    for (const name of readdirSync(this.#tempDir)) rmSync(join(this.#tempDir, name))
  }

  has(store: StoreId, cid: Cid): boolean {
    const key = chunkKey(store, cid)
    return this.#storage.get(FILES, key) !== undefined || this.#storage.get(SMALL, key) !== undefined
  }

  async read(store: StoreId, cid: Cid, room?: Room): Promise<Result<Uint8Array, CasError>> {
    const key = chunkKey(store, cid)
    const packed = this.#storage.get(SMALL, key)
    if (packed !== undefined) {
      await this.#reader.breathe()
      return hashesTo(cid, packed) ? ok(packed) : this.#damaged(store, cid)
    }
    const length = this.#storage.get(FILES, key)
    if (length === undefined) return err(casError('chunk-missing', `chunk ${bytesToHex(cid)} is not stored here`))
    const outcome = await this.#reader.read(this.#pathOf(store, cid), 0, decodeU32(length), room)
    if (outcome.kind === 'failed') return err(casError('cas-io', `a chunk could not be read: ${outcome.message}`))
    if (outcome.kind === 'read' && hashesTo(cid, outcome.bytes)) return ok(outcome.bytes)
    return this.#damaged(store, cid)
  }

  /** The record goes, so that the chunk is fetched again; bytes that do not hash to their name serve nobody. */
  async #damaged(store: StoreId, cid: Cid): Promise<Result<never, CasError>> {
    if (!this.#readOnly) await this.remove(store, [cid])
    return err(casError('chunk-damaged', `the stored bytes of chunk ${bytesToHex(cid)} are damaged`))
  }

  write(store: StoreId, chunks: readonly ChunkBytes[], options: WriteOptions = {}): Promise<Result<void, CasError>> {
    for (const { cid, bytes } of chunks)
      if (!hashesTo(cid, bytes))
        return Promise.resolve(
          err(casError('chunk-damaged', `the bytes given are not those of chunk ${bytesToHex(cid)}`)),
        )
    return this.#inTurn(() => this.#writeChecked(store, chunks, options.durable ?? true))
  }

  async #writeChecked(
    store: StoreId,
    chunks: readonly ChunkBytes[],
    durable: boolean,
  ): Promise<Result<void, CasError>> {
    try {
      const large = chunks.filter(
        ({ cid, bytes }) => bytes.length > PACKED_MAX && this.#storage.get(FILES, chunkKey(store, cid)) === undefined,
      )
      await this.#writeFiles(store, large, durable)
      await this.#storage.write((tx) => {
        for (const { cid, bytes } of chunks) {
          const key = chunkKey(store, cid)
          if (bytes.length > PACKED_MAX) tx.put(FILES, key, encodeU32(bytes.length))
          else tx.put(SMALL, key, bytes)
          if (tx.get(REFS, key) === undefined) tx.put(IDLE, key, encodeMs(this.#clock.nowMs()))
          else tx.delete(IDLE, key)
        }
      })
      return ok(undefined)
    } catch (error) {
      return err(toCasError(error))
    }
  }

  async #writeFiles(store: StoreId, chunks: readonly ChunkBytes[], durable: boolean): Promise<void> {
    const shards = new Set(chunks.map(({ cid }) => this.#shardOf(store, cid)))
    for (const shard of shards) await mkdir(shard, { recursive: true })
    let next = 0
    const lane = async () => {
      try {
        for (let chunk = chunks[next++]; chunk !== undefined; chunk = chunks[next++])
          await this.#writeFile(this.#pathOf(store, chunk.cid), chunk.bytes, durable)
      } catch (error) {
        next = chunks.length // the other lanes need not try the rest
        throw error
      }
    }
    const lanes = await Promise.allSettled(Array.from({ length: Math.min(WRITES_AT_ONCE, chunks.length) }, lane))
    // All have come to rest before the turn ends; what the first to fail says is told.
    for (const outcome of lanes) if (outcome.status === 'rejected') throw outcome.reason as unknown
    if (durable) for (const shard of shards) await syncDirectory(shard)
  }

  async #writeFile(path: string, bytes: Uint8Array, durable: boolean): Promise<void> {
    const temp = join(this.#tempDir, String(this.#nextTemp++))
    try {
      const file = await open(temp, 'wx', 0o600)
      try {
        await file.writeFile(bytes)
        if (durable) await file.datasync()
      } finally {
        await file.close()
      }
      await rename(temp, path)
    } catch (error) {
      await rm(temp, { force: true })
      throw error
    }
  }

  remove(store: StoreId, cids: readonly Cid[]): Promise<void> {
    return this.removeIf(store, cids, () => true).then(() => undefined)
  }

  /**
   * Removes those that `still` holds for when it is their turn, in the transaction that removes them.
   * The bytes set free.
   */
  removeIf(
    store: StoreId,
    cids: readonly Cid[],
    still: (tx: StorageWriter, key: Uint8Array, cid: Cid) => boolean,
  ): Promise<number> {
    return this.#inTurn(async () => {
      let freed = 0
      const unlinked: Cid[] = []
      await this.#storage.write((tx) => {
        for (const cid of cids) {
          const key = chunkKey(store, cid)
          if (!still(tx, key, cid)) continue
          const length = tx.get(FILES, key)
          freed += length === undefined ? (tx.get(SMALL, key)?.length ?? 0) : decodeU32(length)
          tx.delete(SMALL, key)
          tx.delete(FILES, key)
          tx.put(IDLE, key, encodeMs(0))
          unlinked.push(cid)
        }
      })
      for (const cid of unlinked) await unlinkIfThere(this.#pathOf(store, cid))
      await this.#storage.write((tx) => {
        for (const cid of unlinked) tx.delete(IDLE, chunkKey(store, cid))
      })
      return freed
    })
  }

  /** Removes some of the files that no record knows and that were last written at or before `beforeMs`. */
  removeOrphans(beforeMs: number): Promise<{ readonly chunks: number; readonly bytes: number }> {
    return this.#inTurn(() =>
      this.#orphans.run((store, cid) => this.#storage.get(FILES, chunkKey(store, cid)) !== undefined, beforeMs),
    )
  }

  /** Forgets all that is known of a store and deletes its chunks. */
  dropStore(store: StoreId): Promise<void> {
    return this.#inTurn(async () => {
      for (const table of CAS_TABLES) while ((await this.#dropBatch(table, store)) === DROP_BATCH);
      await rm(join(this.#blobs, bytesToHex(store)), { recursive: true, force: true })
    })
  }

  /** Deletes some of a store's entries; how many. */
  #dropBatch(table: TableName, store: StoreId): Promise<number> {
    return this.#storage.write((tx) => {
      const entries = [...tx.range(table, { ...prefixRange(storePrefix(table, store)), limit: DROP_BATCH })]
      for (const [key] of entries) tx.delete(table, key)
      return entries.length
    })
  }

  #inTurn<T>(body: () => Promise<T>): Promise<T> {
    const result = this.#turn.then(body)
    this.#turn = result.catch(() => undefined) // the caller sees its own failure; the next one starts clean
    return result
  }

  get #tempDir(): string {
    return join(this.#blobs, 'tmp')
  }

  #shardOf(store: StoreId, cid: Cid): string {
    return join(this.#blobs, bytesToHex(store), bytesToHex(cid.subarray(0, 1)))
  }

  #pathOf(store: StoreId, cid: Cid): string {
    return join(this.#shardOf(store, cid), bytesToHex(cid))
  }
}

const syncDirectory = async (path: string): Promise<void> => {
  const directory = await open(path, 'r')
  try {
    await directory.sync()
  } finally {
    await directory.close()
  }
}

const unlinkIfThere = async (path: string): Promise<void> => {
  try {
    await unlink(path)
  } catch (error) {
    if ((error as NodeJS.ErrnoException).code !== 'ENOENT') throw error
  }
}

const toCasError = (error: unknown): CasError => {
  if (error instanceof StorageError) return casError(error.kind === 'disk-full' ? 'disk-full' : 'cas-io', error.message)
  if (!(error instanceof Error) || !('code' in error)) throw error
  if (error.code === 'ENOSPC' || error.code === 'EDQUOT' || error.code === 'EFBIG')
    return casError('disk-full', 'the disk that holds the home directory is full: free some space and try again')
  return casError('cas-io', `a chunk could not be written: ${error.message}`)
}

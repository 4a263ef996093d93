/**
 * All content of a node: chunks in the user's folders first, then those in files of our own. Counts what refers to a
 * stored chunk, and collects those that nothing has referred to for a while.
 */
import { bytesToHex, type Cid, type StoreId } from '../core/bytes.ts'
import { err, invariant, type Result } from '../core/result.ts'
import type { Clock } from '../core/signing.ts'
import type { StorageBackend, StorageReader, StorageWriter } from '../storage/port.ts'
import { StoredChunks, type ChunkBytes, type WriteOptions } from './fs.ts'
import { InplaceChunks } from './inplace.ts'
import type { CasBackend, CasError, Room } from './port.ts'
import { ChunkReader } from './reading.ts'
import { chunkKey, decodeMs, decodeU32, encodeMs, encodeU32, FILES, IDLE, REFS, SMALL } from './tables.ts'

export interface CasOptions {
  /** With the tables of `CAS_TABLES`. */
  readonly storage: StorageBackend
  /** The data directory; chunks lie in `blobs/` below it. */
  readonly home: string
  readonly clock: Clock
  /** For a second process beside the owner: reads, and changes nothing. */
  readonly readOnly?: boolean
}

export interface IdleChunk {
  readonly store: StoreId
  readonly cid: Cid
}

/** Chunks looked at per transaction of a collection. */
const COLLECT_BATCH = 500

export class Cas implements CasBackend {
  readonly inplace: InplaceChunks
  readonly stored: StoredChunks
  readonly #storage: StorageBackend
  readonly #clock: Clock
  readonly #pins = new Map<string, number>()

  constructor({ storage, home, clock, readOnly = false }: CasOptions) {
    const reader = new ChunkReader()
    this.#storage = storage
    this.#clock = clock
    this.inplace = new InplaceChunks(storage, reader)
    this.stored = new StoredChunks(storage, reader, clock, home, readOnly)
  }

  has(store: StoreId, cid: Cid): boolean {
    return this.stored.has(store, cid) || this.inplace.has(store, cid)
  }

  async read(store: StoreId, cid: Cid, room?: Room): Promise<Result<Uint8Array, CasError>> {
    const inplace = await this.inplace.read(store, cid, room)
    if (inplace.ok) return inplace
    const stored = await this.stored.read(store, cid, room)
    // Where nothing is stored, what happened to the copy in the folder says more.
    return stored.ok || stored.error.kind !== 'chunk-missing' ? stored : err(inplace.error)
  }

  /** Keeps chunks in files of our own, unreferenced until `adjust` says otherwise. */
  write(store: StoreId, chunks: readonly ChunkBytes[], options?: WriteOptions): Promise<Result<void, CasError>> {
    return this.stored.write(store, chunks, options)
  }

  /**
   * Counts references that begin and end, as part of the caller's transaction. A chunk may be named several times.
   * What is removed was added before: anything else is a bug of the caller.
   */
  adjust(tx: StorageWriter, store: StoreId, added: Iterable<Cid>, removed: Iterable<Cid>): void {
    for (const cid of added) {
      const key = chunkKey(store, cid)
      const count = tx.get(REFS, key)
      tx.put(REFS, key, encodeU32(count === undefined ? 1 : decodeU32(count) + 1))
      if (count === undefined) tx.delete(IDLE, key)
    }
    for (const cid of removed) {
      const key = chunkKey(store, cid)
      const count = tx.get(REFS, key)
      invariant(count !== undefined, `chunk ${bytesToHex(cid)} has a reference to lose`)
      if (decodeU32(count) > 1) tx.put(REFS, key, encodeU32(decodeU32(count) - 1))
      else {
        tx.delete(REFS, key)
        const isStored = tx.get(FILES, key) !== undefined || tx.get(SMALL, key) !== undefined
        if (isStored) tx.put(IDLE, key, encodeMs(this.#clock.nowMs()))
      }
    }
  }

  references(store: StoreId, cid: Cid, reader: StorageReader = this.#storage): number {
    const count = reader.get(REFS, chunkKey(store, cid))
    return count === undefined ? 0 : decodeU32(count)
  }

  /** Keeps chunks from being collected while a transfer needs them. Returns the undo, to be called once. */
  pin(store: StoreId, cids: readonly Cid[]): () => void {
    const keys = cids.map((cid) => bytesToHex(chunkKey(store, cid)))
    for (const key of keys) this.#pins.set(key, (this.#pins.get(key) ?? 0) + 1)
    let pinned = true
    return () => {
      if (!pinned) return
      pinned = false
      for (const key of keys) {
        const count = this.#pins.get(key)! - 1
        if (count > 0) this.#pins.set(key, count)
        else this.#pins.delete(key)
      }
    }
  }

  /** Stored chunks that have been without a reference since `beforeMs` or longer, in the order of their keys. */
  idleSince(beforeMs: number, after?: IdleChunk, limit = COLLECT_BATCH): readonly IdleChunk[] {
    const found: IdleChunk[] = []
    const gte = after && Uint8Array.of(...chunkKey(after.store, after.cid), 0)
    for (const [key, since] of this.#storage.range(IDLE, { gte })) {
      if (this.#isDue(key, since, beforeMs))
        found.push({ store: key.subarray(0, 32) as StoreId, cid: key.subarray(32) as Cid })
      if (found.length === limit) break
    }
    return found
  }

  /** Says that chunks are in use although nothing counts as a reference: their time without one begins again. */
  renew(chunks: readonly IdleChunk[]): Promise<void> {
    return this.#storage.write((tx) => {
      const now = encodeMs(this.#clock.nowMs())
      for (const { store, cid } of chunks) {
        const key = chunkKey(store, cid)
        if (tx.get(IDLE, key) !== undefined) tx.put(IDLE, key, now)
      }
    })
  }

  /**
   * Removes stored chunks that nothing has referred to for `graceMs` and that no transfer pins; and some of the files
   * that no record knows, if they are as old: 32 calls see all of a store's.
   */
  async collect(graceMs: number): Promise<{ readonly chunks: number; readonly bytes: number }> {
    const before = this.#clock.nowMs() - graceMs
    const total = { ...(await this.stored.removeOrphans(before)) }
    let gte: Uint8Array | undefined
    for (;;) {
      const batch = [...this.#storage.range(IDLE, { gte, limit: COLLECT_BATCH })]
      const due = batch.filter(([key, since]) => this.#isDue(key, since, before)).map(([key]) => key)
      for (const [store, cids] of byStore(due)) {
        total.bytes += await this.stored.removeIf(store, cids, (tx, key) => {
          const since = tx.get(IDLE, key)
          const goes = since !== undefined && tx.get(REFS, key) === undefined && this.#isDue(key, since, before)
          if (goes) total.chunks++
          return goes
        })
      }
      const last = batch.at(-1)
      if (last === undefined || batch.length < COLLECT_BATCH) return total
      gte = Uint8Array.of(...last[0], 0)
    }
  }

  #isDue(key: Uint8Array, since: Uint8Array, before: number): boolean {
    return decodeMs(since) <= before && !this.#pins.has(bytesToHex(key))
  }

  /** Forgets a store's content; the user's own files stay as they are. */
  dropStore(store: StoreId): Promise<void> {
    return this.stored.dropStore(store)
  }
}

/** Keys of one table, grouped by store; they come in order. */
const byStore = (keys: readonly Uint8Array[]): (readonly [StoreId, readonly Cid[]])[] => {
  const groups = new Map<string, [StoreId, Cid[]]>()
  for (const key of keys) {
    const store = key.subarray(0, 32) as StoreId
    const hex = bytesToHex(store)
    const group = groups.get(hex) ?? [store, []]
    group[1].push(key.subarray(32) as Cid)
    groups.set(hex, group)
  }
  return [...groups.values()]
}

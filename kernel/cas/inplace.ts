/**
 * Chunks that lie in the user's own folder. A file is known by a key that its owner can turn into a path, so a rename
 * costs nothing here. What is on disk may change at any time: every read is checked against the CID, and where one
 * location fails the others are tried. A location that fails is kept: the user may just have swapped two files, and the
 * owner, who is about to notice, then says where each is. It alone knows what a file holds, and registers it anew.
 */
import type { Cid, StoreId } from '../core/bytes.ts'
import { bytesToHex } from '../core/bytes.ts'
import { err, invariant, ok, type Result } from '../core/result.ts'
import type { StorageBackend, StorageReader, StorageWriter } from '../storage/port.ts'
import { hashesTo } from './digest.ts'
import type { CasError, ChunkRef, InplaceBackend, InplaceLocation, Room } from './port.ts'
import type { ChunkReader } from './reading.ts'
import {
  AT,
  atKey,
  atPrefix,
  casError,
  chunksIn,
  decodePlace,
  encodeChunks,
  encodePlace,
  FILE_KEY_MAX,
  fileOfGone,
  GONE,
  goneKey,
  OF,
  OF_CHUNKS_MAX,
  ofKey,
  prefixRange,
  shortCidAt,
  storePrefix,
  type Place,
} from './tables.ts'

/** The chunks of one file, laid end to end from offset 0. */
export interface FileChunks {
  readonly file: Uint8Array
  readonly chunks: readonly ChunkRef[]
}

type Resolve = (file: Uint8Array) => string | undefined

/** Locations tried for one read: a file copied a million times must not make a damaged chunk cost a million reads. */
const LOCATIONS_TRIED_MAX = 16
/** Locations looked through for those: many more may be those of files that are gone. */
const LOCATIONS_SEEN_MAX = 4_096
/** Files that are forgotten in one transaction, and tidied up after before others get their turn. */
const FORGOTTEN_AT_ONCE = 1_000
/** How long one transaction of many files may hold up the main thread. */
const STEP_MS = 20
const EMPTY = new Uint8Array(0)

export class InplaceChunks implements InplaceBackend {
  readonly #storage: StorageBackend
  readonly #reader: ChunkReader
  readonly #resolvers = new Map<string, Resolve>()
  #turn: Promise<unknown> = Promise.resolve()
  #waiting = 0

  constructor(storage: StorageBackend, reader: ChunkReader) {
    this.#storage = storage
    this.#reader = reader
  }

  attach(store: StoreId, resolve: Resolve): () => void {
    const key = bytesToHex(store)
    this.#resolvers.set(key, resolve)
    return () => {
      if (this.#resolvers.get(key) === resolve) this.#resolvers.delete(key)
    }
  }

  register(store: StoreId, files: readonly FileChunks[]): Promise<void> {
    return this.#inTurn(() =>
      this.#inSteps(
        files,
        (tx, file) => registerShort(tx, store, file),
        async ({ file, chunks }) => {
          await this.#removeLong(store, file)
          let offset = 0
          for (let n = 0; n * OF_CHUNKS_MAX < chunks.length; n++)
            offset = await this.#storage.write((tx) => putStretch(tx, store, file, chunks, n, offset))
        },
      ),
    )
  }

  forget(store: StoreId, files: readonly Uint8Array[]): Promise<void> {
    return this.#inTurn(async () => {
      for (let at = 0; at < files.length; at += FORGOTTEN_AT_ONCE)
        await this.#storage.write((tx) => this.forgetIn(tx, store, files.slice(at, at + FORGOTTEN_AT_ONCE)))
    })
  }

  forgetIn(tx: StorageWriter, store: StoreId, files: readonly Uint8Array[]): void {
    for (const file of files) tx.put(GONE, goneKey(store, file), EMPTY)
  }

  async tidy(store: StoreId, signal: AbortSignal): Promise<void> {
    const range = { ...prefixRange(storePrefix(GONE, store)), limit: FORGOTTEN_AT_ONCE }
    while (!signal.aborted) {
      const files = Array.from(this.#storage.range(GONE, range), ([key]) => fileOfGone(key))
      if (files.length === 0) return
      await this.#inTurn(() =>
        this.#inSteps(
          files,
          // What was registered since is no more gone.
          (tx, file) => tx.get(GONE, goneKey(store, file)) === undefined || removeShort(tx, store, file),
          (file) => this.#removeLong(store, file),
        ),
      )
    }
  }

  /** A stretch at a time. A file that is gone is that until all of them are. */
  async #removeLong(store: StoreId, file: Uint8Array): Promise<void> {
    for (let n = Math.max(0, countStretches(this.#storage, store, file) - 1); n >= 0; n--)
      await this.#storage.write((tx) => {
        removeStretch(tx, store, file, n)
        if (n === 0) tx.delete(GONE, goneKey(store, file))
      })
  }

  /** Runs `step` on all files, some milliseconds of them to a transaction; `long` on those it returns false for. */
  async #inSteps<T>(
    files: readonly T[],
    step: (tx: StorageWriter, file: T) => boolean,
    long: (file: T) => Promise<void>,
  ): Promise<void> {
    for (let next = 0; next < files.length;) {
      const left = await this.#storage.write((tx) => {
        const left: T[] = []
        const until = performance.now() + STEP_MS
        do {
          const file = files[next++]!
          if (!step(tx, file)) left.push(file)
        } while (next < files.length && performance.now() < until)
        return left
      })
      for (const file of left) await long(file)
    }
  }

  /**
   * What takes several transactions is not mixed with other calls: all take effect in the order made. A crash between
   * two leaves some files known and some not, or the beginning of a long one.
   */
  #inTurn(body: () => Promise<void>): Promise<void> {
    const result = this.#waiting++ === 0 ? body() : this.#turn.then(body)
    // The caller sees its own failure; the next one starts clean.
    this.#turn = result.catch(() => undefined).finally(() => this.#waiting--)
    return result
  }

  knows(store: StoreId, file: Uint8Array): boolean {
    return !this.#isGone(store, file) && this.#storage.get(OF, ofKey(store, file, 0)) !== undefined
  }

  #isGone(store: StoreId, file: Uint8Array): boolean {
    return this.#storage.get(GONE, goneKey(store, file)) !== undefined
  }

  has(store: StoreId, cid: Cid): boolean {
    return this.locate(store, cid) !== undefined
  }

  locate(store: StoreId, cid: Cid): InplaceLocation | undefined {
    const place = this.#places(store, cid, 1)[0]
    return place === undefined ? undefined : { file: place.file, offset: place.offset }
  }

  #places(store: StoreId, cid: Cid, limit: number): Place[] {
    const places: Place[] = []
    const range = { ...prefixRange(atPrefix(store, cid)), limit: LOCATIONS_SEEN_MAX }
    for (const [key, value] of this.#storage.range(AT, range)) {
      const place = decodePlace(key, value)
      if (this.#isGone(store, place.file)) continue
      places.push(place)
      if (places.length === limit) break
    }
    return places
  }

  async read(store: StoreId, cid: Cid, room?: Room): Promise<Result<Uint8Array, CasError>> {
    const resolve = this.#resolvers.get(bytesToHex(store))
    let failure = casError('chunk-missing', `no file of this device holds chunk ${bytesToHex(cid)}`)
    for (const place of resolve === undefined ? [] : this.#places(store, cid, LOCATIONS_TRIED_MAX)) {
      const path = resolve!(place.file)
      if (path === undefined) continue
      const outcome = await this.#reader.read(path, place.offset, place.length, room)
      if (outcome.kind === 'read') {
        if (outcome.bytes.length === place.length && hashesTo(cid, outcome.bytes)) return ok(outcome.bytes)
        failure = casError('chunk-damaged', `the file at ${path} no longer holds chunk ${bytesToHex(cid)}`)
      } else if (outcome.kind === 'failed' && failure.kind === 'chunk-missing')
        failure = casError('cas-io', `a chunk could not be read: ${outcome.message}`)
    }
    return err(failure)
  }
}

/**
 * Records stretch `n` of a file, which begins at `offset`; returns where the next one begins. Of a chunk that the
 * stretch holds several times, the first place is written last and stays.
 */
const putStretch = (
  tx: StorageWriter,
  store: StoreId,
  file: Uint8Array,
  chunks: readonly ChunkRef[],
  n: number,
  offset: number,
): number => {
  const from = n * OF_CHUNKS_MAX
  const to = Math.min(from + OF_CHUNKS_MAX, chunks.length)
  let end = offset
  for (let i = from; i < to; i++) end += chunks[i]!.length
  let at = end
  for (let i = to - 1; i >= from; i--) {
    const { cid, length } = chunks[i]!
    at -= length
    tx.put(AT, atKey(store, cid, file), encodePlace(at, length))
  }
  tx.put(OF, ofKey(store, file, n), encodeChunks(chunks, from))
  return end
}

/** Replaces all that is known of a file; false: it is long, or was, and nothing is changed. */
const registerShort = (tx: StorageWriter, store: StoreId, { file, chunks }: FileChunks): boolean => {
  invariant(file.length > 0 && file.length <= FILE_KEY_MAX, 'a file key has 1 to 64 bytes')
  if (chunks.length >= OF_CHUNKS_MAX || !removeShort(tx, store, file)) return false
  if (chunks.length > 0) putStretch(tx, store, file, chunks, 0, 0)
  return true
}

/** Removes a file of a single stretch, or one not known; false: there may be more of it, and all is still there. */
const removeShort = (tx: StorageWriter, store: StoreId, file: Uint8Array): boolean => {
  const key = ofKey(store, file, 0)
  const known = tx.get(OF, key)
  if (known !== undefined) {
    if (chunksIn(known) === OF_CHUNKS_MAX) return false
    removeChunks(tx, store, file, known)
    tx.delete(OF, key)
  }
  tx.delete(GONE, goneKey(store, file))
  return true
}

const removeChunks = (tx: StorageWriter, store: StoreId, file: Uint8Array, known: Uint8Array): void => {
  for (let i = 0; i < chunksIn(known); i++) tx.delete(AT, atKey(store, shortCidAt(known, i), file))
}

/** The last stretch first, always: those that are there begin at 0 and have no gap. */
const removeStretch = (tx: StorageWriter, store: StoreId, file: Uint8Array, n: number): void => {
  const key = ofKey(store, file, n)
  const known = tx.get(OF, key)
  if (known === undefined) return
  removeChunks(tx, store, file, known)
  tx.delete(OF, key)
}

const countStretches = (reader: StorageReader, store: StoreId, file: Uint8Array): number => {
  let n = 0
  while (reader.get(OF, ofKey(store, file, n)) !== undefined) n++
  return n
}

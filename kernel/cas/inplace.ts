/**
 * Chunks that lie in the user's own folder. A file is known by a key that its owner can turn into a path, so a rename
 * costs nothing here. What is on disk may change at any time: every read is checked against the CID, a location that
 * no longer holds the chunk is forgotten, and the chunk's other locations are tried.
 */
import type { Cid, StoreId } from '../core/bytes.ts'
import { bytesToHex } from '../core/bytes.ts'
import { err, invariant, ok, type Result } from '../core/result.ts'
import type { StorageBackend, StorageWriter } from '../storage/port.ts'
import { hashesTo } from './digest.ts'
import type { CasError, ChunkRef, InplaceBackend, InplaceLocation } from './port.ts'
import type { ChunkReader } from './reading.ts'
import {
  AT,
  atKey,
  casError,
  chunkKey,
  cidsOfFile,
  decodePlace,
  encodeChunks,
  encodePlace,
  FILE_KEY_MAX,
  OF,
  ofKey,
  prefixRange,
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

export class InplaceChunks implements InplaceBackend {
  readonly #storage: StorageBackend
  readonly #reader: ChunkReader
  readonly #readOnly: boolean
  readonly #resolvers = new Map<string, Resolve>()

  constructor(storage: StorageBackend, reader: ChunkReader, readOnly: boolean) {
    this.#storage = storage
    this.#reader = reader
    this.#readOnly = readOnly
  }

  attach(store: StoreId, resolve: Resolve): () => void {
    const key = bytesToHex(store)
    this.#resolvers.set(key, resolve)
    return () => {
      if (this.#resolvers.get(key) === resolve) this.#resolvers.delete(key)
    }
  }

  register(store: StoreId, files: readonly FileChunks[]): Promise<void> {
    return this.#storage.write((tx) => this.registerIn(tx, store, files))
  }

  /** `register` as part of the caller's transaction. */
  registerIn(tx: StorageWriter, store: StoreId, files: readonly FileChunks[]): void {
    for (const { file, chunks } of files) {
      invariant(file.length > 0 && file.length <= FILE_KEY_MAX, 'a file key has 1 to 64 bytes')
      this.#forgetFile(tx, store, file)
      if (chunks.length === 0) continue
      let offset = 0
      const seen = chunks.length === 1 ? undefined : new Set<string>()
      for (const { cid, length } of chunks) {
        // A chunk that a file holds several times is kept once, at its first place.
        const hex = seen === undefined ? '' : bytesToHex(cid)
        if (seen?.has(hex) !== true) tx.put(AT, atKey(store, cid, file), encodePlace(offset, length))
        seen?.add(hex)
        offset += length
      }
      tx.put(OF, ofKey(store, file), encodeChunks(chunks))
    }
  }

  forget(store: StoreId, files: readonly Uint8Array[]): Promise<void> {
    return this.#storage.write((tx) => this.forgetIn(tx, store, files))
  }

  /** `forget` as part of the caller's transaction. */
  forgetIn(tx: StorageWriter, store: StoreId, files: readonly Uint8Array[]): void {
    for (const file of files) if (this.#forgetFile(tx, store, file)) tx.delete(OF, ofKey(store, file))
  }

  #forgetFile(tx: StorageWriter, store: StoreId, file: Uint8Array): boolean {
    const known = tx.get(OF, ofKey(store, file))
    for (const cid of known === undefined ? [] : cidsOfFile(known)) tx.delete(AT, atKey(store, cid, file))
    return known !== undefined
  }

  has(store: StoreId, cid: Cid): boolean {
    return this.locate(store, cid) !== undefined
  }

  locate(store: StoreId, cid: Cid): InplaceLocation | undefined {
    const place = this.#places(store, cid, 1)[0]
    return place === undefined ? undefined : { file: place.file, offset: place.offset }
  }

  #places(store: StoreId, cid: Cid, limit: number): Place[] {
    const range = { ...prefixRange(chunkKey(store, cid)), limit }
    return Array.from(this.#storage.range(AT, range), ([key, value]) => decodePlace(key, value))
  }

  async read(store: StoreId, cid: Cid): Promise<Result<Uint8Array, CasError>> {
    const resolve = this.#resolvers.get(bytesToHex(store))
    let failure = casError('chunk-missing', `no file of this device holds chunk ${bytesToHex(cid)}`)
    for (const place of resolve === undefined ? [] : this.#places(store, cid, LOCATIONS_TRIED_MAX)) {
      const path = resolve!(place.file)
      if (path === undefined) continue
      const outcome = await this.#reader.read(path, place.offset, place.length)
      if (outcome.kind === 'read') {
        if (outcome.bytes.length === place.length && hashesTo(cid, outcome.bytes)) return ok(outcome.bytes)
        failure = casError('chunk-damaged', `the file at ${path} no longer holds chunk ${bytesToHex(cid)}`)
        if (!this.#readOnly) await this.#forgetPlace(store, cid, place)
      } else if (outcome.kind === 'failed' && failure.kind === 'chunk-missing')
        failure = casError('cas-io', `a chunk could not be read: ${outcome.message}`)
    }
    return err(failure)
  }

  /** Unless the file was registered anew while it was read. */
  #forgetPlace(store: StoreId, cid: Cid, place: Place): Promise<void> {
    return this.#storage.write((tx) => {
      const key = atKey(store, cid, place.file)
      const now = tx.get(AT, key)
      if (now !== undefined && decodePlace(key, now).offset === place.offset) tx.delete(AT, key)
    })
  }
}

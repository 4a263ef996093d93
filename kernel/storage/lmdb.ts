/**
 * Storage on LMDB: one environment per home, one named database per table, raw bytes as keys and values.
 *
 * Durability: `overlappingSync` is off, so LMDB syncs the data before it writes the page that makes it reachable, on
 * a worker thread; `transaction()` resolves after that, and nobody reads what is not yet on disk. (Overlapping sync
 * was no faster here, 1.5 ms against 1.3 ms a durable commit, and shows commits that a power cut may take back.)
 *
 * A body is a child transaction, so a throw undoes its writes alone. That costs 5,000 writes 20 ms instead of 14;
 * an undo log, which reads before each write, costs 33.
 */
import { open, type Database, type RootDatabase } from 'lmdb'
import { statSync } from 'node:fs'
import { join } from 'node:path'
import { allocate } from '../core/bytes.ts'
import { InvariantError } from '../core/result.ts'
import { checkLmdbFile } from './checkfile.ts'
import { StorageError, toStorageError } from './errors.ts'
import { checkKey, keyAfter } from './keys.ts'
import type { Entry, KeyRange, StorageBackend, StorageWriter, TableName } from './port.ts'
import { GroupCommit, type Queued } from './queue.ts'

export interface LmdbOptions {
  /** A directory; created when missing. */
  readonly path: string
  readonly tables: readonly TableName[]
  /** For a second process beside the owner of the home: reads the committed state, never writes. */
  readonly readOnly?: boolean
}

type Table = Database<Uint8Array, Uint8Array>

const BINARY = { encoding: 'binary', keyEncoding: 'binary', cache: false } as const
/** Entries read at a time. No cursor outlives one page: a range may be left half-read and written into. */
const PAGE_FIRST = 16
const PAGE_MAX = 512
/** The port's readers are this process and the mount host, each with a handful of transactions. */
const READERS_MAX = 64

/** Up to here a loop takes less time than what it takes to make a view to copy from. */
const COPY_BY_HAND_MAX = 256

/** No further body starts in a group that has held the thread for this long. */
const TURN_MS_MAX = 25

/** Throws `StorageError` when the files cannot be opened or are not a store. */
export const openLmdb = (options: LmdbOptions): StorageBackend => {
  const { path, tables, readOnly = false } = options
  try {
    if (!readOnly) checkLmdbFile(join(path, 'data.mdb'))
    const root = open<Uint8Array, Uint8Array>({
      ...BINARY,
      path,
      noSubdir: false,
      readOnly,
      maxDbs: tables.length + 1,
      maxReaders: READERS_MAX,
      overlappingSync: false,
      // Groups are made here. lmdb's own grouping leaves a promise unhandled when a commit fails.
      eventTurnBatching: false,
    })
    const opened = tables.map((name) => [name, root.openDB<Uint8Array, Uint8Array>({ ...BINARY, name })] as const)
    return new LmdbBackend(path, root, new Map(opened), readOnly)
  } catch (error) {
    throw toStorageError(error, path)
  }
}

/** lmdb reads each value into one and the same buffer, and sets `length` on that to what it wrote. */
const copyOf = (shared: Uint8Array): Uint8Array => {
  const { length } = shared
  const bytes = allocate(length)
  if (length > COPY_BY_HAND_MAX) bytes.set(new Uint8Array(shared.buffer, shared.byteOffset, length))
  else for (let i = 0; i < length; i++) bytes[i] = shared[i]!
  return bytes
}

/** lmdb answers with Buffers over an allocation of their own; callers get plain views of the same. */
const plain = (bytes: Uint8Array): Uint8Array => new Uint8Array(bytes.buffer, bytes.byteOffset, bytes.length)

class LmdbBackend implements StorageBackend {
  readonly #path: string
  readonly #root: RootDatabase<Uint8Array, Uint8Array>
  readonly #tables: ReadonlyMap<TableName, Table>
  readonly #queue: GroupCommit
  readonly #readOnly: boolean
  #closed = false

  constructor(
    path: string,
    root: RootDatabase<Uint8Array, Uint8Array>,
    tables: ReadonlyMap<TableName, Table>,
    readOnly: boolean,
  ) {
    this.#path = path
    this.#root = root
    this.#tables = tables
    this.#readOnly = readOnly
    this.#queue = new GroupCommit((group) => this.#commit(group))
  }

  get(table: TableName, key: Uint8Array): Uint8Array | undefined {
    const db = this.#table(table)
    try {
      const value = db.getBinaryFast(key)
      return value && copyOf(value)
    } catch (error) {
      throw toStorageError(error, this.#path)
    }
  }

  *range(table: TableName, range: KeyRange = {}): Generator<Entry> {
    let left = range.limit ?? Infinity
    let size = PAGE_FIRST
    let rest = range
    while (left > 0) {
      const limit = Math.min(size, left)
      const page = this.#page(table, rest, limit)
      yield* page
      if (page.length < limit) return
      left -= limit
      size = Math.min(PAGE_MAX, size * 2)
      const last = page[page.length - 1]![0]
      rest = range.reverse ? { ...range, lt: last } : { ...range, gte: keyAfter(last) }
    }
  }

  count(table: TableName, range: KeyRange = {}): number {
    const db = this.#table(table)
    const { limit = Infinity } = range
    return this.#guard(() => {
      if (range.gte || range.lt) return isEmpty(range) ? 0 : Math.min(db.getKeysCount(toLmdbRange(range)), limit)
      return Math.min((db.getStats() as { entryCount: number }).entryCount, limit)
    })
  }

  write<T>(body: (tx: StorageWriter) => T): Promise<T> {
    if (this.#readOnly) return Promise.reject(new InvariantError('this store was opened to read only'))
    return this.#queue.push(body)
  }

  get sizeBytes(): number {
    return statSync(join(this.#path, 'data.mdb')).size
  }

  async [Symbol.asyncDispose](): Promise<void> {
    if (this.#closed) return
    await this.#queue.close()
    this.#closed = true
    await this.#root.close()
  }

  #table(name: TableName): Table {
    if (this.#closed) throw new StorageError('storage-io', 'the store is closed')
    const db = this.#tables.get(name)
    if (!db) throw new InvariantError(`no table ${name}`)
    return db
  }

  #page(table: TableName, range: KeyRange, limit: number): Entry[] {
    if (isEmpty(range)) return []
    const db = this.#table(table)
    return this.#guard(() => {
      const page: Entry[] = []
      for (const { key, value } of db.getRange({ ...toLmdbRange(range), limit })) page.push([plain(key), plain(value)])
      return page
    })
  }

  #guard<T>(read: () => T): T {
    try {
      return read()
    } catch (error) {
      throw toStorageError(error, this.#path)
    }
  }

  async #commit(group: readonly Queued[]): Promise<number> {
    let broken: unknown
    let ran = 0
    try {
      await this.#root.transaction(() => {
        const endMs = performance.now() + TURN_MS_MAX
        while (ran < group.length && broken === undefined && (ran === 0 || performance.now() < endMs))
          broken = this.#runBody(group[ran++]!)
        // A failed page write leaves the whole transaction unusable: give it up instead of committing a part.
        if (broken !== undefined) throw broken as unknown
      })
      return ran
    } catch (error) {
      throw toStorageError(await commitCause(error), this.#path)
    }
  }

  /** Returns the error of LMDB, if any, that spoils the whole group. */
  #runBody(entry: Queued): unknown {
    const undo = new Error('undo')
    const tx = new LmdbTx(this, this.#tables, this.#path)
    try {
      void this.#root.childTransaction(() => {
        if (entry.run(tx).failed) throw undo
      })
    } catch (error) {
      if (error !== undo) return error
    } finally {
      tx.finish()
    }
    return tx.broken
  }
}

/** What a body writes with. Dead once the body has returned. */
class LmdbTx implements StorageWriter {
  readonly #reader: LmdbBackend
  readonly #tables: ReadonlyMap<TableName, Table>
  readonly #path: string
  #finished = false
  /** The first failure of LMDB itself, even if the body caught it. */
  broken: unknown

  constructor(reader: LmdbBackend, tables: ReadonlyMap<TableName, Table>, path: string) {
    this.#reader = reader
    this.#tables = tables
    this.#path = path
  }

  get(table: TableName, key: Uint8Array): Uint8Array | undefined {
    this.#alive()
    return this.#reader.get(table, key)
  }

  *range(table: TableName, range?: KeyRange): Generator<Entry> {
    this.#alive()
    for (const entry of this.#reader.range(table, range)) {
      yield entry
      this.#alive()
    }
  }

  count(table: TableName, range?: KeyRange): number {
    this.#alive()
    return this.#reader.count(table, range)
  }

  put(table: TableName, key: Uint8Array, value: Uint8Array): void {
    checkKey(key)
    this.#write(table, (db) => void db.put(key, value))
  }

  delete(table: TableName, key: Uint8Array): void {
    this.#write(table, (db) => void db.remove(key))
  }

  finish(): void {
    this.#finished = true
  }

  #write(table: TableName, write: (db: Table) => void): void {
    this.#alive()
    const db = this.#tables.get(table)
    if (!db) throw new InvariantError(`no table ${table}`)
    try {
      write(db)
    } catch (error) {
      this.broken ??= error
      throw toStorageError(error, this.#path)
    }
  }

  #alive(): void {
    if (this.#finished) throw new InvariantError('a transaction was used after its body returned')
  }
}

const isEmpty = ({ gte, lt }: KeyRange): boolean => {
  if (lt && lt.length === 0) return true
  return gte !== undefined && lt !== undefined && Buffer.compare(gte, lt) >= 0
}

const toLmdbRange = ({ gte, lt, reverse }: KeyRange) => {
  const low = gte && gte.length > 0 ? gte : undefined
  if (!reverse) return { ...(low && { start: low }), ...(lt && { end: lt }) }
  return {
    reverse: true,
    ...(lt && { start: lt, exclusiveStart: true }),
    // Without an end lmdb stops short of the key 00.
    end: low ?? Uint8Array.of(0),
    inclusiveEnd: true,
  }
}

/** lmdb rejects with "Commit failed" and keeps the reason in a promise of its own. */
const commitCause = async (error: unknown): Promise<unknown> => {
  const { commitError } = error as { commitError?: Promise<never> }
  if (commitError === undefined) return error
  try {
    return await commitError
  } catch (cause) {
    return cause
  }
}

/**
 * Storage in memory, for the simulator and tests. A `MemoryDisk` is what survives: open it, crash it, open it again.
 *
 * A body runs and its group becomes visible in one step, like a commit; the promise resolves after `defer` says that
 * the step may happen, which is where a simulator puts the time a disk takes.
 */
import { InvariantError } from '../core/result.ts'
import { StorageError } from './errors.ts'
import { checkKey } from './keys.ts'
import type { Entry, KeyRange, StorageBackend, StorageReader, StorageWriter, TableName } from './port.ts'
import { GroupCommit, type Queued } from './queue.ts'
import { bytesToKey, keyToBytes, SortedMap } from './sortedmap.ts'

/** Entries copied at a time while a range is read. */
const PAGE = 64

export interface MemoryOptions {
  /** Calls `commit` once, later: when the disk would be done. Default: in the next microtask. */
  readonly defer?: (commit: () => void) => void
}

/** The committed state of one device: what a power cut leaves. */
export class MemoryDisk {
  readonly #tables: Map<TableName, SortedMap>
  #open: MemoryBackend | undefined

  constructor(tables: readonly TableName[], from?: ReadonlyMap<TableName, SortedMap>) {
    this.#tables = new Map(tables.map((name) => [name, from?.get(name)?.clone() ?? new SortedMap()]))
  }

  /** One process at a time, as with a real data directory. */
  open(options: MemoryOptions = {}): MemoryBackend {
    if (this.#open) throw new StorageError('home-in-use', 'this memory disk is open already')
    this.#open = new MemoryBackend(this.#tables, options, () => (this.#open = undefined))
    return this.#open
  }

  /** An independent copy of what is committed now: a backup. */
  clone(): MemoryDisk {
    return new MemoryDisk([...this.#tables.keys()], this.#tables)
  }
}

/** Opens a fresh disk that nobody else sees. */
export const openMemory = (tables: readonly TableName[]): MemoryBackend => new MemoryDisk(tables).open()

class MemoryReader implements StorageReader {
  readonly #tables: ReadonlyMap<TableName, SortedMap>
  protected closed = false

  constructor(tables: ReadonlyMap<TableName, SortedMap>) {
    this.#tables = tables
  }

  protected table(name: TableName): SortedMap {
    if (this.closed) throw new StorageError('storage-io', 'the store is closed')
    const table = this.#tables.get(name)
    if (!table) throw new InvariantError(`no table ${name}`)
    return table
  }

  get(table: TableName, key: Uint8Array): Uint8Array | undefined {
    const value = this.table(table).get(bytesToKey(key))
    return value && value.slice()
  }

  *range(table: TableName, range: KeyRange = {}): Generator<Entry> {
    let left = range.limit ?? Infinity
    let rest = range
    while (left > 0) {
      const page = this.table(table).slice(rest, Math.min(PAGE, left))
      for (const [key, value] of page) yield [keyToBytes(key), value.slice()]
      if (page.length < Math.min(PAGE, left)) return
      left -= page.length
      const last = page[page.length - 1]![0]
      rest = range.reverse ? { ...range, lt: keyToBytes(last) } : { ...range, gte: keyToBytes(`${last}\0`) }
    }
  }

  count(table: TableName, range: KeyRange = {}): number {
    return Math.min(this.table(table).count(range), range.limit ?? Infinity)
  }
}

/** Writes through to the tables and remembers how to take it back. */
class MemoryTx extends MemoryReader implements StorageWriter {
  #undo: { table: SortedMap; key: string; old: Uint8Array | undefined }[] = []

  put(table: TableName, key: Uint8Array, value: Uint8Array): void {
    checkKey(key)
    this.#write(this.table(table), bytesToKey(key), value.slice())
  }

  delete(table: TableName, key: Uint8Array): void {
    this.#write(this.table(table), bytesToKey(key), undefined)
  }

  #write(table: SortedMap, key: string, value: Uint8Array | undefined): void {
    const old = value ? table.set(key, value) : table.delete(key)
    this.#undo.push({ table, key, old })
  }

  finish(failed: boolean): void {
    if (failed)
      for (const { table, key, old } of this.#undo.reverse())
        if (old) table.set(key, old)
        else table.delete(key)
    this.closed = true
  }
}

export class MemoryBackend extends MemoryReader implements StorageBackend {
  readonly sizeBytes = 0
  readonly #queue: GroupCommit
  readonly #release: () => void

  constructor(tables: ReadonlyMap<TableName, SortedMap>, options: MemoryOptions, release: () => void) {
    super(tables)
    const defer = options.defer ?? queueMicrotask
    this.#queue = new GroupCommit(
      (group) => new Promise((resolve) => defer(() => this.#commit(tables, group, resolve))),
    )
    this.#release = release
  }

  write<T>(body: (tx: StorageWriter) => T): Promise<T> {
    return this.closed ? new Promise(() => {}) : this.#queue.push(body)
  }

  /** Power cut: bodies not yet committed are lost, and their promises never settle; a dead process sees nothing. */
  crash(): void {
    this.closed = true
    this.#release()
  }

  async [Symbol.asyncDispose](): Promise<void> {
    if (this.closed) return
    await this.#queue.close()
    this.crash()
  }

  #commit(tables: ReadonlyMap<TableName, SortedMap>, group: readonly Queued[], resolve: (ran: number) => void): void {
    if (this.closed) return
    for (const entry of group) {
      const tx = new MemoryTx(tables)
      tx.finish(entry.run(tx).failed)
    }
    resolve(group.length)
  }
}

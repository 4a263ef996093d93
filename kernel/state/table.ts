/**
 * KVTable, the one conflict engine, and the tables of one store over a storage transaction.
 *
 * Applying write w to a key removes every head in w's causal past except those w keeps, then adds w. So the heads of a
 * key are a function of the set of writes, as long as each is applied after those in its causal past.
 *
 * Every row is prefixed by the store's number on this device (4 bytes, big-endian): one backend holds all stores.
 * `conflicts` lists the keys with more than one head, so that finding them costs nothing for the others.
 */
import { ByteMap } from '../core/byte-map.ts'
import { allocate, equalBytes, type Hash } from '../core/bytes.ts'
import { invariant } from '../core/result.ts'
import type { Entry, KeyRange, StorageReader, StorageWriter, TableName } from '../storage/port.ts'
import { compareHeads, decodeCell, decodeWinner, encodeCell } from './cell.ts'
import type {
  AppliedAt,
  Cell,
  CellReader,
  CellWriter,
  DerivedReader,
  DerivedWriter,
  Head,
  StateReader,
  StateTables,
} from './port.ts'

/** Longest key of a cell or a derived row. */
export const KEY_MAX = 1024

const CELLS = 'state-cells'
const CONFLICTS = 'state-conflicts'
const DERIVED = 'state-derived'
const SYSTEM = 'state-system'
const SYSTEM_CONFLICTS = 'state-system-conflicts'
const MEMBERS = 'state-members'

/** Every table that holds folded state; all of it can be deleted and folded again from the log. */
export const STATE_TABLES: readonly TableName[] = [CELLS, CONFLICTS, DERIVED, SYSTEM, SYSTEM_CONFLICTS, MEMBERS]

const EMPTY = new Uint8Array(0)

/** The row prefix of a store's number, 0 to 2^32 - 1. */
export const storePrefix = (storeNumber: number): Uint8Array => {
  invariant(storeNumber >= 0 && storeNumber < 2 ** 32, `store number ${storeNumber} is out of range`)
  const prefix = new Uint8Array(4)
  new DataView(prefix.buffer).setUint32(0, storeNumber)
  return prefix
}

/** Keys remembered while a transaction lasts, with their value or known to be absent. */
const RECENT_MAX = 4_096

class Recent<Value> extends ByteMap<Value | 'absent'> {
  override set(key: Uint8Array, value: Value | 'absent'): void {
    if (this.size >= RECENT_MAX) this.clear()
    super.set(key, value)
  }
}

/** The rows of one store in one table. Keys go in and come out without the prefix. */
export class Rows implements DerivedReader {
  readonly #tx: StorageReader
  readonly #table: TableName
  readonly #number: number
  readonly #prefix: Uint8Array

  constructor(tx: StorageReader, table: TableName, storeNumber: number) {
    this.#tx = tx
    this.#table = table
    this.#number = storeNumber
    this.#prefix = storePrefix(storeNumber)
  }

  protected key(key: Uint8Array): Uint8Array {
    const full = allocate(4 + key.length)
    for (let i = 0; i < 4; i++) full[i] = this.#prefix[i]!
    for (let i = 0; i < key.length; i++) full[4 + i] = key[i]!
    return full
  }

  #bounds(range: KeyRange): KeyRange {
    const end = this.#number === 2 ** 32 - 1 ? {} : { lt: storePrefix(this.#number + 1) }
    return {
      ...range,
      gte: range.gte === undefined ? this.#prefix : this.key(range.gte),
      ...(range.lt === undefined ? end : { lt: this.key(range.lt) }),
    }
  }

  get(key: Uint8Array): Uint8Array | undefined {
    return this.#tx.get(this.#table, this.key(key))
  }

  *range(range: KeyRange = {}): Iterable<Entry> {
    for (const [key, value] of this.#tx.range(this.#table, this.#bounds(range))) yield [key.subarray(4), value]
  }

  count(range: KeyRange = {}): number {
    return this.#tx.count(this.#table, this.#bounds(range))
  }
}

export class WritableRows extends Rows implements DerivedWriter {
  readonly #tx: StorageWriter
  readonly #table: TableName

  constructor(tx: StorageWriter, table: TableName, storeNumber: number) {
    super(tx, table, storeNumber)
    this.#tx = tx
    this.#table = table
  }

  put(key: Uint8Array, value: Uint8Array): void {
    this.#tx.put(this.#table, this.key(key), value)
  }

  delete(key: Uint8Array): void {
    this.#tx.delete(this.#table, this.key(key))
  }

  clear(): void {
    for (const [key] of [...this.range()]) this.delete(key)
  }
}

/** Rows that remember what was read and written last: for those that are read several times around each write. */
class CachedRows extends WritableRows {
  readonly #recent = new Recent<Uint8Array>()

  override get(key: Uint8Array): Uint8Array | undefined {
    const known = this.#recent.get(key)
    if (known !== undefined) return known === 'absent' ? undefined : known
    const value = super.get(key)
    this.#recent.set(key, value ?? 'absent')
    return value
  }

  /** Lets go of what it remembers. */
  forget(): void {
    this.#recent.clear()
  }

  override put(key: Uint8Array, value: Uint8Array): void {
    super.put(key, value)
    this.#recent.set(key, value)
  }

  override delete(key: Uint8Array): void {
    super.delete(key)
    this.#recent.set(key, 'absent')
  }
}

export class KVTableReader implements CellReader {
  readonly #cells: DerivedReader
  readonly #conflicts: DerivedReader

  constructor(cells: DerivedReader, conflicts: DerivedReader) {
    this.#cells = cells
    this.#conflicts = conflicts
  }

  cell(key: Uint8Array): Cell | undefined {
    const bytes = this.#cells.get(key)
    return bytes === undefined ? undefined : decodeCell(bytes)
  }

  value(key: Uint8Array): Uint8Array | undefined {
    const bytes = this.#cells.get(key)
    return bytes === undefined ? undefined : decodeWinner(bytes)
  }

  *cells(range?: KeyRange): Iterable<readonly [key: Uint8Array, cell: Cell]> {
    for (const [key, bytes] of this.#cells.range(range)) yield [key, decodeCell(bytes)]
  }

  *conflicts(range?: KeyRange): Iterable<Uint8Array> {
    for (const [key] of this.#conflicts.range(range)) yield key
  }
}

/** What stands of a key after `at` wrote `value`: the engine's one rule, pure. Winning order. */
export const nextHeads = (
  heads: readonly Head[],
  value: Uint8Array | undefined,
  at: AppliedAt,
  keep: readonly Hash[] = [],
): Head[] => {
  const standing = heads.filter(
    (head) =>
      !equalBytes(head.hash, at.hash) &&
      (!at.causality.isAncestor(head, at.hash) || keep.some((kept) => equalBytes(kept, head.hash))),
  )
  standing.push({ hash: at.hash, author: at.author, seq: at.seq, hlc: at.hlc, value })
  return standing.sort(compareHeads)
}

/**
 * The table inside a transaction. State machines read the cells of a file several times around writing them, so those
 * touched last are kept decoded.
 */
export class KVTable extends KVTableReader implements CellWriter {
  readonly #cells: WritableRows
  readonly #conflicts: WritableRows
  readonly #recent = new Recent<Cell>()

  constructor(cells: WritableRows, conflicts: WritableRows) {
    super(cells, conflicts)
    this.#cells = cells
    this.#conflicts = conflicts
  }

  /** Lets go of what it remembers. */
  forget(): void {
    this.#recent.clear()
  }

  override cell(key: Uint8Array): Cell | undefined {
    const known = this.#recent.get(key)
    if (known !== undefined) return known === 'absent' ? undefined : known
    const cell = super.cell(key)
    this.#recent.set(key, cell ?? 'absent')
    return cell
  }

  override value(key: Uint8Array): Uint8Array | undefined {
    return this.cell(key)?.heads[0]!.value
  }

  /** `key`: 1 byte to 1 KiB, checked before by whoever decoded the op. */
  write(key: Uint8Array, value: Uint8Array | undefined, at: AppliedAt, keep?: readonly Hash[]): boolean {
    invariant(key.length >= 1 && key.length <= KEY_MAX, `a state machine wrote a key of ${key.length} bytes`)
    const before = this.cell(key)?.heads ?? []
    const after = nextHeads(before, value, at, keep)
    this.#cells.put(key, encodeCell(after))
    this.#recent.set(key, { heads: after })
    if (after.length > 1) this.#conflicts.put(key, EMPTY)
    else if (before.length > 1) this.#conflicts.delete(key)
    return after.length > 1
  }

  clear(): void {
    this.forget()
    this.#cells.clear()
    this.#conflicts.clear()
  }
}

/** Reads the state of a store's type. */
export const openState = (tx: StorageReader, storeNumber: number): StateReader => ({
  cells: new KVTableReader(new Rows(tx, CELLS, storeNumber), new Rows(tx, CONFLICTS, storeNumber)),
  derived: new Rows(tx, DERIVED, storeNumber),
})

/** Reads the system table of a store. */
export const openSystem = (tx: StorageReader, storeNumber: number): CellReader =>
  new KVTableReader(new Rows(tx, SYSTEM, storeNumber), new Rows(tx, SYSTEM_CONFLICTS, storeNumber))

/** Membership events of a store, by hash. */
export const openMembers = (tx: StorageReader, storeNumber: number): DerivedReader => new Rows(tx, MEMBERS, storeNumber)

/** All folded tables of one store inside one transaction. */
export class StoreTables implements StateTables {
  readonly cells: KVTable
  readonly derived: CachedRows
  readonly system: KVTable
  readonly members: WritableRows

  constructor(tx: StorageWriter, storeNumber: number) {
    const rows = (table: TableName) => new WritableRows(tx, table, storeNumber)
    this.cells = new KVTable(rows(CELLS), rows(CONFLICTS))
    this.derived = new CachedRows(tx, DERIVED, storeNumber)
    this.system = new KVTable(rows(SYSTEM), rows(SYSTEM_CONFLICTS))
    this.members = rows(MEMBERS)
  }

  /**
   * Lets go of what it remembers, once the transaction is over. Closures that hold the transaction are dead by then, but
   * those that the collector took for old would keep megabytes of cells until it next looks at everything.
   */
  forget(): void {
    this.cells.forget()
    this.derived.forget()
    this.system.forget()
  }

  /** Deletes all state. */
  clear(): void {
    this.clearFolded()
    this.members.clear()
  }

  /** Deletes all state but the membership events. */
  clearFolded(): void {
    this.cells.clear()
    this.derived.clear()
    this.system.clear()
  }
}

/** Every row of folded state of a store, table by table, in key order: equal states give equal sequences. */
export function* dumpState(tx: StorageReader, storeNumber: number): Iterable<readonly [TableName, ...Entry]> {
  for (const table of STATE_TABLES)
    for (const [key, value] of new Rows(tx, table, storeNumber).range()) yield [table, key, value]
}

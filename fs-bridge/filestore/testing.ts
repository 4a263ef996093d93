/**
 * For tests: in-memory tables with the cells' rule written down naively, and a world of authors whose intentions
 * form a real causal graph that can be applied in any order it allows.
 */
import { createHash } from 'node:crypto'
import { bytesToHex, compareBytes, type Hash, type PublicKey } from '#kernel/core/bytes.ts'
import type { Causality, Dot } from '#kernel/dag/port.ts'
import type { AppliedAt, Cell, CellWriter, Change, DerivedWriter, Head, StateTables } from '#kernel/state/port.ts'
import type { Entry, KeyRange } from '#kernel/storage/port.ts'
import type { FileOp, FileOps } from '#proto/file'
import { compareDots } from './inode.ts'
import { filestoreMachine } from './machine.ts'
import { encodeOps } from './ops.ts'
import type { Inode } from './port.ts'
import { openTree, type Tree } from './tree.ts'

/** Keys sort as bytes do: one UTF-16 unit for each byte. */
const toText = (bytes: Uint8Array): string =>
  Buffer.from(bytes.buffer, bytes.byteOffset, bytes.byteLength).toString('latin1')
const toBytes = (text: string): Uint8Array => new Uint8Array(Buffer.from(text, 'latin1'))

/** A sorted map; sorting is put off until something asks for order. */
class SortedMap<V> {
  readonly #map = new Map<string, V>()
  #keys: string[] | undefined = []
  get = (key: Uint8Array): V | undefined => this.#map.get(toText(key))
  set(key: Uint8Array, value: V): void {
    const text = toText(key)
    if (!this.#map.has(text)) this.#insert(text)
    this.#map.set(text, value)
  }
  delete(key: Uint8Array): void {
    const text = toText(key)
    if (!this.#map.delete(text) || this.#keys === undefined) return
    this.#keys.splice(this.#position(text), 1)
  }
  *range({ gte, lt, limit = Infinity }: KeyRange = {}): Generator<readonly [Uint8Array, V]> {
    const keys = (this.#keys ??= [...this.#map.keys()].sort())
    const end = lt && toText(lt)
    let left = limit
    const chosen: string[] = []
    for (let i = gte ? this.#position(toText(gte)) : 0; i < keys.length && left-- > 0; i++) {
      if (end !== undefined && keys[i]! >= end) break
      chosen.push(keys[i]!)
    }
    for (const key of chosen) yield [toBytes(key), this.#map.get(key)!]
  }
  #insert(text: string): void {
    this.#keys?.splice(this.#position(text), 0, text)
  }
  #position(text: string): number {
    const keys = (this.#keys ??= [...this.#map.keys()].sort())
    let low = 0
    let high = keys.length
    while (low < high) {
      const middle = (low + high) >> 1
      if (keys[middle]! < text) low = middle + 1
      else high = middle
    }
    return low
  }
}

/** Reads of one operation's tables are counted, so that a walk that never ends fails instead of hanging the suite. */
class Budget {
  static readonly READS_MAX = 200_000
  #left = Budget.READS_MAX
  spend(): void {
    if (this.#left-- === 0) throw new Error(`more than ${Budget.READS_MAX} reads: something walks in circles`)
  }
  renew(): void {
    this.#left = Budget.READS_MAX
  }
}

/** The rule of the kernel's table: a write removes what its author had seen and does not keep, then adds itself. */
class MemoryCells implements CellWriter {
  readonly #cells = new SortedMap<Cell>()
  readonly #budget: Budget
  constructor(budget: Budget) {
    this.#budget = budget
  }
  cell(key: Uint8Array): Cell | undefined {
    this.#budget.spend()
    return this.#cells.get(key)
  }
  value = (key: Uint8Array): Uint8Array | undefined => this.cell(key)?.heads[0]!.value
  cells(range?: KeyRange): Iterable<readonly [Uint8Array, Cell]> {
    this.#budget.spend()
    return this.#cells.range(range)
  }
  *conflicts(range?: KeyRange): Generator<Uint8Array> {
    for (const [key, cell] of this.cells(range)) if (cell.heads.length > 1) yield key
  }
  write(key: Uint8Array, value: Uint8Array | undefined, at: AppliedAt, keep: readonly Hash[] = []): boolean {
    const kept = new Set(keep.map((hash) => bytesToHex(hash)))
    const { hash, author, seq, hlc } = at
    const heads: Head[] = (this.cell(key)?.heads ?? []).filter(
      (head) =>
        compareBytes(head.hash, hash) !== 0 &&
        (kept.has(bytesToHex(head.hash)) || !at.causality.isAncestor(head, hash)),
    )
    heads.push({ hash, author, seq, hlc, value })
    this.#cells.set(key, { heads: heads.sort(compareDots) })
    return heads.length > 1
  }
}

class MemoryDerived implements DerivedWriter {
  readonly #map = new SortedMap<Uint8Array>()
  readonly #budget: Budget
  constructor(budget: Budget) {
    this.#budget = budget
  }
  get(key: Uint8Array): Uint8Array | undefined {
    this.#budget.spend()
    return this.#map.get(key)
  }
  put = (key: Uint8Array, value: Uint8Array): void => this.#map.set(key, value)
  delete = (key: Uint8Array): void => this.#map.delete(key)
  range(range?: KeyRange): Iterable<Entry> {
    this.#budget.spend()
    return this.#map.range(range)
  }
}

export const memoryTables = (budget = new Budget()): StateTables => ({
  cells: new MemoryCells(budget),
  derived: new MemoryDerived(budget),
})

/** All bytes of cells and index, to compare states by. */
export const dumpTables = ({ cells, derived }: StateTables): string[] => [
  ...[...cells.cells()].map(
    ([key, { heads }]) =>
      `${bytesToHex(key)} ${heads.map(({ hash, value }) => `${bytesToHex(hash)}=${value ? bytesToHex(value) : '-'}`).join(' ')}`,
  ),
  ...[...derived.range()].map(([key, value]) => `${bytesToHex(key)} ${bytesToHex(value)}`),
]

export interface Event extends Dot {
  readonly past: ReadonlySet<string>
  readonly parents: readonly string[]
  readonly ops: Uint8Array
}

export const author = (n: number): PublicKey => new Uint8Array(32).fill(n + 1) as PublicKey
export const inode = (n: number): Inode =>
  Uint8Array.from({ length: 16 }, (_, i) => (i === 15 ? n & 255 : i === 14 ? n >> 8 : 7)) as Inode

/** One author's view: what it has applied, and the tree it sees. */
export interface Replica {
  readonly n: number
  readonly tables: StateTables
  readonly tree: Tree
  /** Renewed with every intention. */
  readonly budget: Budget
  readonly applied: Map<string, Event>
  hlc: bigint
  seq: number
}

/** 2026-01-02 03:04 UTC. */
export const EPOCH_HLC = BigInt(Date.UTC(2026, 0, 2, 3, 4)) << 16n

export class World {
  readonly events = new Map<string, Event>()
  readonly causality: Causality = {
    isAncestor: (ancestor, of) => {
      const a = bytesToHex(ancestor.hash)
      const b = bytesToHex(of)
      return a === b || this.events.get(b)!.past.has(a)
    },
  }

  replica(n: number): Replica {
    const budget = new Budget()
    const tables = memoryTables(budget)
    const tree = openTree(tables, (device) => `dev${device[0]! - 1}`)
    return { n, tables, tree, budget, applied: new Map(), hlc: EPOCH_HLC, seq: 0 }
  }

  /** The replica writes one intention, and applies it. Its past is all the replica has applied. */
  write(replica: Replica, ops: readonly FileOp[]): Change[] {
    if (ops.length === 0) return []
    return this.writeBytes(replica, encodeOps(ops), { $typeName: 'lattice.v1.FileOps', ops: [...ops] })
  }

  /** `decoded`: what its author has without decoding them; the others decode them. */
  writeBytes(replica: Replica, ops: Uint8Array, decoded?: FileOps): Change[] {
    const parents = [...replica.applied.keys()]
    const hlc = replica.hlc + 1n
    const seq = replica.seq + 1
    const hash = createHash('sha256').update(`${replica.n} ${seq} ${hlc} `).update(ops).digest()
    const id = bytesToHex(hash)
    const past = new Set(parents)
    const event = { hash: new Uint8Array(hash) as Hash, author: author(replica.n), seq, hlc, past, parents, ops }
    this.events.set(id, event)
    replica.seq = seq
    return this.apply(replica, event, decoded)
  }

  apply(replica: Replica, event: Event, decoded?: FileOps): Change[] {
    const id = bytesToHex(event.hash)
    if (replica.applied.has(id)) return []
    replica.applied.set(id, event)
    replica.budget.renew()
    if (event.hlc > replica.hlc) replica.hlc = event.hlc
    const { hash, author: by, seq, hlc, ops } = event
    const at: AppliedAt = { hash, author: by, seq, hlc, causality: this.causality }
    return filestoreMachine.apply(decoded ?? filestoreMachine.decode(ops), at, replica.tables)
  }

  /** `to` receives everything `from` has, in an order that respects causes. */
  sync(from: Replica, to: Replica): Change[] {
    return [...from.applied.values()].flatMap((event) => this.apply(to, event))
  }

  /** A new replica that applies all there is in the order `pick` chooses among what is ready. */
  replay(pick: (ready: number) => number): Replica {
    const replica = this.replica(99)
    const waiting = new Set(this.events.values())
    while (waiting.size > 0) {
      const ready = [...waiting].filter((event) => event.parents.every((id) => replica.applied.has(id)))
      const event = ready[pick(ready.length)]!
      waiting.delete(event)
      this.apply(replica, event)
    }
    return replica
  }
}

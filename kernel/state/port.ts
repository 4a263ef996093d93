/**
 * State machines: how intentions become state. Everything behind this port is pure over its tables and
 * deterministic: the same set of intentions gives the same bytes, in whatever order they were applied.
 */
import type { Cid, Hash, StoreId } from '../core/bytes.ts'
import type { Entry, KeyRange } from '../storage/port.ts'
import type { Causality, Dot } from '../dag/port.ts'

/** One standing write of a key. `value` undefined: a tombstone. */
export interface Head extends Dot {
  readonly value: Uint8Array | undefined
}

/** Heads ordered by (hlc, author, hash) descending: `heads[0]` wins. Never empty. */
export interface Cell {
  readonly heads: readonly Head[]
  /** What the state machine made of the heads, kept for as long as somebody holds the cell: it never changes. */
  made?: unknown
}

export interface CellReader {
  cell(key: Uint8Array): Cell | undefined
  /** The winner's value; undefined when absent or deleted. */
  value(key: Uint8Array): Uint8Array | undefined
  cells(range?: KeyRange): Iterable<readonly [key: Uint8Array, cell: Cell]>
  /** Keys with more than one head, in order. */
  conflicts(range?: KeyRange): Iterable<Uint8Array>
}

/** The conflict engine. A write removes every head in its causal past except those it keeps, then adds itself. */
export interface CellWriter extends CellReader {
  /** Returns whether the key has more than one head now. */
  write(key: Uint8Array, value: Uint8Array | undefined, at: AppliedAt, keep?: readonly Hash[]): boolean
}

/** A free index beside the cells, owned by the state machine; must be a function of the cells. */
export interface DerivedReader {
  get(key: Uint8Array): Uint8Array | undefined
  range(range?: KeyRange): Iterable<Entry>
}
export interface DerivedWriter extends DerivedReader {
  put(key: Uint8Array, value: Uint8Array): void
  delete(key: Uint8Array): void
}

export interface StateReader {
  readonly cells: CellReader
  readonly derived: DerivedReader
}
export interface StateTables {
  readonly cells: CellWriter
  readonly derived: DerivedWriter
}

/** The intention being applied, and what it had seen. */
export interface AppliedAt extends Dot {
  readonly causality: Causality
}

/** A key whose cell changed. `conflicted`: it now has more than one head. */
export interface Change {
  readonly key: Uint8Array
  readonly conflicted: boolean
}

export interface BlobRef {
  readonly cid: Cid
  readonly length: number
  /** The chunk is a manifest: a serialised ChunkList that names further chunks. */
  readonly manifest: boolean
}

export interface StateMachine<Op> {
  /** Throws `BadOpError`: a bad op is a no-op for everyone, alike. */
  decode(bytes: Uint8Array): Op
  /** Must not throw for any op that `decode` let through. */
  apply(op: Op, at: AppliedAt, tables: StateTables): Change[]
  /** Every chunk that a live head names. */
  referencedBlobs(tables: StateReader): Iterable<BlobRef>
}

/** How a store type joins the registry. */
export interface StoreType<Op = unknown> {
  readonly name: string
  readonly machine: StateMachine<Op>
}

/** The bytes of an op do not make sense to its store type. */
export class BadOpError extends Error {
  override readonly name = 'BadOpError'
  /** How `submit` names it. */
  readonly kind: 'bad-op' | 'key-too-long'

  constructor(message: string, options: ErrorOptions & { readonly kind?: 'bad-op' | 'key-too-long' } = {}) {
    super(message, options)
    this.kind = options.kind ?? 'bad-op'
  }
}

/** State of one store, for those who hold several. */
export interface StoreState extends StateReader {
  readonly storeId: StoreId
}

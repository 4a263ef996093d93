/**
 * What the layers above see of one store's DAG. Everything here reads committed state, or the state of the
 * transaction it is called in.
 */
import type { Hash, HexKey, PublicKey } from '../core/bytes.ts'

/** One write, as state and sync name it. `hlc` = unix ms << 16 | counter. */
export interface Dot {
  readonly hash: Hash
  readonly author: PublicKey
  readonly seq: number
  readonly hlc: bigint
}

/** A witnessed intention, decoded. `ops` are the serialised UniversalOp. */
export interface Witnessed extends Dot {
  readonly prev: Hash | undefined
  readonly deps: readonly Hash[]
  readonly ops: Uint8Array
  /** 0-based position in this node's witness log. */
  readonly witnessSeq: number
  /** 1 + the largest generation among its parents; a genesis has 0. */
  readonly generation: number
  readonly excluded: boolean
}

/** author (hex) → highest contiguous seq witnessed. */
export type VersionVector = ReadonlyMap<HexKey, number>

/** `isAncestor(a, b)`: a is in b's causal past, or a = b. O(1) unless a's author is forked. */
export interface Causality {
  isAncestor(ancestor: Dot, of: Hash): boolean
}

export interface LogEntry {
  readonly witnessSeq: number
  readonly hash: Hash
  readonly wallMs: number
}

export interface Branching {
  readonly fork: readonly Hash[]
  /** For each head, the intentions after the fork point in topological order, the head last. */
  readonly branches: ReadonlyMap<HexKey, readonly Hash[]>
}

export interface DagReader extends Causality {
  has(hash: Hash): boolean
  get(hash: Hash): Witnessed | undefined
  /** The exact signed bytes (serialised SignedIntention), witnessed or floating. */
  signedBytes(hash: Hash): Uint8Array | undefined
  heads(): readonly Hash[]
  vector(): VersionVector
  /** Authors that reused a seq: vectors say nothing sure about them. */
  forkedAuthors(): ReadonlySet<HexKey>
  /** Number of witnessed intentions. */
  readonly count: number
  /** Sum of all witnessed hashes mod 2^256, 32 bytes little-endian: equal sets have equal fingerprints. */
  fingerprint(): Uint8Array
  /** One author's chain, oldest first, both ends inclusive; pages lazily, synchronous. */
  chain(author: PublicKey, fromSeq: number, toSeq: number): Iterable<{ hash: Hash; seq: number }>
  /** The witness log from a position on. */
  log(fromWitnessSeq?: number, limit?: number): Iterable<LogEntry>
  /** Parents that are missing, over all floating intentions: what to ask peers for. */
  missing(limit: number): readonly Hash[]
  lca(a: Hash, b: Hash): readonly Hash[]
  path(from: Hash, to: Hash): readonly Hash[]
  branches(heads: readonly Hash[]): Branching
  readonly ranges: RangeIndex
}

/**
 * The persistent index that Negentropy runs on: witnessed intentions ordered by (timestamp ms, hash).
 * `insert`, `fingerprint`, `rank` and `at` are O(log n).
 */
export interface RangeIndex {
  readonly size: number
  /** Sum mod 2^256 (32 bytes little-endian) of the hashes at positions [from, to). */
  sum(from: number, to: number): Uint8Array
  at(position: number): RangeItem | undefined
  /** Items at positions [from, to), in order. */
  items(from: number, to: number): Iterable<RangeItem>
  /** Position of the first item not less than the bound. An empty or partial id bounds from below. */
  lowerBound(timestampMs: bigint, idPrefix: Uint8Array): number
}

export interface RangeItem {
  readonly timestampMs: bigint
  readonly id: Hash
}

/**
 * Reads what a peer claims, in batches. Chains are merged by witness order, so parents come before children; an
 * empty peer is streamed the log itself. Holds positions, never an open read.
 */
import { hexToBytes, parsePublicKey, type Hash, type HexKey, type PublicKey } from '#kernel/core/bytes.ts'
import { invariant } from '#kernel/core/result.ts'
import type { DagReader } from '#kernel/dag/port.ts'
import type { Claim } from './machine.ts'

/** A batch ends after the item that reaches either. Small, so that the far end applies while more arrives. */
export const BATCH_BYTES = 256 * 1024
export const BATCH_ITEMS = 512
/** Hashes of one chain looked up at a time. */
const PAGE = 64

export interface Batch {
  readonly items: readonly Uint8Array[]
  readonly done: boolean
}

export interface Outgoing {
  next(budgetBytes: number): Batch
}

export const readClaim = (dag: DagReader, claim: Claim, peerIsEmpty: boolean): Outgoing => {
  if (claim.kind === 'hashes') return batching(dag, walkHashes(claim.hashes))
  return batching(dag, peerIsEmpty ? new LogWalk(dag, claim.ranges) : new ChainWalk(dag, claim.ranges))
}

interface Walk {
  next(): Hash | undefined
}

const batching = (dag: DagReader, walk: Walk): Outgoing => ({
  next(budgetBytes) {
    const limit = Math.min(BATCH_BYTES, budgetBytes)
    const items: Uint8Array[] = []
    for (let size = 0; size < limit && items.length < BATCH_ITEMS;) {
      const hash = walk.next()
      if (hash === undefined) return { items, done: true }
      const bytes = dag.signedBytes(hash)
      if (bytes === undefined) continue
      items.push(bytes)
      size += bytes.length
    }
    return { items, done: false }
  },
})

const walkHashes = (hashes: readonly Hash[]): Walk => {
  let at = 0
  return { next: () => hashes[at++] }
}

/** The log from its start: what an empty peer lacks, for one read per item. Ends with the last one promised. */
class LogWalk implements Walk {
  readonly #dag: DagReader
  #left: number
  #page: Hash[] = []
  #at = 0
  #next = 0

  constructor(dag: DagReader, ranges: ReadonlyMap<HexKey, readonly [number, number]>) {
    this.#dag = dag
    // The log may have grown since the Hello; the first so many are exactly what was witnessed then.
    this.#left = [...ranges.values()].reduce((sum, [from, to]) => sum + to - from + 1, 0)
  }

  next(): Hash | undefined {
    if (this.#left === 0) return undefined
    if (this.#at === this.#page.length) {
      this.#page = [...this.#dag.log(this.#next, PAGE)].map((entry) => entry.hash)
      this.#next += this.#page.length
      this.#at = 0
    }
    this.#left--
    return this.#page[this.#at++]
  }
}

interface Chain {
  readonly author: PublicKey
  readonly to: number
  nextSeq: number
  page: { readonly hash: Hash; readonly witnessSeq: number }[]
}

/** Ranges of several chains, always the one next whose first item was witnessed first. */
class ChainWalk implements Walk {
  readonly #dag: DagReader
  #chains: Chain[]

  constructor(dag: DagReader, ranges: ReadonlyMap<HexKey, readonly [number, number]>) {
    this.#dag = dag
    this.#chains = [...ranges].map(([key, [from, to]]) => {
      const bytes = hexToBytes(key)
      const author = bytes.ok ? parsePublicKey(bytes.value) : bytes
      invariant(author.ok, 'a vector is keyed by public keys')
      return { author: author.value, to, nextSeq: from, page: [] }
    })
  }

  next(): Hash | undefined {
    let first: Chain | undefined
    for (const chain of this.#chains) {
      this.#fill(chain)
      if (chain.page.length > 0 && (!first || chain.page[0]!.witnessSeq < first.page[0]!.witnessSeq)) first = chain
    }
    this.#chains = this.#chains.filter((chain) => chain.page.length > 0)
    return first?.page.shift()?.hash
  }

  #fill(chain: Chain): void {
    if (chain.page.length > 0 || chain.nextSeq > chain.to) return
    const to = Math.min(chain.to, chain.nextSeq + PAGE - 1)
    for (const { hash } of this.#dag.chain(chain.author, chain.nextSeq, to)) {
      const item = this.#dag.get(hash)
      if (item) chain.page.push({ hash, witnessSeq: item.witnessSeq })
    }
    chain.nextSeq = to + 1
  }
}

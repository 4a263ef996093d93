/**
 * One fetch: which chunks are wanted still, and which of them a given peer may be asked for next. Pure bookkeeping.
 *
 * Every peer walks the list of chunks with a cursor of its own and takes those that nobody has taken. A chunk that
 * comes back (refused, lost with its stream, slow) is put on the retry list of every other peer. So finding a peer's
 * next chunk costs O(1), amortised, however many chunks and peers there are.
 */
import type { ChunkRef } from '#kernel/cas/port.ts'
import { bytesToHex, type HexKey, type StoreId } from '#kernel/core/bytes.ts'

export interface Item {
  readonly job: Job
  readonly ref: ChunkRef
  /** `free`: to be asked for, though `askedOf` may owe it still. `asked`: of `askedOf`. `handing`: arrived, in the hands of the caller. */
  state: 'free' | 'asked' | 'handing' | 'done' | 'missing'
  askedOf: HexKey | undefined
  readonly refusedBy: Set<HexKey>
}

interface Walk {
  cursor: number
  readonly retry: Item[]
}

export class Job {
  readonly store: StoreId
  readonly urgent: boolean
  readonly items: readonly Item[]
  readonly onChunk: (cid: ChunkRef['cid'], bytes: Uint8Array) => Promise<void>
  readonly #walks = new Map<HexKey, Walk>()
  readonly #finish: (missing: readonly ChunkRef['cid'][]) => void
  #open: number
  closed = false

  constructor(
    store: StoreId,
    chunks: readonly ChunkRef[],
    urgent: boolean,
    onChunk: Job['onChunk'],
    finish: (missing: readonly ChunkRef['cid'][]) => void,
  ) {
    this.store = store
    this.urgent = urgent
    this.onChunk = onChunk
    this.#finish = finish
    const unique = new Map(chunks.map((ref) => [bytesToHex(ref.cid), ref]))
    this.items = Array.from(unique.values(), (ref) => ({
      job: this,
      ref,
      state: 'free',
      askedOf: undefined,
      refusedBy: new Set(),
    }))
    this.#open = this.items.length
  }

  addPeer(peer: HexKey): void {
    if (!this.#walks.has(peer)) this.#walks.set(peer, { cursor: 0, retry: [] })
  }

  /** The peer is gone or of no use: what only it could have given is missing. */
  removePeer(peer: HexKey): void {
    if (!this.#walks.delete(peer)) return
    for (const item of this.items) {
      if (item.askedOf === peer) this.giveBack(item)
      else if (item.state === 'free') this.#giveUpIfRefused(item)
    }
  }

  /** The next chunk to ask `peer` for; it counts as asked. */
  take(peer: HexKey): Item | undefined {
    const walk = this.#walks.get(peer)
    if (walk === undefined || this.closed) return undefined
    for (let item = walk.retry.pop(); item !== undefined; item = walk.retry.pop())
      if (isFor(item, peer)) return asked(item, peer)
    while (walk.cursor < this.items.length) {
      const item = this.items[walk.cursor++]!
      if (isFor(item, peer)) return asked(item, peer)
    }
    return undefined
  }

  /** What was taken has not come: others, or the same peer later, may be asked. */
  giveBack(item: Item): void {
    const isOwed = item.state === 'asked' || (item.state === 'free' && item.askedOf !== undefined)
    if (!isOwed) return
    item.state = 'free'
    item.askedOf = undefined
    for (const [peer, walk] of this.#walks) if (!item.refusedBy.has(peer)) walk.retry.push(item)
    this.#giveUpIfRefused(item)
  }

  /** `peer` does not have it. */
  refuse(item: Item, peer: HexKey): void {
    item.refusedBy.add(peer)
    if (item.askedOf === peer) this.giveBack(item)
    else if (item.state === 'free') this.#giveUpIfRefused(item)
  }

  done(item: Item): void {
    this.#close(item, 'done')
  }

  #giveUpIfRefused(item: Item): void {
    for (const peer of this.#walks.keys()) if (!item.refusedBy.has(peer)) return
    this.#close(item, 'missing')
  }

  #close(item: Item, state: 'done' | 'missing'): void {
    if (this.closed || item.state === 'done' || item.state === 'missing') return
    item.state = state
    if (--this.#open > 0) return
    this.closed = true
    this.#finish(this.items.filter((each) => each.state === 'missing').map((each) => each.ref.cid))
  }

  /** Nothing more is wanted. Chunks under way are dropped when they arrive. */
  cancel(): void {
    this.closed = true
  }

  hasPeers(): boolean {
    return this.#walks.size > 0
  }

  /** Whether there may be a chunk to ask `peer` for. */
  offers(peer: HexKey): boolean {
    const walk = this.#walks.get(peer)
    return walk !== undefined && !this.closed && (walk.cursor < this.items.length || walk.retry.length > 0)
  }

  /** A chunk that is long in coming: whoever else may be asked for it may bring it too. */
  share(item: Item): void {
    const others = [...this.#walks].filter(([peer]) => peer !== item.askedOf && !item.refusedBy.has(peer))
    if (item.state !== 'asked' || others.length === 0) return
    item.state = 'free'
    for (const [, walk] of others) walk.retry.push(item)
  }

  /** Ends now: what has not come is missing. */
  giveUp(): void {
    for (const item of this.items) this.#close(item, 'missing')
  }
}

const isFor = (item: Item, peer: HexKey): boolean => item.state === 'free' && !item.refusedBy.has(peer)

const asked = (item: Item, peer: HexKey): Item => {
  item.state = 'asked'
  item.askedOf = peer
  return item
}

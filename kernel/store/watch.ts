/**
 * Fans out committed changes to any number of readers. Recent commits are kept in a ring bounded by the number of
 * keys; readers hold a position in it, so a slow one costs nothing and is given the merged rest. One that fell out of
 * the ring is told to read everything afresh (`reset`).
 */
import { ByteMap } from '../core/byte-map.ts'
import type { Hash, PublicKey } from '../core/bytes.ts'
import type { Change } from '../state/port.ts'
import type { StoreChange } from './port.ts'

export interface Commit {
  /** Witness positions [from, to). */
  readonly from: number
  readonly to: number
  readonly changes: readonly Change[]
  readonly witnessed: readonly { readonly hash: Hash; readonly local: boolean }[]
  readonly reset: boolean
  readonly system: boolean
  /** Authors first seen to reuse a position. */
  readonly forked: readonly PublicKey[]
}

/** Keys and intentions kept for readers that lag. */
const RING_WEIGHT_MAX = 65_536

const weightOf = (commit: Commit): number => 1 + commit.changes.length + commit.witnessed.length

const lastOfEach = (all: readonly Change[]): Change[] => {
  const changes = new ByteMap<Change>()
  for (const change of all) changes.set(change.key, change)
  return [...changes.values()]
}

/** Later commits win per key; witnessed intentions add up. */
const merge = (commits: readonly Commit[], cursor: number): StoreChange => {
  return {
    cursor,
    changes: commits.length === 1 ? commits[0]!.changes : lastOfEach(commits.flatMap((commit) => commit.changes)),
    witnessed: commits.flatMap((commit) => commit.witnessed),
    reset: commits.some((commit) => commit.reset),
    system: commits.some((commit) => commit.system),
  }
}

export class ChangeFeed {
  #ring: Commit[] = []
  /** Ordinal of `#ring[0]`; ordinals count commits since opening. */
  #first = 0
  #weight = 0
  #position: number
  /** Readers whose cursor is at or before this must start afresh. */
  #resetAt: number
  #closed = false
  #waiting = new Set<() => void>()

  /** `position`: witnessed so far. `resetAt`: the position of the last refold; -1: never. */
  constructor(position: number, resetAt: number) {
    this.#position = position
    this.#resetAt = resetAt
  }

  publish(commit: Commit): void {
    this.#ring.push(commit)
    this.#weight += weightOf(commit)
    this.#position = commit.to
    if (commit.reset) this.#resetAt = commit.to
    while (this.#weight > RING_WEIGHT_MAX && this.#ring.length > 1) {
      this.#weight -= weightOf(this.#ring.shift()!)
      this.#first++
    }
    this.#wake()
  }

  close(): void {
    this.#closed = true
    this.#wake()
  }

  #wake(): void {
    const waiting = this.#waiting
    this.#waiting = new Set()
    for (const wake of waiting) wake()
  }

  /** Starts at the time of the call, not of the first read. */
  watch(cursor: number | undefined, signal: AbortSignal | undefined): AsyncIterable<StoreChange> {
    const start = this.#start(cursor)
    return { [Symbol.asyncIterator]: () => this.#read(start, signal) }
  }

  /** Where in the ring a reader begins that has seen everything before `cursor`. */
  #start(cursor: number | undefined): { next: number; lost: boolean } {
    const end = this.#first + this.#ring.length
    if (cursor === undefined) return { next: end, lost: false }
    if (cursor <= this.#resetAt) return { next: end, lost: true }
    if (cursor === this.#position) return { next: end, lost: false }
    const index = this.#ring.findIndex((commit) => commit.from === cursor)
    return index === -1 ? { next: end, lost: true } : { next: this.#first + index, lost: false }
  }

  async *#read(
    { next, lost }: { next: number; lost: boolean },
    signal: AbortSignal | undefined,
  ): AsyncGenerator<StoreChange, void, undefined> {
    while (signal?.aborted !== true) {
      const end = this.#first + this.#ring.length
      if (lost || next < this.#first) {
        next = end
        lost = false
        yield { cursor: this.#position, changes: [], witnessed: [], reset: true, system: true }
      } else if (next < end) {
        const batch = this.#ring.slice(next - this.#first)
        next = end
        yield merge(batch, batch.at(-1)!.to)
      } else if (this.#closed) return
      else await this.#changed(signal)
    }
  }

  async #changed(signal: AbortSignal | undefined): Promise<void> {
    const { promise, resolve } = Promise.withResolvers<void>()
    const wake = () => resolve()
    this.#waiting.add(wake)
    signal?.addEventListener('abort', wake, { once: true })
    await promise
    this.#waiting.delete(wake)
    signal?.removeEventListener('abort', wake)
  }
}

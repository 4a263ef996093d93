/**
 * Time and chance of a simulated world. Nothing happens between two timers: time jumps to the next one, once all that
 * the last one set going has come to rest. Everything random comes from the seed, so a world replays exactly.
 */
import { setImmediate } from 'node:timers/promises'
import type { Timers } from '../clock.ts'

/** Turns of the event loop given to what a timer set going: promises settle within one, ingest yields a few times. */
const TURNS = 3

/** Mulberry32: small, fast, good enough to schedule with. */
export const seededRandom = (seed: number): (() => number) => {
  let state = seed >>> 0
  return () => {
    state = (state + 0x6d2b79f5) >>> 0
    let mixed = Math.imul(state ^ (state >>> 15), state | 1)
    mixed ^= mixed + Math.imul(mixed ^ (mixed >>> 7), mixed | 61)
    return ((mixed ^ (mixed >>> 14)) >>> 0) / 2 ** 32
  }
}

interface Pending {
  readonly atMs: number
  readonly order: number
  readonly callback: () => void
}

export class VirtualTimers implements Timers {
  readonly random: () => number
  #nowMs: number
  #order = 0
  /** A binary heap by (time, order of arming). Cancelled entries stay until they come up. */
  #heap: Pending[] = []
  readonly #cancelled = new Set<Pending>()

  constructor(seed: number, startMs = 1_700_000_000_000) {
    this.random = seededRandom(seed)
    this.#nowMs = startMs
  }

  nowMs(): number {
    return this.#nowMs
  }

  after(delayMs: number, callback: () => void): () => void {
    // Whole milliseconds, as the clock tells them: what is reckoned from its reading comes out at the same time.
    const pending = { atMs: this.#nowMs + Math.max(0, Math.ceil(delayMs)), order: this.#order++, callback }
    this.#push(pending)
    return () => void this.#cancelled.add(pending)
  }

  /** Runs the world until `until` holds or `limitMs` has passed; true: it holds. */
  async run(limitMs: number, until: () => boolean = () => false): Promise<boolean> {
    const endMs = this.#nowMs + Math.ceil(limitMs)
    for (;;) {
      for (let turn = 0; turn < TURNS; turn++) await setImmediate()
      if (until()) return true
      const next = this.#heap[0]
      if (!next || next.atMs > endMs) break
      this.#pop()
      if (this.#cancelled.delete(next)) continue
      this.#nowMs = Math.max(this.#nowMs, next.atMs)
      next.callback()
    }
    this.#nowMs = endMs
    return until()
  }

  #isBefore(a: Pending, b: Pending): boolean {
    return a.atMs === b.atMs ? a.order < b.order : a.atMs < b.atMs
  }

  #push(pending: Pending): void {
    let at = this.#heap.push(pending) - 1
    while (at > 0) {
      const parent = (at - 1) >>> 1
      if (!this.#isBefore(pending, this.#heap[parent]!)) break
      this.#heap[at] = this.#heap[parent]!
      at = parent
    }
    this.#heap[at] = pending
  }

  #pop(): void {
    const last = this.#heap.pop()!
    if (this.#heap.length === 0) return
    let at = 0
    for (;;) {
      let child = 2 * at + 1
      if (child >= this.#heap.length) break
      if (child + 1 < this.#heap.length && this.#isBefore(this.#heap[child + 1]!, this.#heap[child]!)) child++
      if (!this.#isBefore(this.#heap[child]!, last)) break
      this.#heap[at] = this.#heap[child]!
      at = child
    }
    this.#heap[at] = last
  }
}

/**
 * Where content is cut: FastCDC with normalised chunking, stated so that it can run in parallel.
 *
 * The gear hash at a position depends on the 64 bytes before it alone, so whether a position is a *candidate* (weak or
 * strong) does not depend on where chunks begin. A chunk that begins at `s` ends at the first of
 *   1. the first strong candidate in [s + min, s + average),
 *   2. the first candidate in [s + average, s + max),
 *   3. s + max, 4. the end of the content.
 * Segments of a file are searched for candidates anywhere, by anyone; `CutPlanner` then walks the candidates in order.
 * The cuts are those of the sequential algorithm by construction, not by resynchronisation.
 */
import { invariant } from '../core/result.ts'
import { GEAR_WINDOW, gearTable, STRONG_LIMIT, WEAK_LIMIT, type Gear } from './gear.ts'
import { CHUNK_AVERAGE, CHUNK_MAX, CHUNK_MIN } from './port.ts'

/** Candidate positions of a stretch of content, ascending. A strong one is marked by `strong[i] = 1`. */
export interface Candidates {
  readonly at: Float64Array
  readonly strong: Uint8Array
}

/**
 * The end of the chunk that begins at `start` of the gear's content, which is known up to `filled`.
 * Either `filled` is the end of the file or at least CHUNK_MAX bytes are there.
 */
export const cutSequential = (gear: Gear, start: number, filled: number): number => {
  if (filled - start <= CHUNK_MIN) return filled
  // Candidates lie strictly before s + average and s + max: a cut at s + max needs no candidate.
  const strongEnd = Math.min(start + CHUNK_AVERAGE - 1, filled)
  const strong = gear.find(start + CHUNK_MIN, strongEnd, STRONG_LIMIT)
  if (strong !== undefined) return strong
  const limit = Math.min(start + CHUNK_MAX, filled)
  if (start + CHUNK_AVERAGE > limit) return limit
  return gear.find(start + CHUNK_AVERAGE, limit, WEAK_LIMIT) ?? limit
}

/** Every candidate `end` in [from, to] of the gear's content, moved by `shift` to offsets in the file. */
export const findCandidates = (gear: Gear, from: number, to: number, shift: number): Candidates => {
  const at: number[] = []
  const strong: number[] = []
  for (let next = from; next <= to;) {
    const end = gear.find(next, to, WEAK_LIMIT)
    if (end === undefined) break
    at.push(end + shift)
    strong.push(gear.foundStrong ? 1 : 0)
    next = end + 1
  }
  return { at: Float64Array.from(at), strong: Uint8Array.from(strong) }
}

/** Walks candidates of consecutive stretches and says where the chunks end. */
export class CutPlanner {
  #start = 0
  #known = 0
  readonly #size: number

  constructor(size: number) {
    this.#size = size
  }

  /** Takes the candidates of (last `upTo`, upTo] and returns the chunk ends that are now certain, ascending. */
  push(candidates: Candidates, upTo: number): number[] {
    invariant(upTo > this.#known && upTo <= this.#size, 'stretches follow each other')
    const ends: number[] = []
    for (let i = 0; i < candidates.at.length; i++) {
      const at = candidates.at[i]!
      this.#settle(at - 1, ends)
      const length = at - this.#start
      const isCut = length >= CHUNK_AVERAGE || (length >= CHUNK_MIN && candidates.strong[i] === 1)
      if (isCut) this.#cut(at, ends)
    }
    this.#settle(upTo, ends)
    this.#known = upTo
    if (upTo === this.#size && this.#start < this.#size) this.#cut(this.#size, ends)
    return ends
  }

  /** No candidate up to `at`: whatever reaches its maximum before is cut there. */
  #settle(at: number, ends: number[]): void {
    while (this.#start + CHUNK_MAX <= at) this.#cut(this.#start + CHUNK_MAX, ends)
  }

  #cut(at: number, ends: number[]): void {
    ends.push(at)
    this.#start = at
  }
}

/** The definition, in plain arithmetic over the whole content: slow, and the oracle of the tests. Returns chunk ends. */
export const cutsByDefinition = (content: Uint8Array): number[] => {
  const table = gearTable()
  const ends: number[] = []
  let start = 0
  while (start < content.length) {
    let hash = 0n
    let end = start
    do {
      if (end - start >= CHUNK_MIN - GEAR_WINDOW) hash = BigInt.asUintN(64, (hash << 1n) + table[content[end]!]!)
      end++
      const length = end - start
      if (length >= CHUNK_MIN && hash < (length < CHUNK_AVERAGE ? STRONG_LIMIT : WEAK_LIMIT)) break
    } while (end < content.length && end - start < CHUNK_MAX)
    ends.push(end)
    start = end
  }
  return ends
}

/**
 * Walks over the DAG, pure over a source of witness records. Positions in the witness log are a topological order
 * (parents come first), so every walk goes down by position and stops at the first position that cannot matter.
 */
import type { WitnessRecord } from './records.ts'
import { seqIn } from './records.ts'

export type RecordAt = (position: number) => WitnessRecord

/** Positions, each once, largest first. */
class Descending {
  readonly #heap: number[] = []
  readonly #seen = new Set<number>()

  get size(): number {
    return this.#heap.length
  }

  push(position: number): void {
    if (this.#seen.has(position)) return
    this.#seen.add(position)
    const heap = this.#heap
    let i = heap.push(position) - 1
    for (let up = (i - 1) >> 1; i > 0 && heap[up]! < heap[i]!; i = up, up = (i - 1) >> 1)
      [heap[up], heap[i]] = [heap[i]!, heap[up]!]
  }

  pop(): number {
    const heap = this.#heap
    const top = heap[0]!
    const last = heap.pop()!
    if (heap.length === 0) return top
    heap[0] = last
    for (let i = 0; ;) {
      let big = i
      for (const child of [2 * i + 1, 2 * i + 2]) if (child < heap.length && heap[child]! > heap[big]!) big = child
      if (big === i) return top
      ;[heap[big], heap[i]] = [heap[i]!, heap[big]!]
      i = big
    }
  }
}

/** Ancestry by walking: for authors whose vectors say nothing sure. Prunes by position, generation and vector. */
export const isAncestorByWalk = (ancestor: WitnessRecord, of: WitnessRecord, at: RecordAt): boolean => {
  const queue = new Descending()
  queue.push(of.position)
  while (queue.size > 0) {
    const position = queue.pop()
    if (position === ancestor.position) return true
    if (position < ancestor.position) return false
    const record = at(position)
    if (record.generation <= ancestor.generation || seqIn(record.vector, ancestor.author) < ancestor.seq) continue
    for (const parent of record.parents) if (parent >= ancestor.position) queue.push(parent)
  }
  return false
}

/**
 * Paints the past of each start with its own bit until what is left is common to all. `fork`: the maximal common
 * ancestors, ascending. `own`: what is not common to all, per start, ascending.
 */
export const commonAncestors = (
  starts: readonly number[],
  at: RecordAt,
): { fork: number[]; own: readonly number[][] } => {
  const all = (1n << BigInt(starts.length)) - 1n
  const covered = 1n << BigInt(starts.length)
  const paint = new Map<number, bigint>()
  const queue = new Descending()
  /** Queued positions not yet known to lie below a common ancestor: when none is left, the rest cannot matter. */
  let open = 0
  const reach = (position: number, bits: bigint) => {
    const before = paint.get(position)
    const after = (before ?? 0n) | bits
    if (before === undefined && !(after & covered)) open++
    if (before !== undefined && !(before & covered) && after & covered) open--
    paint.set(position, after)
    queue.push(position)
  }
  starts.forEach((start, i) => reach(start, 1n << BigInt(i)))
  const fork: number[] = []
  const own: number[][] = starts.map(() => [])
  while (open > 0) {
    const position = queue.pop()
    const bits = paint.get(position)!
    if (!(bits & covered)) open--
    if ((bits & all) === all && (bits & covered) === 0n) fork.push(position)
    if ((bits & all) !== all) own.forEach((list, i) => (bits >> BigInt(i)) & 1n && list.push(position))
    const down = (bits & all) === all ? all | covered : bits
    for (const parent of at(position).parents) reach(parent, down)
  }
  return { fork: fork.reverse(), own: own.map((list) => list.reverse()) }
}

/** Every intention after `from` and up to `to` on some way between them, ascending; none when there is no way. */
export const pathBetween = (from: WitnessRecord, to: WitnessRecord, at: RecordAt): number[] => {
  const queue = new Descending()
  queue.push(to.position)
  const between: WitnessRecord[] = []
  while (queue.size > 0) {
    const record = at(queue.pop())
    if (record.position <= from.position) break
    if (record.generation <= from.generation) continue
    between.push(record)
    for (const parent of record.parents) if (parent >= from.position) queue.push(parent)
  }
  const after = new Set([from.position])
  const path: number[] = []
  for (const record of between.reverse())
    if (record.parents.some((parent) => after.has(parent))) {
      after.add(record.position)
      path.push(record.position)
    }
  return after.has(to.position) ? path : []
}

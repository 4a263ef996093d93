/**
 * A `RangeIndex` over a sorted array in memory, for the harness, tests and measurements. Sums are kept as prefix
 * sums, 32 bytes per item, so that the fingerprint of any range costs O(1). Sealed once built.
 */
import { bytesToHex, compareBytes, parseHash, type Hash } from '#kernel/core/bytes.ts'
import { err, invariant, latticeError, ok, type LatticeError, type Result } from '#kernel/core/result.ts'
import type { RangeIndex, RangeItem } from '#kernel/dag/port.ts'

const LIMBS = 8

export type VectorError = LatticeError<'duplicate-item'>

/** Fails when two items have the same timestamp and id. Ids are 32 bytes and not copied. */
export const sealVector = (items: readonly RangeItem[]): Result<RangeIndex, VectorError> => {
  const sorted = [...items].sort(compareItems)
  for (let i = 1; i < sorted.length; i++)
    if (compareItems(sorted[i - 1]!, sorted[i]!) === 0)
      return err(latticeError('duplicate-item', 'permanent', `item ${bytesToHex(sorted[i]!.id)} was added twice`))
  return ok(new Vector(sorted))
}

const compareItems = (a: RangeItem, b: RangeItem): number =>
  a.timestampMs === b.timestampMs ? compareBytes(a.id, b.id) : a.timestampMs < b.timestampMs ? -1 : 1

class Vector implements RangeIndex {
  #items: readonly RangeItem[]
  /** Sum of the first i ids, as 8 little-endian limbs at 8·i. */
  #sums: Uint32Array

  constructor(sorted: readonly RangeItem[]) {
    this.#items = sorted
    this.#sums = new Uint32Array((sorted.length + 1) * LIMBS)
    sorted.forEach(({ id }, i) => {
      let carry = 0
      for (let limb = 0; limb < LIMBS; limb++) {
        const total = this.#sums[i * LIMBS + limb]! + limbOf(id, limb) + carry
        this.#sums[(i + 1) * LIMBS + limb] = total
        carry = total > 0xffff_ffff ? 1 : 0
      }
    })
  }

  get size(): number {
    return this.#items.length
  }

  sum(from: number, to: number): Uint8Array {
    invariant(0 <= from && from <= to && to <= this.size, 'a range lies inside the index')
    const out = new Uint8Array(4 * LIMBS)
    const view = new DataView(out.buffer)
    let borrow = 0
    for (let limb = 0; limb < LIMBS; limb++) {
      const difference = this.#sums[to * LIMBS + limb]! - this.#sums[from * LIMBS + limb]! - borrow
      borrow = difference < 0 ? 1 : 0
      view.setUint32(4 * limb, difference >>> 0, true)
    }
    return out
  }

  at(position: number): RangeItem | undefined {
    return this.#items[position]
  }

  *items(from: number, to: number): Iterable<RangeItem> {
    for (let i = from; i < to; i++) yield this.#items[i]!
  }

  lowerBound(timestampMs: bigint, idPrefix: Uint8Array): number {
    let low = 0
    let high = this.size
    while (low < high) {
      const middle = (low + high) >>> 1
      const item = this.#items[middle]!
      const isLess =
        item.timestampMs === timestampMs ? compareBytes(item.id, idPrefix) < 0 : item.timestampMs < timestampMs
      if (isLess) low = middle + 1
      else high = middle
    }
    return low
  }
}

const limbOf = (id: Hash, limb: number): number =>
  (id[4 * limb]! | (id[4 * limb + 1]! << 8) | (id[4 * limb + 2]! << 16) | (id[4 * limb + 3]! << 24)) >>> 0

/** For callers that hold plain bytes. */
export const rangeItem = (timestampMs: bigint, id: Uint8Array): Result<RangeItem, LatticeError<'bad-length'>> => {
  const parsed = parseHash(id)
  return parsed.ok ? ok({ timestampMs, id: parsed.value }) : parsed
}

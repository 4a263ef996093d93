import fc from 'fast-check'
import { expect, test } from 'vitest'
import { compareBytes, type Hash } from '../core/bytes.ts'
import { sha256 } from '../core/hash.ts'
import { openMemory } from '../storage/memory.ts'
import { RangeTree, RangeTreeWriter } from './rangetree.ts'
import { addTo, zeroSum } from './sum.ts'
import { LOG_TABLES } from './tables.ts'

interface Item {
  readonly timestampMs: bigint
  readonly id: Hash
}

const id = (n: number): Hash => sha256(Uint8Array.of(n >> 16, n >> 8, n))
const compare = (a: Item, b: Item): number =>
  a.timestampMs === b.timestampMs ? compareBytes(a.id, b.id) : a.timestampMs < b.timestampMs ? -1 : 1
const sumOf = (items: readonly Item[]): Uint8Array => {
  const sum = zeroSum()
  for (const item of items) addTo(sum, item.id)
  return sum
}

/** Inserts in batches of one transaction each, then asks the tree everything and compares with the sorted list. */
const agrees = async (batches: readonly (readonly Item[])[], probes: readonly [number, number][]): Promise<void> => {
  await using backend = openMemory(LOG_TABLES)
  for (const batch of batches)
    await backend.write((tx) => {
      const tree = new RangeTreeWriter(tx, 7)
      for (const item of batch) tree.insert(item.timestampMs, item.id)
      tree.flush()
    })
  const sorted = [...new Map(batches.flat().map((item) => [`${item.timestampMs}/${item.id}`, item])).values()].sort(
    compare,
  )
  const tree = new RangeTree(backend, 7)
  expect(tree.size).toBe(sorted.length)
  expect([...tree.items(0, sorted.length)]).toEqual(sorted)
  expect(tree.at(sorted.length)).toBeUndefined()
  for (const [a, b] of probes) {
    const [from, to] = [a % (sorted.length + 1), b % (sorted.length + 1)].sort((x, y) => x - y) as [number, number]
    expect(tree.sum(from, to)).toEqual(sumOf(sorted.slice(from, to)))
    expect([...tree.items(from, to)]).toEqual(sorted.slice(from, to))
    expect(tree.at(from)).toEqual(sorted[from])
    const probe = { timestampMs: BigInt(a % 50), id: id(b) }
    for (const length of [0, 1, 5, 32]) {
      const bound = { ...probe, id: probe.id.slice(0, length) as Hash }
      expect(tree.lowerBound(bound.timestampMs, bound.id)).toBe(
        sorted.filter((item) => compare(item, bound) < 0).length,
      )
    }
    const own = sorted[from]
    if (own) expect(tree.lowerBound(own.timestampMs, own.id)).toBe(from)
  }
}

const item = fc.record({ timestampMs: fc.bigInt({ min: 0n, max: 50n }), id: fc.nat(5_000).map(id) })

test('small random batches agree with a sorted list', async () => {
  const batches = fc.array(fc.array(item, { maxLength: 150 }), { maxLength: 5 })
  const probes = fc.array(fc.tuple(fc.nat(), fc.nat()), { maxLength: 6 })
  await fc.assert(fc.asyncProperty(batches, probes, agrees), { numRuns: 60 })
})

test.each([
  ['ascending', (i: number) => i],
  ['descending', (i: number) => 20_000 - i],
  ['scattered', (i: number) => (i * 7_919) % 20_000],
])('20,000 %s items, three levels deep', { timeout: 30_000 }, async (_, order) => {
  const all = Array.from({ length: 20_000 }, (_, i) => ({ timestampMs: BigInt(order(i) >> 2), id: id(order(i)) }))
  const batches = [all.slice(0, 9_000), all.slice(9_000, 9_001), all.slice(9_001)]
  await agrees(batches, [
    [0, 20_000],
    [1, 19_999],
    [5_000, 5_001],
    [12_345, 17_000],
  ])
})

test('appending a batch writes each node once', async () => {
  await using backend = openMemory(LOG_TABLES)
  let puts = 0
  await backend.write((tx) => {
    const counting = { ...bind(tx), put: (...args: Parameters<typeof tx.put>) => (puts++, tx.put(...args)) }
    const tree = new RangeTreeWriter(counting, 1)
    for (let i = 0; i < 4_800; i++) tree.insert(BigInt(i), id(i))
    tree.flush()
  })
  expect(puts).toBeLessThan(4_800 / 48 + 20)
})

const bind = <T extends { get: unknown; range: unknown; count: unknown; delete: unknown }>(tx: T) => ({
  get: (tx.get as Function).bind(tx),
  range: (tx.range as Function).bind(tx),
  count: (tx.count as Function).bind(tx),
  delete: (tx.delete as Function).bind(tx),
})

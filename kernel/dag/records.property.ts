/** Properties of the records of the log, shared by the short test and the long fuzz. */
import { create, toBinary } from '@bufbuild/protobuf'
import fc from 'fast-check'
import { expect } from 'vitest'
import { FloatingRecordSchema, StoreLogSchema } from '#proto/storage'
import { StorageError } from '../storage/errors.ts'
import { openMemory } from '../storage/memory.ts'
import { decodeFloating } from './floating.ts'
import { RangeTree } from './rangetree.ts'
import { decodeRecord, encodeRecord, mergeVectors, seqIn, type WitnessRecord } from './records.ts'
import { readSummary, writeSummary } from './summary.ts'
import { keyOf, LOG_TABLES, TABLE } from './tables.ts'

const hash = fc.uint8Array({ minLength: 32, maxLength: 32 })
const safe = fc.maxSafeNat()
const vectorMap = fc.uniqueArray(fc.tuple(fc.nat(300), fc.integer({ min: 1, max: 2 ** 40 })), {
  selector: ([a]) => a,
  maxLength: 20,
})
const vector = vectorMap.map((pairs) => pairs.sort(([a], [b]) => a - b).flat())

const record = fc
  .record({
    position: fc.integer({ min: 0, max: 2 ** 47 }),
    hash,
    chain: hash,
    wallMs: safe,
    excluded: fc.boolean(),
    author: fc.nat(),
    seq: safe,
    hlc: fc.bigInt({ min: 0n, max: 2n ** 64n - 1n }),
    generation: safe,
    back: fc.array(fc.nat(), { maxLength: 17 }),
    vector,
  })
  .map(({ back, ...rest }) => ({
    ...rest,
    parents: rest.position === 0 ? [] : back.map((n) => n % rest.position),
  }))

/** Hashes are generated as plain bytes. */
const encode = (x: object) => encodeRecord(x as WitnessRecord)

export const recordRoundTrip = fc.property(record, (x) => {
  expect(decodeRecord(x.position, encode(x))).toEqual(x)
})

const quietly = (read: () => unknown): void => {
  try {
    read()
  } catch (error) {
    if (!(error instanceof StorageError) || error.kind !== 'store-corrupt') throw error
  }
}

/** Damage on disk is named, whatever it is. */
export const recordDamage = fc.property(
  fc.oneof(
    fc.uint8Array({ maxLength: 200 }),
    fc.tuple(record, fc.nat(), fc.nat(255)).map(([x, at, to]) => encode(x).with(at % 70, to)),
  ),
  (bytes) => quietly(() => decodeRecord(9, bytes)),
)

const node = fc.oneof(
  fc.uint8Array({ maxLength: 200 }),
  // Inner nodes that point anywhere, themselves included.
  fc
    .tuple(fc.nat(3), fc.nat(100), hash)
    .map(([child, count, sum]) => Uint8Array.from([1, ...keyOf(child, [count, 6], sum, new Uint8Array(40))])),
  fc
    .array(hash, { maxLength: 3 })
    .map((ids) => Uint8Array.from([0, ...ids.flatMap((id) => [0, 0, 0, 0, 0, 0, 0, 1, ...id])])),
)

export const treeDamage = fc.asyncProperty(
  fc.array(node, { minLength: 1, maxLength: 3 }),
  fc.nat(4),
  async (nodes, root) => {
    await using backend = openMemory(LOG_TABLES)
    await backend.write((tx) => {
      tx.put(TABLE.ranges, keyOf(1, [0, 4]), keyOf(root, [9, 4]))
      nodes.forEach((bytes, i) => tx.put(TABLE.ranges, keyOf(1, [i + 1, 4]), bytes))
    })
    const tree = new RangeTree(backend, 1)
    quietly(() => tree.size)
    quietly(() => tree.sum(0, 50))
    quietly(() => tree.lowerBound(5n, new Uint8Array()))
    quietly(() => tree.at(3))
  },
)

export const vectorMerge = fc.property(vectorMap, vectorMap, (a, b) => {
  const flat = (pairs: readonly (readonly [number, number])[]) => pairs.toSorted(([x], [y]) => x - y).flat()
  const merged = mergeVectors(flat(a), flat(b))
  const expected = new Map(a)
  for (const [author, seq] of b) expected.set(author, Math.max(seq, expected.get(author) ?? 0))
  expect(merged).toEqual(flat([...expected]))
  for (let author = 0; author < 300; author++) expect(seqIn(merged, author)).toBe(expected.get(author) ?? 0)
})

const u64 = fc.bigInt({ min: 0n, max: 2n ** 64n - 1n })
const anyHash = fc.oneof({ weight: 9, arbitrary: hash }, { weight: 1, arbitrary: fc.uint8Array({ maxLength: 40 }) })
const storeLog = fc
  .record({
    version: fc.constantFrom(1, 1, 1, 2),
    storeId: anyHash,
    count: fc.oneof(fc.nat().map(BigInt), u64),
    chain: anyHash,
    fingerprint: anyHash,
    heads: fc.array(anyHash, { maxLength: 3 }),
    vector: fc.array(fc.record({ author: fc.nat(9), seq: fc.oneof(fc.nat().map(BigInt), u64) }), { maxLength: 3 }),
    authors: fc.nat(9),
    floatingCount: fc.nat().map(BigInt),
    floatingBytes: fc.nat().map(BigInt),
  })
  .map((fields) => toBinary(StoreLogSchema, create(StoreLogSchema, fields)))
const floating = fc
  .record({ arrivedMs: u64, from: anyHash, signed: fc.uint8Array({ maxLength: 60 }) })
  .map((fields) => toBinary(FloatingRecordSchema, create(FloatingRecordSchema, fields)))

const spoilt = (valid: fc.Arbitrary<Uint8Array>) =>
  fc.oneof(
    valid,
    fc.uint8Array({ maxLength: 200 }),
    fc
      .tuple(valid, fc.nat(), fc.nat(255))
      .map(([bytes, at, to]) => (bytes.length === 0 ? bytes : bytes.with(at % bytes.length, to))),
  )

/** What a store's log adds up to is read as it will be written again, or its damage is named. */
export const summaryDamage = fc.asyncProperty(spoilt(storeLog), async (bytes) => {
  await using backend = openMemory(LOG_TABLES)
  await backend.write((tx) => tx.put(TABLE.dags, keyOf(1), bytes))
  let summary: ReturnType<typeof readSummary> | undefined
  quietly(() => (summary = readSummary(backend, 1)))
  if (summary === undefined) return
  await backend.write((tx) => writeSummary(tx, 1, summary!))
  expect(readSummary(backend, 1)).toEqual(summary)
})

export const floatingDamage = fc.property(spoilt(floating), (bytes) => quietly(() => decodeFloating(bytes)))

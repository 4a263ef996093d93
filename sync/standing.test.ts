import fc from 'fast-check'
import { expect, test } from 'vitest'
import { changesBehind, parseStandings, STANDINGS_MAX, standingRecords, type PeerStanding } from './standing.ts'
import { create } from '@bufbuild/protobuf'
import { StandingRecordSchema } from '#proto/wire'
import { bytesToHex } from '#kernel/core/bytes.ts'

const count = fc.nat(1_000_000)
const standing: fc.Arbitrary<PeerStanding> = fc.record({
  levelCount: count,
  levelSeq: count,
  count,
  pendingIn: count,
  settled: fc.boolean(),
})

test('what a peer lacks is what others wrote since both were level, less what it took in', () => {
  const writes = fc.record({ byOthers: fc.nat(50), byPeer: fc.nat(50), taken: fc.nat(50) })
  fc.assert(
    fc.property(count, count, writes, (levelCount, levelSeq, { byOthers, byPeer, taken }) => {
      const learned = Math.min(taken, byOthers)
      const theirs = { levelCount, levelSeq, count: levelCount + byPeer + learned, pendingIn: 0, settled: true }
      const mine = { count: levelCount + byOthers + byPeer, seq: levelSeq + byPeer }
      const lacks = byOthers - learned
      // Both level again is noticed as such; until then something stands between them.
      expect(changesBehind(theirs, mine)).toBe(byOthers === 0 ? 0 : Math.max(1, lacks))
    }),
  )
})

test('a peer that was never level lacks all that it did not write', () => {
  const joined = { levelCount: 0, levelSeq: 0, count: 0, pendingIn: 0, settled: false }
  expect(changesBehind(joined, { count: 12, seq: 0 })).toBe(12)
  expect(changesBehind({ ...joined, count: 5 }, { count: 12, seq: 0 })).toBe(7)
})

test('records come back as they were, and only so many are kept', () => {
  const id = fc.uint8Array({ minLength: 32, maxLength: 32 }).map(bytesToHex)
  fc.assert(
    fc.property(fc.array(fc.tuple(id, standing), { maxLength: 5 }), (rows) => {
      const standings = new Map(rows)
      const records = standingRecords(standings).map((record) => create(StandingRecordSchema, record))
      expect(parseStandings(records)).toEqual(standings)
    }),
  )
  const zero = { levelCount: 0, levelSeq: 0, count: 0, pendingIn: 0, settled: false }
  const many = new Map(
    Array.from({ length: STANDINGS_MAX + 1 }, (_, i) => [
      bytesToHex(
        new Uint8Array(32)
          .fill(1)
          .with(0, i % 256)
          .with(1, i >> 8),
      ),
      zero,
    ]),
  )
  expect(standingRecords(many)).toHaveLength(STANDINGS_MAX)
})

test('damaged records are left out', () => {
  const storeId = new Uint8Array(32)
  const damaged = [
    create(StandingRecordSchema, { storeId: storeId.subarray(1) }),
    create(StandingRecordSchema, { storeId, count: 2n ** 60n }),
  ]
  expect(parseStandings(damaged).size).toBe(0)
})

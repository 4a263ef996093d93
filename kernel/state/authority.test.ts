/** Events of one instant: what they mean follows from who knew of what, never from a clock or from what arrived first. */
import fc from 'fast-check'
import { describe, expect, test } from 'vitest'
import { bytesToHex, type Hash, type HexKey, type PublicKey } from '../core/bytes.ts'
import type { Dot } from '../dag/port.ts'
import { Authority, type MemberEvent } from './authority.ts'
import { RANK, type Rank } from './system-op.ts'

const STORE = '01'.repeat(32) as HexKey
const key = (who: number): PublicKey => new Uint8Array(32).fill(who + 1) as Uint8Array as PublicKey
const hex = (who: number): HexKey => bytesToHex(key(who))
const FOUNDER = 0
const LEVELS = [RANK.reader, RANK.writer, RANK.admin]

/** What was said, in an order in which causes come first. `knows`: indices of what its author had seen. */
interface Said {
  readonly by: number
  readonly about: number
  readonly rank: Rank
  readonly hlc: bigint
  readonly knows: readonly number[]
  /** After which position of the device's chain. */
  readonly position: number
}

const said = (
  by: number,
  about: number,
  rank: Rank,
  hlc: bigint,
  knows: readonly number[] = [],
  position = 0,
): Said => ({
  by,
  about,
  rank,
  hlc,
  knows,
  position,
})

/** The events, and what they come to in a given order of arrival. */
const world = (all: readonly Said[]) => {
  const pasts: Set<number>[] = []
  const seqs = new Map<number, number>()
  const dots: Dot[] = []
  for (const [index, { by, hlc, knows }] of all.entries()) {
    pasts.push(new Set([index, ...knows.flatMap((each) => [...pasts[each]!])]))
    // Unlike the order in which they were written.
    const hash = Uint8Array.from({ length: 32 }, (_, at) =>
      at === 0 ? 255 - ((index * 97) % 251) : index,
    ) as Uint8Array
    const seq = (seqs.get(by) ?? 0) + 1
    seqs.set(by, seq)
    dots.push({ hash: hash as Hash, author: key(by), seq, hlc })
  }
  const indexOf = new Map(dots.map(({ hash }, index) => [bytesToHex(hash), index]))
  const isAncestor = (event: Dot, of: Hash): boolean =>
    pasts[indexOf.get(bytesToHex(of))!]!.has(indexOf.get(bytesToHex(event.hash))!)
  const events: MemberEvent[] = []
  for (const [index, { by, about, rank, position }] of all.entries()) {
    const at = dots[index]!
    const before = new Authority(STORE, hex(FOUNDER), events, isAncestor)
    const admin = before.wasAdmin(hex(by), (event) => isAncestor(event, at.hash) && event !== at)
    events.push({
      at,
      authorHex: hex(by),
      device: hex(about),
      deviceKey: key(about),
      rank,
      positions: new Map([[STORE, position]]),
      wroteUntil: undefined,
      formerRank: rank,
      copied: false,
      admin,
    })
  }
  const judged = (order: readonly number[]) =>
    new Authority(
      STORE,
      hex(FOUNDER),
      order.map((index) => events[index]!),
      isAncestor,
    )
  return { events, judged }
}

/** All that an authority tells of those events, the order of what it lists included. */
const told = (authority: Authority): unknown => ({
  events: authority.events.map(({ at }) => bytesToHex(at.hash)),
  devices: authority.devices(),
  of: authority
    .devices()
    .toSorted()
    .map((device) => [
      authority.rank(device),
      authority.peakRank(device),
      LEVELS.map((level) =>
        authority.intervals(device, STORE, level).toSorted((a, b) => a.after - b.after || a.until - b.until),
      ),
    ]),
})

describe('a revocation and a grant of one millisecond', () => {
  const [A, B, D] = [1, 2, 3]
  const NOW = 7n << 16n
  const admins = [said(FOUNDER, A, RANK.admin, 1n), said(FOUNDER, B, RANK.admin, 2n, [0])]
  const member = said(FOUNDER, D, RANK.writer, 3n, [1])
  const rankAfter = (all: readonly Said[]): Rank => {
    const { judged, events } = world(all)
    const ranks = [events.map((_, index) => index), events.map((_, index) => events.length - 1 - index)].map((order) =>
      judged(order).rank(hex(D)),
    )
    expect(new Set(ranks).size).toBe(1)
    return ranks[0]!
  }

  test.each([
    ['at one instant', NOW, NOW],
    ['the grant dated earlier', NOW, NOW - 1n],
    ['the grant dated later', NOW, NOW + 1n],
  ])('who did not know of each other: rights are taken, %s', (_, revoked, granted) => {
    const all = [...admins, member, said(A, D, RANK.none, revoked, [2]), said(B, D, RANK.admin, granted, [2])]
    expect(rankAfter(all)).toBe(RANK.none)
  })

  test('a grant that knew of the revocation stands, and so does a revocation that knew of the grant', () => {
    const back = [...admins, member, said(A, D, RANK.none, NOW, [2]), said(B, D, RANK.writer, NOW + 1n, [3])]
    expect(rankAfter(back)).toBe(RANK.writer)
    const gone = [...admins, member, said(B, D, RANK.admin, NOW, [2]), said(A, D, RANK.none, NOW + 1n, [3])]
    expect(rankAfter(gone)).toBe(RANK.none)
  })

  test('what the founder gives, nobody takes who did not know of it', () => {
    const all = [...admins, member, said(FOUNDER, D, RANK.admin, NOW, [2]), said(A, D, RANK.none, NOW, [2])]
    expect(rankAfter(all)).toBe(RANK.admin)
  })
})

test('whatever arrives first, the same follows, also of many events of one instant', () => {
  const one = fc.record({
    by: fc.nat(3),
    about: fc.integer({ min: 1, max: 4 }),
    rank: fc.constantFrom(RANK.none, RANK.reader, RANK.writer, RANK.admin, RANK.admin),
    knows: fc.array(fc.nat(9), { maxLength: 3 }),
    position: fc.nat(3),
  })
  /** As early as what is known allows: many are of one instant. An author knows what it wrote itself. */
  const dated = (
    all: readonly { by: number; about: number; rank: Rank; knows: number[]; position: number }[],
  ): Said[] => {
    const made: Said[] = []
    for (const [index, each] of all.entries()) {
      const own = made.findLastIndex(({ by }) => by === each.by)
      const knows = [...each.knows.filter((other) => other < index), ...(own < 0 ? [] : [own])]
      const hlc = knows.reduce((latest, other) => (made[other]!.hlc >= latest ? made[other]!.hlc + 1n : latest), 1n)
      made.push({ ...each, knows, hlc })
    }
    return made
  }
  const worlds = fc
    .array(one, { minLength: 2, maxLength: 10 })
    .chain((all) =>
      fc.tuple(
        fc.constant(dated(all)),
        fc.shuffledSubarray([...all.keys()], { minLength: all.length, maxLength: all.length }),
      ),
    )
  fc.assert(
    fc.property(worlds, ([all, order]) => {
      const { judged } = world(all)
      expect(told(judged(order))).toEqual(told(judged([...all.keys()])))
    }),
    { numRuns: Number(process.env['PROPERTY_RUNS'] ?? 300) },
  )
})

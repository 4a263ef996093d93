/**
 * Who may do what: pure functions over the set of membership events of one authority, which is a space, or a store
 * that lists its own peers (docs/spec/authority.md).
 *
 * An event says: from position p of device d's chain on, d has rank r. It speaks about every store it governs; a
 * store it does not name has p = 0. For a level L, an event of rank ≥ L opens an interval after p; it is closed at
 * the smallest p of the events about d of rank < L that it did not know of (those outside its causal past). The
 * founder of the authority stands above: what others say does not close what the founder concurrently opened, and
 * nothing closes the founder's own rights. A device has level L at seq n if some interval of that level contains n.
 *
 * Which events count: those whose author was an admin in the event's own causal past (`admin`, settled when the event
 * is witnessed, for the past never changes). Taking rights always counts then, so two admins who revoke each other
 * concurrently are both revoked. Giving rights counts only while the author's own chain had not been ended before it:
 * else a revoked admin could go on granting from an old branch.
 *
 * Every loop runs over the events about one device, of which there are a handful.
 */
import { bytesToHex, type Hash, type HexKey, type PublicKey } from '../core/bytes.ts'
import type { Dot } from '../dag/port.ts'
import { compareHeads } from './cell.ts'
import { RANK, type Rank, type SystemAction } from './system-op.ts'

/** What one op says about one device. */
export interface MemberEvent {
  readonly at: Dot
  readonly authorHex: HexKey
  readonly device: HexKey
  readonly deviceKey: PublicKey
  readonly rank: Rank
  /** Store (hex) → position in the device's chain after which `rank` holds; absent: 0. */
  readonly positions: ReadonlyMap<HexKey, number>
  /** A member copied when it had already lost the right to write: what it wrote up to here counts. */
  readonly wroteUntil: number | undefined
  /** What the device could do before that, for showing who was revoked. */
  readonly formerRank: Rank
  /** Part of the op that makes a store independent. */
  readonly copied: boolean
  /** The author was an admin in the event's causal past. */
  readonly admin: boolean
}

export type Verdict = 'apply' | 'exclude' | 'float'

/** `(after, until]` of a device's chain. */
export interface Interval {
  readonly after: number
  readonly until: number
}

/** Whether an event is in the causal past of an intention (an event is in its own). */
export type IsAncestor = (event: Dot, of: Hash) => boolean

/** The events an action makes; none for those that give and take nothing. `storeHex`: the store it stands in. */
export const eventsOf = (action: SystemAction, at: Dot, admin: boolean, storeHex: HexKey): MemberEvent[] => {
  const event = (
    device: PublicKey,
    rank: Rank,
    positions: ReadonlyMap<HexKey, number>,
    wroteUntil?: number,
    formerRank: Rank = rank,
  ): MemberEvent => ({
    at,
    authorHex: bytesToHex(at.author),
    device: bytesToHex(device),
    deviceKey: device,
    rank,
    positions,
    wroteUntil,
    formerRank,
    copied: action.kind === 'make-independent',
    admin,
  })
  switch (action.kind) {
    case 'peer-add':
    case 'set-role':
      return [event(action.device, RANK[action.role], action.positions)]
    case 'peer-revoke':
      return [event(action.device, RANK.none, action.positions)]
    case 'make-independent':
      return action.members.map(({ device, role, revoked, lastSeq }) => {
        const rank = revoked ? RANK.none : RANK[role]
        return rank >= RANK.writer
          ? event(device, rank, new Map())
          : event(device, rank, new Map([[storeHex, lastSeq]]), lastSeq, RANK[role])
      })
    default:
      return []
  }
}

const EMPTY: readonly MemberEvent[] = []

/** One authority's verdicts. Immutable: build a new one when an event is added. */
export class Authority {
  readonly founder: HexKey | undefined
  readonly events: readonly MemberEvent[]
  /** The store lists its own peers, for its whole history. */
  readonly isIndependent: boolean
  readonly #isAncestor: IsAncestor
  readonly #own: HexKey
  readonly #byDevice = new Map<HexKey, MemberEvent[]>()
  /** Events whose giving counts. */
  readonly #opens = new Set<MemberEvent>()

  /** `storeHex`: the authority's own store. `events` in any order; `isAncestor` answers for its DAG. */
  constructor(storeHex: HexKey, founder: HexKey | undefined, events: readonly MemberEvent[], isAncestor: IsAncestor) {
    this.#own = storeHex
    this.founder = founder
    this.#isAncestor = isAncestor
    // A clock is strictly greater than those it follows: this order is topological. Of one instant no event knows of
    // another; which comes last there must not follow from the order of arrival.
    this.events = [...events].sort((a, b) => compareHeads(b.at, a.at))
    for (const event of this.events) {
      const list = this.#byDevice.get(event.device)
      if (list === undefined) this.#byDevice.set(event.device, [event])
      else list.push(event)
    }
    for (const event of this.events) if (event.admin && !this.isCut(event.at)) this.#opens.add(event)
    this.isIndependent = this.events.some((event) => event.copied && this.#opens.has(event))
  }

  #about(device: HexKey): readonly MemberEvent[] {
    return this.#byDevice.get(device) ?? EMPTY
  }

  /** `closing` takes from `open` what it gave: it did not lie in its past, nor is it overruled by the founder. */
  #closes(closing: MemberEvent, open: MemberEvent): boolean {
    if (!closing.admin || this.#isAncestor(closing.at, open.at.hash)) return false
    const concurrent = !this.#isAncestor(open.at, closing.at.hash)
    return !(concurrent && open.authorHex === this.founder && closing.authorHex !== this.founder)
  }

  /** Where the interval that `open` opened at `level` ends. */
  #end(open: MemberEvent, level: Rank, storeHex: HexKey): number {
    let end = Infinity
    for (const other of this.#about(open.device))
      if (other.rank < level && this.#closes(other, open)) end = Math.min(end, other.positions.get(storeHex) ?? 0)
    return end
  }

  /** Whether the author of a system op at `at` was an admin in its causal past. Never changes. */
  wasAdmin(author: HexKey, isPast: (event: Dot) => boolean): boolean {
    if (author === this.founder) return true
    const past = this.#about(author).filter((event) => event.admin && isPast(event.at))
    return past.some(
      (open) => open.rank === RANK.admin && !past.some((other) => other.rank < RANK.admin && this.#closes(other, open)),
    )
  }

  /**
   * Whether a revocation ended the author's chain in the authority's own store before `at`. `isPast` as in `wasAdmin`;
   * left out for an intention that is witnessed.
   */
  isCut(at: Dot, isPast: (event: Dot) => boolean = (event) => this.#isAncestor(event, at.hash)): boolean {
    const author = bytesToHex(at.author)
    if (author === this.founder) return false
    return !this.#about(author).some(
      (open) =>
        open.rank === RANK.admin &&
        this.#opens.has(open) &&
        isPast(open.at) &&
        at.seq <= this.#end(open, RANK.admin, this.#own),
    )
  }

  /** Where each event that made a device an admin stops doing so in the authority's own store, up to `lastSeq`. */
  adminEnds(device: HexKey, lastSeq: number): Map<HexKey, number> {
    const ends = new Map<HexKey, number>()
    for (const open of this.#about(device)) {
      if (open.rank !== RANK.admin || !open.admin) continue
      const end = this.#opens.has(open) ? this.#end(open, RANK.admin, this.#own) : 0
      ends.set(bytesToHex(open.at.hash), Math.min(end, lastSeq))
    }
    return ends
  }

  /** Named by any op at all, whether that counted or not. */
  isKnown(device: HexKey): boolean {
    return device === this.founder || this.#byDevice.has(device)
  }

  /** Where in its chain of a store a device has at least `level`. Overlapping intervals are not merged. */
  intervals(device: HexKey, storeHex: HexKey, level: Rank): Interval[] {
    if (device === this.founder) return [{ after: 0, until: Infinity }]
    const intervals: Interval[] = []
    for (const open of this.#about(device)) {
      if (!this.#opens.has(open)) continue
      if (open.rank >= level) {
        const after = open.positions.get(storeHex) ?? 0
        intervals.push({ after, until: this.#end(open, level, storeHex) })
      } else if (open.wroteUntil !== undefined && level === RANK.writer) {
        intervals.push({ after: 0, until: Math.min(open.wroteUntil, this.#end(open, level, storeHex)) })
      }
    }
    return intervals.filter(({ after, until }) => until > after)
  }

  /** On an intention of `device` at `seq` in a store this authority governs. */
  verdict(device: HexKey, seq: number, storeHex: HexKey, level: Rank): Verdict {
    if (!this.isKnown(device)) return 'float'
    return this.intervals(device, storeHex, level).some(({ after, until }) => seq > after && seq <= until)
      ? 'apply'
      : 'exclude'
  }

  /** What a device may do from now on. */
  rank(device: HexKey): Rank {
    if (device === this.founder) return RANK.admin
    for (const level of [RANK.admin, RANK.writer, RANK.reader])
      if (
        this.#about(device).some(
          (open) => this.#opens.has(open) && open.rank >= level && this.#end(open, level, '' as HexKey) === Infinity,
        )
      )
        return level
    return RANK.none
  }

  /** The highest rank a device ever had here, for showing who was revoked. */
  peakRank(device: HexKey): Rank {
    return this.#about(device).reduce<Rank>(
      (peak, event) => (this.#opens.has(event) && event.formerRank > peak ? event.formerRank : peak),
      device === this.founder ? RANK.admin : RANK.none,
    )
  }

  /** Every device named, and the founder first. */
  devices(): HexKey[] {
    const devices = [...this.#byDevice.keys()].filter((device) => device !== this.founder)
    return this.founder === undefined ? devices : [this.founder, ...devices]
  }

  keyOf(device: HexKey): PublicKey | undefined {
    return this.#about(device)[0]?.deviceKey
  }
}

const clip = (intervals: readonly Interval[], lastSeq: number): Interval[] => {
  const clipped = intervals
    .map(({ after, until }) => ({ after, until: Math.min(until, lastSeq) }))
    .filter(({ after, until }) => until > after)
    .sort((a, b) => a.after - b.after)
  const merged: Interval[] = []
  for (const interval of clipped) {
    const last = merged.at(-1)
    if (last !== undefined && interval.after <= last.until)
      merged[merged.length - 1] = { after: last.after, until: Math.max(last.until, interval.until) }
    else merged.push(interval)
  }
  return merged
}

/**
 * Whether two authorities judge any intention of a store differently that its author has already there.
 * `lastSeq`: how far a device's chain is witnessed in that store.
 */
export const verdictsDiffer = (
  before: Authority,
  after: Authority,
  storeHex: HexKey,
  lastSeq: (device: HexKey) => number,
): boolean => {
  for (const device of new Set([...before.devices(), ...after.devices()])) {
    const last = lastSeq(device)
    if (last === 0) continue
    for (const level of [RANK.reader, RANK.writer, RANK.admin]) {
      const [was, is] = [before, after].map((authority) => clip(authority.intervals(device, storeHex, level), last))
      if (JSON.stringify(was) !== JSON.stringify(is)) return true
    }
  }
  return false
}

/**
 * Whether `isCut` answers differently for any op that its author has in the authority's own store already. Events
 * that only `after` knows are in the past of none of them.
 */
export const cutsDiffer = (before: Authority, after: Authority, lastSeq: (device: HexKey) => number): boolean => {
  for (const device of before.devices()) {
    const last = lastSeq(device)
    if (last === 0 || device === before.founder) continue
    const now = after.adminEnds(device, last)
    for (const [event, end] of before.adminEnds(device, last)) if (now.get(event) !== end) return true
  }
  return false
}

/**
 * Where everything takes effect and whether it lives: brings the index up to date with each op. Together with the
 * entries (entries.ts) and what is derived from them (merging.ts):
 *
 *   r/<inode16> → u8   a directory hangs at its 2nd (1) or 3rd (2) place, its move reverted to break a cycle
 *   i/<inode16> → u8   what is in conflict within the inode: 1 its contents, 2 its links, 3 both
 */
import { ByteMap } from '#kernel/core/byte-map.ts'
import { bytesToHex, compareBytes, equalBytes } from '#kernel/core/bytes.ts'
import type { CellReader, DerivedReader, StateReader, StateTables } from '#kernel/state/port.ts'
import { isEmpty, isEntered } from './entries.ts'
import { compareDots, conflictsWithin, inodeState, livesByItself, placesOf, type InodeState } from './inode.ts'
import { enter, leave, rejudge } from './merging.ts'
import type { Inode } from './port.ts'
import { INODE_LENGTH, isRoot, key, type Place } from './values.ts'

const REVERTED = 0x72
const CONFLICTED = 0x69

const levelOf = (derived: DerivedReader, inode: Inode): number => derived.get(key(REVERTED, inode))?.[0] ?? 0

/** Where an inode takes effect, whether it lives or not. */
export const effectivePlace = (derived: DerivedReader, state: InodeState): Place => {
  const places = placesOf(state)
  const level = state.kind === 'dir' ? levelOf(derived, state.inode) : 0
  return places[Math.min(level, places.length - 1)]!
}

/** The place of an inode that lives; undefined if it does not. Living is not yet being reachable from the root. */
export const livingPlace = (tables: StateReader, state: InodeState): Place | undefined => {
  const place = effectivePlace(tables.derived, state)
  return isEntered(tables.derived, state.inode, place) ? place : undefined
}

/**
 * Which directories must hang at a later one of their places so that there is no cycle. While there is one, its
 * earliest link gives way. Cycles do not overlap and only that rule breaks one, so the order of breaking is free.
 *
 * Every cycle there can be runs through `changed` or through a directory reverted before, so the cost is that of
 * walking up from those.
 */
const breakCycles = (cells: CellReader, derived: DerivedReader, changed: Inode): ReadonlyMap<string, Reverted> => {
  const levels = new Map<string, Reverted>()
  const states = new Map<string, InodeState | undefined>()
  const stateOf = (inode: Inode) => {
    const id = bytesToHex(inode)
    if (!states.has(id)) states.set(id, inodeState(cells, inode))
    const state = states.get(id)
    return state?.kind === 'dir' ? state : undefined
  }
  const starts: Inode[] = [changed]
  for (const [bytes] of derived.range({ gte: key(REVERTED), lt: Uint8Array.of(REVERTED, 0x30) }))
    starts.push(bytes.slice(2) as Inode)
  for (let start = starts.pop(); start !== undefined; start = starts.pop()) {
    const loop = findCycle(start, stateOf, levels)
    if (loop === undefined) continue
    const earliest = loop.reduce((a, b) =>
      (compareDots(a.head, b.head) || compareBytes(a.inode, b.inode)) > 0 ? a : b,
    )
    const id = bytesToHex(earliest.inode)
    levels.set(id, { inode: earliest.inode, level: (levels.get(id)?.level ?? 0) + 1 })
    starts.push(start, earliest.inode)
  }
  return levels
}

interface Reverted {
  readonly inode: Inode
  readonly level: number
}

/** The directories of the cycle that the way up from `start` runs into, if it does not end. */
const findCycle = (
  start: Inode,
  stateOf: (inode: Inode) => InodeState | undefined,
  levels: ReadonlyMap<string, Reverted>,
): readonly InodeState[] | undefined => {
  const way: InodeState[] = []
  const at = new Map<string, number>()
  let inode = start
  while (!isRoot(inode)) {
    const id = bytesToHex(inode)
    const seen = at.get(id)
    if (seen !== undefined) return way.slice(seen)
    const state = stateOf(inode)
    if (state === undefined) return undefined
    at.set(id, way.length)
    way.push(state)
    const places = placesOf(state)
    inode = places[Math.min(levels.get(id)?.level ?? 0, places.length - 1)]!.parent
  }
  return undefined
}

/** What `replace` tells of: `from` and `to` are undefined where the inode did not or does not live. */
export interface Moved {
  readonly inode: Inode
  readonly from: Place | undefined
  readonly to: Place | undefined
  /** Others may look different because it left `from`. */
  readonly leavesTrace: boolean
}

interface Stale {
  readonly inode: Inode
  readonly from: Place | undefined
}

const sameDot = (a: InodeState, b: InodeState): boolean => equalBytes(a.head.hash, b.head.hash)

const samePlace = (a: Place | undefined, b: Place | undefined): boolean =>
  a === b || (a !== undefined && b !== undefined && a.name === b.name && equalBytes(a.parent, b.parent))

/**
 * Runs `write`, which changes the cells of `inode` alone, and brings the index up to date.
 * Returns every inode that hangs elsewhere than before.
 */
export const replace = (tables: StateTables, inode: Inode, write: () => void): readonly Moved[] => {
  const { cells, derived } = tables
  const before = inodeState(cells, inode)
  const from = before && livingPlace(tables, before)
  const conflicted = before ? conflictsWithin(cells, before) : 0
  write()
  const after = inodeState(cells, inode)
  const relinked = !before || !after || !equalBytes(before.head.value!, after.head.value!) || !sameDot(before, after)
  noteConflicts(tables, inode, conflicted, after)
  if (!relinked && from && livesByItself(cells, after)) {
    if (after.kind !== 'dir') rejudge(tables, from)
    return []
  }
  const stale: Stale[] = [{ inode, from }]
  if (relinked && (before?.kind === 'dir' || after?.kind === 'dir'))
    stale.push(...revert(tables, inode, breakCycles(cells, derived, inode)))
  const moved = new ByteMap<Moved>()
  const note = (change: Moved) => {
    const known = moved.get(change.inode)
    const leavesTrace = change.leavesTrace || known?.leavesTrace === true
    moved.set(change.inode, known ? { ...known, to: change.to, leavesTrace } : change)
  }
  // All first: raising one of them may raise another above it.
  for (const each of stale) {
    const leavesTrace = each.from !== undefined && leave(tables, each.inode, each.from)
    note({ ...each, to: undefined, leavesTrace })
  }
  for (const each of stale) {
    const state = inodeState(cells, each.inode)
    if (state && (livesByItself(cells, state) || (state.kind === 'dir' && !isEmpty(derived, each.inode))))
      raise(tables, state, note)
  }
  for (const { from: place } of stale) if (place) bury(tables, place.parent, note)
  return moved.values().filter(({ from: a, to: b, leavesTrace }) => leavesTrace || !samePlace(a, b))
}

const noteConflicts = ({ cells, derived }: StateTables, inode: Inode, before: number, state?: InodeState): void => {
  const now = state ? conflictsWithin(cells, state) : 0
  if (now === before) return
  if (now === 0) derived.delete(key(CONFLICTED, inode))
  else derived.put(key(CONFLICTED, inode), Uint8Array.of(now))
}

/** What is in conflict within one inode that lives (see `conflictsWithin`). */
export const conflictedWithin = (derived: DerivedReader, inode: Inode): number =>
  derived.get(key(CONFLICTED, inode))?.[0] ?? 0

/** Every inode with a conflict of its own, and of what (see `conflictsWithin`), in their order, from that one on. */
export const conflictedInodes = function* (
  derived: DerivedReader,
  from: Uint8Array = new Uint8Array(),
): Generator<{ readonly inode: Inode; readonly what: number }> {
  for (const [bytes, value] of derived.range({ gte: key(CONFLICTED, from), lt: Uint8Array.of(CONFLICTED, 0x30) }))
    yield { inode: bytes.slice(2, 2 + INODE_LENGTH) as Inode, what: value[0]! }
}

/** Writes down which directories are reverted now; returns those other than `inode` whose place that changes. */
const revert = (tables: StateTables, inode: Inode, levels: ReadonlyMap<string, Reverted>): Stale[] => {
  const { cells, derived } = tables
  const old = new Map<string, Reverted>()
  for (const [bytes, value] of derived.range({ gte: key(REVERTED), lt: Uint8Array.of(REVERTED, 0x30) })) {
    const each = bytes.slice(2) as Inode
    old.set(bytesToHex(each), { inode: each, level: value[0]! })
  }
  const stale: Stale[] = []
  for (const [id, { inode: each }] of new Map([...old, ...levels])) {
    const level = levels.get(id)?.level ?? 0
    if ((old.get(id)?.level ?? 0) === level) continue
    const state = inodeState(cells, each)
    if (state && !equalBytes(each, inode)) stale.push({ inode: each, from: livingPlace(tables, state) })
    if (level === 0) derived.delete(key(REVERTED, each))
    else derived.put(key(REVERTED, each), Uint8Array.of(level))
  }
  return stale
}

/** Enters an inode that lives; a deleted directory it hangs in lives with it, and so on upwards. */
const raise = (tables: StateTables, state: InodeState, note: (change: Moved) => void): void => {
  const { cells, derived } = tables
  for (let each: InodeState | undefined = state; each !== undefined;) {
    const place = effectivePlace(derived, each)
    if (!enter(tables, each.inode, each.kind, place)) return
    note({ inode: each.inode, from: undefined, to: place, leavesTrace: false })
    const parent: InodeState | undefined = isRoot(place.parent) ? undefined : inodeState(cells, place.parent)
    each = parent?.kind === 'dir' && parent.trashed ? parent : undefined
  }
}

/** Takes out a deleted directory in which nothing lives any more, and so on upwards. */
const bury = (tables: StateTables, dir: Inode, note: (change: Moved) => void): void => {
  const { cells, derived } = tables
  for (let inode = dir; !isRoot(inode);) {
    const state = inodeState(cells, inode)
    if (state?.kind !== 'dir' || !state.trashed) return
    const place = livingPlace(tables, state)
    if (place === undefined || livesByItself(cells, state) || !isEmpty(derived, inode)) return
    const leavesTrace = leave(tables, inode, place)
    note({ inode, from: place, to: undefined, leavesTrace })
    inode = place.parent
  }
}

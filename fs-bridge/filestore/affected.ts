/**
 * Which inodes may look different after some changes: those changed, those that share a name with them now, those
 * that shared one before, and, where directories were or are merged into one, what hangs in them.
 */
import { ByteMap } from '#kernel/core/byte-map.ts'
import { bytesToHex } from '#kernel/core/bytes.ts'
import type { Change, StateReader } from '#kernel/state/port.ts'
import { entriesOf, isEmpty } from './entries.ts'
import { inodeState } from './inode.ts'
import { livingPlace } from './placement.ts'
import type { Affected, Inode } from './port.ts'
import { basesAt, entriesAt, groupOf } from './slot.ts'
import { inodeKey, parseKey, type Place } from './values.ts'

/** A name of a directory, with who is said to have left it. */
interface Spot {
  readonly place: Place
  readonly left: Inode[]
}

export const affectedInodes = (state: StateReader, changes: readonly Change[]): readonly Affected[] => {
  const found = new ByteMap<Affected>()
  const add = (inode: Inode) => found.set(inode, { inode, isGone: false })
  const spots = new Map<string, Spot>()
  const spotAt = (place: Place): Spot => {
    const id = spotId(place)
    const spot = spots.get(id) ?? { place, left: [] }
    spots.set(id, spot)
    return spot
  }
  for (const change of changes) {
    const parsed = parseKey(change.key)
    if (parsed === undefined) continue
    if (parsed.table === 'gone') {
      if (!found.has(parsed.inode)) found.set(parsed.inode, { inode: parsed.inode, isGone: true })
      continue
    }
    if (parsed.table === 'vacated') spotAt(parsed.from).left.push(parsed.inode)
    // Where it hangs now is the same whichever of its keys changed.
    if (found.get(parsed.inode)?.isGone === false) continue
    add(parsed.inode)
    const inode = inodeState(state.cells, parsed.inode)
    const place = inode && livingPlace(state, inode)
    if (place) spotAt(place)
  }
  const merges: Inode[][] = []
  for (const { place, left } of spots.values()) {
    const group = groupOf(state, place.parent) ?? [place.parent]
    const here = entriesAt(state, group, place.name)
    for (const { inode } of here) add(inode)
    for (const base of basesAt(state, group, place.name))
      for (const { inode } of entriesAt(state, group, base)) add(inode)
    if (left.length + here.length < 2) continue
    const dirs = [...left, ...here.map(({ inode }) => inode)]
    // Only a directory has anything in it, be it that it was one until now.
    const distinct = [...new Map(dirs.map((inode) => [bytesToHex(inode), inode])).values()].filter(
      (inode) => inodeState(state.cells, inode)?.kind === 'dir' || !isEmpty(state.derived, inode),
    )
    if (distinct.length > 1) merges.push(distinct)
  }
  // Where directories were and where they are taken together may lead in a circle.
  const looked = new Set<string>()
  for (let dirs = merges.pop(); dirs !== undefined; dirs = merges.pop()) {
    const id = dirs
      .map((dir) => bytesToHex(dir))
      .sort()
      .join()
    if (looked.has(id)) continue
    looked.add(id)
    merges.push(...mergedBelow(state, dirs, spots, add))
  }
  return found.values()
}

const spotId = ({ parent, name }: Place): string => `${inodeKey(parent)}/${name}`

/** Adds all that hangs in directories that are or were one; returns the sets of directories merged therein. */
const mergedBelow = (
  state: StateReader,
  dirs: readonly Inode[],
  spots: ReadonlyMap<string, Spot>,
  add: (inode: Inode) => void,
): Inode[][] => {
  const byName = new Map<string, Inode[]>()
  const note = (name: string, inode: Inode) => byName.set(name, [...(byName.get(name) ?? []), inode])
  for (const dir of dirs)
    for (const { name, inode, kind } of entriesOf(state.derived, dir)) {
      add(inode)
      if (kind === 'dir') note(name, inode)
    }
  for (const { place, left } of spots.values())
    if (dirs.some((dir) => bytesToHex(dir) === bytesToHex(place.parent)))
      for (const each of left) note(place.name, each)
  return [...byName.values()].filter((inodes) => inodes.length > 1)
}

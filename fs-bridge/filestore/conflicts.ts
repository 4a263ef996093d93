/**
 * All that is in conflict: within one inode (its contents, its links), and between those that claim one name. Read
 * from the index of conflicts, whatever the size of the tree.
 */
import {
  bytesToHex,
  compareBytes,
  decodeUtf8,
  encodeUtf8,
  equalBytes,
  hexToBytes,
  type HexKey,
} from '#kernel/core/bytes.ts'
import { invariant } from '#kernel/core/result.ts'
import type { Head, StateReader } from '#kernel/state/port.ts'
import { CONTENT_CONFLICT, inodeState, LINK_CONFLICT, openLinks, sameData, shownContents } from './inode.ts'
import { clashesAt, clashingPlaces } from './merging.ts'
import { conflictedInodes, conflictedWithin, livingPlace } from './placement.ts'
import type { Conflict, DeviceName, Inode } from './port.ts'
import { groupOf, pathOf, seenInSlot, slotAt, slotOf, type Group } from './slot.ts'
import type { Place } from './values.ts'

type ConflictHead = Conflict['heads'][number]

const CONTENT_AT = /^i([0-9a-f]{32})([12])$/
const CLASH_AT = /^k([0-9a-f]{32})((?:[0-9a-f]{2}){1,255})$/
const INODE_ID = /^(link-)?([0-9a-f]{32})$/
const CLASH_ID = /^([0-9a-f]{32})-[0-9a-f-]+$/

const bytesOfHex = (hex: string): Uint8Array => {
  const bytes = hexToBytes(hex)
  invariant(bytes.ok, 'the pattern lets hex through alone')
  return bytes.value
}
const inodeOf = (hex: string): Inode => bytesOfHex(hex) as Inode

const within = function* (state: StateReader, deviceName: DeviceName, inode: Inode, what: number): Generator<Conflict> {
  const slot = slotOf(state, inode)
  if (slot === undefined) return
  const owner = inodeState(state.cells, inode)!
  const path = pathOf(state, slot.group[0]!, slot.name)
  const hex = bytesToHex(inode)
  const headOf = (head: Head, name: string): ConflictHead => ({ ...head, inode, device: deviceName(head.author), name })
  if (what & CONTENT_CONFLICT) {
    const seen = seenInSlot(state, slot, deviceName)
    const heads = shownContents(state.cells, owner).map(({ head, content }) => {
      const shown = seen.find(
        ({ visible }) => visible.kind === owner.kind && visible.content && sameData(visible.content, content),
      )
      return headOf(head, shown?.visible.name ?? slot.name)
    })
    yield { id: hex, at: `i${hex}${CONTENT_CONFLICT}`, path, kind: 'content', heads }
  }
  if (what & LINK_CONFLICT) {
    const heads = openLinks(owner).map(({ head, link }) => headOf(head, link.name))
    yield { id: `link-${hex}`, at: `i${hex}${LINK_CONFLICT}`, path, kind: 'link', heads }
  }
}

/** Different things that claim one name; undefined: one thing. */
const clashIn = (
  state: StateReader,
  deviceName: DeviceName,
  { group, name }: { readonly group: Group; readonly name: string },
): Conflict | undefined => {
  const slot = slotAt(state, group, name)
  const heads: ConflictHead[] = []
  for (const { visible, claim } of seenInSlot(state, slot, deviceName)) {
    if (claim?.lost) continue
    const head = claim?.content.head ?? slot.dirs[0]!.contents[0]?.head ?? slot.dirs[0]!.state.head
    heads.push({ ...head, inode: visible.inode, device: deviceName(head.author), name: visible.name })
  }
  if (heads.length < 2) return undefined
  const ids = heads.map(({ inode }) => bytesToHex(inode)).sort()
  const first = firstNamed(state, group, name)
  const at = `k${bytesToHex(first ?? group[0]!)}${bytesToHex(encodeUtf8(name))}`
  const path = pathOf(state, group[0]!, name)
  return { id: ids.join('-'), at, path, kind: slot.dirs.length > 0 ? 'kind' : 'name', heads }
}

/** The directory under which a clash of merged directories is listed: the lowest that takes part. */
const firstNamed = (state: StateReader, group: Group, name: string): Inode | undefined =>
  group.filter((parent) => clashesAt(state.derived, { parent, name })).sort(compareBytes)[0]

/** Names that clash below the root, each once, with the directories merged there. */
const clashes = function* (
  state: StateReader,
  from?: Place,
): Generator<{ readonly group: Group; readonly name: string }> {
  const groups = new Map<HexKey, Group | undefined>()
  for (const { parent, name } of clashingPlaces(state.derived, from)) {
    const id = bytesToHex(parent)
    if (!groups.has(id)) groups.set(id, groupOf(state, parent))
    const group = groups.get(id)
    if (group === undefined) continue
    if (group.length === 1 || equalBytes(firstNamed(state, group, name)!, parent)) yield { group, name }
  }
}

const afterPlace = (at: string): Place | undefined => {
  const [, parent, name] = CLASH_AT.exec(at) ?? []
  const text = name === undefined ? undefined : decodeUtf8(bytesOfHex(name))
  return parent === undefined || text === undefined ? undefined : { parent: inodeOf(parent), name: text }
}

export const conflictsIn = function* (state: StateReader, deviceName: DeviceName, after = ''): Generator<Conflict> {
  const place = afterPlace(after)
  if (place === undefined) {
    const [, inode] = CONTENT_AT.exec(after) ?? []
    const from = inode === undefined ? undefined : inodeOf(inode)
    for (const found of conflictedInodes(state.derived, from))
      for (const conflict of within(state, deviceName, found.inode, found.what))
        if (from === undefined || conflict.at > after) yield conflict
  }
  for (const where of clashes(state, place)) {
    const conflict = clashIn(state, deviceName, where)
    invariant(conflict !== undefined, 'the index names a clash where there is none')
    if (place === undefined || conflict.at > after) yield conflict
  }
}

/** The one of that id. */
export const conflictOf = (state: StateReader, deviceName: DeviceName, id: string): Conflict | undefined => {
  const [, , own] = INODE_ID.exec(id) ?? []
  if (own !== undefined) {
    const inode = inodeOf(own)
    return within(state, deviceName, inode, conflictedWithin(state.derived, inode)).find((each) => each.id === id)
  }
  const [, first] = CLASH_ID.exec(id) ?? []
  const slot = first === undefined ? undefined : slotOf(state, inodeOf(first))
  const conflict = slot && clashIn(state, deviceName, slot)
  return conflict?.id === id ? conflict : undefined
}

/** How many `conflictsIn` gives, without reading what they are about. */
export const countConflicts = (state: StateReader): number => {
  let count = 0
  const reachable = new Map<HexKey, boolean>()
  const isReachable = (dir: Inode): boolean => {
    const id = bytesToHex(dir)
    const known = reachable.get(id) ?? groupOf(state, dir) !== undefined
    reachable.set(id, known)
    return known
  }
  for (const { inode, what } of conflictedInodes(state.derived)) {
    const found = inodeState(state.cells, inode)
    const place = found && livingPlace(state, found)
    if (place && isReachable(place.parent)) count += what === (CONTENT_CONFLICT | LINK_CONFLICT) ? 2 : 1
  }
  for (const _ of clashes(state)) count++
  return count
}

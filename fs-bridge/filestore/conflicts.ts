/**
 * All that is in conflict: within one inode (its contents, its links), and between those that claim one name. Read
 * from the index of conflicts, whatever the size of the tree.
 */
import { bytesToHex, type HexKey } from '#kernel/core/bytes.ts'
import { invariant } from '#kernel/core/result.ts'
import type { Head, StateReader } from '#kernel/state/port.ts'
import { CONTENT_CONFLICT, inodeState, LINK_CONFLICT, openLinks, sameData, shownContents } from './inode.ts'
import { clashingPlaces } from './merging.ts'
import { conflictedInodes, livingPlace } from './placement.ts'
import type { Conflict, DeviceName, Inode } from './port.ts'
import { groupOf, pathOf, seenInSlot, slotAt, slotOf, type Group, type Slot } from './slot.ts'

type ConflictHead = Conflict['heads'][number]

const within = function* (state: StateReader, deviceName: DeviceName, inode: Inode, what: number): Generator<Conflict> {
  const slot = slotOf(state, inode)
  if (slot === undefined) return
  const owner = inodeState(state.cells, inode)!
  const path = pathOf(state, slot.group[0]!, slot.name)
  const headOf = (head: Head, name: string): ConflictHead => ({ ...head, inode, device: deviceName(head.author), name })
  if (what & CONTENT_CONFLICT) {
    const seen = seenInSlot(state, slot, deviceName)
    const heads = shownContents(state.cells, owner).map(({ head, content }) => {
      const shown = seen.find(
        ({ visible }) => visible.kind === owner.kind && visible.content && sameData(visible.content, content),
      )
      return headOf(head, shown?.visible.name ?? slot.name)
    })
    yield { id: bytesToHex(inode), path, kind: 'content', heads }
  }
  if (what & LINK_CONFLICT) {
    const heads = openLinks(owner).map(({ head, link }) => headOf(head, link.name))
    yield { id: `link-${bytesToHex(inode)}`, path, kind: 'link', heads }
  }
}

/** Different things that claim one name. */
const clashIn = (state: StateReader, deviceName: DeviceName, slot: Slot): Conflict => {
  const heads: ConflictHead[] = []
  for (const { visible, claim } of seenInSlot(state, slot, deviceName)) {
    if (claim?.lost) continue
    const head = claim?.content.head ?? slot.dirs[0]!.contents[0]?.head ?? slot.dirs[0]!.state.head
    heads.push({ ...head, inode: visible.inode, device: deviceName(head.author), name: visible.name })
  }
  invariant(heads.length > 1, 'the index names a clash where there is none')
  const ids = heads.map(({ inode }) => bytesToHex(inode)).sort()
  const path = pathOf(state, slot.group[0]!, slot.name)
  return { id: ids.join('-'), path, kind: slot.dirs.length > 0 ? 'kind' : 'name', heads }
}

/** Names that clash below the root, each once, with the directories merged there. */
const clashes = function* (state: StateReader): Generator<{ readonly group: Group; readonly name: string }> {
  const groups = new Map<HexKey, Group | undefined>()
  const seen = new Set<string>()
  for (const { parent, name } of clashingPlaces(state.derived)) {
    const id = bytesToHex(parent)
    if (!groups.has(id)) groups.set(id, groupOf(state, parent))
    const group = groups.get(id)
    if (group === undefined) continue
    const slot = `${bytesToHex(group[0]!)}/${name}`
    if (seen.has(slot)) continue
    seen.add(slot)
    yield { group, name }
  }
}

export const conflictsIn = function* (state: StateReader, deviceName: DeviceName): Generator<Conflict> {
  for (const { inode, what } of conflictedInodes(state.derived)) yield* within(state, deviceName, inode, what)
  for (const { group, name } of clashes(state)) yield clashIn(state, deviceName, slotAt(state, group, name))
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

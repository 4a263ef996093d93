/**
 * One directory in parts, in the order of the names' bytes: for those who show it page by page. What hangs under its
 * own name comes in that order out of the index; names that conflicts made are found by the index of conflicts, at the
 * cost of the conflicts there are.
 */
import { bytesToHex, equalBytes } from '#kernel/core/bytes.ts'
import { StateSnapshot } from '#kernel/state/snapshot.ts'
import { CONTENT_CONFLICT, inodeState } from './inode.ts'
import { clashingNames } from './merging.ts'
import { conflictedInodes, conflictedWithin, livingPlace } from './placement.ts'
import type { Inode, Visible } from './port.ts'
import { compareNames, groupOf, seenInSlot, slotAt, slotsOf, type Group } from './slot.ts'
import type { Tree } from './tree.ts'

/** Something seen that is a side of a conflict, and the id of that (see `Conflict.id`). */
export interface Contested {
  readonly visible: Visible
  readonly conflict: string
}

/** Up to `limit` things seen under their own names, after a name. */
export const plainAfter = ({ state, deviceName }: Tree, dir: Inode, after: string, limit: number): Visible[] => {
  const snapshot = new StateSnapshot(state)
  const group = groupOf(snapshot, dir)
  const found: Visible[] = []
  if (group === undefined) return found
  for (const slot of slotsOf(snapshot, group, after)) {
    const [plain] = seenInSlot(snapshot, slot, deviceName)
    if (plain) found.push(plain.visible)
    if (found.length >= limit) break
  }
  return found
}

/** The names of a directory that are in conflict, or whose things are. In no order. */
export const contestedNames = ({ state }: Tree, dir: Inode): readonly string[] => {
  const snapshot = new StateSnapshot(state)
  const group = groupOf(snapshot, dir) ?? []
  const names = new Set(group.flatMap((parent) => [...clashingNames(snapshot.derived, parent)]))
  for (const { inode } of conflictedInodes(snapshot.derived)) {
    const found = inodeState(snapshot.cells, inode)
    const place = found && livingPlace(snapshot, found)
    if (place && group.some((parent) => equalBytes(parent, place.parent))) names.add(place.name)
  }
  return [...names]
}

/** All that is seen of one contested name of a directory, the one under the plain name first. */
export const contestedAt = ({ state, deviceName }: Tree, dir: Inode, name: string): readonly Contested[] => {
  const snapshot = new StateSnapshot(state)
  const group: Group = groupOf(snapshot, dir) ?? []
  const seen = seenInSlot(snapshot, slotAt(snapshot, group, name), deviceName)
  const rivals = seen.filter(({ claim }) => !claim?.lost).map(({ visible }) => bytesToHex(visible.inode))
  return seen.flatMap(({ visible }) => {
    const what = conflictedWithin(snapshot.derived, visible.inode)
    const hex = bytesToHex(visible.inode)
    const conflict =
      what & CONTENT_CONFLICT ? hex : rivals.length > 1 ? [...rivals].sort().join('-') : what ? `link-${hex}` : ''
    return conflict === '' ? [] : [{ visible, conflict }]
  })
}

/** In the order of names. */
export const byName = (a: { readonly name: string }, b: { readonly name: string }): number =>
  compareNames(a.name, b.name)

/** The visible tree: reads the cells and the index as everyone sees them. Keeps nothing; reads the state as it is. */
import { equalBytes, HASH_LENGTH, type Hash } from '#kernel/core/bytes.ts'
import type { Change, StateReader } from '#kernel/state/port.ts'
import { affectedInodes } from './affected.ts'
import { conflictOf, conflictsIn, countConflicts } from './conflicts.ts'
import type { DeviceName, FileTree, Inode, Visible } from './port.ts'
import { basesAt, groupOf, pathOf, seenInSlot, slotAt, slotOf, slotsOf } from './slot.ts'
import { isRoot, ROOT } from './values.ts'

/** What hides behind an appearance because it holds the same data under the same name. */
export interface Twin {
  readonly inode: Inode
  readonly contentHead: Hash
  readonly linkHead: Hash
}

/** The port, and what resolving conflicts needs besides. */
export interface Tree extends FileTree {
  readonly state: StateReader
  readonly deviceName: DeviceName
  /** What would come to light if the appearance went or changed. Several contents of one inode are not twins. */
  twins(visible: Visible): readonly Twin[]
  /** The inodes merged into the directory seen, itself first. */
  merged(dir: Inode): readonly Inode[]
}

const ROOT_VISIBLE: Visible = {
  inode: ROOT,
  parent: ROOT,
  name: '',
  kind: 'dir',
  content: undefined,
  contentHead: undefined,
  linkHead: new Uint8Array(HASH_LENGTH) as Hash,
  conflict: 'none',
}

const at = (state: StateReader, deviceName: DeviceName, parent: Inode, name: string): Visible | undefined => {
  const group = groupOf(state, parent)
  if (group === undefined) return undefined
  const [plain] = seenInSlot(state, slotAt(state, group, name), deviceName)
  if (plain) return plain.visible
  for (const base of basesAt(state, group, name))
    for (const { visible } of seenInSlot(state, slotAt(state, group, base), deviceName))
      if (visible.name === name) return visible
  return undefined
}

const children = function* (state: StateReader, deviceName: DeviceName, dir: Inode): Generator<Visible> {
  const group = groupOf(state, dir)
  if (group === undefined) return
  for (const slot of slotsOf(state, group)) for (const { visible } of seenInSlot(state, slot, deviceName)) yield visible
}

const appearances = (state: StateReader, deviceName: DeviceName, inode: Inode): readonly Visible[] => {
  if (isRoot(inode)) return [ROOT_VISIBLE]
  const slot = slotOf(state, inode)
  if (slot === undefined) return []
  const seen: Visible[] = []
  for (const { visible } of seenInSlot(state, slot, deviceName))
    if (equalBytes(visible.inode, inode)) seen.push(visible)
  return seen
}

const twins = (state: StateReader, deviceName: DeviceName, visible: Visible): readonly Twin[] => {
  const slot = slotOf(state, visible.inode)
  if (slot === undefined || visible.kind === 'dir' || slot.claims.every(({ twinOf }) => twinOf === undefined)) return []
  const shown = seenInSlot(state, slot, deviceName).find(
    ({ visible: { inode, contentHead } }) =>
      equalBytes(inode, visible.inode) &&
      contentHead !== undefined &&
      visible.contentHead !== undefined &&
      equalBytes(contentHead, visible.contentHead),
  )
  return slot.claims
    .filter(({ twinOf, contender }) => twinOf === shown?.claim && !equalBytes(contender.state.inode, visible.inode))
    .filter(({ twinOf }) => twinOf !== undefined)
    .map(({ contender: { state: owner }, content }) => ({
      inode: owner.inode,
      contentHead: content.head.hash,
      linkHead: owner.head.hash,
    }))
}

/** The tree of a filestore, read from its state at each call. `deviceName` names authors in conflict names. */
export const openTree = (state: StateReader, deviceName: DeviceName): Tree => {
  const tree: Tree = {
    state,
    deviceName,
    at: (parent, name) => at(state, deviceName, parent, name),
    appearances: (inode) => appearances(state, deviceName, inode),
    children: (dir) => children(state, deviceName, dir),
    resolve: (path) => {
      let visible: Visible | undefined = ROOT_VISIBLE
      for (const name of path === '' ? [] : path.split('/')) {
        if (visible?.kind !== 'dir') return undefined
        visible = at(state, deviceName, visible.inode, name)
      }
      return visible
    },
    pathOf: ({ parent, name }) => pathOf(state, parent, name),
    conflicts: (after) => conflictsIn(state, deviceName, after),
    conflict: (id) => conflictOf(state, deviceName, id),
    conflictCount: () => countConflicts(state),
    affected: (changes: readonly Change[]) => affectedInodes(state, changes),
    twins: (visible) => twins(state, deviceName, visible),
    merged: (dir) => groupOf(state, dir) ?? [],
  }
  return tree
}

/** The visible tree: reads the cells and the index as everyone sees them. Keeps nothing; reads the state as it is. */
import { bytesToHex, equalBytes, HASH_LENGTH, type Hash } from '#kernel/core/bytes.ts'
import type { Change, Head, StateReader } from '#kernel/state/port.ts'
import { affectedInodes } from './affected.ts'
import { inodeState, sameData } from './inode.ts'
import { effectivePlace, livingPlace, sharedPlaces } from './placement.ts'
import type { Conflict, DeviceName, FileTree, Inode, Visible } from './port.ts'
import { basesAt, groupOf, seenInSlot, slotAt, slotsOf, type Claim, type Slot } from './slot.ts'
import { CONTENT_RANGE, isRoot, isTrash, LINK_RANGE, ROOT } from './values.ts'

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

const slotOf = (state: StateReader, inode: Inode): Slot | undefined => {
  const found = inodeState(state.cells, inode)
  const place = found && livingPlace(state, found)
  const group = place && groupOf(state, place.parent)
  return group && slotAt(state, group, place.name)
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

const pathOfDir = (state: StateReader, dir: Inode): string[] => {
  const names: string[] = []
  for (let inode = dir; !isRoot(inode);) {
    const found = inodeState(state.cells, inode)
    if (found === undefined) return names
    const place = effectivePlace(state.derived, found)
    names.unshift(place.name)
    inode = place.parent
  }
  return names
}

const pathOf = (state: StateReader, { parent, name }: Visible): string =>
  [...pathOfDir(state, parent), name].filter((each) => each !== '').join('/')

const children = function* (state: StateReader, deviceName: DeviceName, dir: Inode): Generator<Visible> {
  const group = groupOf(state, dir)
  if (group === undefined) return
  for (const slot of slotsOf(state, group)) for (const { visible } of seenInSlot(state, slot, deviceName)) yield visible
}

const appearances = (state: StateReader, deviceName: DeviceName, inode: Inode): readonly Visible[] => {
  if (isRoot(inode)) return [ROOT_VISIBLE]
  const slot = slotOf(state, inode)
  if (slot === undefined) return []
  return seenInSlot(state, slot, deviceName)
    .map(({ visible }) => visible)
    .filter((visible) => equalBytes(visible.inode, inode))
}

const twins = (state: StateReader, deviceName: DeviceName, visible: Visible): readonly Twin[] => {
  const slot = slotOf(state, visible.inode)
  if (slot === undefined || visible.kind === 'dir') return []
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

type ConflictHead = Conflict['heads'][number]

/** What is in conflict within one inode: its contents and its links. */
const conflictsOf = function* (state: StateReader, deviceName: DeviceName, inode: Inode): Generator<Conflict> {
  const found = inodeState(state.cells, inode)
  const slot = slotOf(state, inode)
  if (found === undefined || slot === undefined) return
  const device = ({ author }: Head) => deviceName(author)
  const seen = seenInSlot(state, slot, deviceName)
  const path = pathOf(state, { ...ROOT_VISIBLE, parent: slot.group[0]!, name: slot.name })
  const contender = slot.claims.find(({ contender: { state: owner } }) => equalBytes(owner.inode, inode))?.contender
  if (contender && contender.contents.length > 1) {
    const heads = contender.contents.map(({ head, content }): ConflictHead => {
      const shown = seen.find(
        ({ visible }) => visible.kind !== 'dir' && visible.content && sameData(visible.content, content),
      )
      return { ...head, inode, device: device(head), name: shown?.visible.name ?? slot.name }
    })
    yield { id: bytesToHex(inode), path, kind: 'content', heads }
  }
  const links = found.links.filter(({ link }) => !isTrash(link.parent))
  const [first] = links
  if (links.some(({ link }) => link.name !== first!.link.name || !equalBytes(link.parent, first!.link.parent))) {
    const heads = links.map(({ head, link }): ConflictHead => ({
      ...head,
      inode,
      device: device(head),
      name: link.name,
    }))
    yield { id: `link-${bytesToHex(inode)}`, path, kind: 'link', heads }
  }
}

/** Different things that claim one name. */
const clashIn = (state: StateReader, deviceName: DeviceName, slot: Slot): Conflict | undefined => {
  const seen = seenInSlot(state, slot, deviceName).filter(({ claim }) => claim === undefined || !claim.lost)
  if (seen.length < 2) return undefined
  const heads = seen.map(({ visible, claim }): ConflictHead => {
    const head = headOf(state, slot, visible, claim)
    return { ...head, inode: visible.inode, device: deviceName(head.author), name: visible.name }
  })
  return {
    id: heads
      .map(({ inode }) => bytesToHex(inode))
      .sort()
      .join('-'),
    path: pathOf(state, { ...ROOT_VISIBLE, parent: slot.group[0]!, name: slot.name }),
    kind: slot.dirs.length > 0 ? 'kind' : 'name',
    heads,
  }
}

const headOf = (state: StateReader, slot: Slot, visible: Visible, claim: Claim | undefined): Head =>
  claim?.content.head ?? slot.dirs[0]?.contents[0]?.head ?? inodeState(state.cells, visible.inode)!.head

/** Names clash where several inodes hang at one place, and anywhere below directories merged of several. */
const clashes = function* (state: StateReader, deviceName: DeviceName): Generator<Conflict> {
  const seen = new Set<string>()
  const todo: Slot[] = []
  const visit = function* (slot: Slot): Generator<Conflict> {
    const id = `${bytesToHex(slot.group[0]!)}/${slot.name}`
    if (seen.has(id)) return
    seen.add(id)
    const clash = clashIn(state, deviceName, slot)
    if (clash) yield clash
    if (slot.dirs.length > 1) todo.push(slot)
  }
  for (const { parent, name } of sharedPlaces(state.derived)) {
    const group = groupOf(state, parent)
    if (group) yield* visit(slotAt(state, group, name))
    for (let merged = todo.pop(); merged; merged = todo.pop())
      for (const slot of slotsOf(
        state,
        merged.dirs.map((dir) => dir.state.inode),
      ))
        yield* visit(slot)
  }
}

const conflicts = function* (state: StateReader, deviceName: DeviceName): Generator<Conflict> {
  const seen = new Set<string>()
  for (const range of [LINK_RANGE, CONTENT_RANGE])
    for (const key of state.cells.conflicts(range)) {
      const inode = key.slice(2) as Inode
      if (seen.has(bytesToHex(inode))) continue
      seen.add(bytesToHex(inode))
      yield* conflictsOf(state, deviceName, inode)
    }
  yield* clashes(state, deviceName)
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
    pathOf: (visible) => pathOf(state, visible),
    conflicts: () => conflicts(state, deviceName),
    affected: (changes: readonly Change[]) => affectedInodes(state, changes),
    twins: (visible) => twins(state, deviceName, visible),
    merged: (dir) => groupOf(state, dir) ?? [],
  }
  return tree
}

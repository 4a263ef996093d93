/**
 * One directory as a person looks at it: what everyone sees, merged by name with what lies on this disk only. By pages
 * in the order of the names' bytes; a page costs what it shows, not what the directory holds.
 */
import type { MessageInitShape } from '@bufbuild/protobuf'
import { EntryKind, FileState, type BrowseResponseSchema, type FileRowSchema } from '#proto/file_api'
import { equalBytes } from '#kernel/core/bytes.ts'
import { hlcToMs } from '#kernel/core/hlc.ts'
import type { Head } from '#kernel/state/port.ts'
import { byName, contestedAt, contestedNames, plainAfter, type Contested } from '#fs-bridge/filestore/listing.ts'
import type { Visible } from '#fs-bridge/filestore/port.ts'
import { compareNames } from '#fs-bridge/filestore/slot.ts'
import type { Tree } from '#fs-bridge/filestore/tree.ts'
import { contentKey, linkKey } from '#fs-bridge/filestore/values.ts'
import type { Looked } from '#fs-bridge/folder/disk.ts'
import { positionAfter, sortInSlices, type DiskListings } from './disk-listing.ts'
import { judgeLocal, judgeVisible, type Judging } from './row-state.ts'
import type { Breathe } from './turns.ts'

type Row = MessageInitShape<typeof FileRowSchema> & { readonly name: string }

/** Things seen that are read without a look at the clock. */
const SEEN_AT_ONCE = 16

const KINDS: Readonly<Record<Looked['kind'], EntryKind>> = {
  file: EntryKind.FILE,
  dir: EntryKind.DIRECTORY,
  symlink: EntryKind.SYMLINK,
  special: EntryKind.OTHER,
}

const nsToMs = (ns: bigint): bigint => (ns > 0n ? ns / 1_000_000n : 0n)

/** The write that made what is seen: its content, or, of a directory, its place. */
const writerOf = ({ state }: Tree, { inode, contentHead, linkHead, kind }: Visible): Head | undefined => {
  const isContent = contentHead !== undefined && kind !== 'dir'
  const cell = state.cells.cell(isContent ? contentKey(inode) : linkKey(inode))
  return cell?.heads.find(({ hash }) => equalBytes(hash, isContent ? contentHead : linkHead))
}

const describeVisible = (tree: Tree, visible: Visible, conflict: string): Row => {
  const writer = writerOf(tree, visible)
  const { name, kind, content } = visible
  return {
    name,
    kind: KINDS[kind],
    size: BigInt(kind === 'dir' ? 0 : (content?.size ?? 0)),
    mtimeMs: nsToMs(content?.mtimeNs ?? 0n),
    changedBy: writer?.author,
    changedMs: BigInt(writer ? hlcToMs(writer.hlc) : 0),
    conflict,
  }
}

/** All that conflicts have a part in, in one directory, by the name it is seen under. */
const contestedIn = async (
  tree: Tree,
  dir: Visible | undefined,
  breathe: Breathe,
): Promise<ReadonlyMap<string, Contested>> => {
  const found = new Map<string, Contested>()
  if (dir === undefined) return found
  for (const name of contestedNames(tree, dir.inode)) {
    for (const each of contestedAt(tree, dir.inode, name)) found.set(each.visible.name, each)
    await breathe()
  }
  return found
}

export interface Page {
  readonly after: string
  readonly limit: number
}

/** What everyone sees after a name, in order: up to one more than the page takes. */
const seenAfter = async (
  tree: Tree,
  dir: Visible | undefined,
  contested: ReadonlyMap<string, Contested>,
  { after, limit }: Page,
  breathe: Breathe,
): Promise<readonly Visible[]> => {
  if (dir === undefined) return []
  const plain: Visible[] = []
  for (let from = after; plain.length <= limit;) {
    const some = plainAfter(tree, dir.inode, from, Math.min(SEEN_AT_ONCE, limit + 1 - plain.length))
    if (some.length === 0) break
    plain.push(...some)
    from = some.at(-1)!.name
    await breathe()
  }
  const besides = [...contested.values()]
    .map(({ visible }) => visible)
    .filter(({ conflict, name }) => conflict !== 'none' && compareNames(name, after) > 0)
  if (besides.length === 0) return plain
  return (await sortInSlices([...plain, ...besides], byName, breathe)).slice(0, limit + 1)
}

export interface Browsing extends Page {
  readonly tree: Tree
  /** Undefined: it is on this disk only. */
  readonly dir: Visible | undefined
  /** Of the directory, relative to the folder. */
  readonly path: string
  readonly breathe: Breathe
}

const below = (path: string, name: string): string => (path === '' ? name : `${path}/${name}`)

/** As everyone who knew all would see it; of a past nothing more is known. */
export const browseSeen = async (browsing: Browsing): Promise<MessageInitShape<typeof BrowseResponseSchema>> => {
  const { tree, dir, breathe, limit, after } = browsing
  const contested = await contestedIn(tree, dir, breathe)
  const seen = await seenAfter(tree, dir, contested, browsing, breathe)
  const rows: Row[] = []
  for (const visible of seen.slice(0, limit)) {
    const conflict = contested.get(visible.name)?.conflict ?? ''
    const state = conflict === '' ? FileState.UNSPECIFIED : FileState.CONFLICTED
    rows.push({ ...describeVisible(tree, visible, conflict), state })
    await breathe()
  }
  return finish(rows, seen.length > limit, after)
}

/** With how each is on this disk, and what is on this disk only. */
export const browseNow = async (
  browsing: Browsing,
  judging: Judging,
  listings: DiskListings,
): Promise<MessageInitShape<typeof BrowseResponseSchema>> => {
  const { tree, dir, path, breathe, limit, after } = browsing
  const contested = await contestedIn(tree, dir, breathe)
  const root = judging.entry.path
  const onDisk = root === '' ? [] : await listings.names(root, path, breathe)
  const seen = await seenAfter(tree, dir, contested, browsing, breathe)
  const isSeen = (name: string): boolean =>
    contested.has(name) || (dir !== undefined && tree.at(dir.inode, name) !== undefined)
  const rows: Row[] = []
  let s = 0
  let d = positionAfter(onDisk, after)
  while (rows.length <= limit && (s < seen.length || d < onDisk.length)) {
    const visible = seen[s]
    const name = onDisk[d]
    if (name !== undefined && (visible === undefined || compareNames(name, visible.name) <= 0)) {
      d++
      if (name !== visible?.name && !isSeen(name.normalize('NFC'))) rows.push(localRow(judging, path, name))
    } else {
      s++
      const conflict = contested.get(visible!.name)?.conflict ?? ''
      const state = judgeVisible(judging, below(path, visible!.name), visible!, conflict)
      rows.push({ ...describeVisible(tree, visible!, conflict), ...state })
    }
    await breathe()
  }
  return finish(rows.slice(0, limit), rows.length > limit, after)
}

const localRow = (judging: Judging, path: string, name: string): Row => {
  const looked = judging.look(below(path, name))
  return {
    name,
    kind: looked ? KINDS[looked.kind] : EntryKind.UNSPECIFIED,
    size: BigInt(looked?.kind === 'file' ? looked.size : 0),
    mtimeMs: nsToMs(looked?.mtimeNs ?? 0n),
    ...judgeLocal(judging, below(path, name), looked),
  }
}

/** A directory is counted where that costs nothing: where one page holds it. */
const finish = (rows: readonly Row[], more: boolean, after: string): MessageInitShape<typeof BrowseResponseSchema> => ({
  rows: [...rows],
  more,
  total: BigInt(after === '' && !more ? rows.length : 0),
})

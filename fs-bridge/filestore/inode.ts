/**
 * One inode as its cells tell it: where it hangs, what it holds, whether it lives. Everything else about the tree
 * follows from this (see docs/spec/filestore.md, "Projection").
 */
import { compareBytes, equalBytes } from '#kernel/core/bytes.ts'
import { INLINE_MAX, type FileContent } from '#kernel/cas/port.ts'
import type { Cell, CellReader, Head } from '#kernel/state/port.ts'
import type { Dot } from '#kernel/dag/port.ts'
import type { ContentValue, Inode, Kind } from './port.ts'
import {
  contentKey,
  decodeContent,
  decodeLink,
  isPutAway,
  isTrash,
  linkKey,
  ROOT,
  type LinkValue,
  type Place,
} from './values.ts'

export interface LinkHead {
  readonly head: Head
  readonly link: LinkValue
}

export interface InodeState {
  readonly inode: Inode
  readonly kind: Kind
  /** The link that places it: the winner among those that do not lead to trash, else the winner. */
  readonly head: Head
  readonly link: LinkValue
  /** Every link leads to trash. */
  readonly trashed: boolean
  readonly links: readonly LinkHead[]
}

export interface ContentHead {
  readonly head: Head
  readonly content: ContentValue
  readonly trashed: boolean
}

/** What is made of a cell of links: within a transaction or a look at the state the same are asked for many times. */
type LinksMade = InodeState | 'none' | undefined
/** What is made of a cell of contents. */
type ContentsMade = { readonly kind: Kind; readonly heads: readonly ContentHead[] } | undefined

export const inodeState = (cells: CellReader, inode: Inode): InodeState | undefined => {
  const cell = cells.cell(linkKey(inode))
  if (cell === undefined) return undefined
  const made = (cell.made ??= readLinks(cell, inode) ?? 'none') as LinksMade
  return made === 'none' ? undefined : made
}

const readLinks = (cell: Cell, inode: Inode): InodeState | undefined => {
  const links: LinkHead[] = []
  for (const head of cell.heads) {
    const link = head.value && decodeLink(head.value)
    if (link) links.push({ head, link })
  }
  const best = links.find(({ link }) => !isTrash(link.parent)) ?? links[0]
  if (best === undefined) return undefined
  const { head, link } = best
  return { inode, kind: link.kind, head, link, trashed: isTrash(link.parent), links }
}

/** Where an inode may hang, best first; the next is taken only to break a cycle. The last is always the root. */
export const placesOf = ({ link, trashed }: InodeState): readonly Place[] => {
  const home: Place = { parent: ROOT, name: link.name }
  if (link.replaced === undefined) return trashed ? [home] : [link, home]
  return trashed ? [link.replaced, home] : [link, link.replaced, home]
}

/** What was read of a file, as an op says it. */
export const fileContentToData = (content: FileContent): ContentValue['data'] => {
  if (content.kind === 'inline') return { kind: 'inline', bytes: content.bytes }
  if (content.kind === 'chunks') return { kind: 'chunks', chunks: content.chunks }
  return { kind: 'manifest', cid: content.cid }
}

export const sameData = (a: ContentValue, b: ContentValue): boolean => {
  if (a.size !== b.size) return false
  if (a.data.kind === 'inline') return b.data.kind === 'inline' && equalBytes(a.data.bytes, b.data.bytes)
  if (a.data.kind === 'manifest') return b.data.kind === 'manifest' && equalBytes(a.data.cid, b.data.cid)
  if (b.data.kind !== 'chunks' || a.data.chunks.length !== b.data.chunks.length) return false
  const others = b.data.chunks
  return a.data.chunks.every((c, i) => c.length === others[i]!.length && equalBytes(c.cid, others[i]!.cid))
}

/** An edit alone does not say of what kind of inode; what makes no sense for its kind counts for nothing. */
const suits = (kind: Kind, { size, data }: ContentValue): boolean => {
  switch (kind) {
    case 'dir':
      return data.kind === 'inline' && size === 0
    case 'file':
      return data.kind !== 'inline' || size <= INLINE_MAX
    case 'symlink':
      return data.kind === 'inline' && size > 0 && !data.bytes.includes(0)
  }
}

/** Heads of `c/`, best first, that make sense for the inode's kind; tombstones left out. */
export const contentHeads = (cells: CellReader, { inode, kind }: InodeState): readonly ContentHead[] => {
  const cell = cells.cell(contentKey(inode))
  if (cell === undefined) return []
  const made = cell.made as ContentsMade
  if (made?.kind === kind) return made.heads
  const heads: ContentHead[] = []
  for (const head of cell.heads) {
    const stored = head.value && decodeContent(head.value)
    if (stored && suits(kind, stored.content)) heads.push({ head, content: stored.content, trashed: stored.trashed })
  }
  cell.made = { kind, heads } satisfies ContentsMade
  return heads
}

/**
 * What an inode shows: its live contents, one per distinct data, best first. With none of them live, what a deletion
 * put away, if a link still leads somewhere else than to trash.
 */
export const shownContents = (cells: CellReader, state: InodeState): readonly ContentHead[] => {
  const fit = contentHeads(cells, state)
  if (fit.length === 1 && !fit[0]!.trashed) return fit
  const live = fit.filter(({ trashed }) => !trashed)
  const shown = live.length > 0 || state.trashed ? live : fit
  if (state.kind === 'dir') return shown.slice(0, 1)
  return shown.filter((a, i) => !shown.slice(0, i).some((b) => sameData(a.content, b.content)))
}

/** It is visible for its own sake, not only because of what hangs in it. */
export const livesByItself = (cells: CellReader, state: InodeState): boolean => {
  if (!state.trashed) return state.kind === 'dir' || shownContents(cells, state).length > 0
  // Most of what is deleted holds nothing but what its deletion put away: that need not be read.
  const heads = cells.cell(contentKey(state.inode))?.heads ?? []
  return heads.some(({ value }) => value && !isPutAway(value)) && shownContents(cells, state).length > 0
}

export const CONTENT_CONFLICT = 1
export const LINK_CONFLICT = 2

/** What is in conflict within an inode that lives: several contents in sight, links to different places; bits. */
export const conflictsWithin = (cells: CellReader, state: InodeState): number => {
  const contents = cells.cell(contentKey(state.inode))?.heads.length ?? 0
  if (state.links.length < 2 && contents < 2) return 0
  const links = openLinks(state)
  const [first] = links
  const split = links.some(({ link }) => link.name !== first!.link.name || !equalBytes(link.parent, first!.link.parent))
  if (state.kind === 'dir') return split ? LINK_CONFLICT : 0
  const shown = shownContents(cells, state).length
  return shown === 0 ? 0 : (shown > 1 ? CONTENT_CONFLICT : 0) | (split ? LINK_CONFLICT : 0)
}

/** Links that do not lead to trash, the placing one first. */
export const openLinks = ({ links }: InodeState): readonly LinkHead[] =>
  links.filter(({ link }) => !isTrash(link.parent))

/** Later first, as heads of a cell are ordered. */
export const compareDots = (a: Dot, b: Dot): number =>
  a.hlc === b.hlc ? compareBytes(b.author, a.author) || compareBytes(b.hash, a.hash) : a.hlc < b.hlc ? 1 : -1

/** Which of two inodes keeps a name both have: negative if `a` does. */
export const compareClaim = (a: InodeState, b: InodeState): number =>
  compareDots(a.head, b.head) || compareBytes(a.inode, b.inode)

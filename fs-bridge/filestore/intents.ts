/**
 * From what a person does to what is seen, to operations: edits, deletions, renames and the resolving of conflicts.
 *
 * All take the tree the person had before his eyes and what he touched there, and keep what he cannot have seen:
 * heads that are in the state by now but not in that appearance are left standing. What hides behind an appearance
 * because it is the same goes the same way as it does.
 */
import type { FileOp } from '#proto/file'
import { equalBytes, type Hash } from '#kernel/core/bytes.ts'
import { contentHeads, inodeState, openLinks, sameData, shownContents, type ContentHead } from './inode.ts'
import { createOp, editOp, fileOp, moveOp, trashOp } from './ops.ts'
import { effectivePlace, livingPlace } from './placement.ts'
import type { Conflict, ContentValue, Inode, Visible } from './port.ts'
import { entriesAt, groupOf } from './slot.ts'
import type { Tree } from './tree.ts'
import { decodeLink, inodeKey, isTrash, LINK_RANGE, type Place } from './values.ts'

const isOneOf = (hashes: readonly Hash[], hash: Hash): boolean => hashes.some((each) => equalBytes(each, hash))

const contentsOf = (tree: Tree, inode: Inode): readonly ContentHead[] => {
  const found = inodeState(tree.state.cells, inode)
  return found ? contentHeads(tree.state.cells, found) : []
}

/** Live heads of a content but those seen and those that say the same. */
const unseenContents = (tree: Tree, inode: Inode, seen: readonly Hash[]): Hash[] => {
  const live = contentsOf(tree, inode).filter(({ trashed }) => !trashed)
  const known = live.filter(({ head }) => isOneOf(seen, head.hash))
  return live
    .filter(({ content }) => !known.some((each) => sameData(each.content, content)))
    .map(({ head }) => head.hash)
}

const unseenLinks = (tree: Tree, inode: Inode, seen: Hash): Hash[] => {
  const links = inodeState(tree.state.cells, inode)?.links ?? []
  // Seeing the link that places an inode is seeing all that lost against it before.
  const at = links.findIndex(({ head }) => equalBytes(head.hash, seen))
  return links
    .slice(0, at < 0 ? undefined : at)
    .filter(({ link }) => !isTrash(link.parent))
    .map(({ head }) => head.hash)
}

/** Deletes an inode, as far as its contents `seen` go; contents not seen keep it in sight. */
const trashInode = (tree: Tree, inode: Inode, seen: readonly Hash[], linkHead: Hash): FileOp[] => {
  const found = inodeState(tree.state.cells, inode)
  if (found === undefined) return []
  const content = contentsOf(tree, inode).find(({ head }) => isOneOf(seen, head.hash))?.content
  return [
    trashOp(inode, found.kind, effectivePlace(tree.state.derived, found), content, {
      link: unseenLinks(tree, inode, linkHead),
      content: unseenContents(tree, inode, seen),
    }),
  ]
}

const trashTwins = (tree: Tree, visible: Visible): FileOp[] =>
  tree.twins(visible).flatMap(({ inode, contentHead, linkHead }) => trashInode(tree, inode, [contentHead], linkHead))

const headsOf = (visible: Visible): readonly Hash[] => (visible.contentHead ? [visible.contentHead] : [])

/** New content for what is seen. Editing one side of a conflict leaves the other standing. */
export const editAppearance = (tree: Tree, visible: Visible, content: ContentValue): FileOp[] => [
  editOp(visible.inode, content, unseenContents(tree, visible.inode, headsOf(visible))),
  ...trashTwins(tree, visible),
]

/**
 * Lets go of some contents of several; the others and the place stay as they are. None of the others is written anew:
 * who drops one side need not hold the bytes of another, and would announce what he cannot give.
 */
const dropContents = (tree: Tree, inode: Inode, dropped: readonly Hash[]): FileOp[] => {
  const found = inodeState(tree.state.cells, inode)
  if (found === undefined) return []
  const keep = { link: openLinks(found).map(({ head }) => head.hash), content: unseenContents(tree, inode, dropped) }
  return [trashOp(inode, found.kind, effectivePlace(tree.state.derived, found), undefined, keep)]
}

/**
 * Deletes all that is given, each once: an inode goes to trash when all its contents in sight are deleted, else those
 * that remain stay. For a directory give it and everything seen below; what is not given stays in sight.
 */
export const trashAppearances = (tree: Tree, visibles: readonly Visible[]): FileOp[] => {
  const byInode = new Map<string, Visible[]>()
  for (const visible of visibles) {
    const id = inodeKey(visible.inode)
    byInode.set(id, [...(byInode.get(id) ?? []), visible])
  }
  return [...byInode.values()].flatMap((group) => trashOfInode(tree, group))
}

/** What of an appearance says which writes it was made of. */
type SeenHeads = Pick<Visible, 'inode' | 'contentHead'> & { readonly linkHead: Hash | undefined }

/**
 * Deletes a file that is seen by one name, which nothing else has, and stands just as it was seen: most of what is ever
 * deleted. Says what `trashOfInode` would, for a third of the work; undefined where it is not so.
 */
export const trashLone = (tree: Tree, { inode, contentHead, linkHead }: SeenHeads): FileOp | undefined => {
  const { cells } = tree.state
  const found = inodeState(cells, inode)
  if (found === undefined || found.kind === 'dir') return undefined
  const [content, ...others] = contentHeads(cells, found)
  if (content === undefined || others.length > 0) return undefined
  if (!contentHead || !equalBytes(content.head.hash, contentHead)) return undefined
  if (!linkHead || !equalBytes(found.head.hash, linkHead)) return undefined
  const group = groupOf(tree.state, found.link.parent)
  const [only, another] = group ? entriesAt(tree.state, group, found.link.name) : []
  const isLone = only !== undefined && another === undefined && equalBytes(only.inode, inode)
  return isLone ? trashOp(inode, found.kind, found.link, content.content) : undefined
}

/** Deletes some of the appearances of one inode, or all; at least one is given. */
export const trashOfInode = (tree: Tree, group: readonly Visible[]): FileOp[] => {
  const { inode, kind, linkHead } = group[0]!
  if (kind === 'dir')
    return tree.merged(inode).flatMap((dir) => {
      const found = inodeState(tree.state.cells, dir)
      return found
        ? trashInode(tree, dir, contentHashes(tree, dir), equalBytes(dir, inode) ? linkHead : found.head.hash)
        : []
    })
  const ops = trashContents(tree, group)
  for (const visible of group) ops.push(...trashTwins(tree, visible))
  return ops
}

const contentHashes = (tree: Tree, inode: Inode): Hash[] => contentsOf(tree, inode).map(({ head }) => head.hash)

const trashContents = (tree: Tree, group: readonly Visible[]): FileOp[] => {
  const { inode, linkHead } = group[0]!
  const gone = group.flatMap(headsOf)
  const found = inodeState(tree.state.cells, inode)
  const shown = found ? shownContents(tree.state.cells, found) : []
  const hidden = hiddenHeads(tree, group, shown)
  const hasOthers = shown.some(({ head }) => !isOneOf(gone, head.hash) && !isOneOf(hidden, head.hash))
  const wasThere = gone.some((hash) => shown.some(({ head }) => equalBytes(head.hash, hash)))
  // Its own other contents were in sight beside it: it is they that remain.
  if (hasOthers && wasThere) return dropContents(tree, inode, [...gone, ...hidden])
  return trashInode(tree, inode, [...gone, ...hidden], linkHead)
}

/** Contents of the same inode that no appearance shows, for another thing of that name shows the same. */
const hiddenHeads = (tree: Tree, group: readonly Visible[], shown: readonly ContentHead[]): Hash[] => {
  const seen = tree.appearances(group[0]!.inode)
  return shown
    .filter(({ head }) => !seen.some(({ contentHead }) => contentHead && equalBytes(contentHead, head.hash)))
    .map(({ head }) => head.hash)
}

export const trashAppearance = (tree: Tree, visible: Visible): FileOp[] => trashAppearances(tree, [visible])

/**
 * Moves or renames what is seen. A content that lost a conflict becomes a file of its own there, `fresh` its inode,
 * and so resolves the conflict; the winner takes its losers along; merged directories go together.
 */
export const renameAppearance = (tree: Tree, visible: Visible, to: Place, fresh: Inode): FileOp[] => {
  if (visible.conflict === 'content' && visible.content && visible.contentHead)
    return [
      createOp(fresh, visible.kind, to, visible.content),
      ...dropContents(tree, visible.inode, [visible.contentHead]),
      ...trashTwins(tree, visible),
    ]
  const moved = visible.kind === 'dir' ? tree.merged(visible.inode) : [visible.inode]
  const moves = moved.flatMap((inode) => {
    const found = inodeState(tree.state.cells, inode)
    if (found === undefined) return []
    const seen = equalBytes(inode, visible.inode) ? visible.linkHead : found.head.hash
    return [moveOp(inode, found.kind, effectivePlace(tree.state.derived, found), to, unseenLinks(tree, inode, seen))]
  })
  return [...moves, ...trashTwins(tree, visible)]
}

/** The head of the conflict that is named must be one of its heads; otherwise there is nothing to do. */
const headOf = (conflict: Conflict, head: Hash) => conflict.heads.find(({ hash }) => equalBytes(hash, head))

const appearanceOf = (tree: Tree, inode: Inode, head: Hash): Visible | undefined => {
  const all = tree.appearances(inode)
  return all.find(({ contentHead }) => contentHead && equalBytes(contentHead, head)) ?? all[0]
}

/** One head stands, the others go: contents are dropped, places left, other files of the name put to trash. */
export const resolveTake = (tree: Tree, conflict: Conflict, head: Hash): FileOp[] => {
  const taken = headOf(conflict, head)
  if (taken === undefined) return []
  const all = conflict.heads.map(({ hash }) => hash)
  switch (conflict.kind) {
    case 'content': {
      const isThere = contentsOf(tree, taken.inode).some((each) => equalBytes(each.head.hash, head))
      const rest = all.filter((hash) => !equalBytes(hash, head))
      return isThere ? dropContents(tree, taken.inode, rest) : []
    }
    case 'link': {
      const found = inodeState(tree.state.cells, taken.inode)
      const link = taken.value && decodeLink(taken.value)
      if (!found || !link) return []
      const unseen = found.links.filter(({ head: each }) => !isOneOf(all, each.hash)).map(({ head: each }) => each.hash)
      return [moveOp(taken.inode, found.kind, effectivePlace(tree.state.derived, found), link, unseen)]
    }
    case 'name':
    case 'kind': {
      const rest = conflict.heads.filter(({ inode }) => !equalBytes(inode, taken.inode))
      const gone = rest.flatMap(({ inode, hash }) => appearanceOf(tree, inode, hash) ?? [])
      return trashAppearances(
        tree,
        gone.flatMap((visible) => (visible.kind === 'dir' ? [visible, ...below(tree, visible)] : [visible])),
      )
    }
  }
}

const below = (tree: Tree, dir: Visible): Visible[] =>
  [...tree.children(dir.inode)].flatMap((child) => (child.kind === 'dir' ? [child, ...below(tree, child)] : [child]))

/**
 * All of them stay, each a thing of its own under the name it is seen by. `fresh` gives 16 random bytes at each call.
 */
export const resolveBoth = (tree: Tree, conflict: Conflict, fresh: () => Inode): FileOp[] => {
  if (conflict.kind === 'link') return resolveTake(tree, conflict, conflict.heads[0]!.hash)
  if (conflict.kind !== 'content')
    return conflict.heads.flatMap(({ inode, hash }) => {
      const visible = appearanceOf(tree, inode, hash)
      return visible && visible.conflict !== 'none'
        ? renameAppearance(tree, visible, { parent: visible.parent, name: visible.name }, fresh())
        : []
    })
  const [winner] = conflict.heads
  const losers = tree
    .appearances(winner!.inode)
    .filter(({ contentHead }) => contentHead && !equalBytes(contentHead, winner!.hash))
  return [
    ...losers.flatMap(({ kind, parent, name, content }) =>
      content ? [createOp(fresh(), kind, { parent, name }, content)] : [],
    ),
    ...resolveTake(tree, conflict, winner!.hash),
  ]
}

/** A merged text stands for all: the first file holds it, the others go. */
export const resolveMerged = (tree: Tree, conflict: Conflict, content: ContentValue): FileOp[] => {
  const [winner] = conflict.heads
  if (conflict.kind === 'link' || winner === undefined) return []
  const all = conflict.heads.map(({ hash }) => hash)
  if (conflict.kind === 'content') return [editOp(winner.inode, content, unseenContents(tree, winner.inode, all))]
  const file = conflict.heads.find(({ inode }) => inodeState(tree.state.cells, inode)?.kind === 'file')
  if (conflict.kind === 'kind' || file === undefined) return []
  return [...resolveTake(tree, conflict, file.hash), editOp(file.inode, content, unseenContents(tree, file.inode, all))]
}

/**
 * Out of trash: back to where it was, with the content the deletion put away unless another is given. The link names
 * the place it was taken from, which tells a restored thing from a new one.
 */
export const restoreOps = (tree: Tree, inode: Inode, to?: Place, content?: ContentValue): FileOp[] => {
  const found = inodeState(tree.state.cells, inode)
  if (found === undefined) return []
  const put = content ?? contentsOf(tree, inode)[0]?.content
  const from = effectivePlace(tree.state.derived, found)
  const { parent, name } = to ?? from
  return [fileOp(inode, { link: { parent, name, kind: found.kind, replaced: from }, content: put })]
}

/** What is in trash and in sight nowhere, with where it was and what it held. */
export interface Trashed {
  readonly inode: Inode
  readonly kind: Visible['kind']
  readonly from: Place
  readonly content: ContentValue | undefined
  readonly linkHead: Hash
}

/** Everything deleted. Reads every link of the store. */
export const trashed = function* (tree: Tree): Generator<Trashed> {
  for (const [key] of tree.state.cells.cells(LINK_RANGE)) {
    const inode = key.slice(2) as Inode
    const found = inodeState(tree.state.cells, inode)
    if (!found?.trashed || livingPlace(tree.state, found)) continue
    const content = contentsOf(tree, inode)[0]?.content
    const from = effectivePlace(tree.state.derived, found)
    yield { inode, kind: found.kind, from, content, linkHead: found.head.hash }
  }
}

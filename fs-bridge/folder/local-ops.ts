/**
 * From a local change to the operations that say it, on the state they will follow. Pure.
 *
 * The user has seen what the index says his file was made from, and nothing else: every other head of a cell he
 * writes is kept. So an edit that was witnessed but did not reach his disk yet becomes a conflict, never a loss.
 */
import type { FileOp } from '#proto/file'
import { equalBytes, type Hash } from '#kernel/core/bytes.ts'
import type { FileContent } from '#kernel/cas/port.ts'
import { contentHeads, sameData, type ContentHead } from '../filestore/inode.ts'
import { createOp, editOp, fileOp, placeOp, trashOp } from '../filestore/ops.ts'
import type { ContentValue, Inode, Kind, Visible } from '../filestore/port.ts'
import type { Tree } from '../filestore/tree.ts'
import { decodeLink, isTrash, linkKey, type Place } from '../filestore/values.ts'
import { newInode, ROOT_INODE, type FolderIndex } from './folder-index.ts'
import type { Entry } from './index-codec.ts'
import type { LocalChange } from './plan.ts'

/** A local change with its bytes read: `data` is undefined where they did not change. */
export interface ReadChange extends LocalChange {
  readonly kind: Kind
  readonly data: ContentValue['data'] | undefined
}

/** What the index will say once the operations are durable: a head of `undefined` is the intention's own hash. */
export interface Outcome {
  readonly inode: Inode
  readonly contentHead: Hash | 'written' | undefined
  readonly linkHead: Hash | 'written' | undefined
  readonly conflict: boolean
  /** The disk must follow: its attributes, or its name, are not what everyone sees. */
  readonly look: readonly Inode[]
}

export interface Drafted {
  readonly change: ReadChange
  readonly ops: readonly FileOp[]
  readonly outcome: Outcome
}

export const fileContentToData = (content: FileContent): ContentValue['data'] => {
  if (content.kind === 'inline') return { kind: 'inline', bytes: content.bytes }
  if (content.kind === 'chunks') return { kind: 'chunks', chunks: content.chunks }
  return { kind: 'manifest', cid: content.cid }
}

/** Turns changes of one batch into operations, one after the other. `deleted`: heads of names deleted in the batch. */
export class Drafter {
  readonly #tree: Tree
  readonly #index: FolderIndex
  readonly #deleted: ReadonlySet<Entry>

  constructor(tree: Tree, index: FolderIndex, deleted: ReadonlySet<Entry>) {
    this.#tree = tree
    this.#index = index
    this.#deleted = deleted
  }

  draft(change: ReadChange): Drafted {
    if (!change.place) return this.#deletion(change, change.before!)
    return change.before ? this.#known(change, change.before, change.place) : this.#creation(change, change.place)
  }

  #creation(change: ReadChange, at: Place): Drafted {
    const place = { parent: at.parent, name: at.name.normalize('NFC') }
    const visible = this.#tree.at(place.parent, place.name)
    const value = valueOf(change)
    if (visible?.kind === change.kind && !this.#onDisk(visible.inode, visible.contentHead)) {
      const same = change.kind === 'dir' || (value && visible.content && sameData(value, visible.content))
      if (same) {
        const { inode, contentHead, linkHead } = visible
        return {
          change,
          ops: [],
          outcome: { inode, contentHead, linkHead, conflict: visible.conflict !== 'none', look: [inode] },
        }
      }
    }
    const op = createOp(change.inode, change.kind, place, value)
    const outcome: Outcome = {
      inode: change.inode,
      contentHead: value && 'written',
      linkHead: 'written',
      conflict: false,
      look: [change.inode],
    }
    return { change, ops: [...this.#revived(place.parent), op], outcome }
  }

  #known(change: ReadChange, before: Entry, at: Place): Drafted {
    const heads = contentHeads(this.#tree.state.cells, change.inode)
    const seen = this.#seenHead(heads, before)
    const moved = !(at.name === before.name && equalBytes(at.parent, before.parent))
    const place = { parent: at.parent, name: moved ? at.name.normalize('NFC') : before.visibleName }
    if (moved && seen && this.#isLoser(heads, seen, before)) return this.#keepBoth(change, heads, seen, place)

    const value = change.kind === 'dir' ? undefined : this.#edited(change, before, seen)
    const adopted = value && this.#adopted(heads, seen, value)
    const content = adopted ? undefined : value
    const hidden = content !== undefined && this.#tree.appearances(change.inode).length === 0
    const old = moved ? { parent: before.parent, name: before.visibleName } : undefined
    const link = moved || hidden ? { ...place, kind: change.kind, replaced: old } : undefined
    const conflict = !moved && before.conflict
    const outcome: Outcome = {
      inode: change.inode,
      contentHead: content ? 'written' : (adopted?.head.hash ?? before.contentHead),
      linkHead: link ? 'written' : before.linkHead,
      conflict,
      look: [change.inode],
    }
    if (!link && !content) return { change, ops: [], outcome }
    const keepContent = content
      ? heads.filter((h) => !h.trashed && !isSeen(h, seen, before)).map((h) => h.head.hash)
      : []
    const keepLink = moved ? this.#unseenLinks(change.inode, before) : []
    const op = fileOp(change.inode, { link, content, keepLink, keepContent })
    return { change, ops: [...this.#revived(place.parent), op, ...this.#twinsGone(before)], outcome }
  }

  /** A conflict file that gets a name of its own becomes a file of its own; the other side stays what it is. */
  #keepBoth(change: ReadChange, heads: readonly ContentHead[], seen: ContentHead, place: Place): Drafted {
    const inode = newInode()
    const value = valueOf(change) ?? seen.content
    const own = createOp(inode, change.kind, place, value)
    const ops = [...this.#revived(place.parent), own, settle(change.inode, heads, [seen])]
    return {
      change,
      ops,
      outcome: { inode, contentHead: 'written', linkHead: 'written', conflict: false, look: [inode, change.inode] },
    }
  }

  #deletion(change: ReadChange, before: Entry): Drafted {
    const outcome: Outcome = {
      inode: change.inode,
      contentHead: undefined,
      linkHead: undefined,
      conflict: false,
      look: [change.inode],
    }
    if (this.#tree.appearances(change.inode).length === 0) return { change, ops: [], outcome }
    const heads = contentHeads(this.#tree.state.cells, change.inode)
    const standing = heads.filter((h) => !h.trashed)
    const places = this.#index.placesOf(change.inode).filter((entry) => this.#deleted.has(entry))
    const gone = standing.filter((h) => places.some((entry) => isSeen(h, this.#seenHead(heads, entry), entry)))
    const survives = change.kind !== 'dir' && gone.length < standing.length
    if (survives) {
      // Another side of a conflict remains, or came meanwhile: that one is what the file is from now on.
      return { change, ops: gone.length > 0 ? [settle(change.inode, heads, gone)] : [], outcome }
    }
    const seen = this.#seenHead(heads, before)
    const keep = { link: this.#unseenLinks(change.inode, before) }
    const op = trashOp(change.inode, change.kind, placeOf(before), seen?.content, keep)
    return { change, ops: [op, ...this.#twinsGone(before)], outcome }
  }

  /** Files that hide behind this one because they hold the same under the same name share its fate. */
  #twinsGone(before: Entry): FileOp[] {
    const visible = this.#visible(before)
    if (!visible || visible.kind === 'dir') return []
    return this.#tree
      .twins(visible)
      .filter((twin) => !equalBytes(twin.inode, before.inode))
      .map((twin) => trashOp(twin.inode, visible.kind, placeOf(before), visible.content))
  }

  #visible(entry: Entry): Visible | undefined {
    return this.#tree
      .appearances(entry.inode)
      .find((v) => (entry.contentHead ? v.contentHead && equalBytes(v.contentHead, entry.contentHead) : true))
  }

  /** What the file holds now, if that is not what the head it was made from says. */
  #edited(change: ReadChange, before: Entry, seen: ContentHead | undefined): ContentValue | undefined {
    const looked = change.looked!
    const base = seen?.content
    const data = change.data ?? base?.data
    if (!data) return undefined
    const mtimeNs = base && looked.mtimeNs === before.stat.mtimeNs ? base.mtimeNs : looked.mtimeNs
    const mode = base && looked.mode === before.stat.mode ? base.mode : looked.mode
    const value: ContentValue = { size: looked.size, mtimeNs, mode, data }
    if (!base || !sameData(value, base)) return value
    const sameAttributes = change.kind === 'symlink' || (base.mtimeNs === mtimeNs && base.mode === mode)
    return sameAttributes ? undefined : value
  }

  /** The one standing write says the same already: somebody else made the same edit. */
  #adopted(heads: readonly ContentHead[], seen: ContentHead | undefined, value: ContentValue): ContentHead | undefined {
    const winner = heads[0]
    if (!winner || heads.length > 1 || winner.trashed || winner === seen) return undefined
    return sameData(winner.content, value) ? winner : undefined
  }

  #seenHead(heads: readonly ContentHead[], entry: Entry): ContentHead | undefined {
    return entry.contentHead && heads.find((h) => equalBytes(h.head.hash, entry.contentHead!))
  }

  /** A side of a content conflict that does not bear the plain name. */
  #isLoser(heads: readonly ContentHead[], seen: ContentHead, before: Entry): boolean {
    const live = heads.filter((h) => !h.trashed)
    return before.conflict && live.length > 1 && live[0] !== seen && !sameData(live[0]!.content, seen.content)
  }

  #unseenLinks(inode: Inode, before: Entry): Hash[] {
    const out: Hash[] = []
    for (const head of this.#tree.state.cells.cell(linkKey(inode))?.heads ?? []) {
      const link = head.value && decodeLink(head.value)
      const known = before.linkHead && equalBytes(head.hash, before.linkHead)
      if (link && !known && !isTrash(link.parent)) out.push(head.hash)
    }
    return out
  }

  #onDisk(inode: Inode, contentHead: Hash | undefined): boolean {
    return this.#index
      .placesOf(inode)
      .some((e) => (contentHead ? e.contentHead && equalBytes(e.contentHead, contentHead) : !e.contentHead))
  }

  /** Directories that someone deleted while this device put something into them: they come back with it. */
  #revived(parent: Inode): FileOp[] {
    const out: FileOp[] = []
    for (let dir = parent; !equalBytes(dir, ROOT_INODE); ) {
      const entry = this.#index.placesOf(dir)[0]
      if (!entry || this.#tree.appearances(dir).length > 0) break
      out.push(placeOp(dir, 'dir', placeOf(entry)))
      dir = entry.parent
    }
    return out.reverse()
  }
}

const placeOf = (entry: Entry): Place => ({ parent: entry.parent, name: entry.visibleName })

const valueOf = (change: ReadChange): ContentValue | undefined =>
  change.data && {
    size: change.looked!.size,
    mtimeNs: change.looked!.mtimeNs,
    mode: change.looked!.mode,
    data: change.data,
  }

/** The very head, or another one that says the same bytes: what the user had before his eyes. */
const isSeen = (head: ContentHead, seen: ContentHead | undefined, entry: Entry): boolean =>
  (entry.contentHead !== undefined && equalBytes(head.head.hash, entry.contentHead)) ||
  (seen !== undefined && sameData(head.content, seen.content))

/** Ends a conflict in favour of the best head that is not `gone`; further ones are left standing. */
const settle = (inode: Inode, heads: readonly ContentHead[], gone: readonly ContentHead[]): FileOp => {
  const left = heads.filter((h) => !h.trashed && !gone.includes(h))
  const winner = left[0]!
  const keep = left.slice(1).filter((h) => !sameData(h.content, winner.content))
  return editOp(
    inode,
    winner.content,
    keep.map((h) => h.head.hash),
  )
}

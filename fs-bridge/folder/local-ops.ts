/**
 * From a local change to the operations that say it, on the state they will follow. Pure.
 *
 * The user has seen what the index says his file was made from, and nothing else: every other head of a cell he
 * writes is kept. So an edit that was witnessed but did not reach his disk yet becomes a conflict, never a loss.
 */
import type { FileOp } from '#proto/file'
import { equalBytes, type Hash } from '#kernel/core/bytes.ts'
import { contentHeads, inodeState, sameData, shownContents, type ContentHead } from '../filestore/inode.ts'
import { editAppearance, renameAppearance, trashLone, trashOfInode } from '../filestore/intents.ts'
import { createOp, placeOp } from '../filestore/ops.ts'
import { effectivePlace } from '../filestore/placement.ts'
import type { ContentValue, Inode, Kind, Visible } from '../filestore/port.ts'
import type { Tree } from '../filestore/tree.ts'
import { inodeKey, type Place } from '../filestore/values.ts'
import { newInode, PARKED_INODE, ROOT_INODE, type FolderIndex } from './folder-index.ts'
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

/** The writes of something whose heads the index does not know: nothing was seen. */
const NO_HEAD = new Uint8Array(32) as Hash

/** What a head said of an inode, though it may stand no more; undefined: nobody knows. */
export type Said = (head: Hash, inode: Inode) => ContentValue | undefined

/** Turns changes into operations on the state as it is now. */
export class Drafter {
  readonly #tree: Tree
  readonly #index: FolderIndex
  readonly #said: Said
  /** Directories (hex) that stand in the store, as do all above them. */
  readonly #standing = new Set<string>()

  constructor(tree: Tree, index: FolderIndex, said: Said) {
    this.#tree = tree
    this.#index = index
    this.#said = said
  }

  draft(change: ReadChange): Drafted {
    const place = change.place!
    return change.before ? this.#known(change, change.before, place) : this.#creation(change, place)
  }

  #creation(change: ReadChange, at: Place): Drafted {
    const place = { parent: at.parent, name: at.name.normalize('NFC') }
    if (change.kind === 'dir' && inodeState(this.#tree.state.cells, change.inode)) return this.#adoptedDir(change)
    const visible = this.#tree.at(place.parent, place.name)
    const value = valueOf(change)
    if (visible?.kind === change.kind && value && !this.#onDisk(visible.inode, visible.contentHead)) {
      if (visible.content && sameData(value, visible.content)) {
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
      look: [], // the store's own change names it
    }
    return { change, ops: [...this.#revived(place.parent), op], outcome }
  }

  /**
   * A directory that stood in the store when it was found on disk. What it holds is said to hang in it, so it is that
   * one even if it hangs elsewhere by now, or was deleted: then the disk follows.
   */
  #adoptedDir(change: ReadChange): Drafted {
    const { inode } = change
    const visible = this.#tree.appearances(inode)[0]
    const heads = { contentHead: visible?.contentHead, linkHead: visible?.linkHead }
    return { change, ops: [], outcome: { inode, ...heads, conflict: false, look: [inode] } }
  }

  #known(change: ReadChange, before: Entry, at: Place): Drafted {
    const heads = this.#contents(change.inode)
    const seen = headOf(heads, before)
    const moved = !(at.name === before.name && equalBytes(at.parent, before.parent))
    const visible = this.#asSeen(before, heads, seen)
    const ops: FileOp[] = []
    let inode = change.inode
    let linkHead: Outcome['linkHead'] = before.linkHead
    const there = moved && this.#shownAt(change, before, at)
    if (there) linkHead = there.linkHead
    else if (moved) {
      const fresh = newInode()
      ops.push(...renameAppearance(this.#tree, visible, { parent: at.parent, name: at.name.normalize('NFC') }, fresh))
      if (visible.conflict === 'content') inode = fresh
      linkHead = 'written'
    }
    const value = change.kind === 'dir' ? undefined : this.#edited(change, before, seen)
    const adopted = value && this.#adopted(heads, seen, value)
    let contentHead: Outcome['contentHead'] = adopted?.head.hash ?? before.contentHead
    if (value && !adopted) {
      if (inode !== change.inode) ops[0] = createOp(inode, change.kind, placeOfOp(ops[0]!), value)
      else ops.push(...this.#edit(visible, value))
    }
    if ((value && !adopted) || inode !== change.inode) contentHead = 'written'
    const revived = ops.length > 0 ? this.#revived(at.parent) : []
    const conflict = there ? there.conflict !== 'none' : !moved && before.conflict
    const look = inode === change.inode ? [inode] : [inode, change.inode]
    return { change, ops: [...revived, ...mergeOps(ops)], outcome: { inode, contentHead, linkHead, conflict, look } }
  }

  /** Everyone sees it at its new place already: the move was made here, and a crash kept it out of the index. */
  #shownAt(change: ReadChange, { contentHead }: Entry, at: Place): Visible | undefined {
    const name = at.name.normalize('NFC')
    const isIt = (v: Visible): boolean =>
      v.conflict === 'none' || (contentHead && v.contentHead ? equalBytes(contentHead, v.contentHead) : false)
    return this.#tree
      .appearances(change.inode)
      .find((v) => v.name === name && equalBytes(v.parent, at.parent) && isIt(v))
  }

  #edit(visible: Visible, value: ContentValue): FileOp[] {
    return editAppearance(this.#tree, visible, value)
  }

  /** All deletions of a batch are said together: an inode goes when all its names go. */
  deletions(changes: readonly ReadChange[]): { readonly ops: readonly FileOp[]; readonly drafted: readonly Drafted[] } {
    const byInode = new Map<string, ReadChange[]>()
    for (const change of changes) {
      const hex = inodeKey(change.inode)
      const names = byInode.get(hex)
      if (names) names.push(change)
      else byInode.set(hex, [change])
    }
    const ops: FileOp[] = []
    const drafted: Drafted[] = []
    for (const names of byInode.values()) {
      const { inode, before } = names[0]!
      const lone = names.length === 1 ? trashLone(this.#tree, before!) : undefined
      const stands = lone !== undefined || this.#tree.appearances(inode).length > 0
      const outcome = {
        inode,
        contentHead: undefined,
        linkHead: undefined,
        conflict: false,
        look: stands ? [] : [inode],
      }
      for (const change of names) drafted.push({ change, ops: [], outcome })
      if (lone) ops.push(lone)
      if (lone || !stands) continue
      const heads = this.#contents(inode)
      const visibles = names.map(({ before }) => this.#asSeen(before!, heads, headOf(heads, before!)))
      ops.push(...trashOfInode(this.#tree, visibles))
    }
    return { ops, drafted }
  }

  #contents(inode: Inode): readonly ContentHead[] {
    const found = inodeState(this.#tree.state.cells, inode)
    return found ? contentHeads(this.#tree.state.cells, found) : []
  }

  /** What the user had before his eyes. */
  #asSeen(entry: Entry, heads: readonly ContentHead[], seen: ContentHead | undefined): Visible {
    const loser = entry.conflict && seen !== undefined && this.#isLoser(entry.inode, heads, seen)
    return {
      inode: entry.inode,
      parent: entry.parent,
      name: entry.visibleName,
      kind: entry.kind,
      content: seen?.content,
      contentHead: entry.contentHead,
      linkHead: entry.linkHead ?? NO_HEAD,
      conflict: loser ? 'content' : entry.conflict ? 'name' : 'none',
    }
  }

  /** A side of a content conflict that does not bear the plain name. */
  #isLoser(inode: Inode, heads: readonly ContentHead[], seen: ContentHead): boolean {
    const found = inodeState(this.#tree.state.cells, inode)
    const shown = found ? shownContents(this.#tree.state.cells, found) : heads
    return shown.length > 1 && !sameData(shown[0]!.content, seen.content)
  }

  /** What the file holds now, if that is not what the head it was made from says, or said before it was replaced. */
  #edited(change: ReadChange, before: Entry, seen: ContentHead | undefined): ContentValue | undefined {
    const looked = change.looked!
    const base = seen?.content ?? (change.sayAgain ? undefined : this.#saidOf(before))
    const data = change.data ?? base?.data
    if (!data) return undefined
    const mtimeNs = base && looked.mtimeNs === before.stat.mtimeNs ? base.mtimeNs : looked.mtimeNs
    const mode = base && looked.mode === before.stat.mode ? base.mode : looked.mode
    const value: ContentValue = { size: looked.size, mtimeNs, mode, data }
    if (!base || !sameData(value, base)) return value
    const sameAttributes = change.kind === 'symlink' || (base.mtimeNs === mtimeNs && base.mode === mode)
    return sameAttributes ? undefined : value
  }

  #saidOf({ contentHead, inode }: Entry): ContentValue | undefined {
    return contentHead && this.#said(contentHead, inode)
  }

  /** The one standing write says the same already: somebody else made the same edit. */
  #adopted(heads: readonly ContentHead[], seen: ContentHead | undefined, value: ContentValue): ContentHead | undefined {
    const winner = heads[0]
    if (!winner || heads.length > 1 || winner.trashed || winner === seen) return undefined
    return sameData(winner.content, value) ? winner : undefined
  }

  #onDisk(inode: Inode, contentHead: Hash | undefined): boolean {
    return this.#index
      .placesOf(inode)
      .some((e) => (contentHead ? e.contentHead && equalBytes(e.contentHead, contentHead) : !e.contentHead))
  }

  /** Directories that someone deleted while this device put something into them: they come back with it. */
  #revived(parent: Inode): FileOp[] {
    const out: FileOp[] = []
    for (let dir = parent; !equalBytes(dir, ROOT_INODE);) {
      const hex = inodeKey(dir)
      if (this.#standing.has(hex)) break
      const entry = this.#index.placesOf(dir)[0]
      if (!entry) break
      // Also one that is seen as another, which it is merged with.
      if (this.#tree.merged(dir).some((each) => equalBytes(each, dir))) {
        this.#standing.add(hex)
        break
      }
      const place = this.#standingPlace(entry)
      if (!place) break
      out.push(placeOp(dir, 'dir', place))
      dir = place.parent
    }
    return out.reverse()
  }

  /** Where a directory of this disk hangs. One that is on its way there has its place in the store alone. */
  #standingPlace(entry: Entry): Place | undefined {
    if (!equalBytes(entry.parent, PARKED_INODE)) return placeOf(entry)
    const found = inodeState(this.#tree.state.cells, entry.inode)
    return found && effectivePlace(this.#tree.state.derived, found)
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

const headOf = (heads: readonly ContentHead[], entry: Entry): ContentHead | undefined =>
  entry.contentHead && heads.find((h) => equalBytes(h.head.hash, entry.contentHead!))

const placeOfOp = (op: FileOp): Place => ({ parent: op.link!.parent as Inode, name: op.link!.name })

/** A move and an edit of one inode are one operation. */
const mergeOps = (ops: readonly FileOp[]): FileOp[] => {
  const out: FileOp[] = []
  for (const op of ops) {
    const same = out.find((one) => equalBytes(one.inode, op.inode) && !one.content && !op.link)
    if (!same) out.push(op)
    else {
      same.content = op.content
      same.keepContent = op.keepContent
    }
  }
  return out
}

/** What one batch of materialising shares: what it is done with, what it found out, and what is checked every time. */
import { join } from 'node:path'
import type { PublicKey } from '#kernel/core/bytes.ts'
import type { ChunkRef, InplaceBackend } from '#kernel/cas/port.ts'
import { StateSnapshot } from '#kernel/state/snapshot.ts'
import { inodeKey } from '../filestore/values.ts'
import type { Inode, Visible } from '../filestore/port.ts'
import { openTree, type Tree } from '../filestore/tree.ts'
import type { Step } from './appearances.ts'
import type { ContentSources } from './contents.ts'
import { isFull, isGone, look, sameIdentity, stillAs, trashPath, unchanged, type Looked } from './disk.ts'
import { awayName, joinPath, type FolderIndex } from './folder-index.ts'
import type { IgnoreRules } from './ignore-rules.ts'
import { fileKey } from './ingest.ts'
import type { Entry } from './index-codec.ts'
import type { ControlPaths } from './marker.ts'
import { isInPlace } from './places.ts'
import { nextTurn } from './slices.ts'
import type { ProblemKind } from './status.ts'
import type { FolderWatcher } from './watcher.ts'

export interface MaterialiseDeps {
  readonly paths: ControlPaths
  readonly device: PublicKey
  readonly tree: Tree
  readonly index: FolderIndex
  readonly rules: IgnoreRules
  readonly inplace: InplaceBackend
  readonly sources: ContentSources
  readonly watcher: FolderWatcher | undefined
  nowMs(): number
  problem(path: string, kind: ProblemKind, message: string): void
  fine(path: string): void
  /** A change of the user's that was refused lies at the path: then the inode waits there, and true is returned. */
  waitsForUser(path: string, inode: Inode): boolean
}

export interface Materialised {
  /** Content that no connected peer had. */
  readonly missing: readonly Inode[]
  /** Paths that are not what the index says: to be ingested first; their inodes come again. */
  readonly touched: readonly string[]
  readonly again: readonly Inode[]
  /** Files here whose inode was moved by one and, as a later version that nobody has any more, deleted by another. */
  readonly outlived: readonly Entry[]
  /** The same, moved by this device, which has none of its versions any more. */
  readonly abandoned: readonly Visible[]
  /** What must be looked at because of this batch: children of a directory that came into sight. */
  readonly more: readonly Inode[]
}

/** The disk is full: thrown, caught by the folder, which waits for room. */
export class DiskFullError extends Error {
  override readonly name = 'DiskFullError'
}

/** Work between two turns of the event loop. */
const SLICE_MS = 8

export class Batch {
  readonly deps: MaterialiseDeps
  /** What everyone sees, as it was when this slice of work began. */
  readonly tree: Tree
  /** Inode (hex) of parents found to be real directories in this slice of work, and their paths. */
  readonly dirPaths = new Map<string, string>()
  readonly missing: Inode[] = []
  readonly outlived: Entry[] = []
  readonly abandoned: Visible[] = []
  readonly touched = new Set<string>()
  readonly again = new Map<string, Inode>()
  readonly more: Inode[] = []
  readonly #state: StateSnapshot
  readonly #registered: { file: Uint8Array; chunks: readonly ChunkRef[] }[] = []
  readonly #forgotten: Uint8Array[] = []
  #sliceStart = performance.now()

  constructor(deps: MaterialiseDeps) {
    this.deps = deps
    this.#state = new StateSnapshot(deps.tree.state)
    this.tree = openTree(this.#state, deps.tree.deviceName)
  }

  /** Gives way to others when the slice is over. What was read is true only until then. */
  async breathe(): Promise<void> {
    if (performance.now() - this.#sliceStart < SLICE_MS) return
    await nextTurn()
    this.#sliceStart = performance.now()
    this.dirPaths.clear()
    this.#state.forget()
  }

  async commit(): Promise<void> {
    const { index, inplace, sources } = this.deps
    await Promise.all([
      index.flush(),
      this.#registered.length > 0 ? inplace.register(sources.storeId, this.#registered) : undefined,
      this.#forgotten.length > 0 ? inplace.forget(sources.storeId, this.#forgotten) : undefined,
    ])
  }

  /** To be tried again, after `touched` was ingested. */
  defer(step: Step, touched?: string): void {
    const { inode } = step.to ?? step.from!
    if (touched !== undefined && this.deps.waitsForUser(touched, inode)) return
    this.again.set(inodeKey(inode), inode)
    if (touched !== undefined) this.touched.add(touched)
  }

  fail(step: Step, path: string, code: string): void {
    if (isFull(code)) throw new DiskFullError('the disk is full')
    if (isGone(code) || code === 'EEXIST' || code === 'ENOTEMPTY') return this.defer(step, path)
    this.deps.problem(path, 'unwritable', `it cannot be written (${code})`)
    this.missing.push((step.to ?? step.from!).inode)
  }

  /** The directory is where the index has it: what is not found there is gone, not moved along with the directory. */
  isInPlace(dir: Inode): boolean {
    return isInPlace(this.deps.index, this.deps.paths.root, dir)
  }

  /** The disk still shows what the index says; otherwise the path is to be looked at first. */
  untouched(entry: Entry, path: string): boolean {
    const now = look(this.absolute(path))
    const same = now && (entry.kind === 'dir' ? sameIdentity(entry, now) : unchanged(entry, now))
    if (!same) this.touched.add(path)
    return same === true
  }

  note(entry: Entry, to: Visible): void {
    const { index } = this.deps
    index.put({ ...entry, contentHead: to.contentHead, linkHead: to.linkHead, conflict: to.conflict !== 'none' })
  }

  /**
   * Writes into the index what was just put in place; `made`: what a file was before it came there. What a program wrote
   * to it since is found by the next look, which the stat from before asks for.
   */
  record(to: Visible, from: Entry | undefined, path: string, chunks: readonly ChunkRef[], made?: Looked): void {
    const { index, fine } = this.deps
    const looked = look(this.absolute(path))
    if (!looked) return this.defer({ from, to }, path)
    const entry: Entry = {
      parent: to.parent,
      name: from?.name ?? to.name,
      visibleName: to.name,
      inode: to.inode,
      slot: from?.slot ?? index.freeSlot(to.inode),
      kind: to.kind,
      conflict: to.conflict !== 'none',
      stat: made ?? looked,
      contentHead: to.contentHead,
      linkHead: to.linkHead,
      epoch: index.epoch,
    }
    const isEdited = made !== undefined && !stillAs(entry, looked)
    if (isEdited) this.touched.add(path)
    index.put(isEdited ? entry : { ...entry, stat: looked })
    if (to.kind === 'file' && (chunks.length > 0 || from))
      this.#registered.push({ file: fileKey(entry.inode, entry.slot), chunks })
    fine(path)
  }

  forget(entry: Entry): void {
    this.deps.index.delete(entry)
    if (entry.kind === 'file') this.#forgotten.push(fileKey(entry.inode, entry.slot))
  }

  /** A free place in the trash for what lies at `path`. */
  trash(path: string): string {
    const { paths, nowMs } = this.deps
    return trashPath(paths.control, new Date(nowMs()).toISOString().slice(0, 10), path)
  }

  /** Where an entry waits on its way to another place; what a crash leaves there, the next start puts back. */
  aside(entry: Entry): string {
    return join(this.deps.paths.parked, awayName(entry))
  }

  absolute(path: string): string {
    return join(this.deps.paths.root, path)
  }

  pathFor(to: Visible): string {
    const dir = this.deps.index.pathOfDir(to.parent)
    return dir === undefined ? to.name : joinPath(dir, to.name)
  }
}

/**
 * Takes local changes into the store: reads what is new, says it in as few intentions as fit, and then writes into
 * the index what the disk is made of. Whatever crash comes between, the next scan finds the difference again.
 */
import fs from 'node:fs'
import { join } from 'node:path'
import { concatBytes, equalBytes, type Cid, type Hash } from '#kernel/core/bytes.ts'
import type { LatticeError, Result } from '#kernel/core/result.ts'
import type {
  ChunkRef,
  ContentHasher,
  FileContent,
  HashedFile,
  InplaceBackend,
  StoringBackend,
} from '#kernel/cas/port.ts'
import { encodeManifests } from '#kernel/cas/manifest-parts.ts'
import type { StateReader } from '#kernel/state/port.ts'
import { StateSnapshot } from '#kernel/state/snapshot.ts'
import type { StorageWriter } from '#kernel/storage/port.ts'
import type { AppDraft, Draft, Store, SubmitError } from '#kernel/store/port.ts'
import type { Witnessed } from '#kernel/dag/port.ts'
import type { FileOp, FileOps } from '#proto/file'
import { inodeKey } from '../filestore/values.ts'
import { contentHeads, fileContentToData, inodeState } from '../filestore/inode.ts'
import { BATCH_BYTES_MAX, packOps } from '../filestore/ops.ts'
import { trashAppearances } from '../filestore/intents.ts'
import type { ContentValue, Inode, Visible } from '../filestore/port.ts'
import { openTree, type Tree } from '../filestore/tree.ts'
import { errnoOf, look, unchanged } from './disk.ts'
import type { FolderIndex } from './folder-index.ts'
import type { Entry } from './index-codec.ts'
import { Drafter, type Drafted, type Outcome, type ReadChange, type Said } from './local-ops.ts'
import { type Seen } from './observe.ts'
import { pairByContent, planChanges, type LocalChange } from './plan.ts'
import { contentSaid } from './said.ts'
import type { ProblemKind } from './status.ts'

export interface IngestDeps {
  readonly root: string
  readonly store: Store
  readonly tree: Tree
  readonly index: FolderIndex
  readonly hasher: ContentHasher
  readonly inplace: InplaceBackend
  readonly chunks: StoringBackend
  problem(path: string, kind: ProblemKind, message: string): void
  fine(path: string): void
  /** Looks at the path again once it had time to settle. */
  again(path: string): void
  /** This device may not say what was changed at the path. */
  refused(path: string): void
  /** A file that looks as the index says but does not hold what it says: a power loss tore it. */
  torn(entry: Entry, path: string): void
}

export interface Ingested {
  readonly error: LatticeError | undefined
  /** Inodes whose place or attributes on disk may differ from what everyone sees. */
  readonly look: readonly Inode[]
}

/** How the in-place backend names a file of this folder: its inode, and which of its names. */
export const fileKey = (inode: Inode, slot: number): Uint8Array => concatBytes(inode, Uint8Array.of(slot))

const HASH_AT_ONCE = 1024
const OPS_AT_ONCE = 2000
/** Changes of one intention: folding them is one turn of the event loop, which must stay short. */
const CHANGES_AT_ONCE = 500
/** So few that their deletions fit one intention, however long their chunk lists. */
const ABANDONED_AT_ONCE = 32

export class Ingester {
  readonly #deps: IngestDeps
  /** File keys (hex) of what is being submitted: peers may ask for its chunks before the index has it. */
  readonly arriving = new Map<string, string>()

  constructor(deps: IngestDeps) {
    this.#deps = deps
  }

  async ingest(seen: readonly Seen[], signal: AbortSignal): Promise<Ingested> {
    const { index, root } = this.#deps
    for (const one of seen) if (one.what === 'dropped') this.#drop(one.entry)
    await index.flush()
    const current = seen.filter(
      (one) => one.what === 'present' || one.what === 'same' || (one.what === 'gone' && this.#stillKnown(one.entry)),
    )
    index.expectInos(current.flatMap((one) => (one.what === 'present' ? [one.looked.ino] : [])))
    const changes = planChanges(current, {
      byIno: (ino) => index.byIno(ino),
      children: (dir) => index.children(dir),
      pathOf: (entry) => index.pathOf(entry),
      look: (entry) => {
        const path = index.pathOf(entry)
        return path === undefined ? undefined : look(join(root, path))
      },
    })
    const { read, contents } = await this.#read(changes, signal)
    const paired = this.#pair(read)
    const toLook: Inode[] = []
    const present = paired.filter((change) => change.place)
    const gone = directoryByDirectory(paired.filter((change) => !change.place))
    for (let at = 0; at < present.length; at += OPS_AT_ONCE) {
      const error = await this.#submit(present.slice(at, at + OPS_AT_ONCE), contents, toLook)
      if (error) return { error, look: toLook }
    }
    for (let at = 0; at < gone.length;) {
      const done = await this.#submitDeletions(gone.slice(at, at + CHANGES_AT_ONCE), toLook)
      if (typeof done !== 'number') return { error: done, look: toLook }
      at += done
    }
    return { error: undefined, look: toLook }
  }

  /** What was found gone may have been found again under another name by an earlier batch of the same scan. */
  #stillKnown(entry: Entry): boolean {
    const now = this.#deps.index.get(entry.parent, entry.name)
    return now !== undefined && now.slot === entry.slot && equalBytes(now.inode, entry.inode)
  }

  #drop(entry: Entry): void {
    const { index } = this.#deps
    const below = entry.kind === 'dir' ? index.descendants(entry.inode) : []
    for (const one of [entry, ...below]) index.delete(one)
  }

  async #read(
    changes: readonly LocalChange[],
    signal: AbortSignal,
  ): Promise<{ read: ReadChange[]; contents: Map<string, FileContent> }> {
    const read: ReadChange[] = []
    const contents = new Map<string, FileContent>()
    const files: LocalChange[] = []
    for (const change of changes) {
      const kind = change.looked?.kind ?? change.before!.kind
      if (kind === 'special') continue
      if (change.reread && kind === 'file') files.push(change)
      else if (change.reread && kind === 'symlink') this.#readLink(change, read)
      else read.push({ ...change, kind, data: undefined })
    }
    for (let at = 0; at < files.length; at += HASH_AT_ONCE) {
      const batch = files.slice(at, at + HASH_AT_ONCE)
      const paths = batch.map((change) => join(this.#deps.root, change.path))
      const results = await this.#deps.hasher.hashFiles(paths, signal)
      results.forEach((result, i) => this.#hashed(batch[i]!, result, read, contents))
    }
    // Directories first, so that what refers to them comes after.
    read.sort((a, b) => depth(a) - depth(b))
    return { read, contents }
  }

  #readLink(change: LocalChange, read: ReadChange[]): void {
    try {
      const bytes = new Uint8Array(fs.readlinkSync(join(this.#deps.root, change.path), 'buffer'))
      const looked = { ...change.looked!, size: bytes.length }
      read.push({ ...change, kind: 'symlink', looked, data: { kind: 'inline', bytes } })
    } catch (error) {
      errnoOf(error)
      this.#again(change)
    }
  }

  #hashed(change: LocalChange, result: HashedFile, read: ReadChange[], contents: Map<string, FileContent>): void {
    if (result.kind === 'hashed') {
      const looked = { ...change.looked!, ...result.stat, mode: result.stat.mode & 0o7777 }
      if (result.stat.ino !== change.looked!.ino) return this.#again(change)
      const data = fileContentToData(result.content)
      if (change.before && unchanged(change.before, looked)) {
        const seen = this.#seenContent(change.before)
        if (seen && dataKey(seen.data) !== dataKey(data)) return this.#deps.torn(change.before, change.path)
      }
      contents.set(change.path, result.content)
      read.push({ ...change, looked, kind: 'file', data })
      this.#deps.fine(change.path)
    } else if (result.kind === 'unreadable') {
      this.#deps.problem(change.path, 'unreadable', result.message)
    } else this.#again(change)
  }

  /** Both names of what moved: it may be gone from the new one by the next look, which then tells nothing of the old. */
  #again({ path, before, place }: LocalChange): void {
    this.#deps.again(path)
    const hasMoved = before && !(before.name === place?.name && equalBytes(before.parent, place.parent))
    const old = hasMoved && this.#deps.index.pathOf(before)
    if (old) this.#deps.again(old)
  }

  /** A file that went and one that came with the same content is one that moved. */
  #pair(read: readonly ReadChange[]): readonly ReadChange[] {
    const gone = read.filter((c) => !c.place && c.kind === 'file')
    if (gone.length === 0) return read
    const created = read.filter((c) => c.place && !c.before && c.kind === 'file' && c.looked!.size > 0)
    if (created.length === 0) return read
    const pairs = pairByContent(
      created.map((change) => ({ change, content: dataKey(change.data!) })),
      gone.flatMap((change) => {
        const value = this.#seenContent(change.before!)
        return value ? [{ change, content: dataKey(value.data) }] : []
      }),
    )
    if (pairs.size === 0) return read
    const used = new Set(pairs.values())
    return read
      .filter((change) => !used.has(change))
      .map((change) => {
        const origin = pairs.get(change)
        return origin ? { ...change, inode: origin.inode, before: origin.before } : change
      })
  }

  #seenContent(entry: Entry): ContentValue | undefined {
    const { cells } = this.#deps.tree.state
    const found = inodeState(cells, entry.inode)
    const heads = found ? contentHeads(cells, found) : []
    const { contentHead } = entry
    if (!contentHead) return undefined
    const seen = heads.find((h) => equalBytes(h.head.hash, contentHead))
    return seen ? seen.content : this.#said(contentHead, entry.inode)
  }

  readonly #said: Said = (head, inode) => contentSaid(this.#deps.store.dag, head, inode)

  async #submit(
    batch: readonly ReadChange[],
    contents: ReadonlyMap<string, FileContent>,
    toLook: Inode[],
  ): Promise<LatticeError | undefined> {
    const { index } = this.#deps
    await this.#register(batch, contents)
    let error: LatticeError | undefined
    const renamed: Drafted[] = []
    for (let at = 0; at < batch.length && !error;) {
      let drafted: readonly Drafted[] = []
      const result = await this.#say(
        (tree) => {
          const drafter = new Drafter(tree, index, this.#said)
          const { fits, draft } = fill(batch, at, (change) => drafter.draft(change))
          drafted = fits
          return draft
        },
        (hash) => this.#settleAll(drafted, hash, toLook),
      )
      if (result.ok) {
        renamed.push(...drafted.filter(({ change, outcome }) => !equalBytes(change.inode, outcome.inode)))
      } else if (result.error.kind === 'not-permitted') this.#refuse(drafted, toLook)
      else error = result.error
      at += drafted.length
    }
    await index.flush()
    await this.#reregister(renamed, contents)
    this.arriving.clear()
    return error
  }

  /** As many of them as fit one intention; says how many those were. */
  async #submitDeletions(batch: readonly ReadChange[], toLook: Inode[]): Promise<LatticeError | number> {
    const { store, index, inplace } = this.#deps
    let drafted: readonly Drafted[] = []
    const result = await this.#say(
      (tree) => {
        const drafter = new Drafter(tree, index, this.#said)
        for (let count = batch.length; ; count = Math.ceil(count / 2)) {
          const deletions = drafter.deletions(batch.slice(0, count))
          drafted = deletions.drafted
          if (deletions.ops.length === 0) return undefined
          const draft = draftOf(deletions.ops)
          const isAll = draft.op !== undefined
          if (isAll || count === 1) return draft
        }
      },
      (hash, tx) => {
        this.#settleAll(drafted, hash, toLook)
        inplace.forgetIn(tx, store.id, this.#notHeld(drafted))
      },
    )
    if (!result.ok && result.error.kind === 'not-permitted') {
      this.#refuse(drafted, toLook)
      return drafted.length
    }
    if (!result.ok) return result.error
    return drafted.length
  }

  /** The files of deletions that the index has no more. */
  #notHeld(drafted: readonly Drafted[]): readonly Uint8Array[] {
    return drafted.flatMap(({ change: { kind, before } }) =>
      kind === 'file' && !this.#isHeld(before!.inode, before!.slot) ? [fileKey(before!.inode, before!.slot)] : [],
    )
  }

  /** Deletes what is in sight only for a move of this device's: what it showed was deleted, and nobody has it. */
  async abandon(visibles: readonly Visible[]): Promise<LatticeError | undefined> {
    for (let at = 0; at < visibles.length; at += ABANDONED_AT_ONCE) {
      const some = visibles.slice(at, at + ABANDONED_AT_ONCE)
      const prepare = (tree: Tree): Draft | undefined => {
        const ops = trashAppearances(tree, some)
        return ops.length === 0 ? undefined : draftOf(ops)
      }
      const result = await this.#say(prepare, () => {})
      if (!result.ok && result.error.kind !== 'not-permitted') return result.error
    }
    return undefined
  }

  /**
   * Submits what is drafted on the tree as it is then, and writes what the index then knows in the same transaction.
   * Were the two apart, a crash between them would leave a file that the store speaks of and the index does not: if the
   * user then moved or deleted it while this node was down, nobody could tell, and every device would wait for its
   * content for ever.
   */
  async #say(
    prepare: (tree: Tree) => Draft | undefined,
    settle: (hash: Hash | undefined, tx: StorageWriter) => void,
  ): Promise<Result<Witnessed | undefined, SubmitError>> {
    const { store, tree, index } = this.#deps
    let committed = true
    const draft = (state: StateReader): Draft | undefined => {
      const snapshot = new StateSnapshot(state)
      try {
        return prepare(openTree(snapshot, tree.deviceName))
      } finally {
        snapshot.forget()
      }
    }
    try {
      const result = await store.submit(draft, (tx, written) => {
        committed = false
        settle(written?.hash, tx)
        index.flushIn(tx)
      })
      committed ||= result.ok
      if (result.ok) index.committed()
      return result
    } finally {
      if (!committed) index.forget()
    }
  }

  #settleAll(drafted: readonly Drafted[], hash: Hash | undefined, toLook: Inode[]): void {
    for (const { change, outcome } of drafted) {
      this.#settle(change, outcome, hash)
      toLook.push(...outcome.look)
    }
  }

  /** What needs no saying is settled all the same; the rest stays as the user made it, here only. */
  #refuse(drafted: readonly Drafted[], toLook: Inode[]): void {
    this.#settleAll(
      drafted.filter(({ ops, change }) => ops.length === 0 && change.place),
      undefined,
      toLook,
    )
    for (const { change, ops } of drafted) {
      if (ops.length === 0 && change.place) continue
      this.#deps.refused(change.path)
      this.#deps.problem(change.path, 'rejected', 'this device may only read here: the change stays on this device')
    }
  }

  /** The chunks can be served before anyone hears of them. */
  async #register(batch: readonly ReadChange[], contents: ReadonlyMap<string, FileContent>): Promise<void> {
    const { inplace, chunks, store, index, root } = this.#deps
    const files: { file: Uint8Array; chunks: readonly ChunkRef[] }[] = []
    const manifests: { cid: Cid; bytes: Uint8Array }[] = []
    for (const change of batch) {
      const content = contents.get(change.path)
      if (!content || content.kind === 'inline') continue
      const file = fileKey(change.inode, change.before?.slot ?? index.freeSlot(change.inode))
      files.push({ file, chunks: content.chunks })
      this.arriving.set(inodeKey(file as Inode), join(root, change.path))
      if (content.kind === 'manifest') manifests.push(...(encodeManifests(content.chunks) ?? []))
    }
    const stored = manifests.length > 0 ? chunks.write(store.id, manifests) : undefined
    if (files.length > 0) await inplace.register(store.id, files)
    const result = await stored
    if (result && !result.ok) throw new Error(result.error.message)
  }

  /** Files that turned out to be another inode than was thought: one that was there already, or one made of a side. */
  async #reregister(drafted: readonly Drafted[], contents: ReadonlyMap<string, FileContent>): Promise<void> {
    const { inplace, index, store } = this.#deps
    const files: { file: Uint8Array; chunks: readonly ChunkRef[] }[] = []
    const old: Uint8Array[] = []
    for (const { change, outcome } of drafted) {
      const entry = change.place && index.get(change.place.parent, change.place.name)
      const content = contents.get(change.path)
      const data = this.#headContent(outcome.inode)?.data
      const chunks = content && content.kind !== 'inline' ? content.chunks : data?.kind === 'chunks' ? data.chunks : []
      if (!entry || change.kind !== 'file' || chunks.length === 0) continue
      files.push({ file: fileKey(outcome.inode, entry.slot), chunks })
      const slot = change.before?.slot ?? 0
      if (!this.#isHeld(change.inode, slot)) old.push(fileKey(change.inode, slot))
    }
    if (files.length === 0) return
    await Promise.all([inplace.register(store.id, files), inplace.forget(store.id, old)])
  }

  /** Whether the index still has it: what went from one name may have come under another, and is served from there. */
  #isHeld(inode: Inode, slot: number): boolean {
    return this.#deps.index.current({ inode, slot }) !== undefined
  }

  #headContent(inode: Inode): ContentValue | undefined {
    const { cells } = this.#deps.tree.state
    const found = inodeState(cells, inode)
    return found && contentHeads(cells, found)[0]?.content
  }

  #settle(change: ReadChange, outcome: Outcome, hash: Hash | undefined): void {
    const { index } = this.#deps
    const { before, place, looked } = change
    const head = (which: Hash | 'written' | undefined): Hash | undefined => (which === 'written' ? hash : which)
    const current = before && index.current(before)
    if (current) index.delete(current)
    if (!place || !looked || looked.kind === 'special') return
    const known = before && equalBytes(before.inode, outcome.inode)
    index.put({
      parent: place.parent,
      name: place.name,
      visibleName: place.name.normalize('NFC'),
      inode: outcome.inode,
      slot: known ? before.slot : index.freeSlot(outcome.inode),
      kind: looked.kind,
      conflict: outcome.conflict,
      stat: looked,
      contentHead: head(outcome.contentHead),
      linkHead: head(outcome.linkHead),
      epoch: index.epoch,
    })
  }
}

/**
 * What a directory held goes before the directory, and next to it: peers then take it away as a whole. All names that
 * an inode has in a directory go in one batch.
 */
const directoryByDirectory = (gone: readonly ReadChange[]): ReadChange[] =>
  gone
    .map((change) => ({ change, key: deletionKey(change) }))
    .sort((a, b) => (a.key < b.key ? -1 : 1))
    .map(({ change }) => change)

const deletionKey = ({ path, kind, inode }: ReadChange): string =>
  kind === 'dir' ? `${path}/\uffff` : path.slice(0, path.lastIndexOf('/') + 1) + inodeKey(inode)

const depth = (change: ReadChange): number =>
  change.place ? change.path.split('/').length - (change.kind === 'dir' ? 1 : 0) : 0

/**
 * As many changes as one intention holds. At least one: a single op always fits. Every change is drafted on the state
 * that it follows, so two of one inode (both sides of a conflict, say) are two intentions: of two writes to one cell
 * in one intention only the later stands.
 */
const fill = (
  batch: readonly ReadChange[],
  from: number,
  draft: (change: ReadChange) => Drafted,
): { fits: Drafted[]; draft: Draft | undefined } => {
  const fits: Drafted[] = []
  const ops: FileOp[] = []
  const inodes = new Set<string>()
  let room = BATCH_BYTES_MAX
  for (let at = from; at < batch.length; at++) {
    const one = draft(batch[at]!)
    room -= one.ops.reduce((sum, op) => sum + opBytesMax(op), 0)
    const written = one.ops.map(({ inode }) => inodeKey(inode as Inode))
    const isFull = room < 0 || fits.length === CHANGES_AT_ONCE || written.some((inode) => inodes.has(inode))
    if (isFull && fits.length > 0) break
    for (const inode of written) inodes.add(inode)
    fits.push(one)
    ops.push(...one.ops)
  }
  return { fits, draft: ops.length === 0 ? undefined : draftOf(ops) }
}

/** As many of the ops as one intention holds, decoded too if those are all; at least one is given. */
const draftOf = (ops: readonly FileOp[]): AppDraft => {
  const [app, more] = packOps(ops)
  if (more) return { app: app! }
  return { app: app!, op: { $typeName: 'lattice.v1.FileOps', ops: [...ops] } satisfies FileOps }
}

/** An upper bound of an op's encoded size, cheaper than encoding it twice. */
const opBytesMax = (op: FileOp): number => {
  const link = op.link ? 80 + 3 * op.link.name.length + 3 * (op.link.replaced?.name.length ?? 0) : 0
  const data = op.content?.data
  const content =
    data?.case === 'inline' ? data.value.length : data?.case === 'chunks' ? data.value.chunks.length * 42 : 34
  return 24 + link + (op.content ? content + 40 : 0) + 34 * (op.keepLink.length + op.keepContent.length)
}

const dataKey = (data: ContentValue['data']): string => {
  if (data.kind === 'inline') return `i${inodeKey(data.bytes as Inode)}`
  if (data.kind === 'manifest') return `m${inodeKey(data.cid as Uint8Array as Inode)}`
  return `c${data.chunks.map(({ cid }) => inodeKey(cid as Uint8Array as Inode)).join()}`
}

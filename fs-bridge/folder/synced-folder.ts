/**
 * One plain directory kept in step with one store, both ways.
 *
 * A single loop does all the work, one thing at a time, so that index, disk and store are never changed from two
 * sides: full scans first, then what the watcher noticed, then what peers changed. Watcher and store only leave notes
 * (dirty paths, pending inodes) and wake it.
 */
import { once } from 'node:events'
import fs from 'node:fs'
import { join } from 'node:path'
import { INLINE_MAX } from '#kernel/cas/port.ts'
import { ok, type Result } from '#kernel/core/result.ts'
import { equalBytes, type HexKey } from '#kernel/core/bytes.ts'
import type { Change } from '#kernel/state/port.ts'
import { StateSnapshot } from '#kernel/state/snapshot.ts'
import { inodeKey } from '../filestore/values.ts'
import type { Affected, Inode, Visible } from '../filestore/port.ts'
import { openTree, type Tree } from '../filestore/tree.ts'
import type { FolderDeps, FolderOptions } from './deps.ts'
import { emptyOwn, look, trashPath, unchanged } from './disk.ts'
import { Durability } from './durability.ts'
import { folderFailure, RootGoneError, RefusedError } from './failures.ts'
import { FolderIndex, PARKED_INODE } from './folder-index.ts'
import type { Entry } from './index-codec.ts'
import { fileKey, Ingester } from './ingest.ts'
import { checkRoot, claimRoot, controlPaths, markerPresent, type ControlPaths } from './marker.ts'
import type { MaterialiseDeps, Materialised } from './batch.ts'
import { Backlog } from './backlog.ts'
import { materialise } from './materialise.ts'
import { unpark } from './parked.ts'
import { Rest, Settling } from './settling.ts'
import { TreeWalk } from './reconcile.ts'
import { Upkeep } from './upkeep.ts'
import { type Seen } from './observe.ts'
import { Problems } from './problems.ts'
import { Scanner } from './scanner.ts'
import { inSlices, nextTurn } from './slices.ts'
import { Touched, Touching } from './touched.ts'
import { systemTimers, type FolderError, type FolderStatus, type FolderTimers } from './status.ts'
import { TrashSearch } from './trash-search.ts'
import { watchFolder } from './watcher.ts'

const MATERIALISE_BATCH = 512
/** Changes whose inodes are found in one turn of the event loop. */
const CHANGES_AT_ONCE = 500
/** Between two tries after an error, or for content no peer had. */
const RETRY_MS = 5000
const DEFERRED_MS = 250

const KNOWS_WHERE: ReadonlySet<FolderStatus['state']> = new Set(['syncing', 'idle'])

export type { FolderDeps, FolderOptions }

export class SyncedFolder {
  readonly root: string
  readonly #deps: FolderDeps
  readonly #paths: ControlPaths
  readonly #timers: FolderTimers
  readonly #index: FolderIndex
  readonly #tree: Tree
  readonly #scanner: Scanner
  readonly #touching: Touching
  readonly #problems = new Problems((path) => {
    this.#touching.path(path)
    this.#changed()
  })
  readonly #backlog = new Backlog()
  readonly #trashSearch: TrashSearch
  readonly #listeners = new Set<(status: FolderStatus) => void>()
  readonly #settling = new Settling()
  readonly #rest: Rest
  readonly #durability: Durability
  readonly #upkeep: Upkeep
  #ingester: Ingester
  #cursor = 0
  /** The cursor that listeners have been told. */
  #told = -1
  /** Compares the whole tree with the index; undefined: there is no need to. */
  #walk: TreeWalk | undefined = new TreeWalk()
  /** What had been witnessed when the walk came to its end. */
  #walkedTo = 0
  #state: FolderStatus['state'] = 'paused'
  #error: FolderError | undefined
  #conflicts = 0
  /** A scan for displaced entries is due, if they do not turn up before. */
  #isFinding = false
  #stopping = new AbortController()
  #calm: Promise<unknown> = Promise.resolve()
  #running: Promise<void>[] = []
  #detach: (() => void) | undefined

  /** Checks the directory and makes it this store's; nothing syncs before `start`. */
  static async open(deps: FolderDeps, options: FolderOptions): Promise<Result<SyncedFolder, FolderError>> {
    const root = checkRoot(options.path, options.others, options.home)
    if (!root.ok) return root
    const paths = controlPaths(root.value)
    const claimed = await claimRoot(paths, deps.store.id, deps.backend)
    if (!claimed.ok) return claimed
    return ok(new SyncedFolder(deps, paths, claimed.value))
  }

  constructor(deps: FolderDeps, paths: ControlPaths, folder: Uint8Array) {
    this.root = paths.root
    this.#deps = deps
    this.#paths = paths
    this.#timers = deps.timers ?? systemTimers
    this.#rest = new Rest(this.#timers)
    this.#index = new FolderIndex(deps.backend, folder)
    this.#tree = openTree(deps.store.state, deps.deviceName)
    this.#touching = new Touching(this.#index, this.#tree, deps.touched ?? new Touched(() => 0))
    this.#durability = new Durability(paths.root, this.#index)
    this.#upkeep = new Upkeep(this.#timers, this.#durability, paths.trash)
    const { store, chunks, hasher } = deps
    this.#trashSearch = new TrashSearch({ trash: paths.trash, storeId: store.id, chunks, hasher }, this.#tree)
    this.#scanner = this.#newScanner()
    this.#ingester = this.#newIngester()
  }

  start(): void {
    if (this.#running.length > 0) return
    this.#stopping = new AbortController()
    this.#calm = Promise.race([this.#deps.urgentUntil, once(this.#stopping.signal, 'abort')])
    this.#error = undefined
    this.#isFinding = false
    this.#scanner.start()
    this.#detach = this.#deps.inplace.attach(this.#deps.store.id, (file) => this.#resolve(file))
    const cursor = this.#index.getMeta<number>('cursor')
    const { count } = this.#deps.store.dag
    this.#walk = cursor === undefined || cursor > count ? new TreeWalk() : undefined
    this.#cursor = this.#walk ? count : cursor!
    for (const hex of this.#index.getMeta<string[]>('stalled') ?? []) this.#backlog.addHex(hex)
    this.#conflicts = this.#tree.conflictCount()
    this.#durability.begin()
    if (markerPresent(this.#paths)) this.#unpark()
    this.#upkeep.pruneDaily(this.#stopping.signal)
    this.#setState('scanning')
    this.#running = [this.#follow(), this.#work()]
  }

  async stop(): Promise<void> {
    this.#stopping.abort()
    this.#rouse()
    try {
      await Promise.all(this.#running)
    } finally {
      this.#running = []
      this.#scanner.stop()
      this.#detach?.()
      this.#setState('paused')
    }
  }

  async pause(): Promise<void> {
    await this.stop()
  }

  resume(): void {
    this.start()
  }

  /** Looks at everything once more. */
  rescan(): void {
    this.#scanner.rescan()
  }

  /** Asks again for content that no peer had: call it when a peer connects. */
  retry(): void {
    this.#backlog.unstall()
    this.#rouse()
  }

  /** Why the entry at a path does not sync; undefined: nothing speaks against it. */
  explain(path: string): string | undefined {
    const looked = look(join(this.root, path))
    return this.#scanner.rules.explain(path, looked?.kind === 'dir')?.reason ?? this.#problems.at(path)?.message
  }

  /** What is recorded of a thing as it lies on this disk: where, and which writes it was made from. */
  recorded({ parent, name, inode }: Pick<Visible, 'parent' | 'name' | 'inode'>): Entry | undefined {
    const entry = this.#index.get(parent, name)
    if (entry && equalBytes(entry.inode, inode)) return entry
    return this.#index.placesOf(inode).find(({ visibleName }) => visibleName === name)
  }

  /** The inodes with changes that are known and not on this disk yet; may be read over several turns. */
  waiting(): Iterable<Inode> {
    return this.#backlog.all()
  }

  status(): FolderStatus {
    return {
      state: this.#state,
      error: this.#error,
      witnessed: this.#cursor,
      ...this.#index.totals,
      conflicts: this.#conflicts,
      pendingIn: this.#backlog.size,
      pendingOut: this.#scanner.pending,
      watching: this.#scanner.watching,
      problems: this.#problems.list(),
    }
  }

  /** Called with every change of the status. Returns the way to stop it. */
  onStatus(listener: (status: FolderStatus) => void): () => void {
    this.#listeners.add(listener)
    return () => this.#listeners.delete(listener)
  }

  /**
   * Resolves once every change made on disk before the call is in the store, and everything witnessed is on disk.
   * Rejects with the signal's reason. Does not resolve while the folder is paused or in error.
   */
  async settled(signal?: AbortSignal): Promise<void> {
    signal?.throwIfAborted()
    const until = await this.#scanner.caughtUp(this.#running.length > 0, signal)
    await this.#settling.wait(() => this.#isSettled(until), signal)
  }

  #isSettled(until: number): boolean {
    if (this.#running.length === 0 || this.#error || this.#walk) return false
    if (!this.#scanner.isDone(until) || this.#cursor < this.#deps.store.dag.count) return false
    return this.#backlog.size === 0 && this.#state !== 'scanning' && this.#index.displaced().length === 0
  }

  /** Notes what peers (and this device) wrote. */
  async #follow(): Promise<void> {
    const { store } = this.#deps
    const signal = this.#stopping.signal
    const cursor = this.#cursor
    for await (const change of store.watch({ cursor, signal })) {
      if (change.reset) this.#walk = new TreeWalk()
      else await this.#note(change.changes)
      // Rights may have come: what was refused is found by looking at everything once more.
      if (change.system && this.#backlog.reconsiderAll()) this.#scanner.rescan()
      // What conflicts made is named after devices.
      if (change.system || change.reset) this.#touching.anywhere()
      this.#conflicts = this.#tree.conflictCount()
      this.#cursor = Math.max(this.#cursor, change.cursor)
      this.#endWalk()
      this.#rouse()
    }
  }

  async #note(changes: readonly Change[]): Promise<void> {
    for (let at = 0; at < changes.length; at += CHANGES_AT_ONCE) {
      const tree = openTree(new StateSnapshot(this.#deps.store.state), this.#deps.deviceName)
      const affected = tree.affected(changes.slice(at, at + CHANGES_AT_ONCE))
      for (const each of affected) {
        if (this.#needsLook(tree, each)) this.#backlog.add(each.inode)
        this.#walk?.changed(tree, each.inode)
      }
      this.#touching.inodes(
        tree,
        affected.map(({ inode }) => inode),
      )
      await nextTurn()
    }
  }

  /** What is neither in sight nor on disk, nor on its way there, is left alone: most of what was deleted here. */
  #needsLook(tree: Tree, { inode, isGone }: Affected): boolean {
    if (this.#backlog.has(inode) || this.#index.placesOf(inode).length > 0) return true
    return !isGone && tree.appearances(inode).length > 0
  }

  async #work(): Promise<void> {
    const signal = this.#stopping.signal
    while (!signal.aborted) {
      this.#rest.begin()
      try {
        await this.#step(signal)
      } catch (error) {
        if (signal.aborted) break
        await this.#failed(error)
      }
    }
    await this.#checkpoint()
    await this.#upkeep.stop()
    await this.#durability.sync()
    await this.#index.flush({ boot: this.#durability.state() })
  }

  async #step(signal: AbortSignal): Promise<void> {
    if (this.#error) return this.#idle(Infinity)
    if (!markerPresent(this.#paths)) throw new RootGoneError(this.root)
    if (this.#scanner.isScanDue) return this.#scan(signal)
    if (this.#walk && !this.#walk.isAtEnd) return this.#goOn(this.#walk, signal)
    const { paths, waitMs } = this.#scanner.take()
    if (paths.length > 0) return this.#lookAt(paths, signal)
    if (this.#backlog.hasReady) return this.#materialise(signal)
    if (this.#trashSearch.isDue) return this.#searchTrash(signal)
    if (this.#scanner.waiting === 0) await this.#checkpoint()
    const isBehind = this.#cursor < this.#deps.store.dag.count
    if (isBehind || this.#scanner.waiting + this.#backlog.size > 0) this.#setState('syncing')
    else this.#settleDown(signal)
    return this.#idle(waitMs)
  }

  #settleDown(signal: AbortSignal): void {
    if (this.#state === 'idle') return
    this.#setState('idle')
    const { inplace, store } = this.#deps
    this.#upkeep.tidyAtRest(
      () => this.#state === 'idle',
      () => inplace.tidy(store.id, signal),
    )
  }

  #rouse(): void {
    this.#rest.rouse()
  }

  async #idle(waitMs: number): Promise<void> {
    if (this.#told !== this.#cursor) {
      this.#told = this.#cursor
      this.#changed()
    }
    this.#settling.check()
    await this.#rest.wait(waitMs, this.#stopping.signal)
  }

  #scan(signal: AbortSignal): Promise<void> {
    this.#setState('scanning')
    return this.#scanner.scan(signal)
  }

  #lookAt(paths: readonly string[], signal: AbortSignal): Promise<void> {
    this.#setState('syncing')
    return this.#scanner.lookAt(paths, signal)
  }

  async #ingest(seen: readonly Seen[], signal: AbortSignal): Promise<void> {
    if (seen.length === 0) return
    if (seen.some((one) => one.what === 'gone') && !markerPresent(this.#paths)) throw new RootGoneError(this.root)
    const { error, look: inodes } = await this.#ingester.ingest(seen, signal)
    for (const one of seen) this.#touching.seen(one)
    for (const inode of inodes) this.#backlog.add(inode)
    this.#findDisplaced()
    this.#undefer()
    this.#upkeep.scheduleSync()
    this.#changed()
    if (error) throw new RefusedError(error.kind, error.message)
  }

  /** Most are found with the next changes that are told; what is not may be anywhere, or nowhere any more. */
  #findDisplaced(): void {
    if (this.#isFinding || this.#index.displaced().length === 0) return
    this.#isFinding = true
    this.#upkeep.after(RETRY_MS, () => {
      this.#isFinding = false
      if (this.#index.displaced().length > 0) this.#scanner.rescan()
    })
  }

  async #goOn(walk: TreeWalk, signal: AbortSignal): Promise<void> {
    this.#setState('scanning')
    this.#walkedTo = Infinity
    try {
      for await (const inode of inSlices(walk.unsettled(this.#tree, this.#index), signal)) this.#backlog.add(inode)
    } catch (error) {
      this.#walk = new TreeWalk()
      throw error
    }
    this.#walkedTo = this.#deps.store.dag.count
    this.#endWalk()
  }

  /** Once everything is noted that was written while the tree was walked. */
  #endWalk(): void {
    if (this.#walk?.isAtEnd && this.#cursor >= this.#walkedTo) this.#walk = undefined
  }

  async #materialise(signal: AbortSignal): Promise<void> {
    this.#setState('syncing')
    const done = await this.#materialiseSome(signal)
    this.#upkeep.scheduleSync()
    for (const inode of done.more) this.#backlog.add(inode)
    if (done.again.length > 0) {
      for (const inode of done.again) this.#backlog.defer(inode)
      this.#upkeep.after(DEFERRED_MS, () => this.#undefer())
    }
    if (done.missing.length > 0) {
      for (const inode of done.missing) this.#backlog.stall(inode)
      this.#trashSearch.want()
      this.#upkeep.after(RETRY_MS, () => this.retry())
    }
    this.#scanner.touch(done.touched)
    await this.#ingest(this.#asFound(done.outlived), signal)
    await this.#abandon(done.abandoned, signal)
    this.#changed()
  }

  async #searchTrash(signal: AbortSignal): Promise<void> {
    if (await this.#trashSearch.search(this.#backlog.stalledInodes(), signal)) this.retry()
  }

  /** What this device alone keeps in sight, by a move, and has none of: not even its trash has it. */
  async #abandon(visibles: readonly Visible[], signal: AbortSignal): Promise<void> {
    const lost = await this.#trashSearch.lost(visibles, signal)
    if (lost.length < visibles.length) this.retry()
    const error = await this.#ingester.abandon(lost)
    if (error) throw new RefusedError(error.kind, error.message)
  }

  /**
   * One moved a file and another, who did not know of it, edited and deleted it: it stays, at its new place, and its
   * last version is gone from everywhere. Then it is what those hold who have it still: they say so, as of an edit.
   * If the one who moved it has none of it any more, he lets go of it.
   */
  #asFound(entries: readonly Entry[]): Seen[] {
    return entries.flatMap((entry): Seen[] => {
      const path = this.#index.pathOf(entry)
      const looked = path === undefined ? undefined : look(join(this.root, path))
      if (path === undefined || !looked || !unchanged(entry, looked)) return [] // its event says what happened to it
      const { parent, name, inode } = entry
      return [{ what: 'present', path, parent, name, looked, entry, movedFrom: undefined, inode, sayAgain: true }]
    })
  }

  #undefer(): void {
    this.#backlog.undefer()
    this.#rouse()
  }

  async #materialiseSome(signal: AbortSignal): Promise<Materialised> {
    const batch = this.#backlog.take(MATERIALISE_BATCH)
    try {
      this.#touching.onDisk(batch)
      const done = await materialise(this.#materialising(), batch, signal)
      this.#touching.inodes(this.#tree, batch)
      this.#backlog.done()
      return done
    } catch (error) {
      this.#backlog.failed()
      throw error
    }
  }

  async #failed(error: unknown): Promise<void> {
    this.#error = folderFailure(error)
    this.#setState('error')
    this.#upkeep.after(RETRY_MS, () => {
      this.#error = undefined
      this.#scanner.rescan()
    })
  }

  async #checkpoint(): Promise<void> {
    if (this.#backlog.hasUnfinished || this.#scanner.isScanDue || this.#walk) return
    const { stalled } = this.#backlog
    const isKept = this.#index.getMeta<number>('cursor') === this.#cursor
    // What waits for content may change though nothing new was witnessed: a restart must find it waiting.
    if (isKept && (this.#index.getMeta<string[]>('stalled') ?? []).join() === stalled.join()) return
    await this.#index.flush({ cursor: this.#cursor, stalled, boot: this.#durability.state() })
    if (stalled.length === 0) emptyOwn(this.#paths.partial)
  }

  #unpark(): void {
    unpark(this.#paths, this.#index, this.#day())
    for (const entry of this.#index.children(PARKED_INODE)) this.#backlog.add(entry.inode)
  }

  #day(): string {
    return new Date(this.#timers.nowMs()).toISOString().slice(0, 10)
  }

  /** A power loss took bytes that the index counts on: what is left goes to trash, the content comes from peers. */
  #restore(entry: Entry, path: string): void {
    fs.renameSync(join(this.root, path), trashPath(this.#paths.control, this.#day(), path))
    this.#touching.path(path)
    this.#index.delete(entry)
    this.#backlog.add(entry.inode)
  }

  #resolve(file: Uint8Array): string | undefined {
    const arriving = this.#ingester.arriving.get(inodeKey(file as Inode) as HexKey)
    if (arriving !== undefined) return arriving
    const entry = this.#index.current({ inode: file.subarray(0, 16) as Inode, slot: file[16]! })
    const path = entry && this.#index.pathOf(entry)
    return path === undefined ? undefined : join(this.root, path)
  }

  /** A crash came between the index and what says where the chunks of a file lie: no peer could have it from here. */
  #isUnplaced({ kind, stat, inode, slot }: Entry): boolean {
    const { store, inplace } = this.#deps
    return kind === 'file' && stat.size > INLINE_MAX && !inplace.knows(store.id, fileKey(inode, slot))
  }

  #newScanner(): Scanner {
    return new Scanner({
      paths: this.#paths,
      index: this.#index,
      tree: this.#tree,
      problems: this.#problems,
      timers: this.#timers,
      watch: this.#deps.watch ?? watchFolder,
      ingest: (seen, signal) => this.#ingest(seen, signal),
      looking: (paths) => {
        for (const path of paths) {
          this.#backlog.reconsider(path)
          this.#touching.path(path)
        }
      },
      rulesChanged: () => (this.#walk = new TreeWalk()),
      suspect: (entry) => this.#durability.suspect(entry) || this.#isUnplaced(entry),
      rouse: () => this.#rouse(),
      calm: () => this.#calm,
      after: (delayMs, callback) => this.#upkeep.after(delayMs, callback),
    })
  }

  #newIngester(): Ingester {
    const { store, hasher, inplace, chunks } = this.#deps
    return new Ingester({
      root: this.root,
      store,
      tree: this.#tree,
      index: this.#index,
      hasher,
      inplace,
      chunks,
      problem: this.#problems.add,
      fine: this.#problems.remove,
      again: (path) => this.#scanner.again(path),
      refused: (path) => this.#backlog.refuse(path),
      torn: (entry, path) => this.#restore(entry, path),
    })
  }

  #materialising(): MaterialiseDeps {
    const { store, inplace, local, chunks, blobs } = this.#deps
    return {
      paths: this.#paths,
      device: this.#deps.device,
      tree: this.#tree,
      index: this.#index,
      rules: this.#scanner.rules,
      inplace,
      sources: { storeId: store.id, local, keep: chunks, blobs },
      watcher: this.#scanner.watcher,
      nowMs: () => this.#timers.nowMs(),
      problem: this.#problems.add,
      fine: this.#problems.remove,
      waitsForUser: (path, inode) => this.#backlog.waitsForUser(path, inode),
    }
  }

  #setState(state: FolderStatus['state']): void {
    if (this.#state === state) return
    // Only at work and at rest it is known what happens where.
    if (!KNOWS_WHERE.has(state) || !KNOWS_WHERE.has(this.#state)) this.#touching.anywhere()
    this.#state = state
    this.#changed()
  }

  #changed(): void {
    if (this.#listeners.size === 0) return
    const status = this.status()
    for (const listener of this.#listeners) listener(status)
  }
}

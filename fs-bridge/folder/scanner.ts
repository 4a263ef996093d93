/**
 * What was done on disk: looks at everything (a scan), or at what the watcher noticed, and hands what differs from the
 * index on to be ingested. The watcher leaves notes and wakes the folder's loop; work is done only when the loop asks.
 */
import type { FileTree, Inode } from '../filestore/port.ts'
import { inodeKey } from '../filestore/values.ts'
import { passBarrier } from './barrier.ts'
import { DirtyPaths, fixedSpot, type Spot } from './dirty.ts'
import { look } from './disk.ts'
import { PARKED_PATH, type FolderIndex } from './folder-index.ts'
import { IGNORE_FILE, IgnoreRules } from './ignore-rules.ts'
import type { Entry } from './index-codec.ts'
import type { ControlPaths } from './marker.ts'
import { Findings } from './findings.ts'
import { observeAll, observeSome, type Observing, type Seen } from './observe.ts'
import { isParkedInTrash } from './parked.ts'
import type { Problems } from './problems.ts'
import { inSlices, nextTurn } from './slices.ts'
import type { FolderStatus, FolderTimers } from './status.ts'
import type { watchFolder, FolderWatcher } from './watcher.ts'
import { whereabouts } from './whereabouts.ts'

/** Entries of a scan that are ingested together. */
const SCAN_BATCH = 2000
/** Without events every change waits for this. */
const RESCAN_MS = 30_000

const isIgnoreFile = (path: string): boolean => path === IGNORE_FILE || path.endsWith(`/${IGNORE_FILE}`)

/** It was changed, made or deleted while nobody looked. */
const isChangeOfRules = (seen: Seen): boolean =>
  seen.what === 'present' ? seen.name === IGNORE_FILE : seen.what === 'gone' && seen.entry.name === IGNORE_FILE

export interface ScannerDeps {
  readonly paths: ControlPaths
  readonly index: FolderIndex
  readonly tree: FileTree
  readonly problems: Problems
  readonly timers: FolderTimers
  readonly watch: typeof watchFolder
  ingest(seen: readonly Seen[], signal: AbortSignal): Promise<void>
  /** These paths are looked at now. */
  looking(paths: readonly string[]): void
  /** What was ignored may sync now, and the other way round. */
  rulesChanged(): void
  /** An entry that must be read although its stat is as expected: a power loss or a crash may have left it half done. */
  suspect(entry: Entry): boolean
  /** There is something to do. */
  rouse(): void
  /** Resolves when the process has no more urgent work than a long scan, or the folder stops. */
  calm(): Promise<unknown>
  /** Calls back once, unless the folder stops first. */
  after(delayMs: number, callback: () => void): void
}

export class Scanner {
  readonly rules: IgnoreRules
  readonly #deps: ScannerDeps
  readonly #root: string
  readonly #dirty = new DirtyPaths()
  #watcher: FolderWatcher | undefined
  #rootDev = 0n
  #wanted = true
  #exhausted = false
  /** Paths that are being looked at. */
  #taken: string[] = []
  /** By inode (hex): directories that went elsewhere while they were walked. Nobody has looked at all they hold. */
  readonly #missed = new Map<string, Inode>()
  #cookies = 0

  constructor(deps: ScannerDeps) {
    this.#deps = deps
    this.#root = deps.paths.root
    this.rules = new IgnoreRules(this.#root)
  }

  start(): void {
    this.#rootDev = look(this.#root)?.dev ?? 0n
    this.#exhausted = false
    this.#wanted = true
    this.#watcher = this.#deps.watch(this.#root, this.#deps.paths.watch, {
      touched: (spot) => this.#touched(spot),
      exhausted: () => this.#watchExhausted(),
      overflowed: () => this.rescan(),
    })
  }

  stop(): void {
    this.#watcher?.close()
  }

  get watcher(): FolderWatcher | undefined {
    return this.#watcher
  }

  get watching(): FolderStatus['watching'] {
    return this.#exhausted ? 'rescans' : 'events'
  }

  /** Everything is to be looked at. */
  get isScanDue(): boolean {
    return this.#wanted
  }

  /** Paths that wait to be looked at. */
  get waiting(): number {
    return this.#dirty.size
  }

  /** Paths that wait to be looked at, or are being looked at. */
  get pending(): number {
    return this.#dirty.size + this.#taken.length
  }

  /** Looks at everything once more, as soon as the loop comes to it. */
  rescan(): void {
    this.#wanted = true
    this.#deps.rouse()
  }

  /** The paths to look at now, or how long to wait for some. Taken paths are forgotten. */
  take(): { readonly paths: readonly string[]; readonly waitMs: number } {
    return this.#dirty.take(this.#deps.timers.nowMs())
  }

  /** To be looked at once they had time to settle. */
  touch(paths: readonly string[]): void {
    const now = this.#deps.timers.nowMs()
    for (const path of paths) this.#dirty.touch(this.#spot(path), now)
  }

  /** Looks at the path again once it had time to settle. */
  again(path: string): void {
    this.#touched(this.#spot(path))
  }

  /**
   * Resolves, once all events of what happened on disk before have come, with the time: what was touched until then is
   * waited for. Without a watcher to be trusted everything is looked at.
   */
  async caughtUp(isRunning: boolean, signal: AbortSignal | undefined): Promise<number> {
    if (this.#exhausted || !isRunning || !(await this.#passBarrier(signal))) this.rescan()
    signal?.throwIfAborted()
    return this.#deps.timers.nowMs()
  }

  /** Everything touched until then was looked at and ingested. */
  isDone(until: number): boolean {
    return !this.#wanted && this.#taken.length === 0 && !this.#dirty.hasBefore(until)
  }

  /** Looks at everything. */
  async scan(signal: AbortSignal): Promise<void> {
    const { index, problems, ingest } = this.#deps
    this.#wanted = false
    this.#missed.clear()
    this.rules.forget()
    problems.clearLocal()
    await index.flush()
    const found = new Findings()
    try {
      for await (const seen of inSlices(observeAll(this.#observing()), signal, this.#giveWay)) {
        found.add(seen)
        if (isChangeOfRules(seen)) this.#deps.rulesChanged()
        if (found.sureCount >= SCAN_BATCH) await ingest(found.takeSure(), signal)
      }
      for (const entry of index.displaced()) found.add({ what: 'gone', entry })
      await this.#findElsewhere(found, signal)
      await ingest(found.all(), signal)
    } catch (error) {
      this.#wanted = true
      throw error
    } finally {
      this.#taken = []
    }
  }

  /** Looks at these paths. */
  async lookAt(paths: readonly string[], signal: AbortSignal): Promise<void> {
    this.#deps.looking(paths)
    if (paths.some(isIgnoreFile)) return this.#rulesChanged()
    this.#taken = [...paths]
    const missed = [...this.#missed.values()]
    this.#missed.clear()
    try {
      const found = new Findings()
      const walked = missed.flatMap((dir) => this.#deps.index.pathOfDir(dir) ?? [])
      for await (const seen of inSlices(observeSome(this.#observing(), walked, 'all'), signal)) found.add(seen)
      for await (const seen of inSlices(observeSome(this.#observing(), paths), signal)) found.add(seen)
      await this.#findElsewhere(found, signal)
      await this.#deps.ingest(found.all(), signal)
    } catch (error) {
      this.touch(this.#taken)
      for (const dir of missed) this.#missed.set(inodeKey(dir), dir)
      throw error
    } finally {
      this.#taken = []
    }
  }

  #rulesChanged(): void {
    this.#deps.rulesChanged()
    this.rescan()
  }

  /**
   * Before anything counts as gone it is looked for elsewhere: the event of its new name may be later than this look.
   * Once all events of what happened before have come, that name is among those that wait. Without a watcher to be
   * trusted, what is gone is gone.
   */
  async #findElsewhere(found: Findings, signal: AbortSignal): Promise<void> {
    let gone = found.gone()
    const isTold = gone.length > 0 && !this.#exhausted && (await this.#passBarrier(signal))
    signal.throwIfAborted()
    while (isTold && gone.length > 0) {
      const paths = await this.#takeWhereabouts(gone, signal)
      if (paths.length === 0) return
      const more: Entry[] = []
      for await (const seen of inSlices(observeSome(this.#observing(), paths, 'tell'), signal)) {
        found.add(seen)
        if (seen.what === 'gone') more.push(seen.entry)
      }
      gone = more
    }
  }

  async #takeWhereabouts(gone: readonly Entry[], signal: AbortSignal): Promise<readonly string[]> {
    const { index, looking } = this.#deps
    await index.flush()
    const paths: string[] = []
    for await (const spot of inSlices(whereabouts({ root: this.#root, index }, gone, this.#dirty.waiting()), signal)) {
      this.#dirty.forget(spot)
      paths.push(spot.path())
      this.#taken.push(spot.path())
    }
    looking(paths)
    if (paths.some(isIgnoreFile)) this.#rulesChanged()
    return paths
  }

  readonly #giveWay = async (): Promise<void> => {
    await this.#deps.calm()
    await nextTurn()
  }

  async #passBarrier(signal: AbortSignal | undefined): Promise<boolean> {
    if (!this.#watcher) return false
    const name = `cookie-${++this.#cookies}`
    return passBarrier(this.#watcher, this.#deps.paths.watch, name, this.#deps.timers, signal)
  }

  #miss(path: string, dir: Inode): void {
    if (path === '') return this.rescan()
    this.#missed.set(inodeKey(dir), dir)
    this.again(path)
  }

  #spot(path: string): Spot {
    return this.#watcher?.spot(path) ?? fixedSpot(path)
  }

  #touched(spot: Spot): void {
    const path = spot.path()
    if (path === '.lattice' || (path.startsWith('.lattice/') && !path.startsWith(`${PARKED_PATH}/`))) return
    const isFirst = this.#dirty.size === 0 // else it is known when to look next, and this need not be sooner
    this.#dirty.touch(spot, this.#deps.timers.nowMs())
    if (isFirst) this.#deps.rouse()
  }

  #watchExhausted(): void {
    if (this.#exhausted) return
    this.#exhausted = true
    const again = (): void =>
      this.#deps.after(RESCAN_MS, () => {
        this.rescan()
        again()
      })
    again()
  }

  #observing(): Observing {
    const { index, tree, problems, suspect } = this.#deps
    return {
      root: this.#root,
      index,
      rules: this.rules,
      tree,
      watcher: this.#watcher,
      rootDev: this.#rootDev,
      problem: problems.add,
      fine: problems.remove,
      wasClosed: (path) => problems.wasClosed(path),
      missed: (path, dir) => this.#miss(path, dir),
      suspect,
      isTrashed: (entry) => isParkedInTrash(this.#deps.paths, entry),
    }
  }
}

/**
 * What was done on disk: looks at everything (a scan), or at what the watcher noticed, and hands what differs from the
 * index on to be ingested. The watcher leaves notes and wakes the folder's loop; work is done only when the loop asks.
 */
import type { FileTree } from '../filestore/port.ts'
import { passBarrier } from './barrier.ts'
import { DirtyPaths, fixedSpot, type Spot } from './dirty.ts'
import { look } from './disk.ts'
import { PARKED_PATH, type FolderIndex } from './folder-index.ts'
import { IGNORE_FILE, IgnoreRules } from './ignore-rules.ts'
import type { Entry } from './index-codec.ts'
import type { ControlPaths } from './marker.ts'
import { inodeKey, observeAll, observeSome, type Observing, type Seen } from './observe.ts'
import type { Problems } from './problems.ts'
import { inSlices } from './slices.ts'
import type { FolderStatus, FolderTimers } from './status.ts'
import { watchFolder, type FolderWatcher } from './watcher.ts'

/** Entries of a scan that are ingested together. */
const SCAN_BATCH = 2000
/** Without events every change waits for this. */
const RESCAN_MS = 30_000

export interface ScannerDeps {
  readonly paths: ControlPaths
  readonly index: FolderIndex
  readonly tree: FileTree
  readonly problems: Problems
  readonly timers: FolderTimers
  ingest(seen: readonly Seen[], signal: AbortSignal): Promise<void>
  /** These paths are looked at now. */
  looking(paths: readonly string[]): void
  /** What was ignored may sync now, and the other way round. */
  rulesChanged(): void
  /** An entry that may have been torn by a power loss although its stat is as expected. */
  suspect(entry: Entry): boolean
  /** There is something to do. */
  rouse(): void
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
  #taken = 0
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
    this.#watcher = watchFolder(this.#root, this.#deps.paths.watch, {
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
    return this.#dirty.size + this.#taken
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
    return !this.#wanted && this.#taken === 0 && !this.#dirty.hasBefore(until)
  }

  /** Looks at everything. */
  async scan(signal: AbortSignal): Promise<void> {
    const { index, problems, ingest } = this.#deps
    this.#wanted = false
    this.rules.forget()
    problems.clearLocal()
    await index.flush()
    const gone: Seen[] = []
    let batch: Seen[] = []
    const scanned = this.#observing()
    try {
      for await (const seen of inSlices(observeAll(scanned), signal)) {
        if (seen.what === 'gone' || seen.what === 'same') gone.push(seen)
        else batch.push(seen)
        if (batch.length < SCAN_BATCH) continue
        await ingest(batch, signal)
        batch = []
      }
      await ingest([...batch, ...gone], signal)
    } catch (error) {
      this.#wanted = true
      throw error
    }
  }

  /** Looks at these paths. */
  async lookAt(paths: readonly string[], signal: AbortSignal): Promise<void> {
    this.#deps.looking(paths)
    if (paths.some((path) => path === IGNORE_FILE || path.endsWith(`/${IGNORE_FILE}`))) {
      this.#deps.rulesChanged()
      return this.rescan()
    }
    this.#taken = paths.length
    try {
      const seen = new Map<string, Seen>()
      const observing = this.#observing()
      for await (const one of inSlices(observeSome(observing, paths), signal)) {
        const key = one.what === 'present' ? one.path : `-${inodeKey(one.entry.parent)}/${one.entry.name}`
        // Of one that was missed on its way and then found in its directory's new place, only the latter holds.
        if (one.what === 'same' || !seen.has(key)) seen.set(key, one)
      }
      await this.#deps.ingest([...seen.values()], signal)
    } catch (error) {
      this.touch(paths)
      throw error
    } finally {
      this.#taken = 0
    }
  }

  async #passBarrier(signal: AbortSignal | undefined): Promise<boolean> {
    if (!this.#watcher) return false
    const name = `cookie-${++this.#cookies}`
    return passBarrier(this.#watcher, this.#deps.paths.watch, name, this.#deps.timers, signal)
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
      again: (path) => (path === '' ? this.rescan() : this.again(path)),
      suspect,
    }
  }
}

/**
 * What a folder does by deadline beside its loop: syncing the disk some time after writes, pruning the trash, and, at
 * rest, tidying up.
 */
import { StorageError } from '#kernel/storage/errors.ts'
import { errnoOf } from './disk.ts'
import type { Durability } from './durability.ts'
import { pruneTrash, TRASH_PASS_MS } from './trash.ts'
import type { FolderTimers } from './status.ts'

/** As long as this may be lost with the power, and is then looked at byte by byte. */
const SYNC_AFTER_MS = 5000
const TIDY_AFTER_MS = 1000

export class Upkeep {
  readonly #timers: FolderTimers
  readonly #durability: Durability
  readonly #trash: string
  readonly #cancels = new Set<() => void>()
  #syncScheduled = false
  #syncing: Promise<void> = Promise.resolve()
  #pruning: Promise<void> = Promise.resolve()
  #tidyScheduled = false
  #tidying: Promise<void> = Promise.resolve()

  constructor(timers: FolderTimers, durability: Durability, trash: string) {
    this.#timers = timers
    this.#durability = durability
    this.#trash = trash
  }

  /** Calls back once, unless `stop` comes first. */
  after(delayMs: number, callback: () => void): void {
    const cancel = this.#timers.after(delayMs, () => {
      this.#cancels.delete(cancel)
      callback()
    })
    this.#cancels.add(cancel)
  }

  /** Soon after the last writes, not after each: the disk is synced once for all of them. */
  scheduleSync(): void {
    if (this.#syncScheduled) return
    this.#syncScheduled = true
    this.after(SYNC_AFTER_MS, () => {
      this.#syncScheduled = false
      this.#syncing = this.#durability.sync()
    })
  }

  /** Now and once a day. What goes wrong with it is tried again the next day, and harms nothing until then. */
  pruneDaily(signal: AbortSignal): void {
    const pass = pruneTrash(this.#trash, this.#timers.nowMs(), signal)
    this.#pruning = pass.catch((error: unknown) => void errnoOf(error))
    this.after(TRASH_PASS_MS, () => this.pruneDaily(signal))
  }

  /** The folder is at rest: tidies up if it still is a moment later. What fails is done at another rest. */
  tidyAtRest(isAtRest: () => boolean, tidy: () => Promise<void>): void {
    if (this.#tidyScheduled) return
    this.#tidyScheduled = true
    this.after(TIDY_AFTER_MS, () => {
      this.#tidyScheduled = false
      if (!isAtRest()) return
      this.#tidying = tidy().catch((error: unknown) => {
        if (!(error instanceof StorageError)) throw error
      })
    })
  }

  /** Drops the deadlines. Resolves once what was under way is done. */
  async stop(): Promise<void> {
    for (const cancel of this.#cancels) cancel()
    this.#cancels.clear()
    this.#syncScheduled = false
    this.#tidyScheduled = false
    await Promise.all([this.#syncing, this.#pruning, this.#tidying])
  }
}

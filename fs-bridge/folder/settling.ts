/** How the folder's loop rests, and those who wait until it has caught up. */
import type { FolderTimers } from './status.ts'

/** Asked again each time the loop comes to rest. */
export class Settling {
  readonly #checks = new Set<() => void>()

  /** Resolves once `isSettled` says so. Rejects with the signal's reason. */
  wait(isSettled: () => boolean, signal: AbortSignal | undefined): Promise<void> {
    return new Promise<void>((resolve, reject) => {
      const end = (): void => {
        this.#checks.delete(check)
        signal?.removeEventListener('abort', abort)
      }
      const check = (): void => {
        if (!isSettled()) return
        end()
        resolve()
      }
      const abort = (): void => {
        end()
        reject(signal!.reason as Error)
      }
      signal?.addEventListener('abort', abort)
      this.#checks.add(check)
      check()
    })
  }

  check(): void {
    for (const check of [...this.#checks]) check()
  }
}

/** The loop sleeps until something happens; what happens while it works is not slept over. */
export class Rest {
  readonly #timers: FolderTimers
  #wake: (() => void) | undefined
  /** Something happened since the step began. */
  #roused = false

  constructor(timers: FolderTimers) {
    this.#timers = timers
  }

  /** A step of the loop begins. */
  begin(): void {
    this.#roused = false
  }

  rouse(): void {
    this.#roused = true
    this.#wake?.()
  }

  /** Until something happens that was not there when this step began, at most `waitMs`. */
  async wait(waitMs: number, signal: AbortSignal): Promise<void> {
    if (this.#roused || signal.aborted) return
    await new Promise<void>((resolve) => {
      const cancel = Number.isFinite(waitMs) ? this.#timers.after(waitMs, resolve) : undefined
      this.#wake = () => {
        cancel?.()
        resolve()
      }
    })
    this.#wake = undefined
  }
}

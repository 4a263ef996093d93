/** Runs sessions a few at a time, one per store and peer, in the order asked. */

export const SESSIONS_MAX = 4

export class Scheduler {
  readonly #queued = new Map<string, () => Promise<void>>()
  readonly #running = new Set<string>()

  /** False: one with this name waits or runs already. `run` must not reject. */
  schedule(name: string, run: () => Promise<void>): boolean {
    if (this.#queued.has(name) || this.#running.has(name)) return false
    this.#queued.set(name, run)
    this.#next()
    return true
  }

  isBusy(name: string): boolean {
    return this.#queued.has(name) || this.#running.has(name)
  }

  /** Forgets what waits. */
  clear(): void {
    this.#queued.clear()
  }

  #next(): void {
    for (const [name, run] of this.#queued) {
      if (this.#running.size >= SESSIONS_MAX) return
      this.#queued.delete(name)
      this.#running.add(name)
      void run().finally(() => {
        this.#running.delete(name)
        this.#next()
      })
    }
  }
}

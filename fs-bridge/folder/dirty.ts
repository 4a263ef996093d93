/**
 * Paths that something happened to, until they are quiet. Pure: times come in.
 *
 * An entry is ready once nothing happened to it for QUIET_MS. A batch is taken when everything is ready, or when its
 * oldest ready entry has waited BATCH_MS: a bulk copy syncs while it goes on. A file that never rests is taken every
 * RESTLESS_MS all the same.
 */
export const QUIET_MS = 20
export const BATCH_MS = 200
export const RESTLESS_MS = 5000

interface Times {
  readonly first: number
  last: number
}

export class DirtyPaths {
  readonly #paths = new Map<string, Times>()

  get size(): number {
    return this.#paths.size
  }

  touch(path: string, now: number): void {
    const known = this.#paths.get(path)
    if (known) known.last = now
    else this.#paths.set(path, { first: now, last: now })
  }

  /** Something touched before this time still waits. */
  hasBefore(time: number): boolean {
    for (const { first } of this.#paths.values()) if (first <= time) return true
    return false
  }

  /** The batch to look at now, or how long to wait for one. Taken paths are forgotten. */
  take(now: number): { readonly paths: readonly string[]; readonly waitMs: number } {
    const ready: string[] = []
    let nextMs = Infinity
    let oldest = Infinity
    for (const [path, { first, last }] of this.#paths) {
      const due = Math.min(last + QUIET_MS, first + RESTLESS_MS)
      if (due <= now) {
        ready.push(path)
        oldest = Math.min(oldest, first)
      } else nextMs = Math.min(nextMs, due - now)
    }
    const all = ready.length === this.#paths.size
    if (ready.length > 0 && !all && oldest + BATCH_MS > now)
      return { paths: [], waitMs: Math.min(nextMs, oldest + BATCH_MS - now) }
    for (const path of ready) this.#paths.delete(path)
    return { paths: ready, waitMs: ready.length > 0 ? 0 : nextMs }
  }
}

/**
 * Paths that something happened to, until they are quiet. Pure: times come in.
 *
 * An entry is ready once nothing happened to it for QUIET_MS. A batch is taken when everything is ready, or when its
 * oldest ready entry has waited BATCH_MS: a bulk copy syncs while it goes on. The first batch after a rest goes sooner,
 * so that peers have something to do from the beginning. A file that never rests is taken every RESTLESS_MS all the same.
 */
export const QUIET_MS = 20
export const BATCH_MS = 200
export const FIRST_BATCH_MS = 50
/** As long without a batch is a rest. */
export const REST_MS = 1000
export const RESTLESS_MS = 5000

/**
 * An entry of a directory, wherever that directory is by now: between the moment something happens to a file and the
 * moment it is looked at, the directory above may be renamed, here or by a peer.
 */
export interface Spot {
  /** The same for the same entry of the same directory. */
  readonly key: string
  path(): string
}

/** For a directory that nobody follows. */
export const fixedSpot = (path: string): Spot => ({ key: `/${path}`, path: () => path })

interface Touched {
  readonly spot: Spot
  readonly first: number
  last: number
}

export class DirtyPaths {
  readonly #touched = new Map<string, Touched>()
  #takenAt = -Infinity

  get size(): number {
    return this.#touched.size
  }

  touch(spot: Spot, now: number): void {
    const known = this.#touched.get(spot.key)
    if (known) known.last = now
    else this.#touched.set(spot.key, { spot, first: now, last: now })
  }

  /** Something touched before this time still waits. */
  hasBefore(time: number): boolean {
    for (const { first } of this.#touched.values()) if (first <= time) return true
    return false
  }

  waiting(): readonly Spot[] {
    return Array.from(this.#touched.values(), ({ spot }) => spot)
  }

  /** It is looked at before its time. */
  forget(spot: Spot): void {
    this.#touched.delete(spot.key)
  }

  /** The batch to look at now, or how long to wait for one. Taken paths are forgotten. */
  take(now: number): { readonly paths: readonly string[]; readonly waitMs: number } {
    const ready: string[] = []
    let nextMs = Infinity
    let lastMs = 0
    let oldest = Infinity
    for (const [key, { first, last }] of this.#touched) {
      const due = Math.min(last + QUIET_MS, first + RESTLESS_MS)
      if (due <= now) {
        ready.push(key)
        oldest = Math.min(oldest, first)
      } else {
        nextMs = Math.min(nextMs, due - now)
        lastMs = Math.max(lastMs, due - now)
      }
    }
    const all = ready.length === this.#touched.size
    if (ready.length > 0 && !all) {
      const until = oldest + (now - this.#takenAt < REST_MS ? BATCH_MS : FIRST_BATCH_MS)
      if (until > now) return { paths: [], waitMs: Math.min(lastMs, until - now) }
    }
    if (ready.length > 0) this.#takenAt = now
    const paths = new Set<string>()
    for (const key of ready) {
      paths.add(this.#touched.get(key)!.spot.path())
      this.#touched.delete(key)
    }
    return { paths: [...paths], waitMs: ready.length > 0 ? 0 : nextMs }
  }
}

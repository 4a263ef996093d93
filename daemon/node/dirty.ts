/**
 * What has changed since a reader last looked, as a set of keys: a reader that is slow is given the present state
 * once, not every step to it, so nothing queues up.
 */
export class DirtySet {
  readonly #keys = new Set<string>()
  #wake: (() => void) | undefined

  add(key: string): void {
    this.#keys.add(key)
    this.#wake?.()
    this.#wake = undefined
  }

  /** Resolves with what changed, at least one key, or with none once the signal aborts. Takes the keys. */
  async take(signal: AbortSignal): Promise<readonly string[]> {
    if (this.#keys.size === 0 && !signal.aborted) {
      const { promise, resolve } = Promise.withResolvers<void>()
      const wake = (): void => resolve()
      this.#wake = wake
      signal.addEventListener('abort', wake, { once: true })
      await promise
      signal.removeEventListener('abort', wake)
    }
    if (signal.aborted) return []
    const keys = [...this.#keys]
    this.#keys.clear()
    return keys
  }
}

/** Resolves after that time, or at once when the signal aborts. */
export const pause = (delayMs: number, signal: AbortSignal): Promise<void> =>
  new Promise((resolve) => {
    const end = (): void => {
      clearTimeout(timer)
      signal.removeEventListener('abort', end)
      resolve()
    }
    const timer = setTimeout(end, delayMs)
    signal.addEventListener('abort', end, { once: true })
    if (signal.aborted) end()
  })

/**
 * Tells whoever listens that something they may care about changed. Keys: `folder/<hex>`, `peer/<hex>`, `traffic`,
 * `peers` (their names, roles or the like), `level` (how far they are), `invites`, `joins` (who waits to be let in),
 * `conflicts/<hex>`, `members` (who may take part in some store), `notice`, `settings`.
 */
export class Changes {
  readonly #listeners = new Set<(key: string) => void>()

  notify(key: string): void {
    for (const listener of this.#listeners) listener(key)
  }

  subscribe(listener: (key: string) => void): () => void {
    this.#listeners.add(listener)
    return () => this.#listeners.delete(listener)
  }
}

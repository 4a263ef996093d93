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
    if (this.#keys.size === 0 && !signal.aborted)
      await new Promise<void>((resolve) => {
        this.#wake = resolve
        signal.addEventListener('abort', () => resolve(), { once: true })
      })
    if (signal.aborted) return []
    const keys = [...this.#keys]
    this.#keys.clear()
    return keys
  }
}

/** Tells whoever listens that something they may care about changed. Keys: `folder/<hex>`, `peer/<hex>`, `traffic`, `settings`. */
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

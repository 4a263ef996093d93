/** Counts what must not happen too often, by who or what it is about: one is forgiven per `forgiveMs`. */

export interface TallyOptions {
  /** So many in a row are let through. */
  readonly max: number
  readonly forgiveMs: number
  /** From so many at a time on it is full for everybody. Bounded by forgetting the forgiven. */
  readonly keysMax: number
}

export class Tally {
  readonly #options: TallyOptions
  readonly #counts = new Map<string, { readonly level: number; readonly atMs: number }>()

  constructor(options: TallyOptions) {
    this.#options = options
  }

  /** Whether one more would be too many. */
  isFull(key: string, nowMs: number): boolean {
    for (const each of this.#counts.keys()) if (this.#level(each, nowMs) === 0) this.#counts.delete(each)
    const { max, keysMax } = this.#options
    return this.#counts.size >= keysMax || this.#level(key, nowMs) + 1 > max
  }

  add(key: string, nowMs: number): void {
    this.#counts.set(key, { level: this.#level(key, nowMs) + 1, atMs: nowMs })
  }

  /** Takes one back. */
  forgive(key: string, nowMs: number): void {
    if (this.#counts.has(key)) this.#counts.set(key, { level: Math.max(0, this.#level(key, nowMs) - 1), atMs: nowMs })
  }

  #level(key: string, nowMs: number): number {
    const count = this.#counts.get(key)
    return count ? Math.max(0, count.level - (nowMs - count.atMs) / this.#options.forgiveMs) : 0
  }
}

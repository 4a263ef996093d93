/**
 * How much may be asked of one peer and not have arrived: the credit of the exchange. Since nothing is sent that was
 * not asked for, this alone bounds memory here, on the peer and on relays, and the queue that a ping waits behind.
 * Starts at 1 MiB and follows twice the product of bandwidth and delay, up to 4 MiB. Pure.
 */
export const WINDOW_MIN = 1024 * 1024
export const WINDOW_MAX = 4 * 1024 * 1024

export class Window {
  #bytes = WINDOW_MIN
  /** The shortest delay seen: what is above it is our own queue. */
  #delayMs = Number.POSITIVE_INFINITY
  #sinceMs: number
  #arrived = 0

  constructor(nowMs: number) {
    this.#sinceMs = nowMs
  }

  get bytes(): number {
    return this.#bytes
  }

  /** `bytes` arrived, `delayMs` after they were asked for. */
  arrived(bytes: number, delayMs: number, nowMs: number): void {
    this.#delayMs = Math.min(this.#delayMs, Math.max(delayMs, 1))
    this.#arrived += bytes
    // A rate is taken over a whole window, so that it means more than one burst.
    if (this.#arrived < this.#bytes) return
    const bytesPerMs = this.#arrived / Math.max(nowMs - this.#sinceMs, 1)
    const target = 2 * bytesPerMs * this.#delayMs
    this.#bytes = Math.round(Math.min(Math.max(target, WINDOW_MIN), WINDOW_MAX, 2 * this.#bytes))
    this.#arrived = 0
    this.#sinceMs = nowMs
  }

  /** Nothing is under way: the pause must not count as slowness. */
  idle(nowMs: number): void {
    this.#arrived = 0
    this.#sinceMs = nowMs
  }
}

/**
 * How much may be asked of one peer and not have arrived: the credit of the exchange. Since nothing is sent that was
 * not asked for, this alone bounds memory here, on the peer and on relays, and the queue that a ping waits behind.
 *
 * It is steered by that queue, not by an estimate of the link (the product of bandwidth and the shortest delay leaves
 * out the disks and hashes at both ends, and kept a fast link waiting): while a whole window arrives sooner than anyone
 * would notice, the next one is twice as large; when it takes long, half. Pure.
 */
export const WINDOW_MIN = 1024 * 1024
/** A window that is answered within this may grow … */
const QUICK_MS = 250
/** … and one that takes longer than this shrinks. */
const SLOW_MS = 1_000

export class Window {
  readonly #max: number
  #bytes = WINDOW_MIN
  #arrived = 0
  #delayMsMax = 0

  constructor(max: number) {
    this.#max = max
  }

  get bytes(): number {
    return this.#bytes
  }

  /** `bytes` arrived, `delayMs` after they were asked for. */
  arrived(bytes: number, delayMs: number): void {
    this.#arrived += bytes
    this.#delayMsMax = Math.max(this.#delayMsMax, delayMs)
    if (this.#arrived < this.#bytes) return
    if (this.#delayMsMax <= QUICK_MS) this.#bytes = Math.min(2 * this.#bytes, this.#max)
    else if (this.#delayMsMax > SLOW_MS) this.#bytes = Math.max(this.#bytes / 2, WINDOW_MIN)
    this.#arrived = 0
    this.#delayMsMax = 0
  }
}

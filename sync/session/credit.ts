/**
 * What the receiving side of a session lends the sender: bytes of items that may be under way or waiting to be applied
 * here. As much as the window is wide, which grows from 1 to 4 MiB while answers come quickly (see `Window`).
 */
import { Window, WINDOW_MIN } from '../blobs/window.ts'

export const WINDOW_MAX = 4 * 1024 * 1024

interface Loan {
  readonly atMs: number
  left: number
}

export class Credit {
  readonly #window = new Window(WINDOW_MAX)
  /** Lent and not arrived, oldest first. */
  readonly #loans: Loan[]
  /** Lent and not applied. Beyond it the sender may go by one item. */
  #lent = WINDOW_MIN

  constructor(nowMs: number) {
    this.#loans = [{ atMs: nowMs, left: WINDOW_MIN }]
  }

  arrived(bytes: number, nowMs: number): void {
    let rest = bytes
    while (rest > 0 && this.#loans.length > 0) {
      const loan = this.#loans[0]!
      const taken = Math.min(rest, loan.left)
      this.#window.arrived(taken, nowMs - loan.atMs)
      rest -= taken
      loan.left -= taken
      if (loan.left === 0) this.#loans.shift()
    }
  }

  /** How much to give back once so many bytes are applied: more than they were while the window grows, or less. */
  applied(bytes: number, nowMs: number): number {
    this.#lent -= bytes
    const given = Math.max(0, this.#window.bytes - this.#lent)
    this.#lent += given
    if (given > 0) this.#loans.push({ atMs: nowMs, left: given })
    return given
  }
}

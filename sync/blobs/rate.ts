/**
 * How fast content may travel: one token bucket for each direction, over all peers. A token is a byte.
 *
 * The bucket itself is pure, time comes in. It holds a second's worth, and may go below zero: what is indivisible (a
 * chunk) is let through while anything is left, and paid for by what follows. So the mean over time is the limit,
 * whatever the sizes.
 */
import type { Timers } from '../clock.ts'
import type { ByteStream } from '../transport/port.ts'

export class TokenBucket {
  #rate: number
  #tokens: number
  #atMs: number

  /** `rate` in bytes a second; 0: no limit. */
  constructor(rate: number, nowMs: number) {
    this.#rate = rate
    this.#tokens = rate
    this.#atMs = nowMs
  }

  get rate(): number {
    return this.#rate
  }

  setRate(rate: number, nowMs: number): void {
    this.#refill(nowMs)
    const wasUnlimited = this.#rate === 0
    this.#rate = rate
    this.#tokens = wasUnlimited ? rate : Math.min(this.#tokens, rate)
  }

  /** How long until something may go; 0: now. */
  waitMs(nowMs: number): number {
    if (this.#rate === 0) return 0
    this.#refill(nowMs)
    return this.#tokens > 0 ? 0 : Math.ceil(((1 - this.#tokens) * 1000) / this.#rate)
  }

  /** Takes what goes; a negative number gives back what did not go after all. */
  take(bytes: number, nowMs: number): void {
    if (this.#rate === 0) return
    this.#refill(nowMs)
    this.#tokens = Math.min(this.#tokens - bytes, this.#rate)
  }

  #refill(nowMs: number): void {
    const elapsedMs = Math.max(nowMs - this.#atMs, 0)
    this.#atMs = nowMs
    this.#tokens = Math.min(this.#tokens + (elapsedMs * this.#rate) / 1000, this.#rate)
  }
}

/** Pieces of what is sent: small enough that several peers take turns and that none takes a pause for silence. */
const PIECE_MIN = 1024
const PIECE_MAX = 64 * 1024
const PIECES_PER_SECOND = 8

/** A bucket with its waiting room: who wants to send waits here, first come, first served. */
export class Pacer {
  readonly #bucket: TokenBucket
  readonly #timers: Timers
  readonly #waiting: (() => void)[] = []
  #cancel: (() => void) | undefined
  #closed = false

  constructor(timers: Timers) {
    this.#timers = timers
    this.#bucket = new TokenBucket(0, timers.nowMs())
  }

  /** The new limit holds at once, for those who wait as well. */
  setRate(rate: number): void {
    this.#bucket.setRate(rate, this.#timers.nowMs())
    this.#cancel?.()
    this.#cancel = undefined
    this.#next()
  }

  get isLimited(): boolean {
    return this.#bucket.rate > 0 && !this.#closed
  }

  get pieceBytes(): number {
    return Math.min(Math.max(Math.floor(this.#bucket.rate / PIECES_PER_SECOND), PIECE_MIN), PIECE_MAX)
  }

  /** Whether something may go now; who may not is called back by `onRoom`. */
  get hasRoom(): boolean {
    return this.#closed || (this.#waiting.length === 0 && this.#bucket.waitMs(this.#timers.nowMs()) === 0)
  }

  take(bytes: number): void {
    this.#bucket.take(bytes, this.#timers.nowMs())
  }

  /** What was taken did not go after all: it is the next one's at once. */
  giveBack(bytes: number): void {
    this.take(-bytes)
    this.#cancel?.()
    this.#cancel = undefined
    this.#next()
  }

  /** Calls back once, when something may go; the callee then takes what it needs. */
  onRoom(callback: () => void): void {
    this.#waiting.push(callback)
    this.#next()
  }

  /** Resolves when `bytes` may go, and takes them. */
  admit(bytes: number): Promise<void> {
    if (this.hasRoom) {
      this.take(bytes)
      return Promise.resolve()
    }
    return new Promise((resolve) =>
      this.onRoom(() => {
        this.take(bytes)
        resolve()
      }),
    )
  }

  /** Lets everyone go: what they hold is closed too. */
  close(): void {
    this.#closed = true
    this.#cancel?.()
    for (const callback of this.#waiting.splice(0)) callback()
  }

  #next(): void {
    while (this.#cancel === undefined && this.#waiting.length > 0) {
      const waitMs = this.#closed ? 0 : this.#bucket.waitMs(this.#timers.nowMs())
      if (waitMs === 0) this.#waiting.shift()!()
      else
        this.#cancel = this.#timers.after(waitMs, () => {
          this.#cancel = undefined
          this.#next()
        })
    }
  }
}

/**
 * The stream, with what is written to it at the pace; what is read of it comes as it comes. One that broke while it
 * waited gives its turn to the next: a peer that breaks off again and again must not use up what others may have.
 */
export const paced = (stream: ByteStream, pacer: Pacer): ByteStream => ({
  peer: stream.peer,
  protocol: stream.protocol,
  read: () => stream.read(),
  async write(bytes) {
    let at = 0
    while (pacer.isLimited && at < bytes.length) {
      const piece = bytes.subarray(at, at + pacer.pieceBytes)
      await pacer.admit(piece.length)
      try {
        await stream.write(piece)
      } catch (error) {
        pacer.giveBack(piece.length)
        throw error
      }
      at += piece.length
    }
    if (at < bytes.length || bytes.length === 0) await stream.write(at === 0 ? bytes : bytes.subarray(at))
  },
  end: () => stream.end(),
  abort: (reason) => stream.abort(reason),
})

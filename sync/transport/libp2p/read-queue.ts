/**
 * What arrived and was not read yet, between a source that pushes and a reader that pulls.
 *
 * Bounded by flow control: above `HIGH_WATER` bytes the source is told to pause, below `LOW_WATER` to go on. The
 * source may still deliver what is in flight; that is bounded by its own window.
 */
import { invariant } from '#kernel/core/result.ts'
import { streamClosed } from './errors.ts'

export const HIGH_WATER = 512 * 1024
export const LOW_WATER = 128 * 1024

interface Flow {
  pause(): void
  resume(): void
}

/** A reader for whom there was not enough. It waits until it has what it wants, or hears of an end. */
interface Waiting {
  /** Takes what it has use for, and says how many bytes that was. */
  take(bytes: Uint8Array, isLent: boolean): number
  finish(): void
  fail(error: Error): void
}

export class ReadQueue {
  readonly #flow: Flow
  readonly #parts: Uint8Array[] = []
  /** Index of the first part not read: shifting a long array would move the rest. */
  #first = 0
  #bytes = 0
  #paused = false
  #end: 'open' | 'ended' | Error = 'open'
  #waiting: Waiting | undefined

  constructor(flow: Flow) {
    this.#flow = flow
  }

  get bytes(): number {
    return this.#bytes
  }

  /** `isLent`: the bytes are the source's again after the call. */
  push(found: Uint8Array, isLent = false): void {
    if (this.#end !== 'open' || found.length === 0) return
    const rest = found.subarray(this.#waiting?.take(found, isLent) ?? 0)
    if (rest.length === 0) return
    this.#parts.push(owned(rest, isLent))
    this.#bytes += rest.length
    if (this.#bytes < HIGH_WATER || this.#paused) return
    this.#paused = true
    this.#flow.pause()
  }

  /** The peer ended its side: what is queued can still be read. */
  finish(): void {
    if (this.#end !== 'open') return
    this.#end = 'ended'
    this.#waiting?.finish()
    this.#waiting = undefined
  }

  /** The stream broke: what is queued is dropped, as the reader could not know that it is incomplete. */
  fail(error: Error): void {
    if (this.#end !== 'open' && (this.#end !== 'ended' || this.#bytes === 0)) return
    this.#end = error
    this.#parts.length = this.#first = this.#bytes = 0
    this.#waiting?.fail(streamClosed(error))
    this.#waiting = undefined
  }

  /** One reader at a time. */
  async read(): Promise<Uint8Array | undefined> {
    invariant(!this.#waiting, 'a stream has one reader at a time')
    const part = this.#take()
    if (part) return part
    if (this.#end === 'ended') return undefined
    if (this.#end !== 'open') throw streamClosed(this.#end)
    return new Promise((resolve, fail) => {
      const take = (bytes: Uint8Array, isLent: boolean): number => {
        this.#waiting = undefined
        resolve(owned(bytes, isLent))
        return bytes.length
      }
      this.#waiting = { take, finish: () => resolve(undefined), fail }
    })
  }

  /** Resolves when `target` is full, or at the end, with how many bytes came. One reader at a time. */
  async readInto(target: Uint8Array): Promise<number> {
    invariant(!this.#waiting, 'a stream has one reader at a time')
    let count = 0
    for (let part = this.#take(target.length); part; part = this.#take(target.length - count)) {
      target.set(part, count)
      count += part.length
    }
    if (count === target.length || this.#end === 'ended') return count
    if (this.#end !== 'open') throw streamClosed(this.#end)
    return new Promise((resolve, fail) => {
      const take = (bytes: Uint8Array): number => {
        const part = bytes.subarray(0, target.length - count)
        target.set(part, count)
        count += part.length
        if (count === target.length) {
          this.#waiting = undefined
          resolve(count)
        }
        return part.length
      }
      this.#waiting = { take, finish: () => resolve(count), fail }
    })
  }

  /** The first bytes, at most `limit`. */
  #take(limit = Infinity): Uint8Array | undefined {
    const first = this.#parts[this.#first]
    if (!first || limit === 0) return undefined
    const part = first.subarray(0, limit)
    if (part.length < first.length) this.#parts[this.#first] = first.subarray(limit)
    else this.#first++
    this.#bytes -= part.length
    if (this.#first === this.#parts.length) this.#parts.length = this.#first = 0
    if (this.#paused && this.#bytes < LOW_WATER) {
      this.#paused = false
      this.#flow.resume()
    }
    return part
  }
}

/** Bytes to keep. Sockets give `Buffer`s, whose `slice` does not copy: readers rely on the standard one. */
const owned = (bytes: Uint8Array, isLent: boolean): Uint8Array => {
  if (isLent) return new Uint8Array(bytes)
  return bytes instanceof Buffer ? new Uint8Array(bytes.buffer, bytes.byteOffset, bytes.length) : bytes
}

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

export class ReadQueue {
  readonly #flow: Flow
  readonly #parts: Uint8Array[] = []
  /** Index of the first part not read: shifting a long array would move the rest. */
  #first = 0
  #bytes = 0
  #paused = false
  #end: 'open' | 'ended' | Error = 'open'
  #waiting: { resolve(bytes: Uint8Array | undefined): void; reject(error: Error): void } | undefined

  constructor(flow: Flow) {
    this.#flow = flow
  }

  get bytes(): number {
    return this.#bytes
  }

  push(found: Uint8Array): void {
    if (this.#end !== 'open' || found.length === 0) return
    // Sockets give `Buffer`s, whose `slice` does not copy: readers rely on the standard one.
    const bytes = found instanceof Buffer ? new Uint8Array(found.buffer, found.byteOffset, found.length) : found
    const waiting = this.#waiting
    if (waiting) {
      this.#waiting = undefined
      waiting.resolve(bytes)
      return
    }
    this.#parts.push(bytes)
    this.#bytes += bytes.length
    if (this.#bytes < HIGH_WATER || this.#paused) return
    this.#paused = true
    this.#flow.pause()
  }

  /** The peer ended its side: what is queued can still be read. */
  finish(): void {
    if (this.#end !== 'open') return
    this.#end = 'ended'
    this.#waiting?.resolve(undefined)
    this.#waiting = undefined
  }

  /** The stream broke: what is queued is dropped, as the reader could not know that it is incomplete. */
  fail(error: Error): void {
    if (this.#end !== 'open' && (this.#end !== 'ended' || this.#bytes === 0)) return
    this.#end = error
    this.#parts.length = this.#first = this.#bytes = 0
    this.#waiting?.reject(streamClosed(error))
    this.#waiting = undefined
  }

  /** One reader at a time. */
  async read(): Promise<Uint8Array | undefined> {
    invariant(!this.#waiting, 'a stream has one reader at a time')
    const part = this.#take()
    if (part) return part
    if (this.#end === 'ended') return undefined
    if (this.#end !== 'open') throw streamClosed(this.#end)
    return new Promise((resolve, reject) => (this.#waiting = { resolve, reject }))
  }

  #take(): Uint8Array | undefined {
    const part = this.#parts[this.#first]
    if (!part) return undefined
    this.#first++
    this.#bytes -= part.length
    if (this.#first === this.#parts.length) this.#parts.length = this.#first = 0
    if (this.#paused && this.#bytes < LOW_WATER) {
      this.#paused = false
      this.#flow.resume()
    }
    return part
  }
}

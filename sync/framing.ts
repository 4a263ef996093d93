/**
 * Frames on a byte stream: a 32-bit big-endian length, then that many bytes (0 to 4 MiB).
 *
 * The reader holds one frame and one piece of the stream, whatever the peer sends: a frame's buffer is allocated once
 * at its announced size and filled in place (untouched pages of it cost no memory), so a frame costs at most one copy.
 * A frame that lies whole in one piece is a view of that piece. The writer keeps frames whole: calls may overlap.
 *
 * Errors: what breaks the framing is a `Result`; what breaks the stream is thrown by it (`StreamClosedError`).
 */
import { concatBytes } from '#kernel/core/bytes.ts'
import { err, invariant, latticeError, ok, type LatticeError, type Result } from '#kernel/core/result.ts'
import type { ByteStream } from './transport/port.ts'

/** The longest frame, without its length. */
export const FRAME_MAX = 4 * 1024 * 1024
const HEADER = 4
/** Up to here parts are copied together and sent in one write: cheaper than a write for each. */
const COALESCE_MAX = 16 * 1024
/** Of a long frame, read at once: little enough that a slow peer is heard now and then. */
const PORTION = 64 * 1024

/** `frame-too-large`: the peer announced more than the limit. `frame-cut`: the stream ended inside a frame. */
export type FrameErrorKind = 'frame-too-large' | 'frame-cut'
export type FrameError = LatticeError<FrameErrorKind>

type Source = Pick<ByteStream, 'read' | 'readInto'>

const EMPTY = new Uint8Array(0)

/** Pulls frames off a stream, one call at a time. After an error the stream is of no more use: abort it. */
export class FrameReader {
  readonly #stream: Source
  readonly #max: number
  readonly #room: (length: number) => Uint8Array
  #piece: Uint8Array = EMPTY

  /** `room`: memory for a frame that comes in several pieces; whatever it holds is overwritten. */
  constructor(stream: Source, max: number = FRAME_MAX, room = (length: number) => new Uint8Array(length)) {
    this.#stream = stream
    this.#max = max
    this.#room = room
  }

  /**
   * The next frame's bytes; undefined once the peer ended its side between two frames.
   * The bytes belong to the caller, but may share memory with the next frames: copy what is kept for long.
   */
  async next(): Promise<Result<Uint8Array | undefined, FrameError>> {
    if (this.#piece.length === 0 && !(await this.#pull())) return ok(undefined)
    const header = await this.#take(HEADER)
    if (header === undefined) return cut()
    const length = ((header[0]! << 24) | (header[1]! << 16) | (header[2]! << 8) | header[3]!) >>> 0
    if (length > this.#max)
      return err(latticeError('frame-too-large', 'permanent', `a frame of ${length} bytes exceeds ${this.#max}`))
    const body = await this.#take(length)
    return body === undefined ? cut() : ok(body)
  }

  /** Waits for bytes; false at the end of the stream. Empty pieces are skipped. */
  async #pull(): Promise<boolean> {
    for (;;) {
      const piece = await this.#stream.read()
      if (piece === undefined) return false
      if (piece.length === 0) continue
      this.#piece = piece
      return true
    }
  }

  async #take(length: number): Promise<Uint8Array | undefined> {
    if (this.#piece.length >= length) return this.#cutPiece(length)
    const out = this.#room(length)
    let at = 0
    for (;;) {
      const part = this.#cutPiece(Math.min(length - at, this.#piece.length))
      out.set(part, at)
      at += part.length
      if (at === length) return out
      if (this.#stream.readInto) {
        const count = await this.#stream.readInto(out.subarray(at, Math.min(at + PORTION, length)))
        if (count === 0) return undefined
        at += count
      } else if (!(await this.#pull())) return undefined
    }
  }

  #cutPiece(length: number): Uint8Array {
    const part = this.#piece.subarray(0, length)
    this.#piece = length === this.#piece.length ? EMPTY : this.#piece.subarray(length)
    return part
  }
}

const cut = (): Result<never, FrameError> =>
  err(latticeError('frame-cut', 'retryable', 'the stream ended in the middle of a frame'))

/** Writes frames to a stream. Overlapping calls queue: frames go out whole, in the order of the calls. */
export class FrameWriter {
  readonly #stream: Pick<ByteStream, 'write'>
  readonly #max: number
  #tail: Promise<void> = Promise.resolve()

  constructor(stream: Pick<ByteStream, 'write'>, max: number = FRAME_MAX) {
    this.#stream = stream
    this.#max = max
  }

  /**
   * One frame, made of the parts in order; large parts are handed to the stream as they are and must not change
   * afterwards. Resolves when the stream takes more; throws `StreamClosedError` when it broke.
   */
  write(...parts: readonly Uint8Array[]): Promise<void> {
    const length = parts.reduce((sum, part) => sum + part.length, 0)
    invariant(length <= this.#max, `a frame of ${length} bytes exceeds ${this.#max}`)
    const sent = this.#tail.then(() => this.#send(length, parts))
    // The caller sees the failure of its own frame; the next one meets the broken stream by itself.
    this.#tail = sent.catch(() => undefined)
    return sent
  }

  async #send(length: number, parts: readonly Uint8Array[]): Promise<void> {
    const header = new Uint8Array(HEADER)
    new DataView(header.buffer).setUint32(0, length)
    let small: Uint8Array[] = [header]
    let smallBytes = HEADER
    for (const part of parts) {
      if (smallBytes > 0 && smallBytes + part.length > COALESCE_MAX) {
        await this.#stream.write(concatBytes(...small))
        small = []
        smallBytes = 0
      }
      if (part.length > COALESCE_MAX) await this.#stream.write(part)
      else if (part.length > 0) {
        small.push(part)
        smallBytes += part.length
      }
    }
    if (smallBytes > 0) await this.#stream.write(small.length === 1 ? small[0]! : concatBytes(...small))
  }
}

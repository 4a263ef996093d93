/**
 * A file that is filled in pieces, in whatever order they come. One write is under way at a time: several on one file
 * only spin on the kernel's lock of it. What comes meanwhile waits, and what of it lies end to end goes out together.
 */
import type { FileHandle } from 'node:fs/promises'

interface Piece {
  readonly offset: number
  readonly bytes: Uint8Array
  readonly written: () => void
  readonly failed: (error: unknown) => void
}

/** Linux takes up to 1,024 buffers a call; far fewer are worth one. */
const PIECES_AT_ONCE = 64

export class SparseFile {
  readonly #file: FileHandle
  #waiting: Piece[] = []
  #busy = false

  constructor(file: FileHandle) {
    this.#file = file
  }

  /** Resolves once the bytes are in the file (not: on the disk). Rejects with the system's error. */
  write(bytes: Uint8Array, offset: number): Promise<void> {
    return new Promise((written, failed) => {
      this.#waiting.push({ offset, bytes, written, failed })
      if (!this.#busy) void this.#drain()
    })
  }

  async #drain(): Promise<void> {
    this.#busy = true
    while (this.#waiting.length > 0) {
      const run = this.#nextRun()
      try {
        await this.#put(run)
        for (const piece of run) piece.written()
      } catch (error) {
        for (const piece of run) piece.failed(error)
      }
    }
    this.#busy = false
  }

  /** The first that waits, and those after it that follow on it. */
  #nextRun(): readonly Piece[] {
    let length = 1
    while (length < Math.min(this.#waiting.length, PIECES_AT_ONCE)) {
      const { offset, bytes } = this.#waiting[length - 1]!
      if (this.#waiting[length]!.offset !== offset + bytes.length) break
      length++
    }
    return this.#waiting.splice(0, length)
  }

  async #put(run: readonly Piece[]): Promise<void> {
    let position = run[0]!.offset
    let left = run.map(({ bytes }) => bytes)
    while (left.length > 0) {
      const { bytesWritten } = await this.#file.writev(left, position)
      position += bytesWritten
      left = behind(left, bytesWritten)
    }
  }
}

/** What is left of the parts after their first `count` bytes. */
const behind = (parts: readonly Uint8Array[], count: number): Uint8Array[] => {
  const left: Uint8Array[] = []
  for (const part of parts) {
    if (count < part.length) left.push(part.subarray(count))
    count = Math.max(0, count - part.length)
  }
  return left
}

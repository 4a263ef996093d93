/** For tests: two ends of an in-memory byte stream. A write is taken when the other end has read it all but 1 MiB. */
import type { PublicKey } from '#kernel/core/bytes.ts'
import { StreamClosedError, type ByteStream } from '../transport/port.ts'

const BUFFERED_MAX = 1024 * 1024

/** What travels one way. */
class Lane {
  readonly #pieces: Uint8Array[] = []
  #buffered = 0
  #ended = false
  #broken: string | undefined
  #wake: (() => void)[] = []
  readonly #cut: (bytes: Uint8Array) => readonly Uint8Array[]

  constructor(cut: (bytes: Uint8Array) => readonly Uint8Array[]) {
    this.#cut = cut
  }

  async write(bytes: Uint8Array): Promise<void> {
    while (this.#buffered > BUFFERED_MAX && this.#broken === undefined) await this.#change()
    if (this.#broken !== undefined || this.#ended) throw new StreamClosedError(this.#broken ?? 'ended')
    for (const piece of this.#cut(bytes)) this.#pieces.push(piece)
    this.#buffered += bytes.length
    this.#notify()
  }

  async read(): Promise<Uint8Array | undefined> {
    while (this.#pieces.length === 0 && !this.#ended && this.#broken === undefined) await this.#change()
    if (this.#broken !== undefined) throw new StreamClosedError(this.#broken)
    const piece = this.#pieces.shift()
    this.#buffered -= piece?.length ?? 0
    this.#notify()
    return piece
  }

  end(): void {
    this.#ended = true
    this.#notify()
  }

  break(reason: string): void {
    this.#broken ??= reason
    this.#notify()
  }

  #change(): Promise<void> {
    return new Promise((resolve) => this.#wake.push(resolve))
  }

  #notify(): void {
    const wake = this.#wake
    this.#wake = []
    for (const resolve of wake) resolve()
  }
}

export interface StreamPairOptions {
  readonly protocol?: string
  /** How a write is torn into pieces for the reader; as it is by default. */
  readonly cut?: (bytes: Uint8Array) => readonly Uint8Array[]
}

/** The stream as `a` holds it (to `b`) and as `b` holds it (to `a`). */
export const streamPair = (
  a: PublicKey,
  b: PublicKey,
  options: StreamPairOptions = {},
): readonly [ByteStream, ByteStream] => {
  const cut = options.cut ?? ((bytes) => [bytes])
  const [there, back] = [new Lane(cut), new Lane(cut)]
  const abort = (reason: string) => {
    there.break(reason)
    back.break(reason)
  }
  const side = (peer: PublicKey, out: Lane, into: Lane): ByteStream => ({
    peer,
    protocol: options.protocol ?? '/test/1',
    read: () => into.read(),
    write: (bytes) => out.write(bytes),
    end: async () => out.end(),
    abort,
  })
  return [side(b, there, back), side(a, back, there)]
}

/** The protocols a node serves, and how many streams of each a peer has open: one count for all its connections. */
import { bytesToHex, type HexKey, type PublicKey } from '#kernel/core/bytes.ts'
import { invariant } from '#kernel/core/result.ts'
import { StreamClosedError, type ByteStream } from '../port.ts'

/** What is left open when its handler is done, the peer has so long to end. */
export const LINGER_MS = 30_000

/** A stream that says when nothing of it is left. */
export interface ServedStream extends ByteStream {
  onGone(callback: () => void): void
}

type Handler = (stream: ByteStream) => Promise<void>

interface Served {
  readonly maxPerPeer: number
  readonly handler: Handler
  readonly open: Map<HexKey, number>
}

/** The right to one stream. Exactly one of `serve` and `release` is called, once. */
export interface Admission {
  serve(stream: ServedStream): void
  release(): void
}

export class Protocols {
  readonly #served = new Map<string, Served>()
  readonly #onHandlerError: (error: unknown, protocol: string) => void

  /** `onHandlerError` hears of what handlers throw, but for `StreamClosedError`, which is how streams break. */
  constructor(onHandlerError: (error: unknown, protocol: string) => void) {
    this.#onHandlerError = onHandlerError
  }

  add(protocol: string, maxPerPeer: number, handler: Handler): void {
    invariant(!this.#served.has(protocol), `${protocol} is served once`)
    this.#served.set(protocol, { maxPerPeer, handler, open: new Map() })
  }

  remove(protocol: string): void {
    this.#served.delete(protocol)
  }

  admit(peer: PublicKey, protocol: string): Admission | 'protocol-unknown' | 'too-many' {
    const served = this.#served.get(protocol)
    if (!served) return 'protocol-unknown'
    const key = bytesToHex(peer)
    const open = served.open.get(key) ?? 0
    if (open >= served.maxPerPeer) return 'too-many'
    served.open.set(key, open + 1)
    const release = (): void => {
      const left = (served.open.get(key) ?? 0) - 1
      if (left > 0) served.open.set(key, left)
      else served.open.delete(key)
    }
    return { release, serve: (stream) => void this.#serve(served.handler, stream, release) }
  }

  /** A stream keeps its place until it is gone, so that a peer that never ends its side has no more of them than others. */
  async #serve(handler: Handler, stream: ServedStream, release: () => void): Promise<void> {
    try {
      await handler(stream)
    } catch (error) {
      stream.abort('the handler failed')
      if (!(error instanceof StreamClosedError)) this.#onHandlerError(error, stream.protocol)
    }
    const linger = setTimeout(() => stream.abort('the peer did not end its side'), LINGER_MS)
    stream.onGone(() => {
      clearTimeout(linger)
      release()
    })
  }
}

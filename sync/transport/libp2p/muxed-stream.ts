/**
 * A yamux stream as the port's `ByteStream`.
 *
 * libp2p pushes `message` events; reading with its own iterator queues without bound, and its `onDrain()` resolves
 * only once. So: a queue that pauses the stream (which stops the window updates and thereby the sender), and `drain`
 * events. While paused at most one receive window arrives; `node.ts` keeps that below libp2p's own limit, beyond which
 * it would reset the stream. A stream that ends because its connection went away looks like an end of file to libp2p:
 * here only a peer that ended its side makes one.
 */
import type { Stream } from '@libp2p/interface'
import type { PublicKey } from '#kernel/core/bytes.ts'
import { StreamClosedError, type ByteStream } from '../port.ts'
import { streamClosed } from './errors.ts'
import { ReadQueue } from './read-queue.ts'

/** Larger writes go down in pieces of this size, so that little is buffered below. */
const PIECE = 256 * 1024

/** Payload bytes of a transport, all streams. */
export interface Counters {
  sent: number
  received: number
}

export class MuxedStream implements ByteStream {
  readonly peer: PublicKey
  readonly protocol: string
  /** Of the libp2p connection that carries it. */
  readonly connectionId: string
  readonly #stream: Stream
  readonly #counters: Counters
  readonly #queue: ReadQueue
  #peerEnded: boolean
  #broken: StreamClosedError | undefined
  /** Settles the writer that waits for room. */
  #wakeWriter: (() => void) | undefined

  constructor(stream: Stream, connectionId: string, peer: PublicKey, protocol: string, counters: Counters) {
    this.#stream = stream
    this.connectionId = connectionId
    this.peer = peer
    this.protocol = protocol
    this.#counters = counters
    this.#queue = new ReadQueue({ pause: () => this.#setFlow('pause'), resume: () => this.#setFlow('resume') })
    this.#peerEnded = stream.remoteWriteStatus === 'closed' && stream.status !== 'aborted' && stream.status !== 'reset'
    stream.addEventListener('remoteCloseWrite', () => (this.#peerEnded = true))
    stream.addEventListener('end', () => this.#onReadEnd())
    stream.addEventListener('drain', () => this.#wakeWriter?.())
    stream.addEventListener('close', (event) => this.#onClose(event.error))
    if (stream.readableEnded) this.#onReadEnd()
    else if (stream.status !== 'open' && stream.status !== 'closing') this.#onClose(new Error(`it is ${stream.status}`))
    // Last: it delivers what arrived before.
    stream.addEventListener('message', ({ data }) => {
      if (data instanceof Uint8Array) this.#queue.push(data)
      else for (const part of data) this.#queue.push(part)
    })
  }

  async read(): Promise<Uint8Array | undefined> {
    const bytes = await this.#queue.read()
    this.#counters.received += bytes?.length ?? 0
    return bytes
  }

  async readInto(target: Uint8Array): Promise<number> {
    const count = await this.#queue.readInto(target)
    this.#counters.received += count
    return count
  }

  async write(bytes: Uint8Array): Promise<void> {
    for (let at = 0; at < bytes.length; at += PIECE) {
      await this.#room()
      const piece = new Uint8Array(bytes.subarray(at, at + PIECE)) // libp2p keeps it for as long as it likes
      try {
        this.#stream.send(piece)
      } catch (error) {
        throw streamClosed(this.#broken ?? error)
      }
      this.#counters.sent += piece.length
    }
    await this.#room()
  }

  async end(): Promise<void> {
    if (this.#broken) throw this.#broken
    try {
      await this.#stream.close()
    } catch (error) {
      throw streamClosed(this.#broken ?? error)
    }
  }

  abort(reason: string): void {
    this.#onClose(new StreamClosedError(reason))
    this.#stream.abort(new Error(reason))
  }

  /** Calls back once when both sides have ended, or the stream broke. */
  onGone(callback: () => void): void {
    if (this.#stream.status === 'open' || this.#stream.status === 'closing')
      this.#stream.addEventListener('close', callback, { once: true })
    else callback()
  }

  async #room(): Promise<void> {
    while (this.#stream.writableNeedsDrain && !this.#broken)
      await new Promise<void>((resolve) => {
        this.#wakeWriter = resolve
      })
    if (this.#broken) throw this.#broken
  }

  #setFlow(flow: 'pause' | 'resume'): void {
    const { readStatus } = this.#stream
    if (readStatus !== 'readable' && readStatus !== 'paused') return
    try {
      this.#stream[flow]()
    } catch (error) {
      // Telling the peer to go on failed: its connection is gone, and nothing more will come.
      this.#onClose(error)
    }
  }

  #onReadEnd(): void {
    if (this.#peerEnded) this.#queue.finish()
    else this.#onClose(new Error('the connection went away'))
  }

  #onClose(error: unknown): void {
    if (this.#broken) return
    if (error === undefined && this.#peerEnded && this.#stream.writeStatus === 'closed') {
      // Both sides ended in order; what the reader has not taken yet is still in the stream.
      this.#broken = new StreamClosedError('the stream has ended')
    } else {
      this.#broken = streamClosed(error ?? 'the connection went away')
      this.#queue.fail(this.#broken)
    }
    this.#wakeWriter?.()
  }
}

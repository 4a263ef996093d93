/**
 * One TLS socket as one `ByteStream`.
 *
 * Each side sends frames: length (u32, big-endian, 1 … 1 MiB) and payload; a length of zero ends that side. So a
 * connection that breaks, or whose process is killed, can be told from a peer that ended in order, which TCP alone
 * does not tell. Payload is handed on as it comes, without copying or waiting for whole frames.
 */
import type { TLSSocket } from 'node:tls'
import type { PublicKey } from '#kernel/core/bytes.ts'
import { StreamClosedError, type ByteStream } from '../port.ts'
import { streamClosed } from './errors.ts'
import type { Counters } from './muxed-stream.ts'
import type { LaneSocket } from './lane-socket.ts'
import { ReadQueue } from './read-queue.ts'

export const FRAME_MAX = 1024 * 1024
/** What we put into one frame. */
const PIECE = 256 * 1024
const HEADER = 4
/** Below this, payload is copied behind its header; above, sparing the copy is worth a record of its own. */
const JOIN_BELOW = 16 * 1024

const frameHeader = (length: number): Buffer => {
  const header = Buffer.allocUnsafe(HEADER)
  header.writeUInt32BE(length)
  return header
}

/** Reads frames out of the bytes of one side. `bad`: a length above the maximum, or bytes after the end. */
export class FrameReader {
  #header = 0
  #headerBytes = 0
  #left = 0
  ended = false

  /** Calls back with each piece of payload; returns false when the bytes are not frames. */
  push(bytes: Uint8Array, payload: (piece: Uint8Array) => void): boolean {
    let at = 0
    while (at < bytes.length) {
      if (this.ended) return false
      if (this.#left > 0) {
        const piece = bytes.subarray(at, at + this.#left)
        at += piece.length
        this.#left -= piece.length
        payload(piece)
        continue
      }
      this.#header = this.#header * 256 + bytes[at++]!
      if (++this.#headerBytes < HEADER) continue
      if (this.#header > FRAME_MAX) return false
      this.ended = this.#header === 0
      this.#left = this.#header
      this.#header = this.#headerBytes = 0
    }
    return true
  }
}

export class LaneStream implements ByteStream {
  readonly peer: PublicKey
  readonly protocol: string
  readonly #socket: TLSSocket
  readonly #counters: Counters
  readonly #queue: ReadQueue
  readonly #frames = new FrameReader()
  #weEnded = false
  #broken: StreamClosedError | undefined
  #wakeWriter: (() => void) | undefined

  /** Takes over a socket whose handshake is done and to whose bytes nobody listens any more. */
  constructor({ socket, listen }: LaneSocket, peer: PublicKey, protocol: string, counters: Counters) {
    this.#socket = socket
    this.peer = peer
    this.protocol = protocol
    this.#counters = counters
    this.#queue = new ReadQueue({ pause: () => socket.pause(), resume: () => socket.resume() })
    socket.setNoDelay(true)
    socket.on('drain', () => this.#wakeWriter?.())
    socket.on('error', (error) => this.#break(error))
    socket.on('end', () => this.#onSocketEnd())
    socket.on('close', () => this.#onSocketEnd())
    listen((bytes) => this.#onData(bytes))
    socket.resume()
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
    let taken: Promise<void> | undefined
    for (let at = 0; at < bytes.length; at += PIECE) {
      await this.#room()
      this.#assertWritable()
      const piece = bytes.subarray(at, at + PIECE)
      if (piece.length < JOIN_BELOW) this.#socket.write(Buffer.concat([frameHeader(piece.length), piece]))
      else {
        this.#socket.write(frameHeader(piece.length))
        taken = this.#taken(piece)
      }
      this.#counters.sent += piece.length
    }
    await taken
    await this.#room()
  }

  /** Sends; resolves once the socket no longer needs the bytes, be it that it broke. */
  #taken(piece: Uint8Array): Promise<void> {
    return new Promise((resolve) => this.#socket.write(piece, () => resolve()))
  }

  async end(): Promise<void> {
    if (this.#weEnded) return
    await this.#room()
    this.#weEnded = true
    this.#socket.write(frameHeader(0))
    this.#closeWhenBothEnded()
  }

  abort(reason: string): void {
    this.#break(new StreamClosedError(reason))
  }

  /** Calls back once when the socket is gone. */
  onGone(callback: () => void): void {
    if (this.#socket.closed) callback()
    else this.#socket.once('close', callback)
  }

  #onData(bytes: Uint8Array): void {
    if (this.#broken) return
    if (!this.#frames.push(bytes, (piece) => this.#queue.push(piece, true)))
      return this.#break(new StreamClosedError('the peer sent something that is not a frame'))
    if (!this.#frames.ended) return
    this.#queue.finish()
    this.#closeWhenBothEnded()
  }

  /** Without the peer's ending frame this is a broken connection. */
  #onSocketEnd(): void {
    if (!this.#frames.ended) this.#break(new StreamClosedError('the connection went away'))
    else if (this.#socket.destroyed && !this.#weEnded) this.#break(new StreamClosedError('the connection went away'))
  }

  #closeWhenBothEnded(): void {
    if (this.#weEnded && this.#frames.ended) this.#socket.end()
  }

  #assertWritable(): void {
    if (this.#broken) throw this.#broken
    if (this.#weEnded) throw new StreamClosedError('our side has ended')
  }

  async #room(): Promise<void> {
    while (this.#socket.writableNeedDrain && !this.#broken)
      await new Promise<void>((resolve) => {
        this.#wakeWriter = resolve
      })
    if (this.#broken) throw this.#broken
  }

  #break(error: Error): void {
    if (this.#broken) return
    this.#broken = streamClosed(error)
    this.#queue.fail(this.#broken)
    this.#socket.destroy()
    this.#wakeWriter?.()
  }
}

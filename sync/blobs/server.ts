/**
 * The serving side of the blob exchange: one stream of one peer. Wants are answered in the order asked, urgent ones
 * first, many chunks to a frame. A few chunks are read ahead; the stream's own back-pressure does the rest, so memory
 * is bounded by the read-ahead and one frame.
 */
import { CHUNK_MAX, type CasError, type Room } from '#kernel/cas/port.ts'
import type { Cid, PublicKey, StoreId } from '#kernel/core/bytes.ts'
import type { Result } from '#kernel/core/result.ts'
import { FrameReader, FrameWriter } from '../framing.ts'
import { StreamClosedError, type ByteStream } from '../transport/port.ts'
import { BLOB_BYTES_MAX, decodeWant, encodeAnswer, WANT_BYTES_MAX, type Answer, type Want } from './messages.ts'
import { Rooms } from './rooms.ts'

export interface BlobServing {
  /** Asked before anything is looked up. */
  mayRead(peer: PublicKey, store: StoreId): boolean
  /** As `CasBackend.read`: checked against the CID. */
  read(store: StoreId, cid: Cid, room?: Room): Promise<Result<Uint8Array, CasError>>
  /** A peer that broke the protocol; its stream was dropped. */
  misbehaved?(peer: PublicKey, reason: string): void
  /** Why a chunk that was asked for could not be served, other than that it is not here. */
  failed?(store: StoreId, cid: Cid, error: CasError): void
}

/** Chunks a peer may have asked for and not been answered. */
const PENDING_MAX = 16_384
/** A frame goes out when it holds this much: small chunks share it, an average one fills half. */
const FRAME_PAYLOAD = 512 * 1024
const READ_AHEAD = 4

interface Progress {
  readonly want: Want
  readonly allowed: boolean
  /** Positions before this one are answered or in `reading`. */
  next: number
  readonly reading: { readonly position: number; readonly result: Promise<Result<Uint8Array, CasError>> }[]
}

/** Serves until the peer ends its side or the stream breaks. */
export const serveBlobs = async (stream: ByteStream, serving: BlobServing): Promise<void> => {
  const server = new Server(stream, serving)
  try {
    await Promise.all([server.readWants(), server.answerWants()])
    await stream.end()
  } catch (error) {
    if (!(error instanceof StreamClosedError)) {
      stream.abort('internal error')
      throw error
    }
  }
}

class Server {
  readonly #stream: ByteStream
  readonly #serving: BlobServing
  readonly #urgent: Progress[] = []
  readonly #normal: Progress[] = []
  readonly #rooms = new Rooms(CHUNK_MAX)
  #pending = 0
  #ended = false
  #wake: (() => void) | undefined

  constructor(stream: ByteStream, serving: BlobServing) {
    this.#stream = stream
    this.#serving = serving
  }

  async readWants(): Promise<void> {
    const frames = new FrameReader(this.#stream, WANT_BYTES_MAX)
    try {
      for (;;) {
        const frame = await frames.next()
        if (!frame.ok) return this.#refuse(frame.error.message)
        if (frame.value === undefined) return
        const want = decodeWant(frame.value)
        if (!want.ok) return this.#refuse(want.error.message)
        this.#pending += want.value.cids.length
        if (this.#pending > PENDING_MAX) return this.#refuse('it asks for more than may be pending')
        this.#enqueue(want.value)
      }
    } finally {
      this.#ended = true
      this.#wake?.()
    }
  }

  #enqueue(want: Want): void {
    const allowed = this.#serving.mayRead(this.#stream.peer, want.store)
    const queue = want.urgent ? this.#urgent : this.#normal
    queue.push({ want, allowed, next: 0, reading: [] })
    this.#wake?.()
  }

  #refuse(reason: string): void {
    this.#serving.misbehaved?.(this.#stream.peer, reason)
    this.#stream.abort(reason)
    throw new StreamClosedError(reason)
  }

  async answerWants(): Promise<void> {
    const frames = new FrameWriter(this.#stream)
    for (;;) {
      const queue = this.#urgent.length > 0 ? this.#urgent : this.#normal
      const progress = queue[0]
      if (progress === undefined) {
        if (this.#ended) return
        await new Promise<void>((resolve) => (this.#wake = resolve))
        continue
      }
      const answer = progress.allowed ? await this.#gather(progress) : refuseAll(progress)
      this.#pending -= answer.sent.length + answer.missing.length
      if (progress.next === progress.want.cids.length && progress.reading.length === 0)
        queue.splice(queue.indexOf(progress), 1)
      await frames.write(...encodeAnswer(answer))
      for (const { bytes } of answer.sent) this.#rooms.giveBack(bytes)
    }
  }

  /** The next frame's worth of a want. What was read ahead and did not fit stays for the next. */
  async #gather(progress: Progress): Promise<Answer> {
    const { want, reading } = progress
    const { store, cids } = want
    const sent: { position: number; bytes: Uint8Array }[] = []
    const missing: number[] = []
    let bytes = 0
    while (bytes < FRAME_PAYLOAD) {
      while (reading.length < READ_AHEAD && progress.next < cids.length) {
        const position = progress.next++
        reading.push({ position, result: this.#serving.read(store, cids[position]!, this.#rooms.lend) })
      }
      const first = reading[0]
      if (first === undefined) break
      const { position } = first
      const result = await first.result
      if (result.ok && bytes + result.value.length > BLOB_BYTES_MAX) break
      reading.shift()
      if (result.ok) {
        sent.push({ position, bytes: result.value })
        bytes += result.value.length
        continue
      }
      missing.push(position)
      if (result.error.kind !== 'chunk-missing') this.#serving.failed?.(store, cids[position]!, result.error)
    }
    return { want: want.id, sent, missing }
  }
}

/** What a peer may not read is answered like what is not here, and not looked for. */
const refuseAll = (progress: Progress): Answer => {
  progress.next = progress.want.cids.length
  return { want: progress.want.id, sent: [], missing: [...progress.want.cids.keys()] }
}

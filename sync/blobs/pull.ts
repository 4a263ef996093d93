/**
 * The asking side of the blob exchange with one peer, on one stream: keeps a window of chunks asked for, checks what
 * arrives, hands it on. The window is freed when the caller has taken a chunk, so a slow disk slows the peer down. Where
 * fetching is limited, nothing is asked for that the limit does not let in yet.
 */
import { hashesTo } from '#kernel/cas/digest.ts'
import { CHUNK_AVERAGE, CHUNK_MAX } from '#kernel/cas/port.ts'
import type { HexKey, StoreId } from '#kernel/core/bytes.ts'
import type { Timers } from '../clock.ts'
import { FRAME_MAX, FrameReader, FrameWriter } from '../framing.ts'
import { StreamClosedError, type ByteStream } from '../transport/port.ts'
import type { Item, Job } from './job.ts'
import { decodeAnswer, encodeWant, WANT_CIDS_MAX, type Answer } from './messages.ts'
import type { Pacer } from './rate.ts'
import { Rooms } from './rooms.ts'
import { Window } from './window.ts'

/** With less, the threads and disks of both ends of a link of 32 MiB/s and more wait for each other. */
export const WINDOW_MAX = 16 * 1024 * 1024
/** What a chunk costs in the window beside its bytes: bounds the number of small ones asked for at once. */
const ITEM_OVERHEAD = 512
/** Holds a frame of ours, which is sent once it is half full, whatever its last chunk. */
const ROOM_BYTES = 1.5 * CHUNK_MAX + 64 * 1024
/** A peer that owes chunks and sends nothing for so long is taken for dead; the transport notices a cut link sooner. */
const SILENCE_MS_MAX = 30_000
/** A stream without work is ended after this: it takes one of the few the peer grants. */
const IDLE_MS_MAX = 10_000

export interface PullHooks {
  /** Jobs to take chunks from, the most pressing first. */
  jobs(): Iterable<Job>
  /** The caller failed to take a chunk. */
  jobFailed(job: Job, error: unknown): void
  /** How fast this device may fetch, from all peers together. */
  readonly pace: Pacer
  readonly timers: Timers
}

/**
 * How a stream ended: for want of work, by the peer or a broken link, because the peer owed chunks and was silent, or
 * because it broke the rules.
 */
export type PullEnd =
  { readonly kind: 'idle' | 'closed' | 'silent' } | { readonly kind: 'misbehaved'; readonly reason: string }

interface Asked {
  readonly items: readonly Item[]
  /** Positions not answered yet. */
  readonly open: Set<number>
  readonly atMs: number
}

const lengthOf = (item: Item): number => item.ref.length || CHUNK_AVERAGE
const costOf = (item: Item): number => lengthOf(item) + ITEM_OVERHEAD

export class PeerPull {
  readonly #peer: HexKey
  readonly #stream: ByteStream
  readonly #writer: FrameWriter
  readonly #hooks: PullHooks
  readonly #asked = new Map<number, Asked>()
  readonly #window = new Window(WINDOW_MAX)
  readonly #rooms = new Rooms(ROOM_BYTES)
  #used = 0
  #nextWant = 1
  #lastHeardMs: number
  #cancelTimer: (() => void) | undefined
  /** Nothing more is asked for on this stream. */
  #over = false
  #wasSilent = false
  /** There is something to ask for, and the limit does not let it in yet. */
  #isPaced = false
  /** Answers that arrived. */
  answers = 0

  constructor(peer: HexKey, stream: ByteStream, hooks: PullHooks) {
    this.#peer = peer
    this.#stream = stream
    this.#writer = new FrameWriter(stream)
    this.#hooks = hooks
    this.#lastHeardMs = hooks.timers.nowMs()
  }

  /** Runs until the stream ends; what was asked for and has not come is given back. */
  async run(): Promise<PullEnd> {
    this.pump()
    this.#watch()
    try {
      const end = await this.#readAnswers()
      return this.#over && end.kind === 'closed' ? { kind: 'idle' } : end
    } catch (error) {
      if (error instanceof StreamClosedError) return { kind: this.#wasSilent ? 'silent' : 'closed' }
      this.#stream.abort('internal error')
      throw error
    } finally {
      this.#over = true
      this.#cancelTimer?.()
      for (const { items, open } of this.#asked.values()) for (const position of open) this.#giveBack(items[position]!)
      this.#asked.clear()
      // Whichever side ended it: a half of a stream would be kept for as long as the connection lasts.
      this.#stream.abort('over')
    }
  }

  async #readAnswers(): Promise<PullEnd> {
    const { readInto } = this.#stream
    const source = {
      read: () => this.#heard(this.#stream.read()),
      ...(readInto && { readInto: (target: Uint8Array) => this.#heard(readInto.call(this.#stream, target)) }),
    }
    // A chunk in a short frame must not hold a long room.
    const room = (length: number) => (length < ROOM_BYTES / 4 ? new Uint8Array(length) : this.#rooms.lend(length))
    const frames = new FrameReader(source, FRAME_MAX, room)
    for (;;) {
      const frame = await frames.next()
      if (!frame.ok && frame.error.kind === 'frame-cut') return { kind: 'closed' }
      if (!frame.ok) return this.#misbehaved(frame.error.message)
      if (frame.value === undefined) return { kind: 'closed' }
      const answer = decodeAnswer(frame.value)
      if (!answer.ok) return this.#misbehaved(answer.error.message)
      const reason = this.#take(answer.value, frame.value)
      if (reason !== undefined) return this.#misbehaved(reason)
      this.pump()
    }
  }

  /** A peer that may send slowly only is heard with every piece of a frame. */
  async #heard<T>(reading: Promise<T>): Promise<T> {
    const found = await reading
    this.#lastHeardMs = this.#hooks.timers.nowMs()
    return found
  }

  #misbehaved(reason: string): PullEnd {
    this.#stream.abort(reason)
    return { kind: 'misbehaved', reason }
  }

  /** What is wrong with the answer; undefined: nothing. The frame's room is given back once its last chunk is taken. */
  #take(answer: Answer, frame: Uint8Array): string | undefined {
    let users = 1
    const release = (): void => {
      if (--users === 0) this.#rooms.giveBack(frame)
    }
    try {
      return this.#takeChunks(answer, (item, bytes) => {
        users++
        void this.#hand(item, bytes).finally(release)
      })
    } finally {
      release()
    }
  }

  #takeChunks(answer: Answer, hand: (item: Item, bytes: Uint8Array) => void): string | undefined {
    const nowMs = this.#hooks.timers.nowMs()
    this.answers++
    const asked = this.#asked.get(answer.want)
    if (asked === undefined) return 'it answers what was not asked'
    let arrived = 0
    for (const { position, bytes } of answer.sent) {
      if (!asked.open.delete(position)) return 'it answers a chunk twice'
      const item = asked.items[position]!
      // An answer that nobody waits for any more is not worth its hash.
      const wanted = (item.state === 'asked' || item.state === 'free') && !item.job.closed
      if (wanted && !hashesTo(item.ref.cid, bytes)) {
        item.job.refuse(item, this.#peer)
        return 'it sent bytes that are not those of the chunk'
      }
      arrived += costOf(item)
      this.#hooks.pace.take(bytes.length - lengthOf(item))
      if (wanted) hand(item, bytes)
      else this.#used -= costOf(item)
    }
    for (const position of answer.missing) {
      if (!asked.open.delete(position)) return 'it answers a chunk twice'
      const item = asked.items[position]!
      this.#used -= costOf(item)
      this.#hooks.pace.take(-lengthOf(item))
      item.job.refuse(item, this.#peer)
    }
    if (asked.open.size === 0) this.#asked.delete(answer.want)
    this.#window.arrived(arrived, nowMs - asked.atMs)
    return undefined
  }

  async #hand(item: Item, bytes: Uint8Array): Promise<void> {
    item.state = 'handing'
    item.askedOf = undefined
    try {
      await item.job.onChunk(item.ref.cid, bytes)
      item.job.done(item)
    } catch (error) {
      this.#hooks.jobFailed(item.job, error)
    } finally {
      this.#used -= costOf(item)
      this.pump()
    }
  }

  /** A chunk asked for elsewhere meanwhile is no longer this peer's to give back; what did not come costs nothing. */
  #giveBack(item: Item): void {
    this.#hooks.pace.take(-lengthOf(item))
    if (item.askedOf === this.#peer) item.job.giveBack(item)
  }

  /** Asks for as much as the window has room for, once half of it is free: few wants, each of many chunks. */
  pump(): void {
    this.#pump(false)
  }

  /** `admitted`: the limit lets in one chunk for certain. */
  #pump(admitted: boolean): void {
    if (this.#over) return
    let isAdmitted = admitted
    for (const job of this.#hooks.jobs()) {
      const limit = this.#window.bytes * (job.urgent ? 2 : 1)
      if (this.#used > limit / 2) continue
      const items: Item[] = []
      while (this.#used < limit && items.length < WANT_CIDS_MAX && job.offers(this.#peer)) {
        if (!isAdmitted && !this.#hooks.pace.hasRoom) {
          this.#awaitRoom()
          break
        }
        const item = job.take(this.#peer)
        if (item === undefined) break
        isAdmitted = false
        items.push(item)
        this.#used += costOf(item)
        this.#hooks.pace.take(lengthOf(item))
      }
      if (items.length > 0) this.#ask(job.store, items, job.urgent)
    }
  }

  #awaitRoom(): void {
    if (this.#isPaced) return
    this.#isPaced = true
    this.#hooks.pace.onRoom(() => {
      this.#isPaced = false
      this.#pump(true)
    })
  }

  #ask(store: StoreId, items: readonly Item[], urgent: boolean): void {
    const nowMs = this.#hooks.timers.nowMs()
    if (this.#asked.size === 0) this.#lastHeardMs = nowMs
    const id = this.#nextWant++
    this.#asked.set(id, { items, open: new Set(items.keys()), atMs: nowMs })
    // A stream that broke is met by the reader too, which gives everything back.
    this.#writer
      .write(encodeWant({ id, store, cids: items.map(({ ref }) => ref.cid), urgent }))
      .catch((error: unknown) => {
        if (!(error instanceof StreamClosedError)) throw error
        this.#stream.abort('the stream broke')
      })
  }

  /** Chunks asked for before `beforeMs` and not arrived: others may be asked too, and the first to bring it wins. */
  *overdue(beforeMs: number): Iterable<Item> {
    for (const { items, open, atMs } of this.#asked.values())
      if (atMs <= beforeMs)
        for (const position of open) {
          const item = items[position]!
          if (item.state === 'asked' && item.askedOf === this.#peer) yield item
        }
  }

  close(): void {
    this.#stream.abort('closing')
  }

  /** One timer for silence and idleness; it is set again rather than moved with each frame. */
  #watch(): void {
    const { timers } = this.#hooks
    const isOwed = this.#asked.size > 0
    const limit = isOwed ? SILENCE_MS_MAX : IDLE_MS_MAX
    const quietMs = timers.nowMs() - this.#lastHeardMs
    if (quietMs >= limit && isOwed) {
      this.#wasSilent = true
      this.#stream.abort('the peer owes chunks and is silent')
      return
    }
    if (quietMs >= limit && this.#used === 0 && !this.#isPaced) {
      this.#over = true
      this.#stream.end().catch(() => this.#stream.abort('the stream broke'))
      return
    }
    this.#cancelTimer = timers.after(Math.max(limit - quietMs, 1_000), () => this.#watch())
  }
}

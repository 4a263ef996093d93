/**
 * The blob exchange of a node: fetches chunks from all peers that may have them, in parallel, and serves its own.
 *
 * One stream for each peer asked. Peers take chunks from the same jobs as fast as they deliver, so the fast ones take
 * more; a chunk that a peer does not bring in time is asked of another as well. A peer that sends wrong bytes is
 * counted, dropped, and not asked again while it stays connected. What arrived stays, whatever happens to the stream.
 */
import type { BlobSource, ChunkRef } from '#kernel/cas/port.ts'
import { bytesToHex, type Cid, type HexKey, type PublicKey, type StoreId } from '#kernel/core/bytes.ts'
import type { Timers } from '../clock.ts'
import type { Transport } from '../transport/port.ts'
import { Job } from './job.ts'
import { BLOBS_PROTOCOL } from './messages.ts'
import { PeerPull, type PullEnd, type PullHooks } from './pull.ts'
import { paced, Pacer } from './rate.ts'
import { serveBlobs, type BlobServing } from './server.ts'

export interface BlobExchangeOptions extends BlobServing {
  readonly transport: Transport
  readonly timers: Timers
  /** Whether a peer is one of the store's, and so worth asking. */
  mayHave(peer: PublicKey, store: StoreId): boolean
}

/** One for bulk; a second while the first is being torn down. */
const STREAMS_PER_PEER = 2
/** An overdue chunk is asked of another peer too. Longer than a full window takes on a slow but live link (16 Mbit/s). */
const OVERDUE_MS = 2_000
/** Streams to one peer that end without a single answer, before it is left alone for a while. */
const FRUITLESS_MAX = 3
/** For how long: one that broke off at once may be asked soon, one that was silent would keep us waiting again. */
const AVOIDED_MS = 2_000
const SILENT_AVOIDED_MS = 15_000
const RETRY_MS = 500

interface PeerState {
  readonly peer: PublicKey
  pull: PeerPull | undefined
  opening: boolean
  fruitless: number
  /** Not to be asked before; Infinity: not until it has disconnected. */
  avoidedUntilMs: number
}

export class BlobExchange implements BlobSource, AsyncDisposable {
  readonly #options: BlobExchangeOptions
  readonly #jobs = new Set<Job>()
  readonly #fail = new Map<Job, (error: unknown) => void>()
  readonly #peers = new Map<HexKey, PeerState>()
  readonly #undo: readonly (() => void)[]
  readonly #hooks: PullHooks
  readonly #upload: Pacer
  readonly #download: Pacer
  #cancelOverdue: (() => void) | undefined
  #closed = false
  /** Peers that broke the protocol or sent wrong bytes since start. */
  misbehaved = 0

  constructor(options: BlobExchangeOptions) {
    this.#options = options
    this.#upload = new Pacer(options.timers)
    this.#download = new Pacer(options.timers)
    this.#hooks = {
      timers: options.timers,
      pace: this.#download,
      jobs: () => this.#byUrgency(),
      jobFailed: (job, error) => this.#fail.get(job)?.(error),
    }
    const { transport } = options
    this.#undo = [
      transport.handle(BLOBS_PROTOCOL, { maxPerPeer: STREAMS_PER_PEER }, (stream) =>
        serveBlobs(paced(stream, this.#upload), {
          mayRead: (peer, store) => options.mayRead(peer, store),
          read: (store, cid, room) => options.read(store, cid, room),
          failed: (store, cid, error) => options.failed?.(store, cid, error),
          misbehaved: (peer, reason) => this.#misbehaved(peer, reason),
        }),
      ),
      transport.on('connected', ({ peer }) => this.#connected(peer)),
      transport.on('disconnected', (peer) => this.#disconnected(peer)),
    ]
  }

  /** Bytes a second over all peers, from now on; 0: no limit. */
  setLimits(limits: { readonly upload: number; readonly download: number }): void {
    this.#upload.setRate(limits.upload)
    this.#download.setRate(limits.download)
  }

  /** Chunks of length 0 are of a length not known yet. A chunk's bytes may share memory with others: copy to keep. */
  fetch(
    store: StoreId,
    chunks: readonly ChunkRef[],
    onChunk: (cid: Cid, bytes: Uint8Array) => Promise<void>,
    options: { readonly urgent?: boolean; readonly signal?: AbortSignal } = {},
  ): Promise<{ readonly missing: readonly Cid[] }> {
    const { signal, urgent = false } = options
    signal?.throwIfAborted()
    if (chunks.length === 0) return Promise.resolve({ missing: [] })
    return new Promise((resolve, reject) => {
      const end = () => {
        this.#jobs.delete(job)
        this.#fail.delete(job)
        signal?.removeEventListener('abort', abort)
      }
      const job = new Job(store, chunks, urgent, onChunk, (missing) => {
        end()
        resolve({ missing })
      })
      const fail = (error: unknown) => {
        job.cancel()
        end()
        reject(error as Error)
      }
      const abort = () => fail(signal?.reason)
      signal?.addEventListener('abort', abort, { once: true })
      this.#jobs.add(job)
      this.#fail.set(job, fail)
      this.#start(job)
    })
  }

  #start(job: Job): void {
    const peers = new Map(this.#options.transport.connections().map(({ peer, peerKey }) => [peerKey, peer]))
    for (const [key, peer] of peers)
      if (!this.#closed && this.#options.mayHave(peer, job.store) && !this.#isAvoided(this.#state(key, peer)))
        job.addPeer(key)
    if (!job.hasPeers()) return void job.giveUp()
    for (const key of peers.keys()) this.#work(key)
    this.#watchOverdue()
  }

  *#byUrgency(): Iterable<Job> {
    for (const job of this.#jobs) if (job.urgent) yield job
    for (const job of this.#jobs) if (!job.urgent) yield job
  }

  #state(key: HexKey, peer: PublicKey): PeerState {
    let state = this.#peers.get(key)
    if (state === undefined) {
      state = { peer, pull: undefined, opening: false, fruitless: 0, avoidedUntilMs: 0 }
      this.#peers.set(key, state)
    }
    return state
  }

  #isAvoided({ avoidedUntilMs }: PeerState): boolean {
    return avoidedUntilMs > this.#options.timers.nowMs()
  }

  /** Gives the peer work: on its stream, or on one opened for it. */
  #work(key: HexKey): void {
    const state = this.#peers.get(key)
    if (state === undefined || this.#isAvoided(state) || this.#closed) return
    if (state.pull !== undefined) return state.pull.pump()
    const isWanted = [...this.#jobs].some((job) => job.offers(key))
    if (isWanted && !state.opening) void this.#pull(key, state)
  }

  async #pull(key: HexKey, state: PeerState): Promise<void> {
    state.opening = true
    const opened = await this.#options.transport.open(state.peer, BLOBS_PROTOCOL, { bulk: true })
    state.opening = false
    if (this.#peers.get(key) !== state || this.#closed) return opened.ok ? opened.value.abort('not needed') : undefined
    if (!opened.ok) return this.#ended(key, state, { kind: 'closed' }, 0)
    const pull = new PeerPull(key, opened.value, this.#hooks)
    state.pull = pull
    const end = await pull.run()
    state.pull = undefined
    this.#ended(key, state, end, pull.answers)
  }

  #ended(key: HexKey, state: PeerState, end: PullEnd, answers: number): void {
    if (this.#peers.get(key) !== state || this.#closed) return
    if (end.kind === 'misbehaved') this.#misbehaved(state.peer, end.reason)
    state.fruitless = answers > 0 || end.kind === 'idle' ? 0 : state.fruitless + 1
    if (end.kind === 'misbehaved' || state.fruitless >= FRUITLESS_MAX) {
      state.avoidedUntilMs = this.#options.timers.nowMs() + avoidedMs(end)
      state.fruitless = FRUITLESS_MAX - 1 // the next time one is enough
      for (const job of this.#jobs) job.removePeer(key)
    }
    for (const other of this.#peers.keys()) if (other !== key) this.#work(other)
    // Back-off: a stream that broke at once would break again at once.
    if (state.fruitless === 0) this.#work(key)
    else if (!this.#isAvoided(state)) this.#options.timers.after(RETRY_MS * state.fruitless, () => this.#work(key))
  }

  #misbehaved(peer: PublicKey, reason: string): void {
    this.misbehaved++
    this.#options.misbehaved?.(peer, reason)
  }

  #connected(peer: PublicKey): void {
    const key = bytesToHex(peer)
    for (const job of this.#jobs) if (this.#options.mayHave(peer, job.store)) job.addPeer(key)
    this.#state(key, peer)
    this.#work(key)
  }

  #disconnected(peer: PublicKey): void {
    const key = bytesToHex(peer)
    this.#peers.delete(key)
    for (const job of this.#jobs) job.removePeer(key)
    for (const other of this.#peers.keys()) this.#work(other)
  }

  /** While jobs run: what one peer owes for too long, the others may bring. */
  #watchOverdue(): void {
    if (this.#cancelOverdue !== undefined || this.#jobs.size === 0 || this.#closed) return
    const { timers } = this.#options
    this.#cancelOverdue = timers.after(OVERDUE_MS, () => {
      this.#cancelOverdue = undefined
      const beforeMs = timers.nowMs() - OVERDUE_MS
      for (const { pull } of this.#peers.values())
        for (const item of [...(pull?.overdue(beforeMs) ?? [])]) item.job.share(item)
      for (const key of this.#peers.keys()) this.#work(key)
      this.#watchOverdue()
    })
  }

  /** Stops serving and fetching; fetches under way resolve with what is missing. */
  async [Symbol.asyncDispose](): Promise<void> {
    this.#closed = true
    this.#cancelOverdue?.()
    for (const undo of this.#undo) undo()
    for (const { pull } of this.#peers.values()) pull?.close()
    this.#upload.close()
    this.#download.close()
    for (const job of [...this.#jobs]) job.giveUp()
  }
}

const avoidedMs = ({ kind }: PullEnd): number =>
  kind === 'misbehaved' ? Infinity : kind === 'silent' ? SILENT_AVOIDED_MS : AVOIDED_MS

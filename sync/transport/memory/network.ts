/**
 * A network in memory for the simulator and tests: devices by public key, links with latency that can be cut, all on
 * the given timers and thus as deterministic as they are. Address of a device: `/memory/<hex of its key>`.
 *
 * Bytes of one stream keep their order; streams of one connection overtake one another by jitter. A write is taken
 * while less than 1 MiB of its stream is unread at the far end.
 */
import { bytesToHex, type HexKey, type PublicKey } from '#kernel/core/bytes.ts'
import { err, latticeError, ok, type LatticeError, type Result } from '#kernel/core/result.ts'
import type { Timers } from '../../clock.ts'
import type { ByteStream, Connection, Transport, TransportError, TransportEvents } from '../port.ts'
import { streamPair, type StreamEnd } from './stream.ts'

export interface NetworkOptions {
  readonly timers: Timers
  /** One way, before jitter. */
  readonly latencyMs?: number
  /** Up to so much more for each piece. */
  readonly jitterMs?: number
}

type Handler = (stream: ByteStream) => Promise<void>

const refused = (
  kind: TransportError['kind'],
  message: string,
  severity: LatticeError['severity'] = 'retryable',
): { ok: false; error: TransportError } => err(latticeError(kind, severity, message))

/** A protocol as it is served, and how many streams of it each peer has. */
interface Serving {
  readonly maxPerPeer: number
  readonly handler: Handler
  readonly streams: Map<HexKey, number>
}

export class MemoryNetwork {
  readonly timers: Timers
  readonly #latencyMs: number
  readonly #jitterMs: number
  readonly #devices = new Map<HexKey, MemoryTransport>()
  /** Pairs that cannot talk, as `a b` with a < b. */
  readonly #cut = new Set<string>()
  readonly #links = new Map<string, Link>()

  constructor(options: NetworkOptions) {
    this.timers = options.timers
    this.#latencyMs = options.latencyMs ?? 0
    this.#jitterMs = options.jitterMs ?? 0
  }

  /** Brings a device up under its key. One at a time per key. */
  join(self: PublicKey): MemoryTransport {
    const transport = new MemoryTransport(this, self)
    this.#devices.set(transport.selfKey, transport)
    return transport
  }

  /** Takes a device away without a word, as a crash does. */
  leave(transport: MemoryTransport): void {
    if (this.#devices.get(transport.selfKey) !== transport) return
    this.#devices.delete(transport.selfKey)
    for (const link of [...this.#links.values()]) if (link.has(transport)) this.breakLink(link)
  }

  /** Cuts a pair off from each other, or heals the cut. */
  setCut(a: PublicKey, b: PublicKey, isCut: boolean): void {
    const name = pairName(bytesToHex(a), bytesToHex(b))
    if (!isCut) return void this.#cut.delete(name)
    this.#cut.add(name)
    const link = this.#links.get(name)
    if (link) this.breakLink(link)
  }

  /** Breaks a live connection once; it may come back at once. */
  drop(a: PublicKey, b: PublicKey): void {
    const link = this.#links.get(pairName(bytesToHex(a), bytesToHex(b)))
    if (link) this.breakLink(link)
  }

  delayMs(): number {
    return this.#latencyMs + this.#jitterMs * this.timers.random()
  }

  async dial(from: MemoryTransport, to: HexKey): Promise<Result<Link, TransportError>> {
    await new Promise<void>((resolve) => this.timers.after(2 * this.delayMs(), resolve))
    const name = pairName(from.selfKey, to)
    const peer = this.#devices.get(to)
    if (!peer || this.#cut.has(name) || this.#devices.get(from.selfKey) !== from)
      return refused('unreachable', 'no device answers there')
    const existing = this.#links.get(name)
    if (existing) return ok(existing)
    const link = new Link(name, from, peer)
    this.#links.set(name, link)
    from.raise(link)
    peer.raise(link)
    return ok(link)
  }

  breakLink(link: Link): void {
    if (this.#links.get(link.name) !== link) return
    this.#links.delete(link.name)
    link.abortAll('the link broke')
    for (const end of [link.a, link.b]) end.lower(link)
  }
}

const pairName = (a: HexKey, b: HexKey): string => (a < b ? `${a} ${b}` : `${b} ${a}`)

export class Link {
  readonly name: string
  readonly a: MemoryTransport
  readonly b: MemoryTransport
  readonly #streams = new Set<StreamEnd>()

  constructor(name: string, a: MemoryTransport, b: MemoryTransport) {
    this.name = name
    this.a = a
    this.b = b
  }

  has(transport: MemoryTransport): boolean {
    return this.a === transport || this.b === transport
  }

  other(transport: MemoryTransport): MemoryTransport {
    return this.a === transport ? this.b : this.a
  }

  add(stream: StreamEnd): void {
    this.#streams.add(stream)
    stream.onClosed(() => this.#streams.delete(stream))
  }

  abortAll(reason: string): void {
    for (const stream of [...this.#streams]) stream.abort(reason)
  }
}

export class MemoryTransport implements Transport {
  readonly self: PublicKey
  readonly selfKey: HexKey
  readonly #network: MemoryNetwork
  readonly #links = new Map<HexKey, Link>()
  readonly #handlers = new Map<string, Serving>()
  readonly #listeners = new Map<keyof TransportEvents, Set<(...args: never[]) => void>>()
  bytesSent = 0
  bytesReceived = 0

  constructor(network: MemoryNetwork, self: PublicKey) {
    this.#network = network
    this.self = self
    this.selfKey = bytesToHex(self)
  }

  addresses(): readonly string[] {
    return [`/memory/${this.selfKey}`]
  }

  connections(): readonly Connection[] {
    return [...this.#links.values()].map((link) => this.#describe(link))
  }

  async connect(peer: PublicKey, addresses: readonly string[]): Promise<Result<Connection, TransportError>> {
    const key = bytesToHex(peer)
    const live = this.#links.get(key)
    if (live) return ok(this.#describe(live))
    if (!addresses.some((address) => address.startsWith('/memory/')))
      return refused('bad-address', 'no address of a device in memory', 'permanent')
    if (!addresses.includes(`/memory/${key}`))
      return refused('identity-mismatch', 'another device answers at that address', 'denied')
    const link = await this.#network.dial(this, key)
    return link.ok ? ok(this.#describe(link.value)) : link
  }

  async disconnect(peer: PublicKey): Promise<void> {
    const link = this.#links.get(bytesToHex(peer))
    if (link) this.#network.breakLink(link)
  }

  async open(
    peer: PublicKey,
    protocol: string,
    options: { readonly signal?: AbortSignal } = {},
  ): Promise<Result<ByteStream, TransportError>> {
    if (options.signal?.aborted) return refused('closed', 'it was cancelled')
    const link = this.#links.get(bytesToHex(peer))
    if (!link) return refused('closed', 'not connected')
    const there = link.other(this)
    const [near, far] = streamPair(this.#network, protocol, { near: this, far: there })
    link.add(near)
    link.add(far)
    return there.#serve(far) ? ok(near) : refused('protocol-unknown', `the peer does not speak ${protocol}`)
  }

  #serve(stream: StreamEnd): boolean {
    const serving = this.#handlers.get(stream.protocol)
    const peer = bytesToHex(stream.peer)
    const count = serving?.streams.get(peer) ?? 0
    if (!serving || count >= serving.maxPerPeer) {
      stream.abort('refused')
      return false
    }
    serving.streams.set(peer, count + 1)
    const release = (): void => void serving.streams.set(peer, serving.streams.get(peer)! - 1)
    this.#network.timers.after(this.#network.delayMs(), () => {
      serving.handler(stream).then(release, (error: unknown) => {
        release()
        stream.abort('the handler failed')
        throw error
      })
    })
    return true
  }

  handle(protocol: string, options: { readonly maxPerPeer: number }, handler: Handler): () => void {
    this.#handlers.set(protocol, { maxPerPeer: options.maxPerPeer, handler, streams: new Map() })
    return () => void this.#handlers.delete(protocol)
  }

  on<K extends keyof TransportEvents>(event: K, listener: TransportEvents[K]): () => void {
    const listeners = this.#listeners.get(event) ?? new Set()
    this.#listeners.set(event, listeners)
    listeners.add(listener)
    return () => void listeners.delete(listener)
  }

  /** Says that a device was seen nearby, as multicast discovery would. */
  discover(peer: PublicKey): void {
    this.#emit('discovered', peer, [`/memory/${bytesToHex(peer)}`])
  }

  raise(link: Link): void {
    this.#links.set(link.other(this).selfKey, link)
    this.#emit('connected', this.#describe(link))
  }

  lower(link: Link): void {
    this.#links.delete(link.other(this).selfKey)
    this.#emit('disconnected', link.other(this).self)
  }

  async [Symbol.asyncDispose](): Promise<void> {
    this.#network.leave(this)
    this.#listeners.clear()
  }

  #describe(link: Link): Connection {
    const { self, selfKey } = link.other(this)
    return { peer: self, peerKey: selfKey, remoteAddress: `/memory/${selfKey}`, direct: true, latencyMs: 0 }
  }

  #emit<K extends keyof TransportEvents>(event: K, ...args: Parameters<TransportEvents[K]>): void {
    for (const listener of [...(this.#listeners.get(event) ?? [])]) (listener as (...args: unknown[]) => void)(...args)
  }
}

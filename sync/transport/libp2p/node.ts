/**
 * The `Transport` port over libp2p: TCP, TLS 1.3 (Noise as a fallback), yamux, and a raw TLS lane for bulk streams.
 *
 * The peer id is the device key. Whom to talk to and what to serve whom is decided above: here anyone who proves a key
 * may connect, within the limits below.
 */
import { noise } from '@libp2p/noise'
import { identify } from '@libp2p/identify'
import { ping } from '@libp2p/ping'
import { tcp } from '@libp2p/tcp'
import { tls } from '@libp2p/tls'
import { yamux } from '@libp2p/yamux'
import { FaultTolerance } from '@libp2p/interface'
import type { Connection as Libp2pConnection, Ed25519PrivateKey, Libp2p, PeerId, Stream } from '@libp2p/interface'
import { multiaddr, type Multiaddr } from '@multiformats/multiaddr'
import { createLibp2p } from 'libp2p'
import { bytesToHex, type PublicKey } from '#kernel/core/bytes.ts'
import { err, invariant, ok, type Result } from '#kernel/core/result.ts'
import type { ByteStream, Connection, Transport, TransportError, TransportEvents } from '../port.ts'
import { badAddress, closed, dialError, messageOf, openError } from './errors.ts'
import { deviceOf, peerIdOf } from './identity.ts'
import { laneCredentials } from './lane-certificate.ts'
import { LANE_PROTOCOL } from './lane-messages.ts'
import { Lanes, NO_LANE, OPEN_MS } from './lane.ts'
import { LocalDiscovery } from './local-discovery.ts'
import { MuxedStream, type Counters } from './muxed-stream.ts'
import { Protocols } from './protocols.ts'

/** The most a paused stream can still receive. libp2p resets a stream that holds more than its read buffer. */
const STREAM_WINDOW_MAX = 4 * 1024 * 1024
const READ_BUFFER_MAX = STREAM_WINDOW_MAX + 256 * 1024
const CONNECTIONS_MAX = 500
/** Streams of one connection, all protocols; those of one protocol are bounded per peer by `handle`. */
const STREAMS_MAX = 1024
/** A link that is cut is noticed within `PING_EVERY_MS + PING_ANSWER_MS`; a slow, full one must not look like one. */
const PING_EVERY_MS = 4_000
const PING_ANSWER_MS = 5_000
/** Stopping waits this long for the other side to acknowledge, then leaves. */
const STOP_MS = 3_000
/** A firewall stays, a busy moment passes: how long a connection does without lanes after one could not be made. */
const LANE_RETRY_MS = 60_000
const LANES_PER_PEER = 64

export interface Libp2pTransportOptions {
  readonly deviceKey: Ed25519PrivateKey
  /** Multiaddrs to listen on; none: dial only. */
  readonly listen: readonly string[]
  /** Find devices on the local network and be found. */
  readonly localDiscovery: boolean
  /** Where to listen for bulk lanes; `undefined` host: every address. `false`: every stream is muxed. */
  readonly lanes: { readonly host?: string; readonly port: number } | false
  /** Hears of what a protocol handler throws, but for broken streams: a bug of ours. */
  readonly onHandlerError: (error: unknown, protocol: string) => void
}

/** What libp2p can do beyond the port. */
export interface LocalTransport extends Transport {
  /** Begins or ends to look for devices on the local network, and to answer those that look. */
  setLocalDiscovery(on: boolean): void
}

type Listeners = { [K in keyof TransportEvents]: Set<TransportEvents[K]> }

/** Starts a node. Fails with `bad-address` when it cannot listen where it should. */
export const createLibp2pTransport = async (
  options: Libp2pTransportOptions,
): Promise<Result<LocalTransport, TransportError>> => {
  let transport: Libp2pTransport | undefined
  try {
    transport = new Libp2pTransport(await createNode(options), options)
    await transport.start()
    return ok(transport)
  } catch (error) {
    await transport?.[Symbol.asyncDispose]()
    return err(badAddress(`cannot listen on ${options.listen.join(', ')}: ${messageOf(error)}`))
  }
}

const createNode = (options: Libp2pTransportOptions): Promise<Libp2p> =>
  createLibp2p({
    start: false,
    privateKey: options.deviceKey,
    addresses: { listen: [...options.listen] },
    transports: [
      tcp({
        dialOpts: { noDelay: true },
        listenOpts: { noDelay: true },
        maxConnections: CONNECTIONS_MAX,
        backlog: 128,
      }),
    ],
    connectionEncrypters: [tls(), noise()],
    streamMuxers: [
      yamux({
        maxInboundStreams: STREAMS_MAX,
        maxOutboundStreams: STREAMS_MAX,
        streamOptions: { maxStreamWindowSize: STREAM_WINDOW_MAX, maxReadBufferLength: READ_BUFFER_MAX },
      }),
    ],
    services: { identify: identify(), ping: ping({ maxInboundStreams: 4 }) },
    connectionGater: { denyDialMultiaddr: () => false },
    connectionManager: {
      maxConnections: CONNECTIONS_MAX,
      // A whole office behind one address, or every node of a test, may come at once.
      inboundConnectionThreshold: 100,
      maxIncomingPendingConnections: 100,
      inboundUpgradeTimeout: 5_000,
      // Whoever uses the transport redials, and knows when it makes sense.
      reconnectRetries: 0,
    },
    connectionMonitor: { pingInterval: PING_EVERY_MS, pingTimeout: { minTimeout: PING_ANSWER_MS } },
    transportManager: { faultTolerance: FaultTolerance.NO_FATAL },
  })

class Libp2pTransport implements LocalTransport {
  readonly self: PublicKey
  readonly #libp2p: Libp2p
  readonly #options: Libp2pTransportOptions
  readonly #counters: Counters = { sent: 0, received: 0 }
  readonly #protocols: Protocols
  readonly #lanes: Lanes | undefined
  /** Connections over which no lane could be made, and when to ask again: asking may cost the whole deadline. */
  readonly #noLaneUntilMs = new WeakMap<Libp2pConnection, number>()
  readonly #listeners: Listeners = {
    connected: new Set(),
    disconnected: new Set(),
    addresses: new Set(),
    discovered: new Set(),
  }
  #discovery: LocalDiscovery | undefined
  #announced = ''
  #stopping: Promise<void> | undefined

  constructor(libp2p: Libp2p, options: Libp2pTransportOptions) {
    this.#libp2p = libp2p
    this.#options = options
    const self = deviceOf(libp2p.peerId)
    invariant(self, 'our own peer id is a device key')
    this.self = self
    this.#protocols = new Protocols(options.onHandlerError)
    const credentials = laneCredentials(options.deviceKey)
    if (options.lanes) this.#lanes = new Lanes({ credentials, protocols: this.#protocols, counters: this.#counters })
  }

  async start(): Promise<void> {
    this.#libp2p.addEventListener('peer:connect', ({ detail }) => this.#onConnect(detail))
    this.#libp2p.addEventListener('peer:disconnect', ({ detail }) => this.#onDisconnect(detail))
    this.#libp2p.addEventListener('connection:close', ({ detail }) => this.#lanes?.drop(detail.id))
    this.#libp2p.addEventListener('self:peer:update', () => this.#onAddresses())
    const { lanes, localDiscovery } = this.#options
    if (lanes && this.#lanes) {
      await this.#lanes.listen(lanes.host, lanes.port)
      const served = this.#lanes
      // No lane carries this protocol.
      const serve = (stream: ByteStream): Promise<void> => served.serveControl(stream as MuxedStream)
      this.handle(LANE_PROTOCOL, { maxPerPeer: LANES_PER_PEER }, serve)
    }
    await this.#libp2p.start()
    // One address family may be missing from the machine; with none left, nobody could reach us.
    if (this.#options.listen.length > 0 && this.addresses().length === 0) throw new Error('no address can be used')
    this.setLocalDiscovery(localDiscovery)
  }

  setLocalDiscovery(on: boolean): void {
    if (on === (this.#discovery !== undefined) || this.#stopping) return
    this.#discovery?.stop()
    this.#discovery = undefined
    if (!on) return
    this.#discovery = new LocalDiscovery({
      self: this.#libp2p.peerId,
      addresses: () => this.addresses(),
      found: (peer, addresses) => this.#emit('discovered', peer, addresses),
    })
    this.#discovery.start()
  }

  get bytesSent(): number {
    return this.#counters.sent
  }

  get bytesReceived(): number {
    return this.#counters.received
  }

  addresses(): readonly string[] {
    return this.#libp2p.getMultiaddrs().map(String)
  }

  connections(): readonly Connection[] {
    return this.#libp2p.getPeers().flatMap((peer) => {
      const connection = this.#best(peer)
      const described = connection && describe(connection)
      return described ? [described] : []
    })
  }

  async connect(
    peer: PublicKey,
    addresses: readonly string[],
    signal?: AbortSignal,
  ): Promise<Result<Connection, TransportError>> {
    const peerId = peerIdOf(peer)
    const live = this.#best(peerId)
    if (live) return describedOrClosed(live)
    const targets = dialTargets(peerId, addresses)
    if (!targets.ok) return targets
    try {
      return describedOrClosed(await this.#libp2p.dial(targets.value, { signal }))
    } catch (error) {
      return err(signal?.aborted ? closed('the dial was cancelled') : dialError(error))
    }
  }

  async disconnect(peer: PublicKey): Promise<void> {
    await this.#libp2p.hangUp(peerIdOf(peer), { signal: AbortSignal.timeout(STOP_MS) })
  }

  async open(
    peer: PublicKey,
    protocol: string,
    { bulk = false, signal }: { readonly bulk?: boolean; readonly signal?: AbortSignal } = {},
  ): Promise<Result<ByteStream, TransportError>> {
    const connection = this.#best(peerIdOf(peer))
    if (!connection) return err(closed('the device is not connected'))
    if (bulk) {
      const lane = await this.#openLane(connection, peer, protocol, signal)
      if (lane !== NO_LANE) return lane
      if (signal?.aborted) return err(closed('opening the stream was cancelled'))
    }
    return this.#openMuxed(connection, peer, protocol, signal)
  }

  async #openMuxed(
    connection: Libp2pConnection,
    peer: PublicKey,
    protocol: string,
    signal: AbortSignal | undefined,
    counters = this.#counters,
  ): Promise<Result<MuxedStream, TransportError>> {
    try {
      const options = { signal, maxOutboundStreams: STREAMS_MAX, runOnLimitedConnection: true }
      const stream = await connection.newStream(protocol, options)
      return ok(new MuxedStream(stream, connection.id, peer, protocol, counters))
    } catch (error) {
      return err(signal?.aborted ? closed('opening the stream was cancelled') : openError(error, protocol))
    }
  }

  async #openLane(
    connection: Libp2pConnection,
    peer: PublicKey,
    protocol: string,
    signal: AbortSignal | undefined,
  ): Promise<Result<ByteStream, TransportError> | typeof NO_LANE> {
    const host = laneHost(connection)
    const untilMs = this.#noLaneUntilMs.get(connection) ?? 0
    if (!this.#lanes || host === undefined || performance.now() < untilMs) return NO_LANE
    const deadline = AbortSignal.timeout(OPEN_MS)
    const both = signal ? AbortSignal.any([signal, deadline]) : deadline
    const control = await this.#openMuxed(connection, peer, LANE_PROTOCOL, both, { sent: 0, received: 0 })
    const lane = control.ok ? await this.#lanes.open(control.value, host, protocol, both) : NO_LANE
    if (lane === NO_LANE && !signal?.aborted) this.#noLaneUntilMs.set(connection, performance.now() + LANE_RETRY_MS)
    if (lane !== NO_LANE && lane.ok && connection.status !== 'open') {
      lane.value.abort('the connection went away')
      return err(closed('the connection went away'))
    }
    return lane
  }

  handle(
    protocol: string,
    { maxPerPeer }: { readonly maxPerPeer: number },
    handler: (stream: ByteStream) => Promise<void>,
  ): () => void {
    this.#protocols.add(protocol, maxPerPeer, handler)
    const onStream = (stream: Stream, connection: Libp2pConnection): void =>
      this.#onStream(stream, connection, protocol)
    // libp2p counts per connection; the count per peer is ours. One more, so that ours decides.
    const limits = { maxInboundStreams: maxPerPeer + 1, runOnLimitedConnection: true }
    const registered = this.#libp2p.handle(protocol, onStream, limits)
    registered.catch((error: unknown) => this.#options.onHandlerError(error, protocol))
    return () => {
      this.#protocols.remove(protocol)
      this.#libp2p.unhandle(protocol).catch((error: unknown) => this.#options.onHandlerError(error, protocol))
    }
  }

  #onStream(stream: Stream, connection: Libp2pConnection, protocol: string): void {
    const peer = deviceOf(connection.remotePeer)
    if (!peer) return stream.abort(new Error('no device'))
    let admission = this.#protocols.admit(peer, protocol)
    if (admission === 'too-many' && this.#lanes?.yieldPlace(peer, protocol))
      admission = this.#protocols.admit(peer, protocol)
    if (typeof admission === 'string') return stream.abort(new Error(admission))
    // What arranges the lanes is not payload.
    const counters = protocol === LANE_PROTOCOL ? { sent: 0, received: 0 } : this.#counters
    admission.serve(new MuxedStream(stream, connection.id, peer, protocol, counters))
  }

  on<K extends keyof TransportEvents>(event: K, listener: TransportEvents[K]): () => void {
    this.#listeners[event].add(listener)
    return () => void this.#listeners[event].delete(listener)
  }

  #emit<K extends keyof TransportEvents>(event: K, ...args: Parameters<TransportEvents[K]>): void {
    for (const listener of [...this.#listeners[event]])
      (listener as (...args: Parameters<TransportEvents[K]>) => void)(...args)
  }

  #onConnect(peerId: PeerId): void {
    const connection = this.#best(peerId)
    const described = connection && describe(connection)
    if (described) this.#emit('connected', described)
    // A key that is no device's can never be of use.
    else void this.#libp2p.hangUp(peerId).catch(() => undefined)
  }

  #onDisconnect(peerId: PeerId): void {
    const peer = deviceOf(peerId)
    if (peer) this.#emit('disconnected', peer)
  }

  #onAddresses(): void {
    const addresses = this.addresses()
    const announced = addresses.join(' ')
    if (announced === this.#announced) return
    this.#announced = announced
    this.#emit('addresses', addresses)
  }

  /**
   * The connection to use: open, direct rather than relayed, newer rather than older. Who is connected does not dial: what
   * is newer may have come because the older one is dead at the other end, which is noticed here by its ping alone.
   */
  #best(peerId: PeerId): Libp2pConnection | undefined {
    const open = this.#libp2p.getConnections(peerId).filter((connection) => connection.status === 'open')
    return open.findLast((connection) => connection.direct) ?? open.at(-1)
  }

  [Symbol.asyncDispose](): Promise<void> {
    this.#stopping ??= this.#stop()
    return this.#stopping
  }

  async #stop(): Promise<void> {
    this.#discovery?.stop()
    const stopped = Promise.all([this.#lanes?.close(), this.#libp2p.stop()])
    let timer: NodeJS.Timeout | undefined
    const deadline = new Promise<void>((resolve) => (timer = setTimeout(resolve, STOP_MS)))
    await Promise.race([stopped, deadline])
    clearTimeout(timer)
    for (const connection of this.#libp2p.getConnections()) connection.abort(new Error('the node stops'))
  }
}

const describe = (connection: Libp2pConnection): Connection | undefined => {
  const peer = deviceOf(connection.remotePeer)
  if (!peer) return undefined
  return {
    peer,
    peerKey: bytesToHex(peer),
    remoteAddress: connection.remoteAddr.toString(),
    direct: connection.direct,
    get latencyMs() {
      return connection.rtt
    },
  }
}

const describedOrClosed = (connection: Libp2pConnection): Result<Connection, TransportError> => {
  const described = describe(connection)
  return described ? ok(described) : err(closed('the connection is not one to a device'))
}

/** The addresses that can be dialled, each with the peer's identity at its end. */
const dialTargets = (peerId: PeerId, addresses: readonly string[]): Result<Multiaddr[], TransportError> => {
  const targets: Multiaddr[] = []
  for (const address of addresses) {
    try {
      const parsed = multiaddr(address)
      const named = parsed.getComponents().findLast((component) => component.name === 'p2p')
      const namesTarget = parsed.getComponents().at(-1)?.name === 'p2p'
      if (namesTarget && named?.value !== peerId.toString()) continue
      targets.push(namesTarget ? parsed : parsed.encapsulate(`/p2p/${peerId.toString()}`))
    } catch {
      continue // Not a multiaddr: the others may be; if none is, that is the error.
    }
  }
  return targets.length > 0 ? ok(targets) : err(badAddress('none of the addresses is one of this device'))
}

/** Where the peer's lanes can be reached: its own end of a direct TCP connection. */
const laneHost = (connection: Libp2pConnection): string | undefined => {
  if (!connection.direct) return undefined
  const parts = connection.remoteAddr.getComponents()
  const isPlainTcp = parts.every(({ name }) => ['ip4', 'ip6', 'ip6zone', 'tcp', 'p2p'].includes(name))
  if (!isPlainTcp) return undefined
  const zone = parts.find(({ name }) => name === 'ip6zone')?.value
  const host = parts.find(({ name }) => name === 'ip4' || name === 'ip6')?.value
  return zone && host ? `${host}%${zone}` : host
}

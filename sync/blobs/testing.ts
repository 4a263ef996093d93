/** For tests: two ends of an in-memory byte stream, and a net of nodes that open such streams to each other. */
import { bytesToHex, type HexKey, type PublicKey } from '#kernel/core/bytes.ts'
import { err, latticeError, ok } from '#kernel/core/result.ts'
import type { Timers } from '../clock.ts'
import {
  StreamClosedError,
  type ByteStream,
  type Connection,
  type Transport,
  type TransportEvents,
} from '../transport/port.ts'

const BUFFERED_MAX = 1024 * 1024

/** What travels one way. A write is taken while no more than 1 MiB waits to be read. */
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
    for (const piece of this.#cut(bytes.slice())) this.#pieces.push(piece)
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

export const systemTimers: Timers = {
  nowMs: () => performance.now(),
  after: (delayMs, callback) => {
    const timer = setTimeout(callback, delayMs)
    return () => clearTimeout(timer)
  },
  random: () => 0.5,
}

/** Time that passes when told to. */
export class VirtualTimers implements Timers {
  #nowMs = 0
  readonly #due = new Set<{ readonly atMs: number; readonly callback: () => void }>()

  nowMs(): number {
    return this.#nowMs
  }

  after(delayMs: number, callback: () => void): () => void {
    const entry = { atMs: this.#nowMs + delayMs, callback }
    this.#due.add(entry)
    return () => this.#due.delete(entry)
  }

  random(): number {
    return 0.5
  }

  /** Calls back what falls due within `ms`, in order; all that follows from a callback happens before the next. */
  async pass(ms: number): Promise<void> {
    const untilMs = this.#nowMs + ms
    await settle()
    for (let next = this.#nextDue(untilMs); next !== undefined; next = this.#nextDue(untilMs)) {
      this.#nowMs = next.atMs
      this.#due.delete(next)
      next.callback()
      await settle()
    }
    this.#nowMs = untilMs
  }

  #nextDue(untilMs: number) {
    const due = [...this.#due].filter(({ atMs }) => atMs <= untilMs)
    return due.sort((a, b) => a.atMs - b.atMs)[0]
  }
}

/** Everything here is promises: a few turns of the loop and all has happened that will without time passing. */
const settle = async (): Promise<void> => {
  for (let turn = 0; turn < 20; turn++) await new Promise(setImmediate)
}

export const deviceKey = (n: number): PublicKey => new Uint8Array(32).fill(n) as PublicKey

/** One node of the net. Only what the exchange uses of a transport. */
class NetNode {
  readonly self: PublicKey
  readonly peers = new Map<HexKey, NetNode>()
  readonly streams = new Set<ByteStream>()
  readonly listeners: Partial<{ [K in keyof TransportEvents]: TransportEvents[K] }> = {}
  handler: ((stream: ByteStream) => Promise<void>) | undefined

  constructor(self: PublicKey) {
    this.self = self
  }

  asTransport(): Transport {
    const unused = () => {
      throw new Error('not part of this net')
    }
    return {
      self: this.self,
      bytesSent: 0,
      bytesReceived: 0,
      addresses: () => [],
      connect: unused,
      disconnect: unused,
      connections: () => [...this.peers.values()].map(({ self }) => connectionTo(self)),
      open: async (peer, protocol) => {
        const other = this.peers.get(bytesToHex(peer))
        if (other?.handler === undefined) return err(latticeError('unreachable', 'retryable', 'not connected'))
        const [ours, theirs] = streamPair(this.self, peer, { protocol })
        this.streams.add(ours)
        other.streams.add(theirs)
        void other.handler(theirs)
        return ok(ours)
      },
      handle: (_protocol, _options, handler) => {
        this.handler = handler
        return () => (this.handler = undefined)
      },
      on: (event, listener) => {
        this.listeners[event] = listener
        return () => delete this.listeners[event]
      },
      [Symbol.asyncDispose]: async () => undefined,
    }
  }
}

const connectionTo = (peer: PublicKey): Connection => ({
  peer,
  peerKey: bytesToHex(peer),
  remoteAddress: '',
  direct: true,
  latencyMs: undefined,
})

export class Net {
  readonly #nodes = new Map<HexKey, NetNode>()

  node(self: PublicKey): Transport {
    const node = new NetNode(self)
    this.#nodes.set(bytesToHex(self), node)
    return node.asTransport()
  }

  /** What a peer that follows no rules does with a stream opened to it. */
  handle(self: PublicKey, handler: (stream: ByteStream) => Promise<void>): void {
    this.#nodes.get(bytesToHex(self))!.handler = handler
  }

  connect(a: PublicKey, b: PublicKey): void {
    const [one, two] = [this.#nodes.get(bytesToHex(a))!, this.#nodes.get(bytesToHex(b))!]
    one.peers.set(bytesToHex(b), two)
    two.peers.set(bytesToHex(a), one)
    one.listeners.connected?.(connectionTo(b))
    two.listeners.connected?.(connectionTo(a))
  }

  /** Breaks the streams; the connection stays. */
  breakStreams(a: PublicKey): void {
    const node = this.#nodes.get(bytesToHex(a))!
    for (const stream of node.streams) stream.abort('broken')
    node.streams.clear()
  }

  disconnect(a: PublicKey, b: PublicKey): void {
    const [one, two] = [this.#nodes.get(bytesToHex(a))!, this.#nodes.get(bytesToHex(b))!]
    one.peers.delete(bytesToHex(b))
    two.peers.delete(bytesToHex(a))
    one.listeners.disconnected?.(b)
    two.listeners.disconnected?.(a)
    this.breakStreams(a)
  }
}

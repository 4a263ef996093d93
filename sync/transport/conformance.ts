/**
 * What every `Transport` must do, as one suite: the libp2p and the in-memory transport pass the same tests, so what
 * the simulator shows holds on real networks.
 *
 * Usage, in a test file of the implementation: `describeTransport('memory', () => makeWorld())`.
 */
import { afterEach, beforeEach, describe, expect, test } from 'vitest'
import { equalBytes, type PublicKey } from '#kernel/core/bytes.ts'
import { StreamClosedError, type ByteStream, type Transport, type TransportEvents } from './port.ts'

/** One test's devices. */
export interface TransportWorld extends AsyncDisposable {
  /** A new device that listens. */
  create(): Promise<Transport>
  /** A key that no device of this world has. */
  strangerKey(): PublicKey
  /** Drives virtual time until the promise settles; real transports leave it out. */
  settle?<T>(promise: PromiseLike<T>): Promise<T>
}

const PROTOCOL = '/test/1'
const WRITE_BUFFER_MAX = 1024 * 1024
/** What may be under way to a reader that does not read: our buffers, the window, and the kernel's two ends. */
const IN_FLIGHT_MAX = 16 * 1024 * 1024

/** Everything until the peer ends its side. */
export const readAll = async (stream: ByteStream): Promise<Uint8Array> => {
  const parts: Uint8Array[] = []
  for (let part = await stream.read(); part; part = await stream.read()) parts.push(part)
  return Buffer.concat(parts)
}

/** Bytes that tell their position, so that loss, repetition and reordering all show. */
export const patternBytes = (length: number, seed = 1): Uint8Array => {
  const words = new Uint32Array(Math.ceil(length / 4))
  let state = seed
  for (let i = 0; i < words.length; i++) words[i] = state = (Math.imul(state, 1664525) + 1013904223) >>> 0
  return new Uint8Array(words.buffer, 0, length)
}

/** A promise for the next event, to be made before what causes it. */
export const nextEvent = <K extends keyof TransportEvents>(
  transport: Transport,
  event: K,
): Promise<Parameters<TransportEvents[K]>> =>
  new Promise((resolve) => {
    const off = transport.on(event, ((...args: Parameters<TransportEvents[K]>) => {
      off()
      resolve(args)
    }) as TransportEvents[K])
  })

/** The far ends of the streams that are opened, in order. The handler lasts as long as the stream is wanted. */
export const acceptStreams = (
  transport: Transport,
  protocol = PROTOCOL,
  maxPerPeer = 16,
): (() => Promise<ByteStream>) => {
  const arrived: ByteStream[] = []
  const waiting: ((stream: ByteStream) => void)[] = []
  transport.handle(protocol, { maxPerPeer }, (stream) => {
    const next = waiting.shift()
    if (next) next(stream)
    else arrived.push(stream)
    return new Promise(() => undefined)
  })
  return () => {
    const stream = arrived.shift()
    return stream ? Promise.resolve(stream) : new Promise((resolve) => waiting.push(resolve))
  }
}

export const must = <T>(result: { ok: true; value: T } | { ok: false; error: { message: string } }): T => {
  if (!result.ok) throw new Error(result.error.message)
  return result.value
}

interface Pair {
  readonly world: TransportWorld
  readonly a: Transport
  readonly b: Transport
  readonly settle: <T>(promise: PromiseLike<T>) => Promise<T>
}

export const describeTransport = (name: string, makeWorld: () => Promise<TransportWorld>): void => {
  describe(`${name} as a transport`, () => {
    let world: TransportWorld
    let pair: Pair

    beforeEach(async () => {
      world = await makeWorld()
      const settle = async <T>(promise: PromiseLike<T>): Promise<T> => world.settle?.(promise) ?? promise
      pair = { world, a: await settle(world.create()), b: await settle(world.create()), settle }
    })
    afterEach(() => world[Symbol.asyncDispose]())

    describeConnections(() => pair)
    for (const bulk of [false, true])
      describe(bulk ? 'bulk streams' : 'streams', () => {
        describeStreams(() => pair, bulk)
        describeOwnership(() => pair, bulk)
        describeEndings(() => pair, bulk)
        describeLimits(() => pair, bulk)
      })
  })
}

const connect = async ({ a, b, settle }: Pair): Promise<void> => {
  must(await settle(a.connect(b.self, b.addresses())))
}

const describeConnections = (get: () => Pair): void => {
  test('both sides hear of a connection, once, with the right device', async () => {
    const { a, b, settle } = get()
    const [atA, atB] = [nextEvent(a, 'connected'), nextEvent(b, 'connected')]
    const result = must(await settle(a.connect(b.self, b.addresses())))
    expect(equalBytes(result.peer, b.self)).toBe(true)
    const [[connectionA], [connectionB]] = await settle(Promise.all([atA, atB]))
    expect(equalBytes(connectionA.peer, b.self)).toBe(true)
    expect(equalBytes(connectionB.peer, a.self)).toBe(true)
    expect(a.connections().map((connection) => connection.peerKey)).toEqual([result.peerKey])
    must(await settle(a.connect(b.self, b.addresses())))
    expect(a.connections()).toHaveLength(1)
  })

  test('both sides hear when it is gone, and can connect again', async () => {
    const { a, b, settle } = get()
    await connect(get())
    const gone = [nextEvent(a, 'disconnected'), nextEvent(b, 'disconnected')]
    await settle(a.disconnect(b.self))
    const [[fromA], [fromB]] = (await settle(Promise.all(gone))) as [[PublicKey], [PublicKey]]
    expect(equalBytes(fromA, b.self)).toBe(true)
    expect(equalBytes(fromB, a.self)).toBe(true)
    expect(a.connections()).toEqual([])
    const again = nextEvent(b, 'connected')
    await connect(get())
    await settle(again)
  })

  test('another device at the address is not taken for the peer', async () => {
    const { a, b, world, settle } = get()
    const bare = b.addresses().map((address) => address.replace(/\/p2p\/[^/]+$/, ''))
    const result = await settle(a.connect(world.strangerKey(), bare))
    expect(result).toMatchObject({ ok: false, error: { kind: 'identity-mismatch', severity: 'denied' } })
    expect(a.connections()).toEqual([])
  })

  test('a device that went away is unreachable', async () => {
    const { a, b, settle } = get()
    const addresses = b.addresses()
    await settle(b[Symbol.asyncDispose]())
    expect(await settle(a.connect(b.self, addresses))).toMatchObject({ ok: false, error: { kind: 'unreachable' } })
  })

  test('what is no address is said to be none', async () => {
    const { a, b, settle } = get()
    for (const addresses of [[], ['nonsense'], ['http://example.com/']])
      expect(await settle(a.connect(b.self, addresses))).toMatchObject({ ok: false, error: { kind: 'bad-address' } })
  })

  test('a stream needs a connection', async () => {
    const { a, b, settle } = get()
    expect(await settle(a.open(b.self, PROTOCOL))).toMatchObject({ ok: false, error: { kind: 'closed' } })
  })

  test('disposing of one end tells the other, and may be done twice', async () => {
    const { a, b, settle } = get()
    await connect(get())
    const gone = nextEvent(a, 'disconnected')
    await settle(b[Symbol.asyncDispose]())
    await settle(b[Symbol.asyncDispose]())
    await settle(gone)
  })
}

const openPair = async ({ a, b, settle }: Pair, bulk: boolean): Promise<[ByteStream, ByteStream]> => {
  const accept = acceptStreams(b)
  must(await settle(a.connect(b.self, b.addresses())))
  const near = must(await settle(a.open(b.self, PROTOCOL, { bulk })))
  // Some transports tell the far end of a stream with its first byte.
  await settle(near.write(Uint8Array.of(42)))
  const far = await settle(accept())
  expect(await settle(far.read())).toEqual(Uint8Array.of(42))
  return [near, far]
}

const describeStreams = (get: () => Pair, bulk: boolean): void => {
  test('name their peer and protocol', async () => {
    const { a, b } = get()
    const [near, far] = await openPair(get(), bulk)
    expect(equalBytes(near.peer, b.self) && equalBytes(far.peer, a.self)).toBe(true)
    expect([near.protocol, far.protocol]).toEqual([PROTOCOL, PROTOCOL])
  })

  test('carry bytes in order, both ways at once, and count them', async () => {
    const { a, b, settle } = get()
    const [near, far] = await openPair(get(), bulk)
    const [there, back] = [patternBytes(3_000_001, 7), patternBytes(2_000_003, 9)]
    const send = async (stream: ByteStream, bytes: Uint8Array): Promise<void> => {
      for (let at = 0, size = 1; at < bytes.length; at += size, size = (size * 3 + 1) % 700_001)
        await stream.write(bytes.subarray(at, at + size))
      await stream.end()
    }
    const [, , atFar, atNear] = await settle(
      Promise.all([send(near, there), send(far, back), readBothWays(far), readBothWays(near)]),
    )
    expect(Buffer.compare(atFar, there)).toBe(0)
    expect(Buffer.compare(atNear, back)).toBe(0)
    expect([a.bytesSent, b.bytesReceived]).toEqual([there.length + 1, there.length + 1])
    expect([b.bytesSent, a.bytesReceived]).toEqual([back.length, back.length])
  })

  test('a reader that stops stops the writer, and nothing is lost', async () => {
    const { settle, a } = get()
    const [near, far] = await openPair(get(), bulk)
    const piece = patternBytes(64 * 1024, 3)
    let written = 0
    const total = 1024
    const writing = (async () => {
      for (; written < total; written++) await near.write(piece)
      await near.end()
    })()
    // Streams to the same peer go on while this one stands.
    const stalledAt = await settle(stalled(() => written))
    expect(stalledAt * piece.length).toBeLessThan(IN_FLIGHT_MAX)
    expect(a.connections()).toHaveLength(1)
    const received = await settle(readAll(far))
    await settle(writing)
    expect(received.length).toBe(total * piece.length)
    for (let i = 0; i < total; i += 97)
      expect(Buffer.compare(received.subarray(i * piece.length, (i + 1) * piece.length), piece)).toBe(0)
  })

  test('an empty write is nothing', async () => {
    const { settle } = get()
    const [near, far] = await openPair(get(), bulk)
    await settle(near.write(new Uint8Array(0)))
    await settle(near.end())
    expect(await settle(far.read())).toBeUndefined()
  })
}

/** All of a stream: now as it comes, now so much at a time, where the stream can do that. */
const readBothWays = async (stream: ByteStream): Promise<Uint8Array> => {
  const parts: Uint8Array[] = []
  const readSome = async (bytes: number): Promise<Uint8Array | undefined> => {
    if (!stream.readInto) return stream.read()
    const target = new Uint8Array(bytes)
    const count = await stream.readInto(target)
    return count === 0 ? undefined : target.subarray(0, count)
  }
  for (let i = 1; ; i++) {
    const part = i % 3 === 0 ? await stream.read() : await readSome((i * 7_919) % 200_000)
    if (part === undefined) return Buffer.concat(parts)
    parts.push(part)
  }
}

const describeOwnership = (get: () => Pair, bulk: boolean): void => {
  test("what was written is the writer's again, who may put other bytes there", async () => {
    const { settle } = get()
    const [near, far] = await openPair(get(), bulk)
    const sizes = [1, 200, 16_383, 16_384, 262_144, 262_145, 524_300, 1_048_576]
    const sent: Uint8Array[] = []
    const writing = (async () => {
      const room = new Uint8Array(Math.max(...sizes))
      for (let i = 0; i < 6 * sizes.length; i++) {
        const piece = patternBytes(sizes[i % sizes.length]!, i + 1)
        room.set(piece)
        await near.write(room.subarray(0, piece.length))
        room.fill(0xee)
        sent.push(piece)
      }
      await near.end()
    })()
    // So that pieces wait everywhere below, in whatever buffers there are, when they are overwritten.
    await settle(stalled(() => sent.length))
    const received = await settle(readAll(far))
    await settle(writing)
    expect(Buffer.compare(received, Buffer.concat(sent))).toBe(0)
  })
}

/** Resolves once a count has stopped rising for many turns of the event loop. */
const stalled = async (count: () => number): Promise<number> => {
  let last = -1
  for (let quiet = 0; quiet < 2_000; quiet++) {
    if (count() !== last) quiet = 0
    last = count()
    await new Promise((resolve) => setImmediate(resolve))
  }
  return last
}

const describeEndings = (get: () => Pair, bulk: boolean): void => {
  test('one side ends, the other still writes', async () => {
    const { settle } = get()
    const [near, far] = await openPair(get(), bulk)
    await settle(near.end())
    expect(await settle(far.read())).toBeUndefined()
    expect(await settle(far.read())).toBeUndefined()
    const answer = patternBytes(WRITE_BUFFER_MAX * 3, 5)
    const [received] = await settle(Promise.all([readAll(near), far.write(answer).then(() => far.end())]))
    expect(Buffer.compare(received, answer)).toBe(0)
  })

  test('what was written before the end arrives before it', async () => {
    const { settle } = get()
    const [near, far] = await openPair(get(), bulk)
    const bytes = patternBytes(300_000, 11)
    await settle(near.write(bytes))
    await settle(near.end())
    await settle(far.end())
    expect(Buffer.compare(await settle(readAll(far)), bytes)).toBe(0)
  })

  test('aborting breaks both sides, at once and for good', async () => {
    const { settle } = get()
    const [near, far] = await openPair(get(), bulk)
    const waiting = expect(far.read()).rejects.toThrow(StreamClosedError)
    near.abort('enough')
    await settle(waiting)
    await settle(expect(near.read()).rejects.toThrow(StreamClosedError))
    await settle(expect(near.write(Uint8Array.of(1))).rejects.toThrow(StreamClosedError))
    await settle(expect(far.write(Uint8Array.of(1))).rejects.toThrow(StreamClosedError))
    near.abort('again')
  })

  test('aborting frees a writer that waits', async () => {
    const { settle } = get()
    const [near, far] = await openPair(get(), bulk)
    const writing = (async () => {
      for (;;) await near.write(patternBytes(256 * 1024))
    })()
    const freed = expect(writing).rejects.toThrow(StreamClosedError)
    far.abort('no more')
    await settle(freed)
  })

  test('a connection that goes away is not taken for the end of a stream', async () => {
    const { a, b, settle } = get()
    const [near, far] = await openPair(get(), bulk)
    const [atNear, atFar] = [
      expect(near.read()).rejects.toThrow(StreamClosedError),
      expect(far.read()).rejects.toThrow(StreamClosedError),
    ]
    await settle(a.disconnect(b.self))
    await settle(Promise.all([atNear, atFar]))
  })

  test('writing after the end is refused', async () => {
    const { settle } = get()
    const [near] = await openPair(get(), bulk)
    await settle(near.end())
    await settle(expect(near.write(Uint8Array.of(1))).rejects.toThrow(StreamClosedError))
  })
}

const describeLimits = (get: () => Pair, bulk: boolean): void => {
  test('a protocol that is not served is said to be unknown', async () => {
    const { a, b, settle } = get()
    await connect(get())
    expect(await settle(a.open(b.self, '/test/unknown', { bulk }))).toMatchObject({
      ok: false,
      error: { kind: 'protocol-unknown' },
    })
  })

  test('a protocol can be withdrawn and served again', async () => {
    const { a, b, settle } = get()
    const withdraw = b.handle(PROTOCOL, { maxPerPeer: 1 }, async (stream) => stream.end())
    await connect(get())
    expect(must(await settle(a.open(b.self, PROTOCOL, { bulk }))).protocol).toBe(PROTOCOL)
    withdraw()
    expect(await settle(a.open(b.self, PROTOCOL, { bulk }))).toMatchObject({ ok: false })
    b.handle(PROTOCOL, { maxPerPeer: 1 }, async (stream) => stream.end())
    expect((await settle(a.open(b.self, PROTOCOL, { bulk }))).ok).toBe(true)
  })

  test('streams above the limit are refused or reset, and a place that was freed can be used', async () => {
    const { a, b, settle } = get()
    let finish: (() => void) | undefined
    b.handle(PROTOCOL, { maxPerPeer: 2 }, async (stream) => {
      await stream.write(Uint8Array.of(1))
      await new Promise<void>((resolve) => (finish = resolve))
      await stream.end()
      await readAll(stream)
    })
    await connect(get())
    /** The first byte, or undefined when the stream was refused or reset. */
    const greeting = async (): Promise<[ByteStream | undefined, number | undefined]> => {
      const opened = await a.open(b.self, PROTOCOL, { bulk })
      if (!opened.ok) return [undefined, undefined]
      try {
        await opened.value.write(Uint8Array.of(0))
        return [opened.value, (await opened.value.read())?.[0]]
      } catch (error) {
        expect(error).toBeInstanceOf(StreamClosedError)
        return [undefined, undefined]
      }
    }
    await settle(greeting())
    const [second, greeted] = await settle(greeting())
    expect(greeted).toBe(1)
    expect(await settle(greeting())).toEqual([undefined, undefined])
    finish!()
    await settle(readAll(second!))
    await settle(second!.end())
    await settle(freed(greeting))
  })

  test('opening can be cancelled', async () => {
    const { a, b, settle } = get()
    b.handle(PROTOCOL, { maxPerPeer: 1 }, async (stream) => stream.end())
    await connect(get())
    const opened = await settle(a.open(b.self, PROTOCOL, { bulk, signal: AbortSignal.abort() }))
    expect(opened).toMatchObject({ ok: false, error: { kind: 'closed' } })
  })
}

/** Tries until a stream is served: the far side frees the place when its handler has returned. */
const freed = async (greeting: () => Promise<[unknown, number | undefined]>): Promise<void> => {
  while ((await greeting())[1] !== 1) await new Promise((resolve) => setImmediate(resolve))
}

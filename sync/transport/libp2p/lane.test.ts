/** Bulk lanes: used where they can be, given up silently where not, and of no use to strangers. */
import { randomBytes, X509Certificate } from 'node:crypto'
import { connect as connectTcp, createServer, type AddressInfo, type Socket } from 'node:net'
import { connect as connectTls, createServer as createTlsServer } from 'node:tls'
import { afterEach, describe, expect, onTestFinished, test, vi } from 'vitest'
import { acceptStreams, must, nextEvent, patternBytes, readAll } from '../conformance.ts'
import { StreamClosedError, type ByteStream, type Transport } from '../port.ts'
import { deviceKeyFromSeed } from './identity.ts'
import { laneCredentials, type LaneCredentials } from './lane-certificate.ts'
import { decodeReply, encodeReply, encodeRequest, LANE_PROTOCOL, type LaneToken } from './lane-messages.ts'
import { LaneStream } from './lane-stream.ts'
import { HANDSHAKE_MS, PENDING_MAX } from './lane.ts'
import type { Libp2pTransportOptions } from './node.ts'
import { LINGER_MS } from './protocols.ts'
import { readMessage } from './read-exactly.ts'
import { createNode } from './testing.ts'

const PROTOCOL = '/test/1'
const disposables: AsyncDisposable[] = []
afterEach(async () => {
  await Promise.all(disposables.splice(0).map((node) => node[Symbol.asyncDispose]()))
})

const startNode = async (options?: Partial<Libp2pTransportOptions>): Promise<Transport> => {
  const node = await createNode(options)
  disposables.push(node)
  return node
}

/** Resolves when both sides know. */
const connect = async (a: Transport, b: Transport): Promise<void> => {
  const known = nextEvent(b, 'connected')
  must(await a.connect(b.self, b.addresses()))
  await known
}

const connectedPair = async (far?: Partial<Libp2pTransportOptions>): Promise<[Transport, Transport]> => {
  const [a, b] = [await startNode(), await startNode(far)]
  await connect(a, b)
  return [a, b]
}

/** Asks for a lane as `Lanes.open` does, and stops there. */
const askForLane = async (from: Transport, to: Transport): Promise<{ port: number; token: LaneToken }> => {
  const control = must(await from.open(to.self, LANE_PROTOCOL))
  await control.write(encodeRequest(PROTOCOL)!)
  await control.end()
  const reply = must(decodeReply((await readMessage(control, 100))!))
  if (reply.kind !== 'granted') throw new Error(reply.kind)
  return reply
}

/** What the port answers to a TLS client that sends `bytes`, and `then` once it got an answer. */
const knock = (port: number, bytes: Uint8Array, credentials?: LaneCredentials, then?: Uint8Array): Promise<Buffer> =>
  new Promise((resolve) => {
    const answers: Buffer[] = []
    const socket = connectTls({ host: '127.0.0.1', port, rejectUnauthorized: false, ...credentials })
    socket.on('secureConnect', () => socket.write(bytes))
    socket.once('data', () => then && socket.write(then))
    socket.on('data', (answer: Buffer) => answers.push(answer))
    socket.on('error', () => undefined)
    socket.on('close', () => resolve(Buffer.concat(answers)))
  })

/** As `knock` of a device that behaves: it ends its side once it was let in. */
const knockAndEnd = (port: number, token: Uint8Array, credentials: LaneCredentials): Promise<Buffer> =>
  knock(port, token, credentials, new Uint8Array(4))

/** Two connected nodes, and the credentials of the first. */
const pairWithKey = async (): Promise<{ a: Transport; b: Transport; own: LaneCredentials }> => {
  const deviceKey = deviceKeyFromSeed(randomBytes(32))
  const [a, b] = [await startNode({ deviceKey }), await startNode()]
  await connect(a, b)
  return { a, b, own: laneCredentials(deviceKey) }
}

/** Serves streams that end at once; tells how many there were. */
const serveShortly = (node: Transport, maxPerPeer = 8): (() => number) => {
  let served = 0
  node.handle(PROTOCOL, { maxPerPeer }, async (stream) => {
    served++
    await stream.end()
    await readAll(stream)
  })
  return () => served
}

const freshCredentials = async (): Promise<LaneCredentials> => laneCredentials(deviceKeyFromSeed(randomBytes(32)))

test('the certificate holds the device key, is well formed, and is the same for the same key', async () => {
  const key = deviceKeyFromSeed(new Uint8Array(32).fill(7))
  const { cert } = laneCredentials(key)
  const parsed = new X509Certificate(cert)
  expect(parsed.publicKey.export({ format: 'der', type: 'spki' }).subarray(-32)).toEqual(Buffer.from(key.publicKey.raw))
  expect(parsed.verify(parsed.publicKey)).toBe(true)
  expect(laneCredentials(key).cert).toBe(cert)
})

describe('a bulk stream', () => {
  test('takes a lane at both ends; another one does not', async () => {
    const [a, b] = await connectedPair()
    const accept = acceptStreams(b)
    const [bulk, plain] = [must(await a.open(b.self, PROTOCOL, { bulk: true })), must(await a.open(b.self, PROTOCOL))]
    expect(bulk).toBeInstanceOf(LaneStream)
    expect(plain).not.toBeInstanceOf(LaneStream)
    expect([await accept(), await accept()].filter((stream) => stream instanceof LaneStream)).toHaveLength(1)
  })

  test('also takes one towards the device that made the connection', async () => {
    const [a, b] = await connectedPair()
    acceptStreams(a)
    expect(must(await b.open(a.self, PROTOCOL, { bulk: true }))).toBeInstanceOf(LaneStream)
  })

  const fallBack = async (far: Partial<Libp2pTransportOptions>): Promise<void> => {
    const [a, b] = await connectedPair(far)
    const accept = acceptStreams(b)
    for (let i = 0; i < 2; i++) {
      const near = must(await a.open(b.self, PROTOCOL, { bulk: true }))
      expect(near).not.toBeInstanceOf(LaneStream)
      await near.write(Uint8Array.of(1, 2, 3))
      await near.end()
      expect([...(await readAll(await accept()))]).toEqual([1, 2, 3])
    }
  }

  test('does without one where the peer has no lanes', () => fallBack({ lanes: false }))
  // Loopback has many addresses: the lanes are at another one than the connection.
  test('does without one where the port refuses', () => fallBack({ lanes: { host: '127.0.0.2', port: 0 } }))

  test('does without one where something else answers on the port', async () => {
    const wrong = createTlsServer({ ...(await freshCredentials()), minVersion: 'TLSv1.3' }, (socket) => {
      socket.on('error', () => undefined)
      socket.on('data', () => socket.write(Uint8Array.of(1)))
    })
    const silent = createServer((socket) =>
      socket
        .on('error', () => undefined)
        .resume()
        .end(),
    )
    for (const server of [wrong, silent]) {
      await new Promise<void>((resolve) => server.listen(0, '127.0.0.1', resolve))
      onTestFinished(() => void server.close())
      const [a, b] = await connectedPair({ lanes: false })
      acceptStreams(b)
      b.handle(LANE_PROTOCOL, { maxPerPeer: 4 }, async (control) => {
        await readAll(control)
        const port = (server.address() as AddressInfo).port
        await control.write(encodeReply({ kind: 'granted', port, token: randomBytes(16) as Uint8Array as LaneToken }))
        await control.end()
      })
      expect(must(await a.open(b.self, PROTOCOL, { bulk: true }))).not.toBeInstanceOf(LaneStream)
    }
  })
})

/** Serves one stream at a time, each with a byte to begin with; it ends when the peer ends it. */
const serveOne = (node: Transport): void => {
  node.handle(PROTOCOL, { maxPerPeer: 1 }, async (stream) => {
    await stream.write(Uint8Array.of(7))
    await readAll(stream)
    await stream.end()
  })
}

/** Whether a stream just opened is served. */
const isServed = async (stream: ByteStream): Promise<boolean> => {
  try {
    return (await stream.read())?.[0] === 7
  } catch (error) {
    expect(error).toBeInstanceOf(StreamClosedError)
    return false
  }
}

const useFakeTimers = (): void => {
  vi.useFakeTimers({ toFake: ['setTimeout', 'clearTimeout'], shouldAdvanceTime: true })
  onTestFinished(() => void vi.useRealTimers())
}

/** A port in front of a node's. A connection through it can be cut, and waits until it is let through. */
const startProxy = async (target: Transport) => {
  const targetPort = Number(/\/tcp\/(\d+)/.exec(target.addresses()[0]!)![1])
  const sockets: Socket[] = []
  const opened = Promise.withResolvers<void>()
  const gate = Promise.withResolvers<void>()
  const server = createServer((near) => {
    near.pause().on('error', () => undefined)
    opened.resolve()
    void gate.promise.then(() => {
      const far = connectTcp(targetPort, '127.0.0.1')
      far.on('error', () => undefined)
      sockets.push(near, far)
      near.pipe(far).pipe(near)
    })
  })
  await new Promise<void>((resolve) => server.listen(0, '127.0.0.1', resolve))
  onTestFinished(() => void server.close())
  return {
    address: `/ip4/127.0.0.1/tcp/${(server.address() as AddressInfo).port}`,
    opened: opened.promise,
    letThrough: () => gate.resolve(),
    cut: () => sockets.forEach((socket) => socket.destroy()),
  }
}

describe('what is over holds no place', () => {
  test('a lane that could not be made: its fallback takes the place of the token', async () => {
    const [a, b] = await connectedPair({ lanes: { host: '127.0.0.2', port: 0 } })
    serveOne(b)
    const stream = must(await a.open(b.self, PROTOCOL, { bulk: true }))
    expect(stream).not.toBeInstanceOf(LaneStream)
    expect(await isServed(stream)).toBe(true)
    // That place is taken now.
    expect(await isServed(must(await a.open(b.self, PROTOCOL)))).toBe(false)
  })

  test('a token whose connection is gone', async () => {
    const { a, b, own } = await pairWithKey()
    serveOne(b)
    const { port, token } = await askForLane(a, b)
    const gone = nextEvent(b, 'disconnected')
    await a.disconnect(b.self)
    await gone
    await connect(a, b)
    const next = await askForLane(a, b)
    expect(await knock(port, token, own)).toHaveLength(0)
    expect((await knockAndEnd(next.port, next.token, own))[0]).toBe(1)
  })

  test('a lane whose connection is gone, though the two have another', async () => {
    const deviceKey = deviceKeyFromSeed(randomBytes(32))
    const [a, b] = [await startNode({ deviceKey }), await startNode()]
    const accept = acceptStreams(b)
    const [there, back] = [await startProxy(b), await startProxy(a)]
    // Both dial at once; the second connection comes up after the first.
    const second = b.connect(a.self, [back.address])
    await back.opened
    there.letThrough()
    const known = nextEvent(b, 'connected')
    must(await a.connect(b.self, [there.address]))
    await known
    const { port, token } = await askForLane(a, b)
    // By hand: nobody closes it at this end.
    const over = knock(port, token, laneCredentials(deviceKey))
    const far = await accept()
    expect(far).toBeInstanceOf(LaneStream)
    back.letThrough()
    must(await second)
    let disconnected = false
    b.on('disconnected', () => (disconnected = true))

    there.cut()
    await expect(far.read()).rejects.toThrow(StreamClosedError)
    expect([...(await over)]).toEqual([1])
    expect(disconnected).toBe(false)
  })

  test.each([true, false])('a stream that the peer does not end, after a while; bulk: %s', async (bulk) => {
    const [a, b] = await connectedPair()
    useFakeTimers()
    b.handle(PROTOCOL, { maxPerPeer: 1 }, async (stream) => {
      await stream.read()
      await stream.write(Uint8Array.of(7))
      await stream.end()
    })
    const open = async (): Promise<boolean> => {
      const opened = await a.open(b.self, PROTOCOL, { bulk })
      if (!opened.ok) return false
      await opened.value.write(Uint8Array.of(1)).catch(() => undefined) // it may have been reset already
      return await isServed(opened.value)
    }
    expect(await open()).toBe(true)
    expect(await open()).toBe(false) // Until then it keeps its place: who never ends one has no more than others.
    await vi.advanceTimersByTimeAsync(LINGER_MS)
    await vi.waitFor(async () => expect(await open()).toBe(true))
  })

  test('a question for a lane that is never finished', async () => {
    const [a, b] = await connectedPair()
    useFakeTimers()
    const control = must(await a.open(b.self, LANE_PROTOCOL))
    await control.write(Uint8Array.of(7))
    const broken = expect(control.read()).rejects.toThrow(StreamClosedError)
    await vi.advanceTimersByTimeAsync(HANDSHAKE_MS)
    await broken
  })
})

describe('at the port of the lanes', () => {
  test('a connection is closed at once while no token is out', async () => {
    const { a, b, own } = await pairWithKey()
    serveShortly(b)
    const { port, token } = await askForLane(a, b)
    expect((await knockAndEnd(port, token, own))[0]).toBe(1)
    const socket = connectTcp(port, '127.0.0.1').resume()
    socket.on('error', () => undefined)
    await new Promise((resolve) => socket.once('close', resolve))
  })

  test('a token that is not used runs out, and gives its place back', async () => {
    useFakeTimers()
    const { a, b, own } = await pairWithKey()
    serveShortly(b, 1)
    const { port, token } = await askForLane(a, b)
    await expect(askForLane(a, b)).rejects.toThrow('too-many')
    await vi.advanceTimersByTimeAsync(HANDSHAKE_MS)
    const next = await askForLane(a, b)
    expect(await knock(port, token, own)).toHaveLength(0)
    expect((await knockAndEnd(next.port, next.token, own))[0]).toBe(1)
  })

  test('a token is no use without its key, altered, or twice', async () => {
    const { a, b, own } = await pairWithKey()
    const served = serveShortly(b)
    const { port, token } = await askForLane(a, b)
    await askForLane(a, b) // Keeps the port answering after the first is used.
    expect(await knock(port, token)).toHaveLength(0)
    expect(await knock(port, token, await freshCredentials())).toHaveLength(0)
    expect(await knock(port, randomBytes(16), own)).toHaveLength(0)
    expect(await knock(port, Buffer.concat([token, Buffer.from('x')]), own)).toHaveLength(0)
    expect(served()).toBe(0)
    expect((await knockAndEnd(port, token, own))[0]).toBe(1)
    expect(await knock(port, token, own)).toHaveLength(0)
    expect(served()).toBe(1)
  })

  test('idle sockets are bounded, and do not outlast their deadline', async () => {
    const [a, b] = await connectedPair()
    acceptStreams(b)
    const { port } = await askForLane(a, b)
    useFakeTimers()
    let closed = 0
    const idle = Array.from({ length: PENDING_MAX + 10 }, () => {
      const socket = connectTcp(port, '127.0.0.1').resume()
      socket.on('error', () => undefined)
      return new Promise<void>((resolve) =>
        socket.once('close', () => {
          closed++
          resolve()
        }),
      )
    })
    await vi.waitFor(() => expect(closed).toBe(10), { timeout: 5_000 })
    await vi.advanceTimersByTimeAsync(HANDSHAKE_MS)
    await Promise.all(idle)
  })

  test('what is no TLS is closed', async () => {
    const [a, b] = await connectedPair()
    acceptStreams(b)
    const { port } = await askForLane(a, b)
    const socket = connectTcp(port, '127.0.0.1', () => socket.write('GET / HTTP/1.1\r\n\r\n'.repeat(100)))
    socket.on('error', () => undefined)
    await new Promise((resolve) => socket.resume().once('close', resolve))
    expect(must(await a.open(b.self, PROTOCOL, { bulk: true }))).toBeInstanceOf(LaneStream)
  })
})

test.each([true, false])(
  '64 MiB both ways at once, bulk: %s',
  async (bulk) => {
    const [a, b] = await connectedPair()
    const accept = acceptStreams(b)
    const near = must(await a.open(b.self, PROTOCOL, { bulk }))
    const far = await accept()
    const piece = patternBytes(1024 * 1024, 5)
    const send = async (stream: ByteStream): Promise<void> => {
      for (let i = 0; i < 64; i++) await stream.write(piece)
      await stream.end()
    }
    const check = async (stream: ByteStream): Promise<number> => {
      let at = 0
      for (let part = await stream.read(); part; part = await stream.read()) {
        for (let done = 0; done < part.length;) {
          const from = (at + done) % piece.length
          const length = Math.min(part.length - done, piece.length - from)
          expect(Buffer.compare(part.subarray(done, done + length), piece.subarray(from, from + length))).toBe(0)
          done += length
        }
        at += part.length
      }
      return at
    }
    const [, , atNear, atFar] = await Promise.all([send(near), send(far), check(near), check(far)])
    expect([atNear, atFar]).toEqual([64 * piece.length, 64 * piece.length])
  },
  30_000,
)

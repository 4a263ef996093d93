import { afterEach, beforeEach, describe, expect, test } from 'vitest'
import { casError } from '#kernel/cas/tables.ts'
import { cidOf } from '#kernel/cas/digest.ts'
import { CHUNK_MAX, type ChunkRef } from '#kernel/cas/port.ts'
import { noise } from '#kernel/cas/testing.ts'
import { bytesToHex, type Cid, type PublicKey, type StoreId } from '#kernel/core/bytes.ts'
import { err, ok } from '#kernel/core/result.ts'
import { FrameReader, FrameWriter } from '../framing.ts'
import { BlobExchange } from './exchange.ts'
import { StreamClosedError } from '../transport/port.ts'
import { decodeWant, encodeAnswer, encodeWant, type Answer } from './messages.ts'
import { deviceKey, Net, systemTimers } from './testing.ts'

const store = new Uint8Array(32).fill(1) as StoreId
const [alice, bob, carol] = [deviceKey(1), deviceKey(2), deviceKey(3)]

const chunksOf = (seed: number, count: number, bytes: number) =>
  Array.from({ length: count }, (_, i) => {
    const content = noise(seed * 100_003 + i, bytes)
    return { cid: cidOf(content), length: bytes, content }
  })

/** A node that has the chunks put into `content`, and counts what is read of it. */
class TestNode {
  readonly content = new Map<string, Uint8Array>()
  readonly exchange: BlobExchange
  /** Where chunks were read to. */
  readonly rooms = new Set<ArrayBufferLike>()
  reads = 0
  mayRead = true

  constructor(net: Net, self: PublicKey) {
    this.exchange = new BlobExchange({
      transport: net.node(self),
      timers: systemTimers,
      mayHave: () => true,
      mayRead: () => this.mayRead,
      read: async (_store, cid, room = (length) => new Uint8Array(length)) => {
        this.reads++
        const bytes = this.content.get(bytesToHex(cid))
        if (bytes === undefined) return err(casError('chunk-missing', 'not here'))
        // Small ones are packed with others, and come in memory of their own.
        const found = bytes.length > CHUNK_MAX || bytes.length < 1000 ? bytes.slice() : room(bytes.length)
        found.set(bytes)
        this.rooms.add(found.buffer)
        return ok(found)
      },
    })
  }

  put(chunks: readonly { readonly cid: Cid; readonly content: Uint8Array }[]): void {
    for (const { cid, content } of chunks) this.content.set(bytesToHex(cid), content)
  }
}

let net: Net
let nodes: TestNode[]
let got: Map<string, Uint8Array>
const take = async (cid: Cid, bytes: Uint8Array): Promise<void> => {
  expect(got.has(bytesToHex(cid))).toBe(false)
  got.set(bytesToHex(cid), bytes.slice())
}
const expectAll = (chunks: readonly { readonly cid: Cid; readonly content: Uint8Array }[]) => {
  expect(got.size).toBe(chunks.length)
  for (const { cid, content } of chunks) expect(Buffer.compare(got.get(bytesToHex(cid))!, content)).toBe(0)
}
const node = (self: PublicKey): TestNode => {
  const made = new TestNode(net, self)
  nodes.push(made)
  return made
}
beforeEach(() => {
  net = new Net()
  nodes = []
  got = new Map()
})
afterEach(async () => {
  for (const { exchange } of nodes) await exchange[Symbol.asyncDispose]()
})

describe('fetching', () => {
  test('many small and some large chunks arrive, each once', async () => {
    const [a, b] = [node(alice), node(bob)]
    const chunks = [...chunksOf(1, 3_000, 700), ...chunksOf(2, 20, 300_000)]
    b.put(chunks)
    net.connect(alice, bob)
    expect(await a.exchange.fetch(store, [...chunks, ...chunks], take)).toEqual({ missing: [] })
    expectAll(chunks)
    expect(b.reads).toBe(chunks.length)
  })

  test('what is sent lies in few buffers, used again', async () => {
    const [a, b] = [node(alice), node(bob)]
    const chunks = chunksOf(1, 60, 300_000)
    b.put(chunks)
    net.connect(alice, bob)
    await a.exchange.fetch(store, chunks, take)
    expectAll(chunks)
    expect(b.rooms.size).toBeLessThan(12)
  })

  test('what arrived stays as it is until it is taken, however much comes after it', async () => {
    const [a, b] = [node(alice), node(bob)]
    const chunks = chunksOf(1, 60, 300_000)
    b.put(chunks)
    net.connect(alice, bob)
    const rooms = new Set<ArrayBufferLike>()
    await a.exchange.fetch(store, chunks, async (cid, bytes) => {
      rooms.add(bytes.buffer)
      for (let turns = 0; turns < 20; turns++) await new Promise((resolve) => setImmediate(resolve))
      expect(Buffer.compare(cidOf(bytes), cid)).toBe(0)
      await take(cid, bytes)
    })
    expectAll(chunks)
    expect(rooms.size).toBeLessThan(30)
  })

  test('what nobody has is missing; what one has comes from that one', async () => {
    const [a, b, c] = [node(alice), node(bob), node(carol)]
    const [left, right, lost] = [chunksOf(1, 50, 900), chunksOf(2, 50, 900), chunksOf(3, 5, 900)]
    b.put(left)
    c.put(right)
    net.connect(alice, bob)
    net.connect(alice, carol)
    const { missing } = await a.exchange.fetch(store, [...left, ...right, ...lost], take)
    expect(new Set(missing.map(bytesToHex))).toEqual(new Set(lost.map(({ cid }) => bytesToHex(cid))))
    expectAll([...left, ...right])
  })

  test('without a peer everything is missing at once', async () => {
    const a = node(alice)
    const [chunk] = chunksOf(1, 1, 10)
    expect(await a.exchange.fetch(store, [chunk!], take)).toEqual({ missing: [chunk!.cid] })
  })

  test('a length of 0 stands for one not known, a manifest of 4 MB passes', async () => {
    const [a, b] = [node(alice), node(bob)]
    const [chunk] = chunksOf(1, 1, 4_000_000)
    b.put([chunk!])
    net.connect(alice, bob)
    expect(await a.exchange.fetch(store, [{ cid: chunk!.cid, length: 0 }], take)).toEqual({ missing: [] })
    expectAll([chunk!])
  })

  test('a forbidden store looks like one without the chunk, and nothing is looked up', async () => {
    const [a, b] = [node(alice), node(bob)]
    const [chunk] = chunksOf(1, 1, 10)
    b.put([chunk!])
    b.mayRead = false
    net.connect(alice, bob)
    expect(await a.exchange.fetch(store, [chunk!], take)).toEqual({ missing: [chunk!.cid] })
    expect(b.reads).toBe(0)
  })

  test('two peers share the work', async () => {
    const [a, b, c] = [node(alice), node(bob), node(carol)]
    const chunks = chunksOf(1, 100, 200_000)
    b.put(chunks)
    c.put(chunks)
    net.connect(alice, bob)
    net.connect(alice, carol)
    await a.exchange.fetch(store, chunks, take)
    expectAll(chunks)
    expect(Math.min(b.reads, c.reads)).toBeGreaterThan(10)
    expect(b.reads + c.reads).toBe(chunks.length)
  })
})

describe('trouble', () => {
  test('a stream that breaks is opened again and goes on where it was', async () => {
    const [a, b] = [node(alice), node(bob)]
    const chunks = chunksOf(1, 60, 200_000)
    b.put(chunks)
    net.connect(alice, bob)
    let taken = 0
    const { missing } = await a.exchange.fetch(store, chunks, async (cid, bytes) => {
      await take(cid, bytes)
      if (++taken === 20 || taken === 40) net.breakStreams(alice)
    })
    expect(missing).toEqual([])
    expectAll(chunks)
    expect(b.reads).toBeLessThan(120)
  })

  test('a peer that goes leaves the rest missing; one that comes brings it', async () => {
    const [a, b, c] = [node(alice), node(bob), node(carol)]
    const chunks = chunksOf(1, 60, 200_000)
    b.put(chunks)
    c.put(chunks)
    net.connect(alice, bob)
    let taken = 0
    const part = await a.exchange.fetch(store, chunks, async (cid, bytes) => {
      await take(cid, bytes)
      if (++taken === 10) net.disconnect(alice, bob)
    })
    expect(part.missing.length + got.size).toBe(60)
    expect(part.missing.length).toBeGreaterThan(0)
    net.connect(alice, carol)
    const rest = new Set(part.missing.map(bytesToHex))
    await a.exchange.fetch(
      store,
      chunks.filter(({ cid }) => rest.has(bytesToHex(cid))),
      take,
    )
    expectAll(chunks)
  })

  const lies: [string, (want: { id: number; count: number }) => Answer][] = [
    ['wrong bytes', ({ id }) => ({ want: id, sent: [{ position: 0, bytes: noise(9, 900) }], missing: [] })],
    ['an answer to nothing', () => ({ want: 77, sent: [], missing: [0] })],
    ['a position out of range', ({ id, count }) => ({ want: id, sent: [], missing: [count] })],
    ['one chunk answered twice', ({ id }) => ({ want: id, sent: [], missing: [0, 0] })],
  ]
  test.each(lies)('a peer that sends %s is counted, dropped, and others are asked', async (_, lie) => {
    const a = node(alice)
    net.node(bob)
    let asked = 0
    net.handle(bob, async (stream) => {
      asked++
      const want = decodeWant(((await new FrameReader(stream).next()) as { value: Uint8Array }).value)
      if (!want.ok) throw new Error(want.error.message)
      await new FrameWriter(stream).write(...encodeAnswer(lie({ id: want.value.id, count: want.value.cids.length })))
    })
    const c = node(carol)
    const chunks = chunksOf(1, 30, 900)
    c.put(chunks)
    net.connect(alice, bob)
    const fetching = a.exchange.fetch(store, chunks, take)
    net.connect(alice, carol)
    expect(await fetching).toEqual({ missing: [] })
    expectAll(chunks)
    expect(a.exchange.misbehaved).toBe(1)
    expect(await a.exchange.fetch(store, chunks.slice(0, 1), async () => undefined)).toEqual({ missing: [] })
    expect(asked).toBe(1)
  })

  test('garbage on a serving stream is counted and ends it', async () => {
    const b = node(bob)
    const transport = net.node(alice)
    net.connect(alice, bob)
    const opened = await transport.open(bob, '/lattice/blobs/1')
    if (!opened.ok) throw new Error('not open')
    await new FrameWriter(opened.value).write(noise(1, 100))
    await expect(opened.value.read()).rejects.toThrow()
    expect(b.exchange.misbehaved).toBe(1)
  })

  test('wants without end, and no answer read: dropped once too much is pending, with little read for it', async () => {
    const b = node(bob)
    const chunks = chunksOf(1, 8, 300_000)
    b.put(chunks)
    const transport = net.node(alice)
    net.connect(alice, bob)
    const opened = await transport.open(bob, '/lattice/blobs/1')
    if (!opened.ok) throw new Error('not open')
    const frames = new FrameWriter(opened.value)
    const cids = Array.from({ length: 1_000 }, (_, i) => chunks[i % chunks.length]!.cid)
    const flood = async (): Promise<void> => {
      for (let id = 1; id < 1_000; id++) await frames.write(encodeWant({ id, store, cids, urgent: id % 2 === 0 }))
    }
    await expect(flood()).rejects.toThrow(StreamClosedError)
    expect(b.exchange.misbehaved).toBe(1)
    // What the stream and one frame take, and what is read ahead of them.
    expect(b.reads).toBeLessThan(16)
  })

  test('answers without end that answer nothing: the peer is dropped, and another asked', async () => {
    const a = node(alice)
    net.node(bob)
    const flooded = Promise.withResolvers<unknown>()
    net.handle(bob, async (stream) => {
      const want = decodeWant(((await new FrameReader(stream).next()) as { value: Uint8Array }).value)
      if (!want.ok) throw new Error(want.error.message)
      const frames = new FrameWriter(stream)
      const flood = async (): Promise<void> => {
        for (let i = 0; i < 100_000; i++)
          await frames.write(...encodeAnswer({ want: want.value.id, sent: [], missing: [] }))
      }
      await flood().then(flooded.resolve, flooded.resolve)
    })
    const chunks = chunksOf(1, 30, 900)
    const c = node(carol)
    c.put(chunks)
    net.connect(alice, bob)
    const fetching = a.exchange.fetch(store, chunks, take)
    expect(await flooded.promise).toBeInstanceOf(StreamClosedError)
    net.connect(alice, carol)
    await fetching
    expect(a.exchange.misbehaved).toBe(1)
  })

  test('a chunk that cannot be taken fails the fetch with that error, and no other', async () => {
    const [a, b] = [node(alice), node(bob)]
    const chunks = chunksOf(1, 30, 900)
    b.put(chunks)
    net.connect(alice, bob)
    const failing = a.exchange.fetch(store, chunks, () => Promise.reject(new Error('disk full')))
    const fine = a.exchange.fetch(store, chunks, take)
    await expect(failing).rejects.toThrow('disk full')
    expect(await fine).toEqual({ missing: [] })
  })

  test('an aborted fetch rejects with the reason; nothing more is handed on', async () => {
    const [a, b] = [node(alice), node(bob)]
    const chunks = chunksOf(1, 60, 200_000)
    b.put(chunks)
    net.connect(alice, bob)
    const stop = new AbortController()
    let taken = 0
    const fetching = a.exchange.fetch(
      store,
      chunks,
      async (cid, bytes) => {
        await take(cid, bytes)
        if (++taken === 5) stop.abort(new Error('enough'))
      },
      { signal: stop.signal },
    )
    await expect(fetching).rejects.toThrow('enough')
    expect(got.size).toBeLessThan(60)
  })
})

describe('flow', () => {
  test('a caller that takes nothing is sent no more than the window', async () => {
    const [a, b] = [node(alice), node(bob)]
    const chunks = chunksOf(1, 100, 250_000)
    b.put(chunks)
    net.connect(alice, bob)
    let handed = 0
    let release = () => {}
    const held = new Promise<void>((resolve) => (release = resolve))
    const full = Promise.withResolvers<void>()
    const fetching = a.exchange.fetch(store, chunks, async () => {
      if (++handed === 4) full.resolve()
      await held
    })
    await full.promise
    await new Promise(setImmediate)
    expect(b.reads).toBeLessThanOrEqual(6)
    release()
    await fetching
    expect(handed).toBe(100)
  })

  test('an urgent chunk passes those that were asked for before', async () => {
    const [a, b] = [node(alice), node(bob)]
    const chunks = chunksOf(1, 200, 250_000)
    const [urgent] = chunksOf(2, 1, 250_000)
    b.put([...chunks, urgent!])
    net.connect(alice, bob)
    const bulk = a.exchange.fetch(store, chunks, take)
    const refs: ChunkRef[] = [urgent!]
    await a.exchange.fetch(store, refs, async () => undefined, { urgent: true })
    expect(got.size).toBeLessThan(20)
    await bulk
  })
})

/** What the exchange does when time passes and nothing else does. Virtual timers: no test waits. */
import { afterEach, beforeEach, expect, test } from 'vitest'
import { cidOf } from '#kernel/cas/digest.ts'
import { noise } from '#kernel/cas/testing.ts'
import { casError } from '#kernel/cas/tables.ts'
import type { PublicKey, StoreId } from '#kernel/core/bytes.ts'
import { err, ok } from '#kernel/core/result.ts'
import { FrameReader, FrameWriter } from '../framing.ts'
import type { ByteStream } from '../transport/port.ts'
import { BlobExchange } from './exchange.ts'
import { decodeWant, encodeAnswer, type Want } from './messages.ts'
import { deviceKey, Net, VirtualTimers } from './testing.ts'

const store = new Uint8Array(32).fill(1) as StoreId
const [alice, bob, carol] = [deviceKey(1), deviceKey(2), deviceKey(3)]
const bytes = noise(1, 900)
const chunk = { cid: cidOf(bytes), length: bytes.length }

let net: Net
let timers: VirtualTimers
let exchanges: BlobExchange[]
let alices: BlobExchange
let streams: ByteStream[]
let wants: { readonly atMs: number; readonly want: Want; readonly stream: ByteStream }[]

const exchange = (self: PublicKey, hasChunk: boolean): BlobExchange => {
  const made = new BlobExchange({
    transport: net.node(self),
    timers,
    mayHave: () => true,
    mayRead: () => true,
    read: async () => (hasChunk ? ok(bytes) : err(casError('chunk-missing', 'not here'))),
  })
  exchanges.push(made)
  return made
}

beforeEach(() => {
  net = new Net()
  timers = new VirtualTimers()
  exchanges = []
  streams = []
  wants = []
  alices = exchange(alice, false)
  // Bob takes wants and answers none by himself.
  net.node(bob)
  net.handle(bob, async (stream) => {
    streams.push(stream)
    const frames = new FrameReader(stream)
    for (;;) {
      const frame = await frames.next().catch(() => undefined)
      if (frame?.ok !== true || frame.value === undefined) return stream.end()
      const want = decodeWant(frame.value)
      if (want.ok) wants.push({ atMs: timers.nowMs(), want: want.value, stream })
    }
  })
  net.connect(alice, bob)
})
afterEach(async () => {
  for (const each of exchanges) await each[Symbol.asyncDispose]()
})

const answer = ({ want, stream }: (typeof wants)[number]) =>
  new FrameWriter(stream).write(...encodeAnswer({ want: want.id, sent: [{ position: 0, bytes }], missing: [] }))

/** Fetches the chunk; when it was over, and what came. */
const fetchChunk = () => {
  const state = { taken: 0, overAtMs: undefined as number | undefined, missing: -1 }
  void alices
    .fetch(store, [chunk], async () => void state.taken++)
    .then(({ missing }) => {
      state.overAtMs = timers.nowMs()
      state.missing = missing.length
    })
  return state
}

test('a peer that owes and is silent is dropped after 30 s, asked twice more, and left alone for 15 s', async () => {
  const fetching = fetchChunk()
  await timers.pass(29_000)
  expect([wants.length, fetching.overAtMs]).toEqual([1, undefined])
  await timers.pass(10_000)
  expect(wants.map(({ atMs }) => Math.floor(atMs / 1_000))).toEqual([0, 30])
  await timers.pass(60_000)
  expect(wants.length).toBe(3)
  expect([fetching.taken, fetching.missing]).toEqual([0, 1])
  expect(Math.floor(fetching.overAtMs! / 10_000)).toBe(9)
  expect(alices.misbehaved).toBe(0)
  const tooEarly = fetchChunk()
  await timers.pass(1)
  expect([wants.length, tooEarly.missing]).toEqual([3, 1])
  // It is still connected, and has what it said nothing of before.
  await timers.pass(15_000)
  const again = fetchChunk()
  await timers.pass(1)
  await answer(wants[3]!)
  await timers.pass(1)
  expect([again.taken, again.missing]).toEqual([1, 0])
})

test('a peer that sends now and then is not silent', async () => {
  const fetching = fetchChunk()
  await timers.pass(29_000)
  await answer(wants[0]!)
  await timers.pass(1)
  expect([fetching.taken, fetching.missing, wants.length]).toEqual([1, 0, 1])
})

test('a stream without work is ended after 10 s; the next fetch opens another', async () => {
  const fetching = fetchChunk()
  await timers.pass(1_000)
  await answer(wants[0]!)
  await timers.pass(8_000)
  expect([fetching.taken, streams.length]).toEqual([1, 1])
  const more = fetchChunk()
  await timers.pass(1_000)
  await answer(wants[1]!)
  await timers.pass(20_000)
  expect([more.taken, streams.length]).toEqual([1, 1])
  fetchChunk()
  await timers.pass(1)
  expect(streams.length).toBe(2)
})

test('a chunk that is 2 s overdue is asked of another peer; what the first sends late is dropped without blame', async () => {
  exchange(carol, true)
  const fetching = fetchChunk()
  await timers.pass(1)
  expect(wants.length).toBe(1)
  net.connect(alice, carol)
  await timers.pass(1_900)
  expect(fetching.taken).toBe(0)
  await timers.pass(2_200)
  expect([fetching.taken, fetching.missing]).toEqual([1, 0])
  await answer(wants[0]!)
  await timers.pass(1_000)
  expect([fetching.taken, alices.misbehaved]).toEqual([1, 0])
})

test('a peer that breaks every stream off at once is asked three times, and again after 2 s', async () => {
  let opened = 0
  net.handle(bob, async (stream) => {
    opened++
    stream.abort('too many streams')
  })
  const fetching = fetchChunk()
  await timers.pass(1_600)
  expect([opened, fetching.missing]).toEqual([3, 1])
  const tooEarly = fetchChunk()
  await timers.pass(1_900)
  expect([opened, tooEarly.missing]).toEqual([3, 1])
  await timers.pass(100)
  const again = fetchChunk()
  await timers.pass(1)
  expect([opened, again.missing]).toEqual([4, 1])
})

test('what was asked for on a stream that broke does not count against the limit', async () => {
  alices.setLimits({ upload: 0, download: 100 })
  const fetching = fetchChunk()
  await timers.pass(1_000)
  expect(wants.length).toBe(1)
  net.breakStreams(alice)
  await timers.pass(600)
  expect(wants.length).toBe(2)
  await answer(wants[1]!)
  await timers.pass(1)
  expect(fetching.taken).toBe(1)
})

test('a stream that the peer ends is ended here, too', async () => {
  const ends: boolean[] = []
  net.handle(bob, async (stream) => {
    await stream.end()
    // Our side of it goes on until it is ended or broken.
    while ((await stream.read().catch(() => undefined)) !== undefined);
    ends.push(true)
  })
  fetchChunk()
  await timers.pass(1)
  expect(ends).toEqual([true])
})

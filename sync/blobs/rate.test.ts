/** Limits in virtual time: the bucket by itself, and what they mean between two nodes. */
import fc from 'fast-check'
import { afterEach, beforeEach, describe, expect, test } from 'vitest'
import { cidOf } from '#kernel/cas/digest.ts'
import { noise } from '#kernel/cas/testing.ts'
import { casError } from '#kernel/cas/tables.ts'
import { bytesToHex, type PublicKey, type StoreId } from '#kernel/core/bytes.ts'
import { err, ok } from '#kernel/core/result.ts'
import { StreamClosedError } from '../transport/port.ts'
import { BlobExchange } from './exchange.ts'
import { paced, Pacer, TokenBucket } from './rate.ts'
import { deviceKey, Net, streamPair, VirtualTimers } from './testing.ts'

describe('the bucket', () => {
  test('lets through, over any time, what the rate allows and one piece more', () => {
    const steps = fc.array(fc.record({ afterMs: fc.nat(3_000), bytes: fc.integer({ min: 1, max: 5_000 }) }), {
      maxLength: 200,
    })
    fc.assert(
      fc.property(fc.integer({ min: 1, max: 10_000 }), steps, (rate, asked) => {
        const bucket = new TokenBucket(rate, 0)
        let nowMs = 0
        let sent = 0
        for (const { afterMs, bytes } of asked) {
          nowMs += afterMs
          if (bucket.waitMs(nowMs) > 0) continue
          bucket.take(bytes, nowMs)
          sent += bytes
          expect(sent).toBeLessThanOrEqual(rate + (nowMs * rate) / 1000 + bytes)
        }
      }),
    )
  })

  test('whoever waits as long as it says may go', () => {
    fc.assert(
      fc.property(fc.integer({ min: 1, max: 1_000_000 }), fc.nat(10_000_000), (rate, bytes) => {
        const bucket = new TokenBucket(rate, 0)
        bucket.take(bytes, 0)
        expect(bucket.waitMs(bucket.waitMs(0))).toBe(0)
      }),
    )
  })

  test('a clock that goes back gives nothing and takes nothing', () => {
    const bucket = new TokenBucket(1_000, 5_000)
    bucket.take(1_500, 5_000)
    expect(bucket.waitMs(5_000)).toBe(501)
    expect(bucket.waitMs(0)).toBe(501)
    expect(bucket.waitMs(501)).toBe(0)
  })
})

test('those who wait go in their order, and all of them when the limit is lifted', async () => {
  const timers = new VirtualTimers()
  const pacer = new Pacer(timers)
  pacer.setRate(1_000)
  const gone: string[] = []
  const send = (name: string, bytes: number) =>
    void pacer.admit(bytes).then(() => gone.push(`${name}@${timers.nowMs()}`))
  for (const name of ['a', 'b', 'c']) send(name, 2_000)
  await timers.pass(0)
  expect(gone).toEqual(['a@0'])
  await timers.pass(2_000)
  expect(gone).toEqual(['a@0', 'b@1001'])
  pacer.setRate(0)
  await timers.pass(0)
  expect(gone).toEqual(['a@0', 'b@1001', 'c@2000'])
})

test('streams that broke while they waited take nothing from the one that waits behind them', async () => {
  const timers = new VirtualTimers()
  const pacer = new Pacer(timers)
  pacer.setRate(1_000)
  pacer.take(2_000)
  const write = (bytes: number): Promise<void> => {
    const [near, far] = streamPair(deviceKey(1), deviceKey(2))
    if (bytes > 1) far.abort('gone')
    return paced(near, pacer).write(new Uint8Array(bytes))
  }
  const gone = Array.from({ length: 50 }, () => expect(write(1_000)).rejects.toThrow(StreamClosedError))
  let wroteAtMs = 0
  void write(1).then(() => (wroteAtMs = timers.nowMs()))
  await timers.pass(60_000)
  await Promise.all(gone)
  expect(wroteAtMs).toBeLessThan(3_000)
})

describe('between two nodes', () => {
  const store = new Uint8Array(32).fill(1) as StoreId
  const [alice, bob] = [deviceKey(1), deviceKey(2)]
  let timers: VirtualTimers
  let exchanges: BlobExchange[]
  let opened: number
  beforeEach(() => {
    timers = new VirtualTimers()
    exchanges = []
  })
  afterEach(async () => {
    for (const each of exchanges) await each[Symbol.asyncDispose]()
  })

  /** Fetches 40 chunks of 100 kB; the virtual second at which all were there. */
  const secondsTaken = async (limits: { up: number; down: number; laterUp?: number }): Promise<number> => {
    const net = new Net()
    const content = new Map(
      Array.from({ length: 40 }, (_, i) => noise(i, 100_000)).map((bytes) => [bytesToHex(cidOf(bytes)), bytes]),
    )
    const exchange = (self: PublicKey, has: boolean): BlobExchange => {
      const transport = net.node(self)
      const made = new BlobExchange({
        transport: {
          ...transport,
          open(...args) {
            opened++
            return transport.open(...args)
          },
        },
        timers,
        mayHave: () => true,
        mayRead: () => true,
        read: async (_, cid) => {
          const bytes = has ? content.get(bytesToHex(cid)) : undefined
          return bytes ? ok(bytes) : err(casError('chunk-missing', 'not here'))
        },
      })
      exchanges.push(made)
      return made
    }
    const [a, b] = [exchange(alice, false), exchange(bob, true)]
    a.setLimits({ upload: 0, download: limits.down })
    b.setLimits({ upload: limits.up, download: 0 })
    net.connect(alice, bob)
    let taken = 0
    opened = 0
    let overMs: number | undefined
    const chunks = [...content.values()].map((bytes) => ({ cid: cidOf(bytes), length: bytes.length }))
    void a
      .fetch(store, chunks, async () => void taken++)
      .then(({ missing }) => {
        expect(missing).toEqual([])
        overMs = timers.nowMs()
      })
    if (limits.laterUp !== undefined) {
      await timers.pass(10_000)
      b.setLimits({ upload: limits.laterUp, download: 0 })
    }
    for (let step = 0; step < 1_000 && overMs === undefined; step++) await timers.pass(1_000)
    expect(taken).toBe(40)
    // A stream that waits for the limit is not idle.
    expect(opened).toBe(1)
    expect(a.misbehaved + b.misbehaved).toBe(0)
    return Math.floor(overMs! / 1000)
  }

  test.each([
    { up: 0, down: 0, from: 0, to: 0 },
    // 4 MB: the first second is for nothing, and the last chunk may be paid for afterwards.
    { up: 0, down: 100_000, from: 38, to: 40 },
    { up: 100_000, down: 0, from: 38, to: 41 },
    { up: 200_000, down: 100_000, from: 38, to: 41 },
    // A frame takes longer than the silence that a peer is allowed.
    { up: 10_000, down: 0, from: 395, to: 410 },
    { up: 0, down: 5_000, from: 770, to: 800 },
    { up: 10_000, down: 0, laterUp: 1_000_000, from: 12, to: 16 },
  ])('up $up, down $down bytes a second, later $laterUp', async ({ from, to, ...limits }) => {
    const seconds = await secondsTaken(limits)
    expect(seconds).toBeGreaterThanOrEqual(from)
    expect(seconds).toBeLessThanOrEqual(to)
  })
})

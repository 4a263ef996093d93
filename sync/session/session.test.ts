import { create, toBinary, type MessageInitShape } from '@bufbuild/protobuf'
import { afterEach, beforeEach, describe, expect, test } from 'vitest'
import { KvOpSchema } from '#proto/kv'
import { SessionMessageSchema } from '#proto/wire'
import { bytesToHex, equalBytes, type StoreId } from '#kernel/core/bytes.ts'
import { revokePeer } from '#kernel/store/admin.ts'
import type { Store } from '#kernel/store/port.ts'
import { must, openDevice, storeOf, TestClock, type Device } from '#kernel/store/testkit.ts'
import { addMember } from '../sim/members.ts'
import { VirtualTimers } from '../sim/clock.ts'
import { FrameWriter } from '../framing.ts'
import { MemoryNetwork, type MemoryTransport } from '../transport/memory/network.ts'
import { StreamClosedError } from '../transport/port.ts'
import { answerSession, openSession, SESSION_PROTOCOL, SILENCE_MS, type SessionOutcome } from './run.ts'

const text = new TextEncoder()

const put = async (store: Store, key: string, size = 10): Promise<void> => {
  const op = create(KvOpSchema, {
    writes: [{ key: text.encode(key), write: { case: 'value', value: new Uint8Array(size) }, keep: [] }],
  })
  must(await store.submit(() => ({ app: toBinary(KvOpSchema, op) })))
}

describe('a session', () => {
  let timers: VirtualTimers
  let a: Device
  let b: Device
  let links: { a: MemoryTransport; b: MemoryTransport }
  let id: StoreId
  let answered: SessionOutcome[]

  beforeEach(async () => {
    timers = new VirtualTimers(1)
    const clock = new TestClock()
    a = await openDevice('a', clock)
    b = await openDevice('b', clock)
    const network = new MemoryNetwork({ timers, latencyMs: 5 })
    links = { a: network.join(a.signer.publicKey), b: network.join(b.signer.publicKey) }
    const store = must(await a.manager.create('core:kv', { name: 'notes' }))
    id = store.id
    await addMember(store, b.signer.publicKey, 'b')
    must(await b.manager.adopt(id))
    answered = []
    links.b.handle(SESSION_PROTOCOL, { maxPerPeer: 4 }, async (stream) => {
      const done = await answerSession(stream, {
        timers,
        lookup: (wanted) =>
          equalBytes(wanted, id) ? { store: storeOf(b, id), serves: true, reconcile: false } : undefined,
      })
      if (done) answered.push(done.outcome)
    })
    const connecting = links.a.connect(b.signer.publicKey, links.b.addresses())
    await timers.run(50)
    must(await connecting)
  })

  afterEach(async () => {
    await a.manager[Symbol.asyncDispose]()
    await b.manager[Symbol.asyncDispose]()
  })

  const sync = async (options: { reconcile?: boolean; store?: Store } = {}): Promise<SessionOutcome> => {
    const stream = must(await links.a.open(b.signer.publicKey, SESSION_PROTOCOL))
    let outcome: SessionOutcome | undefined
    void openSession(stream, options.store ?? storeOf(a, id), {
      timers,
      serves: true,
      reconcile: options.reconcile ?? false,
    }).then((done) => (outcome = done))
    await timers.run(SILENCE_MS * 3, () => outcome !== undefined)
    if (!outcome) throw new Error('the session does not end')
    await timers.run(100)
    return outcome
  }

  const expectEqual = (): void => {
    expect(bytesToHex(storeOf(b, id).dag.fingerprint())).toBe(bytesToHex(storeOf(a, id).dag.fingerprint()))
  }

  test('streams everything to an empty device, in an order in which nothing floats', async () => {
    for (let i = 0; i < 700; i++) await put(storeOf(a, id), `k${i}`, 3000)
    const outcome = await sync()
    expect(outcome).toMatchObject({ error: undefined, level: true })
    expect(answered[0]).toMatchObject({ error: undefined, level: true, tally: { floating: 0, rejected: 0 } })
    expect(answered[0]!.tally.witnessed).toBe(storeOf(a, id).dag.count)
    expectEqual()
  })

  test.each([false, true])('brings both sides level when each has news (reconcile: %s)', async (reconcile) => {
    await sync()
    for (let i = 0; i < 60; i++) {
      await put(storeOf(a, id), `a${i}`)
      await put(storeOf(b, id), `b${i}`)
    }
    const outcome = await sync({ reconcile })
    expect(outcome).toMatchObject({ error: undefined, level: true, tally: { witnessed: 60, sent: 60 } })
    expectEqual()
  })

  test('ends after one exchange of hellos when both are equal', async () => {
    await sync()
    const before = links.a.bytesSent
    expect(await sync()).toMatchObject({ error: undefined, level: true, tally: { sent: 0, witnessed: 0 } })
    expect(links.a.bytesSent - before).toBeLessThan(300)
  })

  test('is refused for a store the peer does not share', async () => {
    const other = must(await a.manager.create('core:kv', { name: 'other' }))
    expect(await sync({ store: other })).toMatchObject({ error: { kind: 'session-refused' } })
  })

  const speak = (handler: (write: FrameWriter) => Promise<void>): void => {
    links.b.handle(SESSION_PROTOCOL, { maxPerPeer: 4 }, (stream) => handler(new FrameWriter(stream)))
  }

  test('gives up on garbage and on silence, each with its own error', async () => {
    speak((writer) => writer.write(Uint8Array.of(1, 2, 3)))
    expect(await sync()).toMatchObject({ error: { kind: 'message-malformed' } })
    speak(() => Promise.resolve())
    expect(await sync()).toMatchObject({ error: { kind: 'session-timeout' } })
  })

  /** Says hello and then the same message, far more often than anyone may; reads nothing. */
  const flood = async (said: MessageInitShape<typeof SessionMessageSchema>['message']): Promise<void> => {
    const stream = must(await links.a.open(b.signer.publicKey, SESSION_PROTOCOL))
    const frames = new FrameWriter(stream)
    const write = (message: typeof said) =>
      frames.write(toBinary(SessionMessageSchema, create(SessionMessageSchema, { message })))
    const value = { version: 1, storeId: id, count: 9n, fingerprint: new Uint8Array(32), reconcile: true }
    void (async () => {
      await write({ case: 'hello', value })
      for (let i = 0; i < 500; i++) await write(said)
    })().catch((error: unknown) => expect(error).toBeInstanceOf(StreamClosedError))
  }

  test.each<[string, Parameters<typeof flood>[0], string]>([
    ['credit', { case: 'credit', value: { bytes: 1 } }, 'session-out-of-turn'],
    ['fetches', { case: 'fetch', value: { hashes: [new Uint8Array(32)] } }, 'session-excess'],
  ])('drops a peer that sends %s without end', async (_, said, kind) => {
    await flood(said)
    await timers.run(1_000)
    expect(answered).toMatchObject([{ error: { kind } }])
  })

  test('a peer that reconciles without end and reads nothing: no more waits for it than the stream takes', async () => {
    for (let i = 0; i < 400; i++) await put(storeOf(a, id), `k${i}`)
    await sync()
    answered = []
    const before = links.b.bytesReceived
    // It has none of the ids: each time it is told them all.
    await flood({ case: 'reconcile', value: { message: Uint8Array.of(0x61, 0, 0, 2, 0) } })
    await timers.run(SILENCE_MS / 2)
    // Questions are read only as far as the answers go.
    expect(links.b.bytesReceived - before).toBeLessThan(3_000)
    expect(answered).toEqual([])
    await timers.run(SILENCE_MS)
    expect(answered).toMatchObject([{ error: { kind: 'session-timeout' } }])
  })

  test('ends without a word when the peer is revoked in the middle', async () => {
    for (let i = 0; i < 300; i++) await put(storeOf(a, id), `k${i}`, 20_000)
    const stream = must(await links.a.open(b.signer.publicKey, SESSION_PROTOCOL))
    const running = openSession(stream, storeOf(a, id), { timers, serves: true })
    await timers.run(60_000, () => storeOf(b, id).dag.count > 20)
    must(await revokePeer(a.manager, id, b.signer.publicKey))
    await timers.run(1_000)
    expect(await running).toMatchObject({ error: { kind: 'session-revoked' }, level: false })
    expect(answered[0]).toMatchObject({ error: { kind: 'session-broken' } })
    expect(storeOf(b, id).dag.count).toBeLessThan(storeOf(a, id).dag.count - 1)
  })

  test('resumes after the link broke in the middle', async () => {
    for (let i = 0; i < 300; i++) await put(storeOf(a, id), `k${i}`, 20_000)
    const stream = must(await links.a.open(b.signer.publicKey, SESSION_PROTOCOL))
    const broken = openSession(stream, storeOf(a, id), { timers, serves: true })
    await timers.run(60_000, () => storeOf(b, id).dag.count > 20)
    await links.a.disconnect(b.signer.publicKey)
    await timers.run(10)
    expect(await broken).toMatchObject({ error: { kind: 'session-broken' } })
    expect(storeOf(b, id).dag.count).toBeLessThan(storeOf(a, id).dag.count)
    const connecting = links.a.connect(b.signer.publicKey, links.b.addresses())
    await timers.run(50)
    must(await connecting)
    const kept = storeOf(b, id).dag.count
    const outcome = await sync()
    expect(outcome).toMatchObject({ error: undefined, level: true })
    expect(outcome.tally.sent).toBe(storeOf(a, id).dag.count - kept)
    expectEqual()
  })
})

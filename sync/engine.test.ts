import { afterEach, beforeEach, describe, expect, test } from 'vitest'
import { bytesToHex, compareBytes, type StoreId } from '#kernel/core/bytes.ts'
import { createSigner } from '#kernel/core/identity.ts'
import { err, latticeError } from '#kernel/core/result.ts'
import { revokePeer } from '#kernel/store/admin.ts'
import { must } from '#kernel/store/testkit.ts'
import { FrameWriter } from './framing.ts'
import { PUSH_PROTOCOL } from './gossip/outbox.ts'
import { isConverged, isLevel } from './sim/checkers.ts'
import type { SimNode } from './sim/device.ts'
import { World } from './sim/world.ts'
import { SESSION_PROTOCOL } from './session/run.ts'
import { StreamClosedError } from './transport/port.ts'

const LATENCY_MS = 5

describe('the engine', () => {
  let world: World
  let id: StoreId
  let [a, b, c] = [] as unknown as [SimNode, SimNode, SimNode]

  beforeEach(async () => {
    world = new World({ seed: 11, nodes: 3, latencyMs: LATENCY_MS, jitterMs: 0 })
    id = await world.found()
    ;[a, b, c] = world.nodes as [SimNode, SimNode, SimNode]
    expect(await world.timers.run(10_000, () => isConverged(world, id) && isLevel(world, id))).toBe(true)
  })
  afterEach(async () => {
    expect(world.errors).toEqual([])
    await world.dispose()
  })

  const has = (node: SimNode, other: SimNode): boolean =>
    bytesToHex(node.store(id)!.dag.fingerprint()) === bytesToHex(other.store(id)!.dag.fingerprint())

  test('pushes a write to every connected peer in one latency, without a session', async () => {
    const sessions = b.engine.counters.sessions
    const startMs = world.timers.nowMs()
    await a.write(id, world.timers.random)
    expect(await world.timers.run(1_000, () => has(b, a) && has(c, a))).toBe(true)
    expect(world.timers.nowMs() - startMs).toBe(LATENCY_MS)
    expect(b.engine.counters.sessions).toBe(sessions)
  })

  test('passes news on to a peer that its author cannot reach', async () => {
    world.network.setCut(a.signer.publicKey, c.signer.publicKey, true)
    const sessions = c.engine.counters.sessions
    await a.write(id, world.timers.random)
    const startMs = world.timers.nowMs()
    expect(await world.timers.run(10_000, () => has(c, a))).toBe(true)
    // To b, named to c, asked for, sent.
    expect(world.timers.nowMs() - startMs).toBe(4 * LATENCY_MS)
    expect(c.engine.counters.sessions).toBe(sessions)
  })

  test('is level again well under a second after both ends of a pair were restarted', async () => {
    c.crash()
    a.crash()
    b.crash()
    await a.start()
    await b.start()
    await a.write(id, world.timers.random)
    const startMs = world.timers.nowMs()
    const isLevel = await world.timers.run(5_000, () => has(a, b) && b.engine.isLevel(id) && a.engine.isLevel(id))
    expect(isLevel).toBe(true)
    expect(world.timers.nowMs() - startMs).toBeLessThan(500)
  })

  test('opens a session to a peer that came back while one was being opened to it', async () => {
    c.crash()
    const [opener, other] = compareBytes(a.signer.publicKey, b.signer.publicKey) < 0 ? [a, b] : [b, a]
    const { transport } = opener.running!
    world.network.setCut(a.signer.publicKey, b.signer.publicKey, true)
    await a.write(id, world.timers.random)
    await b.write(id, world.timers.random)
    await world.timers.run(100)
    // Opening takes until the connection is gone and there is another, as it may where lanes are asked for.
    const open = transport.open.bind(transport)
    const failed = Promise.withResolvers<void>()
    let isFirst = true
    transport.open = async (peer, protocol, options) => {
      if (protocol !== SESSION_PROTOCOL || !isFirst) return open(peer, protocol, options)
      isFirst = false
      await failed.promise
      return err(latticeError('closed', 'retryable', 'the connection went away'))
    }
    world.network.setCut(a.signer.publicKey, b.signer.publicKey, false)
    expect(await world.timers.run(10_000, () => !isFirst)).toBe(true)
    await transport.disconnect(other.signer.publicKey)
    await world.timers.run(1_000)
    expect(transport.connections()).toHaveLength(1)
    failed.resolve()
    expect(await world.timers.run(1_000, () => has(a, b))).toBe(true)
  })

  test('is not level until a peer that reports its work has settled at this very set', async () => {
    const at = a.store(id)!.dag.count
    b.engine.setLocalProgress(id, { pendingIn: 2, settled: false, at })
    let level = false
    await world.timers.run(100)
    expect(a.engine.isLevel(id)).toBe(false)
    expect(a.engine.peerProgress(id).get(bytesToHex(b.signer.publicKey))).toMatchObject({
      pendingIn: 2,
      settled: false,
    })
    void a.engine.waitLevel(id).then(() => (level = true))
    b.engine.setLocalProgress(id, { pendingIn: 0, settled: true, at: at - 1 })
    await world.timers.run(100)
    expect(level).toBe(false)
    b.engine.setLocalProgress(id, { pendingIn: 0, settled: true, at })
    await world.timers.run(100)
    expect(level).toBe(true)
    // A later write makes the settled report stale, here and there.
    await a.write(id, world.timers.random)
    await world.timers.run(100)
    expect(a.engine.isLevel(id)).toBe(false)
  })

  test('stops waiting when told to', async () => {
    b.engine.setLocalProgress(id, { pendingIn: 1, settled: false, at: 0 })
    await world.timers.run(100)
    await expect(a.engine.waitLevel(id, AbortSignal.abort(new Error('enough')))).rejects.toThrow('enough')
  })

  test('gives a revoked peer nothing more', async () => {
    must(await revokePeer(a.running!.manager, id, c.signer.publicKey))
    await world.timers.run(1_000)
    const before = c.store(id)!.dag.count
    await a.write(id, world.timers.random)
    await world.timers.run(20_000)
    expect(c.store(id)!.dag.count).toBe(before)
    expect(has(b, a)).toBe(true)
    expect(a.engine.isLevel(id)).toBe(true)
  })

  test('resets the streams of a stranger at once', async () => {
    const stranger = world.network.join(createSigner(new Uint8Array(32).fill(7)).publicKey)
    const connecting = stranger.connect(a.signer.publicKey, a.running!.transport.addresses())
    await world.timers.run(50)
    must(await connecting)
    for (const protocol of [PUSH_PROTOCOL, SESSION_PROTOCOL]) {
      const stream = must(await stranger.open(a.signer.publicKey, protocol))
      const read = expect(stream.read()).rejects.toThrow(StreamClosedError)
      await world.timers.run(50)
      await read
    }
    expect(a.engine.counters.disconnected).toBe(0)
  })

  test('disconnects a peer that keeps sending garbage, for a while', async () => {
    for (let i = 0; i < 4; i++) {
      const stream = await c.running!.transport.open(a.signer.publicKey, PUSH_PROTOCOL)
      if (stream.ok) await new FrameWriter(stream.value).write(Uint8Array.of(255, 255))
      await world.timers.run(50)
    }
    expect(a.engine.counters.disconnected).toBe(1)
    const isConnected = (): boolean =>
      a.running!.transport.connections().some(({ peerKey }) => peerKey === bytesToHex(c.signer.publicKey))
    await world.timers.run(30_000)
    expect(isConnected()).toBe(false)
    expect(await world.timers.run(120_000, isConnected)).toBe(true)
  })
})

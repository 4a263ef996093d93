/** A member that talks without end: what it can make this device do and keep is bounded, and it is sent away. */
import { create, toBinary, type MessageInitShape } from '@bufbuild/protobuf'
import { afterEach, beforeEach, expect, test } from 'vitest'
import { PushMessageSchema } from '#proto/wire'
import { bytesToHex, type StoreId } from '#kernel/core/bytes.ts'
import { sha256 } from '#kernel/core/hash.ts'
import { addPeer, revokePeer } from '#kernel/store/admin.ts'
import { must } from '#kernel/store/testkit.ts'
import { FrameReader, FrameWriter } from '../framing.ts'
import { HASHES_MAX } from '../messages.ts'
import { isConverged, isLevel } from '../sim/checkers.ts'
import type { SimNode } from '../sim/device.ts'
import { World } from '../sim/world.ts'
import type { MemoryTransport } from '../transport/memory/network.ts'
import { StreamClosedError } from '../transport/port.ts'
import { announceTag } from './announce.ts'
import { PUSH_PROTOCOL } from './outbox.ts'

type Leg = NonNullable<MessageInitShape<typeof PushMessageSchema>['message']>

let world: World
let id: StoreId
let [a, b, c] = [] as unknown as [SimNode, SimNode, SimNode]
/** Whom c talks to. */
let victim: SimNode
/** In c's place: says what it likes. */
let hostile: MemoryTransport
/** Bytes that the victim has sent it. */
let received: number

beforeEach(async () => {
  world = new World({ seed: 53, nodes: 3 })
  id = await world.found()
  ;[a, b, c] = world.nodes as [SimNode, SimNode, SimNode]
  victim = a
  expect(await world.timers.run(10_000, () => isConverged(world, id) && isLevel(world, id))).toBe(true)
})
afterEach(async () => {
  expect(world.errors).toEqual([])
  await world.dispose()
})

const keyOf = ({ signer }: SimNode) => signer.publicKey
const encode = (message: Leg): Uint8Array => toBinary(PushMessageSchema, create(PushMessageSchema, { message }))

const takeOver = async (): Promise<void> => {
  c.crash()
  hostile = world.network.join(keyOf(c))
  received = 0
  hostile.handle(PUSH_PROTOCOL, { maxPerPeer: 2 }, async (stream) => {
    try {
      const reader = new FrameReader(stream)
      for (let frame = must(await reader.next()); frame; frame = must(await reader.next())) received += frame.length
    } catch (error) {
      if (!(error instanceof StreamClosedError)) throw error
    }
  })
  must(await world.finish(hostile.connect(keyOf(victim), victim.running!.transport.addresses())))
}

/** Says one thing after another, as fast as it is taken, until it is cut off; gives how many were written. */
const flood = async (legs: (n: number) => Leg, most: number): Promise<number> => {
  const writer = new FrameWriter(must(await world.finish(hostile.open(keyOf(victim), PUSH_PROTOCOL))))
  let written = 0
  const talk = async (): Promise<void> => {
    try {
      for (; written < most; written++) await writer.write(encode(legs(written)))
    } catch (error) {
      if (!(error instanceof StreamClosedError)) throw error
    }
  }
  await world.finish(talk())
  await world.timers.run(100)
  return written
}

const isConnected = (): boolean =>
  victim.running!.transport.connections().some(({ peerKey }) => peerKey === bytesToHex(keyOf(c)))

/** The peer is gone, for a while, for this reason; the others are served as ever. */
const expectSentAway = async (why: RegExp): Promise<void> => {
  expect(victim.engine.counters.disconnected).toBe(1)
  expect(victim.dropped).toEqual([{ peer: keyOf(c), why: expect.stringMatching(why) }])
  expect(isConnected()).toBe(false)
  await a.write(id, world.timers.random)
  const isLevelAgain = () => b.store(id)!.dag.count === a.store(id)!.dag.count
  expect(await world.timers.run(5_000, isLevelAgain)).toBe(true)
}

const tagOf = (storeId: StoreId) => announceTag(keyOf(c), keyOf(a), storeId)

test('announcements', async () => {
  await takeOver()
  let changes = 0
  a.engine.onChange(() => changes++)
  const written = await flood(
    (n) => ({ case: 'announce', value: { tags: [tagOf(id)], addresses: [`/x/${n}`] } }),
    50_000,
  )
  await expectSentAway(/too many announcements/)
  expect(written).toBeLessThan(50_000)
  // No more work than was let in: one look for each, and the little that follows from being sent away.
  expect(changes).toBeLessThan(10_000)
})

test('announcements that each name as much as they can', async () => {
  await takeOver()
  const tags = Array.from({ length: 4_096 }, (_, n) => sha256(Uint8Array.of(n >> 8, n & 255)))
  const written = await flood(() => ({ case: 'announce', value: { tags, addresses: [] } }), 5_000)
  await expectSentAway(/too many announcements/)
  expect(written).toBeLessThan(1_000)
})

test('connections', async () => {
  await takeOver()
  await flood(() => ({ case: 'announce', value: { tags: [tagOf(id)], addresses: [] } }), 1)
  const written = await flood(() => ({ case: 'links', value: { links: [{ peer: keyOf(b), direct: true }] } }), 50_000)
  await expectSentAway(/connections too often/)
  expect(written).toBeLessThan(50_000)
})

test('words about rights, though each is true', async () => {
  // Once revoked and let in again: b has that in its log, so it is told nothing new.
  must(await world.finish(revokePeer(a.manager, id, keyOf(b))))
  await world.timers.run(1_000)
  must(await world.finish(addPeer(a.manager, id, { device: keyOf(b), name: 'b', role: 'writer' })))
  expect(await world.timers.run(60_000, () => b.store(id)!.dag.count === a.store(id)!.dag.count)).toBe(true)
  const said = a.store(id)!.access.lastWordAbout(keyOf(b))!
  victim = b
  await takeOver()
  const value = { storeId: id, word: said.word, grants: [...said.grants] }
  const written = await flood(() => ({ case: 'rights', value }), 50_000)
  await expectSentAway(/about rights/)
  expect(written).toBeLessThan(50_000)
})

test('names of changes that never come', async () => {
  await takeOver()
  await flood(() => ({ case: 'announce', value: { tags: [tagOf(id)], addresses: [] } }), 1)
  const named = (n: number) =>
    Array.from({ length: HASHES_MAX }, (_, i) => {
      const hash = new Uint8Array(32)
      new DataView(hash.buffer).setUint32(0, n * HASHES_MAX + i)
      return hash
    })
  const written = await flood((n) => ({ case: 'have', value: { storeId: id, hashes: named(n) } }), 2_000)
  await expectSentAway(/does not bring them/)
  expect(written).toBeLessThan(500)
  // Asked for once at most.
  expect(received).toBeLessThan(300_000 * 34)
})

test('whoever says much, but no more than there is to say, stays', async () => {
  await takeOver()
  const stores = Array.from({ length: 1_000 }, (_, n) => sha256(Uint8Array.of(n >> 8, n & 255)))
  const announced = (n: number): Leg => ({ case: 'announce', value: { tags: stores.slice(0, n + 1), addresses: [] } })
  expect(await flood(announced, 1_000)).toBe(1_000)
  expect(isConnected()).toBe(true)
  expect(a.dropped).toEqual([])
})

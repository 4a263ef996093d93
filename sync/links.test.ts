/** Who is connected to whom, as peers tell each other: their own links only, and only of those both know. */
import { create, toBinary } from '@bufbuild/protobuf'
import { afterEach, beforeEach, expect, test } from 'vitest'
import { PushMessageSchema } from '#proto/wire'
import { equalBytes, type PublicKey, type StoreId } from '#kernel/core/bytes.ts'
import { revokePeer } from '#kernel/store/admin.ts'
import { must } from '#kernel/store/testkit.ts'
import { FrameWriter } from './framing.ts'
import { roughMs } from './gossip/links.ts'
import { PUSH_PROTOCOL } from './gossip/outbox.ts'
import { isConverged } from './sim/checkers.ts'
import type { SimNode } from './sim/device.ts'
import { World } from './sim/world.ts'

let world: World
let space: StoreId
let [a, b, c, guest] = [] as unknown as [SimNode, SimNode, SimNode, SimNode]

/** Three of a space, and a guest of one of its stores. */
beforeEach(async () => {
  world = new World({ seed: 41, nodes: 4 })
  const founded = await world.foundSpace(['core:kv'], true)
  space = founded.space
  ;[a, b, c, guest] = world.nodes as [SimNode, SimNode, SimNode, SimNode]
  await until(() => [space, ...founded.children].every((id) => isConverged(world, id)))
})
afterEach(async () => {
  expect(world.errors).toEqual([])
  await world.dispose()
})

const until = async (isDone: () => boolean): Promise<void> => expect(await world.timers.run(60_000, isDone)).toBe(true)
const keyOf = ({ signer }: SimNode): PublicKey => signer.publicKey
/** Names of those that `by` says to `to` that it is connected to. */
const told = (to: SimNode, by: SimNode): string => {
  const link = to.engine.peers().find(({ peer }) => equalBytes(peer, keyOf(by)))
  const names = link?.links.map(({ peer }) => world.nodes.find((node) => equalBytes(keyOf(node), peer))?.name)
  return (names ?? []).sort().join('')
}
/** What `from` says on a stream of its own. */
const speaker = async (from: SimNode, to: SimNode) => {
  const writer = new FrameWriter(must(await world.finish(from.running!.transport.open(keyOf(to), PUSH_PROTOCOL))))
  return async (peers: readonly Uint8Array[]): Promise<void> => {
    const links = peers.map((peer) => ({ peer, direct: true, latencyMs: 2 ** 31 }))
    const message = create(PushMessageSchema, { message: { case: 'links', value: { links } } })
    await world.finish(writer.write(toBinary(PushMessageSchema, message)).catch(() => undefined))
    await world.timers.run(100)
  }
}

test('members hear of each other’s links, as they come and go, and no later than a few seconds after', async () => {
  await until(() => told(a, b) === 'cd' && told(a, c) === 'bd' && told(b, c) === 'ad' && told(guest, b) === 'ac')
  expect(a.engine.peers().flatMap(({ links }) => links.map(({ direct }) => direct))).not.toContain(false)
  world.network.setCut(keyOf(b), keyOf(c), true)
  expect(await world.timers.run(20_000, () => told(a, b) === 'd' && told(a, c) === 'd')).toBe(true)
  world.network.setCut(keyOf(b), keyOf(c), false)
  await until(() => told(a, b) === 'cd' && told(a, c) === 'bd')
  c.crash()
  await until(() => told(a, b) === 'd' && told(a, c) === '')
})

test('whoever is removed is spoken of no more', async () => {
  await until(() => told(a, b).includes('c'))
  must(await world.finish(revokePeer(a.manager, space, keyOf(c))))
  await until(() => !told(a, b).includes('c') && !told(guest, b).includes('c'))
})

test('what a peer says is taken as far as both ends are known to share something with it', async () => {
  await until(() => told(a, b) !== '')
  const stranger = new Uint8Array(32).fill(7)
  const say = await speaker(b, a)
  await say([stranger, keyOf(b), keyOf(c), keyOf(c)])
  expect(told(a, b)).toBe('c')
  expect(a.engine.peers().find(({ peer }) => equalBytes(peer, keyOf(b)))!.links).toMatchObject([{ latencyMs: 65_536 }])
  await say([])
  expect(told(a, b)).toBe('')
})

test('who talks too much is sent away', async () => {
  await until(() => told(a, b) !== '')
  const say = await speaker(b, a)
  for (let i = 0; i < 30; i++) await say([keyOf(c)])
  expect(a.engine.counters.disconnected).toBe(1)
})

test.each([
  [undefined, 0],
  [0, 1],
  [3, 4],
  [100, 128],
  [10_000_000, 65_536],
])('a latency of %s ms is told as %s', (latency, rough) => expect(roughMs(latency)).toBe(rough))

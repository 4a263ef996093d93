/** Devices that do not hold a store of a space: chosen, they keep nobody waiting; behind, they do. */
import { afterEach, beforeEach, expect, test } from 'vitest'
import { bytesToHex, equalBytes, type StoreId } from '#kernel/core/bytes.ts'
import { isConverged, isLevel } from './sim/checkers.ts'
import type { SimNode } from './sim/device.ts'
import { World } from './sim/world.ts'

let world: World
let folder: StoreId
let [a, b, c] = [] as unknown as [SimNode, SimNode, SimNode]

beforeEach(async () => {
  world = new World({ seed: 23, nodes: 3 })
  const founded = await world.foundSpace(['core:kv'], false)
  folder = founded.children[0]!
  ;[a, b, c] = world.nodes as [SimNode, SimNode, SimNode]
  const isDone = (): boolean => [founded.space, folder].every((id) => isConverged(world, id) && isLevel(world, id))
  expect(await world.timers.run(20_000, isDone)).toBe(true)
})
afterEach(async () => {
  expect(world.errors).toEqual([])
  await world.dispose()
})

const declinedBy = (node: SimNode, other: SimNode): readonly StoreId[] =>
  node.engine.peers().find(({ peer }) => equalBytes(peer, other.signer.publicKey))?.declined ?? []

test('a device that took a store off itself keeps nobody waiting, also after it was restarted', async () => {
  await c.decline(folder)
  await world.timers.run(1_000)
  await a.write(folder, world.timers.random)
  expect(await world.timers.run(5_000, () => a.engine.isLevel(folder) && b.engine.isLevel(folder))).toBe(true)
  expect(declinedBy(a, c)).toEqual([folder])
  expect(a.engine.peerProgress(folder).has(bytesToHex(c.signer.publicKey))).toBe(false)
  c.crash()
  await c.start()
  await world.timers.run(5_000)
  expect(declinedBy(a, c)).toEqual([folder])
  expect(a.engine.isLevel(folder)).toBe(true)
})

test('it counts again as soon as it takes the store back', async () => {
  await c.decline(folder)
  await world.timers.run(1_000)
  b.crash()
  for (let i = 0; i < 20; i++) await a.write(folder, world.timers.random)
  await c.manager.adopt(folder)
  expect(await world.timers.run(10_000, () => declinedBy(a, c).length === 0)).toBe(true)
  expect(await world.timers.run(10_000, () => a.engine.isLevel(folder))).toBe(true)
  expect(c.store(folder)!.dag.count).toBe(a.store(folder)!.dag.count)
})

test('a device that holds the store but is behind is waited for', async () => {
  const at = c.store(folder)!.dag.count
  c.engine.setLocalProgress(folder, { pendingIn: 3, settled: false, at })
  await world.timers.run(1_000)
  expect(a.engine.isLevel(folder)).toBe(false)
  expect(declinedBy(a, c)).toEqual([])
})

test('a guest of a store does not wait for a member who took it off, though they share nothing else', async () => {
  const own = new World({ seed: 29, nodes: 3 })
  const { children } = await own.foundSpace(['core:kv'], true)
  const shared = children.at(-1)!
  const [founder, member, guest] = own.nodes as [SimNode, SimNode, SimNode]
  expect(await own.timers.run(20_000, () => isConverged(own, shared) && isLevel(own, shared))).toBe(true)
  await member.decline(shared)
  expect(await own.timers.run(20_000, () => declinedBy(guest, member).length === 1)).toBe(true)
  member.crash()
  await member.start()
  await own.timers.run(20_000)
  await founder.write(shared, own.timers.random)
  expect(await own.timers.run(20_000, () => guest.engine.isLevel(shared) && founder.engine.isLevel(shared))).toBe(true)
  expect(declinedBy(guest, member)).toEqual([shared])
  await own.dispose()
})

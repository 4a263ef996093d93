/** What a power cut takes from a disk whose commits take time, and what it must leave. */
import { afterEach, beforeEach, expect, test } from 'vitest'
import { bytesToHex, type StoreId } from '#kernel/core/bytes.ts'
import { findLoss, isConverged, isLevel } from './checkers.ts'
import type { SimNode } from './device.ts'
import { World } from './world.ts'

let world: World
let id: StoreId
let [a, b] = [] as unknown as [SimNode, SimNode]

beforeEach(async () => {
  world = new World({ seed: 17, nodes: 2, commitMsMax: 50 })
  id = await world.found()
  ;[a, b] = world.nodes as [SimNode, SimNode]
  expect(await world.timers.run(10_000, () => isConverged(world, id) && isLevel(world, id))).toBe(true)
})
afterEach(async () => {
  expect(world.errors).toEqual([])
  await world.dispose()
})

test('a write that was not acknowledged is lost whole, and nobody has heard of it', async () => {
  const before = bytesToHex(a.store(id)!.dag.fingerprint())
  let acknowledged = false
  void a.write(id, world.timers.random).then(() => (acknowledged = true))
  await world.timers.run(0)
  a.crash()
  await world.timers.run(1_000)
  await world.finish(a.start())
  expect(acknowledged).toBe(false)
  expect(bytesToHex(a.store(id)!.dag.fingerprint())).toBe(before)
  expect(bytesToHex(b.store(id)!.dag.fingerprint())).toBe(before)
})

test('a write survives from the moment it is acknowledged', async () => {
  let acknowledged = false
  void a.write(id, world.timers.random).then(() => (acknowledged = true))
  expect(await world.timers.run(1_000, () => acknowledged)).toBe(true)
  a.crash()
  await world.finish(a.start())
  expect(a.acknowledged.get(bytesToHex(id))!.size).toBe(1)
  expect(findLoss(a)).toBeUndefined()
})

test('a restored backup that writes again is a fork, and everyone keeps both branches', async () => {
  a.backUp()
  const write = (): Promise<boolean> => world.finish(a.write(id, world.timers.random))
  expect(await write()).toBe(true)
  expect(await world.timers.run(10_000, () => isLevel(world, id))).toBe(true)
  b.crash()
  a.restore()
  await world.finish(a.start())
  // The same seq again, and another hash: b is away and cannot tell.
  expect(await write()).toBe(true)
  await world.heal()
  expect(await world.timers.run(60_000, () => isConverged(world, id) && isLevel(world, id))).toBe(true)
  for (const node of [a, b]) expect(node.store(id)!.dag.forkedAuthors().size).toBe(1)
})

/** A removed store goes in slices: whatever the power does, all of it goes, and nothing else. */
import { expect, test } from 'vitest'
import { kvBatch } from '../state/kv.ts'
import { KV_TYPE } from '../state/registry.ts'
import { must, openDevice, restart, stateOf, TestClock, type Device } from './testkit.ts'
import { KERNEL_TABLES, ROW_TABLES } from './tables.ts'

/** More rows than one slice takes. */
const KEYS = 2_500

const fill = async (device: Device, name: string) => {
  const store = must(await device.manager.create(KV_TYPE, { name }))
  const batch = kvBatch()
  for (let i = 0; i < KEYS; i++) batch.put(Uint8Array.of(i >> 8, i & 255), Uint8Array.of(1))
  must(await store.submit(() => ({ app: batch.encode() })))
  return store
}

const rowsOf = (device: Device) => ROW_TABLES.reduce((n, table) => n + device.backend.count(table), 0)

test('a power cut in the middle: the next opening goes on', async () => {
  const clock = new TestClock()
  const a = await openDevice('a', clock)
  const kept = await fill(a, 'kept')
  const [alone, state] = [rowsOf(a), stateOf(a, kept.id)]
  const gone = await fill(a, 'gone')

  const { backend } = a
  const { promise: cut, resolve } = Promise.withResolvers<void>()
  let writes = 0
  const write = backend.write.bind(backend)
  backend.write = async (body) => {
    const value = await write(body)
    if (++writes === 2) {
      ;(backend as unknown as { crash(): void }).crash()
      resolve()
    }
    return value
  }
  void a.manager.remove(gone.id)
  await cut
  await restart(a, clock)
  expect(a.manager.get(gone.id)).toBeUndefined()
  const left = rowsOf(a)
  expect(left).toBeGreaterThan(alone)
  await a.manager[Symbol.asyncDispose]()
  expect(rowsOf(a)).toBeLessThanOrEqual(left)

  await restart(a, clock)
  await a.manager.settled()
  expect(rowsOf(a)).toBe(alone)
  expect([...a.backend.range('stores')].map(([key]) => key.length)).toEqual([1, 32])
  expect(stateOf(a, kept.id)).toEqual(state)
  expect(KERNEL_TABLES).toEqual(expect.arrayContaining([...ROW_TABLES]))
})

test('a store that is removed and adopted again starts empty', async () => {
  const clock = new TestClock()
  const a = await openDevice('a', clock)
  const { id } = await fill(a, 'notes')
  await a.manager.remove(id)
  const again = must(await a.manager.adopt(id))
  expect(again.dag.count).toBe(0)
  expect(stateOf(a, id)).toEqual([])
})

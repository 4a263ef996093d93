/** One device key in two places: a restored backup goes on from where it was, and meets what it wrote before. */
import { expect, test } from 'vitest'
import { bytesToHex } from '../core/bytes.ts'
import { kvBatch } from '../state/kv.ts'
import { KV_TYPE } from '../state/registry.ts'
import { systemOp, wireRole } from '../state/system-op.ts'
import type { LocalStore } from './store.ts'
import { must, openDevice, pull, stateOf, storeOf, TestClock, type Device } from './testkit.ts'

const text = (s: string) => new TextEncoder().encode(s)
const put = async (store: LocalStore, key: string, value: string) =>
  must(await store.submit(() => ({ app: kvBatch().put(text(key), text(value)).encode() })))!

const forksOf = (device: Device): string[] => {
  const seen: string[] = []
  device.manager.on('forked', (store, author) => seen.push(`${store.name} ${bytesToHex(author)}`))
  return seen
}

test('a fork is told once, loses nothing, and is merged by the next write of the device', async () => {
  const clock = new TestClock()
  const [old, restored, b] = [await openDevice('a', clock), await openDevice('a', clock), await openDevice('b', clock)]
  const store = must(await old.manager.create(KV_TYPE, { name: 'notes' })) as LocalStore
  const { id } = store
  const value = { device: b.signer.publicKey, name: 'b', role: wireRole('writer') }
  must(await store.submit(() => ({ system: systemOp({ case: 'peerAdd', value }) })))
  for (const device of [restored, b]) {
    must(await device.manager.adopt(id))
    await pull(device, old, id)
  }
  const seen = [restored, b].map(forksOf)
  const copy = storeOf(restored, id)

  for (const n of ['1', '2', '3']) await put(store, 'x', `old ${n}`)
  for (const n of ['1', '2']) await put(copy, 'x', `restored ${n}`)
  await put(copy, 'y', 'only here')
  for (const from of [old, restored, old]) await pull(b, from, id)
  await pull(restored, old, id)
  await put(storeOf(b, id), 'z', 'by another, who knows both')
  expect(seen).toEqual(Array(2).fill([`notes ${bytesToHex(restored.signer.publicKey)}`]))
  expect(copy.dag.heads()).toHaveLength(2)
  expect(copy.state.cells.cell(text('x'))!.heads).toHaveLength(2)

  const merging = await put(copy, 'x', 'merged')
  expect(copy.dag.heads()).toEqual([merging.hash])
  expect([merging.prev!, ...merging.deps]).toHaveLength(2)
  expect(copy.state.cells.cell(text('x'))!.heads.map((head) => head.hash)).toEqual([merging.hash])
  for (const [to, from] of [
    [b, restored],
    [old, b],
    [restored, b],
  ] as const)
    await pull(to, from, id)
  for (const device of [old, restored]) expect(stateOf(device, id)).toEqual(stateOf(b, id))
  expect(copy.state.cells.value(text('y'))).toEqual(text('only here'))
  expect(await copy.rebuild()).toMatchObject({ changed: false })
  expect(seen.flat()).toHaveLength(2)
})

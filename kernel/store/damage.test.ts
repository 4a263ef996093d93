/** Damaged records: found where they are read, named with the store they are in, and no harm to the other stores. */
import fc from 'fast-check'
import { expect, test } from 'vitest'
import { bytesToHex } from '../core/bytes.ts'
import { kvBatch } from '../state/kv.ts'
import { KV_TYPE } from '../state/registry.ts'
import { systemOp, wireRole } from '../state/system-op.ts'
import { catalogProperty, legProperty } from './records.property.ts'
import type { LocalStore } from './store.ts'
import { must, openDevice, restart, stateOf, TestClock } from './testkit.ts'

const put = (key: number) => () => ({ app: kvBatch().put(Uint8Array.of(key), Uint8Array.of(key)).encode() })

/** A device with two stores, the first of which has every value of one table overwritten. */
const damage = async (table: string) => {
  const clock = new TestClock()
  const [a, b] = [await openDevice('a', clock), await openDevice('b', clock)]
  const hurt = must(await a.manager.create(KV_TYPE, { name: 'hurt' })) as LocalStore
  const value = { device: b.signer.publicKey, name: 'b', role: wireRole('writer') }
  must(await hurt.submit(() => ({ system: systemOp({ case: 'peerAdd', value }) })))
  must(await hurt.submit(put(1)))
  const whole = stateOf(a, hurt.id)
  const other = must(await a.manager.create(KV_TYPE, { name: 'other' })) as LocalStore
  const range = { gte: Uint8Array.of(0, 0, 0, hurt.core.number), lt: Uint8Array.of(0, 0, 0, hurt.core.number + 1) }
  await a.backend.write((tx) => {
    for (const [key, bytes] of [...tx.range(table, range)])
      tx.put(
        table,
        key,
        bytes.map((byte) => byte ^ 0x5a),
      )
  })
  await restart(a, clock)
  return { a, id: hurt.id, other: a.manager.get(other.id)!, whole }
}

const named = (id: Parameters<typeof bytesToHex>[0]) => expect.stringContaining(bytesToHex(id))

test.each(['state-cells', 'state-members'])(
  '%s: a write is refused with the name, a rebuild repairs',
  async (table) => {
    const { a, id, other, whole } = await damage(table)
    const store = a.manager.get(id)!
    const refused = await store.submit(put(1))
    expect(refused).toMatchObject({ ok: false, error: { kind: 'store-corrupt', message: named(id) } })
    must(await other.submit(put(2)))
    expect(await store.rebuild()).toMatchObject({ changed: true })
    expect(stateOf(a, id)).toEqual(whole)
    must(await store.submit(put(1)))
  },
)

test.each(['log', 'bodies', 'dags', 'authors', 'chains', 'intentions'])(
  '%s: the damage is named, the other store goes on',
  async (table) => {
    const { a, id, other } = await damage(table)
    const reported = a.errors.filter((error) => (error as { kind?: string }).kind === 'store-corrupt')
    const store = a.manager.get(id)
    if (store === undefined) expect(reported).toMatchObject([{ message: named(id) }])
    else
      expect(await store.submit(put(1))).toMatchObject({
        ok: false,
        error: { kind: 'store-corrupt', message: named(id) },
      })
    must(await other.submit(put(2)))
  },
)

test('a damaged record of the catalogue is named, the other stores open', async () => {
  const clock = new TestClock()
  const device = await openDevice('a', clock)
  const hurt = must(await device.manager.create(KV_TYPE, { name: 'hurt' }))
  const other = must(await device.manager.create(KV_TYPE, { name: 'other' }))
  await device.backend.write((tx) => tx.put('catalog', hurt.id, Uint8Array.of(0x0a, 0xff)))
  await restart(device, clock)
  expect(device.errors).toMatchObject([{ kind: 'store-corrupt', message: named(hurt.id) }])
  expect(device.manager.get(hurt.id)).toBeUndefined()
  must(await device.manager.get(other.id)!.submit(put(2)))
})

test('what a peer signed asks for something or for nothing', () => fc.assert(legProperty, { numRuns: 500 }))
test('a damaged catalogue is named', () => fc.assert(catalogProperty, { numRuns: 300 }))

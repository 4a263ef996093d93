/** A store end to end: submit, ingest, watch, rebuild, on memory storage. */
import { describe, expect, test } from 'vitest'
import { KV_TYPE, SPACE_TYPE } from '../state/registry.ts'
import { kvBatch } from '../state/kv.ts'
import { systemOp, wireRole } from '../state/system-op.ts'
import type { StoreChange } from './port.ts'
import { exportLog, must, openDevice, pull, restart, stateOf, storeOf, TestClock } from './testkit.ts'

const text = (s: string) => new TextEncoder().encode(s)
const put = (key: string, value: string) => () => ({ app: kvBatch().put(text(key), text(value)).encode() })

describe('a store', () => {
  test('keeps what is submitted, tells its readers, and folds the same on a peer', async () => {
    const clock = new TestClock()
    const [a, b] = [await openDevice('a', clock), await openDevice('b', clock)]
    const store = must(await a.manager.create(KV_TYPE, { name: 'notes' }))
    const changes = store.watch()[Symbol.asyncIterator]()
    must(await store.submit(put('x', '1')))
    const first = (await changes.next()).value as StoreChange
    expect(first.changes.map(({ key }) => key)).toEqual([text('x')])
    expect(store.state.cells.value(text('x'))).toEqual(text('1'))
    expect(store.name).toBe('notes')

    const device = b.signer.publicKey
    const value = { device, name: 'b', role: wireRole('writer') }
    must(await store.submit(() => ({ system: systemOp({ case: 'peerAdd', value }) })))
    must(await b.manager.adopt(store.id))
    await pull(b, a, store.id)
    expect(stateOf(b, store.id)).toEqual(stateOf(a, store.id))
    must(await storeOf(b, store.id).submit(put('x', '2')))
    must(await store.submit(put('x', '3')))
    await pull(a, b, store.id)
    await pull(b, a, store.id)
    expect(stateOf(b, store.id)).toEqual(stateOf(a, store.id))
    expect([...store.state.cells.conflicts()]).toEqual([text('x')])
    expect(store.access.peers().map(({ name, role }) => [name, role])).toEqual([['a', 'admin'], ['b', 'writer']])

    const before = stateOf(a, store.id)
    expect(await store.rebuild()).toEqual({ changed: false, intentions: exportLog(store.dag).length })
    await restart(a, clock)
    expect(stateOf(a, store.id)).toEqual(before)
  })

  test('a child of a space appears on the other device, and goes when it is removed', async () => {
    const clock = new TestClock()
    const [a, b] = [await openDevice('a', clock), await openDevice('b', clock)]
    const space = must(await a.manager.create(SPACE_TYPE, { name: 'home' }))
    const value = { device: b.signer.publicKey, name: 'b', role: wireRole('admin') }
    must(await space.submit(() => ({ system: systemOp({ case: 'peerAdd', value }) })))
    const child = must(await a.manager.create(KV_TYPE, { name: 'notes', parent: space.id }))
    must(await child.submit(put('x', '1')))
    must(await b.manager.adopt(space.id))
    const opened = new Promise((resolve) => b.manager.on('opened', (store) => resolve(store.id)))
    await pull(b, a, space.id)
    expect(await opened).toEqual(child.id)
    await pull(b, a, child.id)
    must(await storeOf(b, child.id).submit(put('x', '2')))
    await pull(a, b, child.id)
    expect(stateOf(a, child.id)).toEqual(stateOf(b, child.id))
    const closed = new Promise((resolve) => b.manager.on('closed', resolve))
    must(await space.submit(() => ({ system: systemOp({ case: 'childRemove', value: { storeId: child.id } }) })))
    await pull(b, a, space.id)
    expect(await closed).toEqual(child.id)
    expect(a.errors.concat(b.errors)).toEqual([])
  })
})

/** Rights across devices: revocation, cutoffs, independence, and guests who never see the space. */
import { describe, expect, test } from 'vitest'
import { kvBatch } from '../state/kv.ts'
import { KV_TYPE, SPACE_TYPE } from '../state/registry.ts'
import { addPeer, makeIndependent, revokePeer, setRole } from './admin.ts'
import type { Role } from './port.ts'
import { exportLog, must, openDevice, pull, stateOf, storeOf, TestClock, type Device } from './testkit.ts'

const text = (s: string) => new TextEncoder().encode(s)
const put = (key: string, value: string) => () => ({ app: kvBatch().put(text(key), text(value)).encode() })

const admit = (by: Device, id: Parameters<typeof addPeer>[1], who: Device, role: Role) =>
  addPeer(by.manager, id, { device: who.signer.publicKey, name: who.name, role }).then(must)

/** A space on `a` with one kv child, shared with the others. */
const world = async (roles: Record<string, Role>) => {
  const clock = new TestClock()
  const a = await openDevice('a', clock)
  const space = must(await a.manager.create(SPACE_TYPE, { name: 'home' })).id
  const others: Device[] = []
  for (const [name, role] of Object.entries(roles)) {
    const device = await openDevice(name, clock)
    await admit(a, space, device, role)
    others.push(device)
  }
  const child = must(await a.manager.create(KV_TYPE, { name: 'notes', parent: space })).id
  for (const device of others) {
    must(await device.manager.adopt(space))
    must(await device.manager.adopt(child))
    await pull(device, a, space)
    await pull(device, a, child)
  }
  return { clock, a, others, space, child }
}

describe('rights', () => {
  test('what a revoked device wrote beyond the cutoff is taken back everywhere', async () => {
    const { a, others, space, child } = await world({ b: 'writer', c: 'writer' })
    const [b, c] = others as [Device, Device]
    must(await storeOf(b, child).submit(put('x', 'kept')))
    await pull(a, b, child)
    must(await revokePeer(a.manager, space, b.signer.publicKey))
    must(await storeOf(b, child).submit(put('x', 'beyond')))
    await pull(c, b, child)
    expect(storeOf(c, child).state.cells.value(text('x'))).toEqual(text('beyond'))
    await pull(c, a, space)
    expect(storeOf(c, child).state.cells.value(text('x'))).toEqual(text('kept'))
    await pull(a, b, child)
    expect(stateOf(a, child)).toEqual(stateOf(c, child))
    await pull(b, a, space)
    const refused = await storeOf(b, child).submit(put('x', 'again'))
    expect(refused.ok ? '' : refused.error.kind).toBe('not-permitted')
    expect(await storeOf(c, child).rebuild()).toMatchObject({ changed: false })
  })

  test('two admins who revoke each other concurrently are both revoked', async () => {
    const { a, others, space } = await world({ b: 'admin', c: 'admin' })
    const [b, c] = others as [Device, Device]
    must(await revokePeer(b.manager, space, c.signer.publicKey))
    must(await revokePeer(c.manager, space, b.signer.publicKey))
    await pull(a, b, space)
    await pull(a, c, space)
    await pull(b, c, space)
    expect(stateOf(a, space)).toEqual(stateOf(b, space))
    for (const device of [b, c]) expect(storeOf(a, space).access.peer(device.signer.publicKey)?.status).toBe('revoked')
    const back = await addPeer(b.manager, space, { device: c.signer.publicKey, name: 'c', role: 'admin' })
    expect(back.ok).toBe(false)
  })

  test('a device that comes back starts where it stands', async () => {
    const { a, others, space, child } = await world({ b: 'writer' })
    const [b] = others as [Device]
    must(await revokePeer(a.manager, space, b.signer.publicKey))
    must(await storeOf(b, child).submit(put('x', 'beyond')))
    await pull(a, b, child)
    await admit(a, space, b, 'writer')
    await pull(b, a, space)
    must(await storeOf(b, child).submit(put('y', 'back')))
    await pull(a, b, child)
    expect(storeOf(a, child).state.cells.value(text('x'))).toBeUndefined()
    expect(storeOf(a, child).state.cells.value(text('y'))).toEqual(text('back'))
    must(await setRole(a.manager, space, b.signer.publicKey, 'reader'))
    await pull(b, a, space)
    expect((await storeOf(b, child).submit(put('y', 'no'))).ok).toBe(false)
    expect(stateOf(a, child)).toEqual(stateOf(b, child))
  })

  test('a guest of an independent store judges all its history without ever seeing the space', async () => {
    const { clock, a, others, space, child } = await world({ b: 'writer', c: 'writer' })
    const [b, c] = others as [Device, Device]
    must(await storeOf(b, child).submit(put('x', 'by b')))
    must(await storeOf(c, child).submit(put('y', 'by c')))
    await pull(a, b, child)
    await pull(a, c, child)
    must(await revokePeer(a.manager, space, c.signer.publicKey))
    must(await makeIndependent(a.manager, child))
    const guest = await openDevice('guest', clock)
    await admit(a, child, guest, 'writer')
    must(await guest.manager.adopt(child))
    const log = exportLog(storeOf(a, child).dag)
    for (const bytes of log.toReversed()) must(await storeOf(guest, child).ingest([bytes], a.signer.publicKey))
    expect(stateOf(guest, child)).toEqual(stateOf(a, child))
    expect(storeOf(guest, child).state.cells.value(text('x'))).toEqual(text('by b'))
    must(await storeOf(guest, child).submit(put('z', 'by guest')))
    for (const device of [a, b]) await pull(device, guest, child)
    expect(stateOf(b, child)).toEqual(stateOf(guest, child))
    expect(storeOf(b, child).access.peers().map(({ name, status }) => `${name} ${status}`)).toEqual(
      expect.arrayContaining(['a active', 'b active', 'c revoked', 'guest active']),
    )
    expect(guest.manager.list().length).toBe(1)
  })
})

/** A store that lists its own peers follows its space, though the device that spoke in the space could not. */
import { expect, test } from 'vitest'
import { KV_TYPE, SPACE_TYPE } from '../state/registry.ts'
import { addPeer, makeIndependent, revokePeer, setRole } from './admin.ts'
import type { Role } from './port.ts'
import { must, openDevice, pull, restart, stateOf, storeOf, TestClock, type Device } from './testkit.ts'

test('what an admin says in the space is carried over by the next who administers both', async () => {
  const clock = new TestClock()
  const [a, b, c] = [await openDevice('a', clock), await openDevice('b', clock), await openDevice('c', clock)]
  const d = await openDevice('d', clock)
  const space = must(await a.manager.create(SPACE_TYPE, { name: 'home' })).id
  const admit = (by: Device, who: Device, role: Role) =>
    addPeer(by.manager, space, { device: who.signer.publicKey, name: who.name, role }).then(must)
  await admit(a, b, 'admin')
  await admit(a, d, 'writer')
  const child = must(await a.manager.create(KV_TYPE, { name: 'notes', parent: space })).id
  must(await makeIndependent(a.manager, child))
  const share = async (to: Device, from: Device) => {
    must(await to.manager.adopt(space))
    must(await to.manager.adopt(child))
    await pull(to, from, space)
    await pull(to, from, child)
    await to.manager.settled()
  }
  for (const device of [b, d]) await share(device, a)
  // In the child alone b may only write: it cannot carry over what it says in the space.
  must(await setRole(a.manager, child, b.signer.publicKey, 'writer'))
  await share(b, a)
  await admit(b, c, 'writer')
  must(await revokePeer(b.manager, space, d.signer.publicKey))
  const roleIn = (at: Device, who: Device) => {
    const peer = storeOf(at, child).access.peer(who.signer.publicKey)
    return peer && `${peer.name} ${peer.role} ${peer.status}`
  }
  expect([c, d].map((who) => roleIn(b, who))).toEqual([undefined, 'd writer active'])

  await pull(a, b, space)
  await a.manager.settled()
  expect([c, d].map((who) => roleIn(a, who))).toEqual(['c writer active', 'd writer revoked'])
  // What was decided for the child alone stands: the space has not spoken of b since.
  expect(roleIn(a, b)).toBe('b writer active')

  const { count } = storeOf(a, child).dag
  await restart(a, clock)
  await pull(a, b, space)
  must(await storeOf(a, space).submit(() => undefined))
  await a.manager.settled()
  expect(storeOf(a, child).dag.count).toBe(count)
  for (const device of [b, c]) await share(device, a)
  expect(stateOf(c, child)).toEqual(stateOf(a, child))
  expect([a, b, c].flatMap(({ errors }) => errors)).toEqual([])
})

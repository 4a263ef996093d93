/** A device that is revoked learns it, from whoever is there to tell, and is given nothing else. */
import { create, toBinary } from '@bufbuild/protobuf'
import { afterEach, beforeEach, expect, test } from 'vitest'
import { PushMessageSchema } from '#proto/wire'
import { UniversalOpSchema } from '#proto/intention'
import { Role } from '#proto/system'
import { bytesToHex, type StoreId } from '#kernel/core/bytes.ts'
import { msToHlc } from '#kernel/core/hlc.ts'
import { signIntention } from '#kernel/core/intention.ts'
import { systemOp } from '#kernel/state/system-op.ts'
import { addPeer, makeIndependent, revokePeer, setRole } from '#kernel/store/admin.ts'
import { must } from '#kernel/store/testkit.ts'
import { FrameReader, FrameWriter } from './framing.ts'
import { PUSH_PROTOCOL } from './gossip/outbox.ts'
import { decodePush } from './messages.ts'
import { isConverged, isLevel } from './sim/checkers.ts'
import type { SimNode } from './sim/device.ts'
import { World } from './sim/world.ts'

let world: World
let space: StoreId
let [folder, own] = [] as unknown as [StoreId, StoreId]
let [a, b, c] = [] as unknown as [SimNode, SimNode, SimNode]

beforeEach(async () => {
  world = new World({ seed: 31, nodes: 3 })
  const founded = await world.foundSpace(['core:kv', 'core:log'], false)
  space = founded.space
  ;[folder, own] = founded.children as [StoreId, StoreId]
  ;[a, b, c] = world.nodes as [SimNode, SimNode, SimNode]
  // Known to c as a writer only, so that its later words as an admin need proof.
  await act(setRole(a.manager, space, b.signer.publicKey, 'writer'))
  await act(makeIndependent(a.manager, own))
  await until(() => [space, folder, own].every((id) => isConverged(world, id) && isLevel(world, id)))
})
afterEach(async () => {
  expect(world.errors).toEqual([])
  await world.dispose()
})

const act = async (work: ReturnType<typeof revokePeer>): Promise<void> => must(await world.finish(work))
const until = async (isDone: () => boolean): Promise<void> => expect(await world.timers.run(60_000, isDone)).toBe(true)
const keyOf = ({ signer }: SimNode) => signer.publicKey
const revoke = (by: SimNode, whom: SimNode): Promise<void> => act(revokePeer(by.manager, space, keyOf(whom)))
const removalOf = (node: SimNode, id: StoreId) => node.engine.removalOf(node.store(id)!)
const counts = (node: SimNode): number[] => [space, folder, own].map((id) => node.store(id)!.dag.count)

test('who is connected is told at once, of the space and of what lists its own peers, and gets nothing more', async () => {
  const before = counts(c)
  await revoke(a, c)
  await until(() => [space, folder, own].every((id) => removalOf(c, id) !== undefined))
  expect(removalOf(c, folder)).toMatchObject({ storeId: space, by: keyOf(a) })
  expect(removalOf(c, own)).toMatchObject({ storeId: own, by: keyOf(a) })
  for (const id of [folder, own]) await a.write(id, world.timers.random)
  await world.timers.run(20_000)
  expect(counts(c)).toEqual(before)
  // Its own rights as its log tells them are what they were: nothing of what it wrote is undone there.
  expect(c.store(folder)!.access.mayWrite(keyOf(c))).toBe(true)
  expect(c.engine.isLevel(folder)).toBe(false)
  expect(a.engine.isLevel(folder) && b.engine.isLevel(folder)).toBe(true)
})

test('who was away is told by any member, remembers it, and other spaces go on', async () => {
  const other = must(await world.finish(a.manager.create('core:kv', { name: 'other' })))
  await act(addPeer(a.manager, other.id, { device: keyOf(c), name: 'c', role: 'writer' }))
  must(await world.finish(c.manager.adopt(other.id)))
  await until(() => c.store(other.id)!.access.mayWrite(keyOf(c)))
  c.crash()
  await revoke(a, c)
  await until(() => !b.store(own)!.access.mayRead(keyOf(c)))
  a.crash()
  await world.finish(c.start())
  await until(() => removalOf(c, folder) !== undefined && removalOf(c, own) !== undefined)
  c.crash()
  b.crash()
  await world.finish(c.start())
  expect(removalOf(c, folder)).toMatchObject({ by: keyOf(a), byName: 'a' })
  expect(removalOf(c, other.id)).toBeUndefined()
  await world.finish(a.start())
  await until(() => isConverged(world, other.id) && c.engine.isLevel(other.id))
  await c.write(other.id, world.timers.random)
  await until(() => isConverged(world, other.id))
})

test('an admin that the device does not know as one is believed for the grant that comes along', async () => {
  c.crash()
  for (const id of [space, own]) await act(setRole(a.manager, id, keyOf(b), 'admin'))
  await until(() => b.store(own)!.access.mayAdminister(keyOf(b)) && b.store(space)!.access.mayAdminister(keyOf(b)))
  a.crash()
  await revoke(b, c)
  expect(b.store(space)!.access.lastWordAbout(keyOf(c))!.grants).toHaveLength(1)
  await world.finish(c.start())
  const before = counts(c)
  await until(() => removalOf(c, space) !== undefined && removalOf(c, own) !== undefined)
  expect(removalOf(c, space)).toMatchObject({ by: keyOf(b) })
  expect(counts(c)).toEqual(before)
})

test('who is let in again takes part again; older words of its revocation are void', async () => {
  await revoke(a, c)
  await until(() => removalOf(c, own) !== undefined)
  b.crash()
  await act(addPeer(a.manager, space, { device: keyOf(c), name: 'c', role: 'writer' }))
  await world.finish(c.engine.readmitted(space))
  await world.finish(b.start())
  await until(() => [space, folder, own].every((id) => isConverged(world, id) && isLevel(world, id)))
  for (const id of [space, folder, own]) expect(removalOf(c, id)).toBeUndefined()
  await c.write(folder, world.timers.random)
  await until(() => isConverged(world, folder))
})

test('who asks again is told again, until the grant is there', async () => {
  await revoke(a, c)
  await until(() => removalOf(c, folder) !== undefined)
  await world.timers.run(20_000) // nothing is on its way any more
  await world.finish(c.engine.askAgain(c.store(folder)!))
  expect(removalOf(c, folder)).toBeUndefined()
  await until(() => removalOf(c, folder) !== undefined)
  await act(addPeer(a.manager, space, { device: keyOf(c), name: 'c', role: 'writer' }))
  await until(() => b.store(folder)!.access.mayRead(keyOf(c)))
  await world.finish(c.engine.askAgain(c.store(folder)!))
  await until(() => isConverged(world, folder) && isLevel(world, folder))
  expect(removalOf(c, folder)).toBeUndefined()
})

test('a word that is lost with the stream is told again, on the same connection', async () => {
  c.crash()
  b.crash()
  await revoke(a, c)
  // c’s end of the connection, which loses all that comes on the first stream.
  const transport = world.network.join(keyOf(c))
  const heard = new Set<string>()
  let [streams, ends] = [0, 0]
  transport.on('disconnected', () => void ends++)
  transport.handle(PUSH_PROTOCOL, { maxPerPeer: 2 }, async (stream) => {
    if (++streams === 1) return stream.abort('lost')
    const reader = new FrameReader(stream)
    while (heard.size < 2) {
      const leg = must(decodePush(must(await reader.next())!))
      if (leg.case === 'rights') heard.add(bytesToHex(leg.value.storeId))
    }
  })
  must(await world.finish(transport.connect(keyOf(a), a.running!.transport.addresses())))
  await until(() => heard.size === 2)
  expect([...heard].sort()).toEqual([space, own].map(bytesToHex).sort())
  expect(ends).toBe(0)
  world.network.leave(transport)
})

test('who is given rights again by an admin is told so, also after both were away', async () => {
  await revoke(a, c)
  await until(() => removalOf(c, own) !== undefined)
  c.crash()
  b.crash()
  await act(addPeer(a.manager, space, { device: keyOf(c), name: 'c', role: 'reader' }))
  await world.finish(c.start())
  a.engine.wake()
  await until(() => counts(c).join() === counts(a).join())
  // b has not heard of it yet: what it knows is older.
  await world.finish(b.start())
  await until(() => [space, folder, own].every((id) => isConverged(world, id) && isLevel(world, id)))
  for (const id of [space, folder, own]) expect(removalOf(c, id)).toBeUndefined()
})

test('nobody is sent away by what is not a revocation of his by an admin of the store', async () => {
  const signed = (by: SimNode, storeId: StoreId, op: Parameters<typeof systemOp>[0]): Uint8Array => {
    const ops = toBinary(UniversalOpSchema, create(UniversalOpSchema, { op: { case: 'system', value: systemOp(op) } }))
    const draft = { storeId, seq: 99, prev: space, deps: [], hlc: msToHlc(2_000_000_000_000), ops }
    return must(signIntention(draft, by.signer)).bytes
  }
  const revocation = { case: 'peerRevoke' as const, value: { device: keyOf(c) } }
  const grant = { case: 'setRole' as const, value: { device: keyOf(b), role: Role.ADMIN } }
  const byAdmin = signed(a, space, revocation)
  const broken = byAdmin.slice()
  broken[broken.length - 1]! ^= 1
  const attempts: readonly (readonly [string, Uint8Array, readonly Uint8Array[]])[] = [
    ['unproven-word', signed(b, space, revocation), []],
    ['unproven-word', signed(b, space, revocation), [signed(b, space, grant)]],
    [
      'bad-word',
      signed(b, space, revocation),
      [signed(a, space, { ...grant, value: { ...grant.value, role: Role.WRITER } })],
    ],
    ['bad-word', signed(a, folder, revocation), []],
    ['bad-word', signed(a, space, { ...revocation, value: { device: keyOf(b) } }), []],
    ['bad-word', signed(a, space, { case: 'setName', value: { name: 'x' } }), []],
    ['bad-word', broken, []],
    ['bad-word', new Uint8Array(100), []],
    ['bad-word', byAdmin, Array.from({ length: 9 }, () => signed(a, space, grant))],
  ]
  for (const [kind, word, grants] of attempts)
    expect(c.store(space)!.checkLastWord({ word, grants })).toMatchObject({ ok: false, error: { kind } })
  expect(c.store(folder)!.checkLastWord({ word: byAdmin, grants: [] })).toEqual({ ok: true, value: undefined })
  expect(c.store(space)!.checkLastWord({ word: byAdmin, grants: [] })).toMatchObject({ value: { by: keyOf(a) } })
  expect(
    c.store(space)!.checkLastWord({ word: signed(b, space, revocation), grants: [signed(a, space, grant)] }),
  ).toMatchObject({ value: { by: keyOf(b), isRevoked: true } })
  const stream = must(await world.finish(b.running!.transport.open(keyOf(c), PUSH_PROTOCOL)))
  const writer = new FrameWriter(stream)
  for (const [, word, grants] of attempts.slice(0, 5)) {
    const value = { storeId: space, word, grants: [...grants] }
    const message = create(PushMessageSchema, { message: { case: 'rights', value } })
    await world.finish(writer.write(toBinary(PushMessageSchema, message)).catch(() => undefined))
  }
  await world.timers.run(500)
  expect(removalOf(c, space)).toBeUndefined()
  // Each is a misdeed; so many end the connection.
  expect(c.engine.counters.disconnected).toBe(1)
})

/** A restored backup reuses sequence numbers: vectors agree, sets do not. */
import { describe, expect, test } from 'vitest'
import { bytesToHex, type Hash } from '#kernel/core/bytes.ts'
import { KERNEL_TABLES } from '#kernel/store/tables.ts'
import { exportLog, must, openDevice, pull, storeOf, TestClock } from '#kernel/store/testkit.ts'
import { MemoryDisk } from '#kernel/storage/memory.ts'
import { VirtualTimers } from '../sim/clock.ts'
import { addMember } from '../sim/members.ts'
import { MemoryNetwork } from '../transport/memory/network.ts'
import { chainsBetween, type Standing } from './machine.ts'
import { answerSession, openSession, SESSION_PROTOCOL, type SessionOutcome } from './run.ts'

const standing = (vector: Record<string, number> | undefined, reconcile = false): Standing => ({
  count: 1,
  fingerprint: new Uint8Array(32),
  vector:
    vector && new Map(Object.entries(vector).map(([key, seq]) => [bytesToHex(Uint8Array.of(key.charCodeAt(0))), seq])),
  reconcile,
})
const key = (name: string) => bytesToHex(Uint8Array.of(name.charCodeAt(0)) as Hash)

describe('what two vectors show', () => {
  test.each([
    ['equal vectors of different sets', standing({ a: 3 }), standing({ a: 3 })],
    ['a vector that was not told', standing({ a: 3 }), standing(undefined)],
    ['a side that distrusts vectors', standing({ a: 3 }), standing({ a: 4 }, true)],
  ])('nothing sure: %s', (_, mine, theirs) => {
    expect(chainsBetween(mine, theirs)).toBeUndefined()
    expect(chainsBetween(theirs, mine)).toBeUndefined()
  })

  test('exactly the ranges that each side lacks', () => {
    const [mine, theirs] = [standing({ a: 5, b: 2 }), standing({ a: 3, c: 4 })]
    expect(chainsBetween(mine, theirs)).toEqual({
      owed: new Map([
        [key('a'), [4, 5]],
        [key('b'), [1, 2]],
      ]),
      due: 4,
    })
    expect(chainsBetween(theirs, mine)).toEqual({ owed: new Map([[key('c'), [1, 4]]]), due: 4 })
  })
})

test('two peers that each know one branch of a forked device come level', async () => {
  const clock = new TestClock()
  const timers = new VirtualTimers(5)
  const disk = new MemoryDisk(KERNEL_TABLES)
  const forked = await openDevice('forked', clock, disk.open())
  const store = must(await forked.manager.create('core:log', { name: 'log' }))
  const [b, c] = [await openDevice('b', clock), await openDevice('c', clock)]
  for (const { signer, name } of [b, c]) await addMember(store, signer.publicKey, name)
  const restored = await openDevice('forked', clock, disk.clone().open())
  for (const device of [forked, restored]) must(await storeOf(device, store.id).submit(() => ({ merge: true })))
  for (const device of [b, c]) must(await device.manager.adopt(store.id))
  await pull(b, forked, store.id)
  await pull(c, restored, store.id)
  expect(storeOf(b, store.id).dag.vector()).toEqual(storeOf(c, store.id).dag.vector())

  const network = new MemoryNetwork({ timers })
  const [from, to] = [network.join(b.signer.publicKey), network.join(c.signer.publicKey)]
  to.handle(SESSION_PROTOCOL, { maxPerPeer: 1 }, async (stream) => {
    const lookup = () => ({ store: storeOf(c, store.id), serves: true, reconcile: false })
    await answerSession(stream, { timers, lookup })
  })
  const connecting = from.connect(c.signer.publicKey, to.addresses())
  await timers.run(10)
  must(await connecting)
  const stream = must(await from.open(c.signer.publicKey, SESSION_PROTOCOL))
  let outcome: SessionOutcome | undefined
  void openSession(stream, storeOf(b, store.id), { timers, serves: true }).then((done) => (outcome = done))
  await timers.run(10_000, () => outcome !== undefined)
  expect(outcome).toMatchObject({ error: undefined, level: true, tally: { sent: 1, witnessed: 1 } })
  expect(exportLog(storeOf(c, store.id).dag)).toHaveLength(exportLog(storeOf(b, store.id).dag).length)
  expect(storeOf(b, store.id).dag.forkedAuthors().size).toBe(1)
})

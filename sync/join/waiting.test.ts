import { afterEach, beforeEach, expect, test } from 'vitest'
import { must, openDevice, testSigner, TestClock, type Device } from '#kernel/store/testkit.ts'
import { VirtualTimers } from '../sim/clock.ts'
import { hashSecret } from './link.ts'
import { refuse } from './protocol.ts'
import { WaitingRoom, type Asked } from './waiting.ts'

const HOUR_MS = 3_600_000
const ROUND = new Uint8Array(32).fill(7)

let host: Device
let asked: Asked
let timers: VirtualTimers
let room: WaitingRoom
let expiresMs: number

beforeEach(async () => {
  host = await openDevice('host', new TestClock())
  asked = {
    device: testSigner('guest').publicKey,
    deviceName: 'guest',
    address: '/ip4/10.0.0.2/tcp/4001',
    store: must(await host.manager.create('core:kv', { name: 'ours' })),
    invite: hashSecret(new Uint8Array(32)),
    role: 'writer',
    words: ['one', 'two', 'three', 'four'],
  }
  timers = new VirtualTimers(1)
  room = new WaitingRoom(timers, () => undefined)
  expiresMs = timers.nowMs() + HOUR_MS
})
afterEach(async () => {
  await host.manager[Symbol.asyncDispose]()
  await host.backend[Symbol.asyncDispose]()
})

test('whoever waits on over another stream is not gone with the one before, however that ended', async () => {
  for (const gaveUp of [false, true]) {
    const { ticket } = room.enter(asked, ROUND, expiresMs)!
    const again = room.resume(asked, ROUND, expiresMs)!
    expect(again.join).toEqual(ticket.join)
    expect(await ticket.answered).toBeUndefined()
    room.leave(ticket, gaveUp)
    await timers.run(120_000)
    expect(room.list()).toEqual([again.join])
    room.settle(again.join.id, refuse('join-refused'))
    expect(await again.answered).toEqual(refuse('join-refused'))
  }
})

test('a round is gone on in by its device and with its invite alone, and not after the words were said to differ', () => {
  const { ticket } = room.enter(asked, ROUND, expiresMs)!
  expect(room.resume({ ...asked, device: testSigner('other').publicKey }, ROUND, expiresMs)).toBeUndefined()
  expect(room.resume({ ...asked, invite: hashSecret(ROUND) }, ROUND, expiresMs)).toBeUndefined()
  expect(room.resume(asked, new Uint8Array(32), expiresMs)).toBeUndefined()
  room.differ(ticket.join.id)
  expect(room.resume(asked, ROUND, expiresMs)).toBeUndefined()
})

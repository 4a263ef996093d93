import { expect, test } from 'vitest'
import type { MessageInitShape } from '@bufbuild/protobuf'
import type { PeerInfoSchema } from '#proto/peer_api'
import { must } from '#kernel/store/testkit.ts'
import { Changes } from './dirty.ts'
import { eventService, type Observed } from './events.ts'

const device = new Uint8Array(32).fill(1)

const open = () => {
  const changes = new Changes()
  const state = { peer: { device, name: 'ben', connected: true, lastSeenMs: 1n }, waits: ['a'], folderReads: 0 }
  const observed: Observed = {
    changes,
    status: () => ({ name: 'anna' }),
    settings: () => ({}),
    conflicts: () => [],
    notices: () => [],
    touches: () => 0,
    touched: () => undefined,
    folders: () => (state.folderReads++, []),
    peers: (): MessageInitShape<typeof PeerInfoSchema>[] => [state.peer],
    invites: () => [{ target: 'notes', approval: true }],
    joins: () => state.waits.map((id) => ({ id })),
    traffic: () => ({ bytesSent: 1n, bytesReceived: 2n }),
  }
  const stop = new AbortController()
  const stream = eventService(observed, stop.signal).watch({ $typeName: 'lattice.v1.WatchRequest' }, stop.signal)
  const events = stream[Symbol.asyncIterator]()
  const next = async () => {
    const { value, done } = await events.next()
    if (done) throw new Error('the stream of events ended')
    return must(value).event
  }
  return { changes, state, stop, next }
}

test('the snapshot holds the invites and who waits to be let in', async () => {
  const { next, stop } = open()
  expect(await next()).toMatchObject({
    case: 'snapshot',
    value: { invites: [{ target: 'notes', approval: true }], pendingJoins: [{ id: 'a' }], peers: [{ name: 'ben' }] },
  })
  stop.abort()
})

test('invites and waiting devices are told as they are now', async () => {
  const { changes, state, next, stop } = open()
  await next()
  state.waits = ['a', 'b']
  changes.notify('joins')
  changes.notify('invites')
  expect(await next()).toEqual({ case: 'pendingJoins', value: { joins: [{ id: 'a' }, { id: 'b' }] } })
  expect(await next()).toMatchObject({ case: 'invites', value: { invites: [{ target: 'notes' }] } })
  stop.abort()
})

test('a peer is told when it changed, and not because it was looked at again', async () => {
  const { changes, state, next, stop } = open()
  await next()
  state.peer = { ...state.peer, lastSeenMs: 2n } // still connected
  for (const key of ['level', 'peers', `peer/${'01'.repeat(32)}`]) changes.notify(key)
  changes.notify('traffic')
  expect(await next()).toMatchObject({ case: 'traffic' })
  state.peer = { ...state.peer, connected: false, lastSeenMs: 3n }
  changes.notify('level')
  changes.notify('peers')
  changes.notify('joins')
  expect(await next()).toMatchObject({ case: 'peer', value: { connected: false, lastSeenMs: 3n } })
  expect(await next()).toMatchObject({ case: 'pendingJoins' })
  expect(state.folderReads).toBe(0)
  stop.abort()
})

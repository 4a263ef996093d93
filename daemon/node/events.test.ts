import { create } from '@bufbuild/protobuf'
import { expect, test } from 'vitest'
import { NoticeKind, WatchRequestSchema, type WatchResponseSchema } from '#proto/event_api'
import type { MessageInitShape } from '@bufbuild/protobuf'
import { Touched } from '#fs-bridge/folder/touched.ts'
import { Changes } from './dirty.ts'
import { eventService, type Observed } from './events.ts'
import { NoticeBoard } from './notices.ts'

type Told = MessageInitShape<typeof WatchResponseSchema>

const idOf = (n: number): Uint8Array => new Uint8Array(32).fill(n)
const keyOf = (n: number): string => n.toString(16).padStart(2, '0').repeat(32)

/** A node of which nothing is real but its changes and notices. */
const open = (conflicts: number) => {
  const changes = new Changes()
  const notices = new NoticeBoard(changes, () => 0)
  const standing = new Map(Array.from({ length: conflicts }, (_, i) => [i, [{ id: `${i}` }]]))
  let touches = 0
  const touched = new Touched(() => ++touches)
  touched.directory('before')
  const observed: Observed = {
    changes,
    touches: () => touches,
    touched: (_, time) => touched.since(time),
    status: () => ({}),
    settings: () => ({}),
    invites: () => [],
    joins: () => [],
    folders: () => [{ storeId: idOf(0) }],
    peers: () => [],
    conflicts: () => [...standing].map(([n, all]) => ({ storeId: idOf(n), conflicts: all })),
    notices: () => notices.list(),
    traffic: () => ({ bytesSent: 0n, bytesReceived: 0n }),
  }
  const stop = new AbortController()
  const stream = eventService(observed, stop.signal)
    .watch(create(WatchRequestSchema), stop.signal)
    [Symbol.asyncIterator]()
  const next = async (): Promise<Told['event']> => {
    const reply = (await stream.next()).value as { ok: true; value: Told }
    return reply.value.event
  }
  return { changes, notices, standing, touched, next, stop: () => stop.abort() }
}

test('what stands is in the snapshot, what is new is told once', async () => {
  const { notices, next, stop } = open(0)
  const add = (message: string) => notices.add({ kind: NoticeKind.JOINED, message })
  add('before')
  const first = await next()
  expect(first?.case === 'snapshot' && first.value.notices?.map(({ message }) => message)).toEqual(['before'])
  add('one')
  add('two')
  const told = [await next(), await next()]
  add('three')
  told.push(await next())
  expect(told.map((event) => event?.case === 'notice' && event.value.message)).toEqual(['one', 'two', 'three'])
  stop()
})

test('the conflicts of a folder are told as they are, also when there are none any more', async () => {
  const { changes, standing, next, stop } = open(1)
  const first = await next()
  expect(first?.case === 'snapshot' && first.value.conflicts).toEqual([{ storeId: idOf(0), conflicts: [{ id: '0' }] }])
  standing.delete(0)
  changes.notify(`conflicts/${keyOf(0)}`)
  expect(await next()).toEqual({ case: 'conflicts', value: { storeId: idOf(0) } })
  stop()
})

test('what a snapshot cannot hold follows it', async () => {
  const { next, stop } = open(6)
  const first = await next()
  expect(first?.case === 'snapshot' && first.value.conflicts).toHaveLength(4)
  const rest = [await next(), await next()]
  expect(rest).toEqual(
    [4, 5].map((n) => ({ case: 'conflicts', value: { storeId: idOf(n), conflicts: [{ id: `${n}` }] } })),
  )
  stop()
})

test('a change that is none of a folder removes none', async () => {
  const { changes, next, stop } = open(0)
  await next()
  for (const key of ['level', 'members', 'traffic']) changes.notify(key)
  expect(await next()).toMatchObject({ case: 'traffic' })
  stop()
})

test('after a folder it is told where something was touched since it was told last', async () => {
  const { changes, touched, next, stop } = open(0)
  const toldOf = async (...directories: string[]) => {
    for (const directory of directories) touched.directory(directory)
    changes.notify(`folder/${keyOf(0)}`)
    const told = [await next()]
    if (directories.length > 0) told.push(await next())
    return told.map((event) => (event?.case === 'touched' ? event.value.directories : event?.case))
  }
  expect((await next())?.case).toBe('snapshot')
  expect(await toldOf('a', 'b/c')).toEqual(['folder', ['a', 'b/c']])
  expect(await toldOf()).toEqual(['folder'])
  expect(await toldOf('a')).toEqual(['folder', ['a']])
  stop()
})

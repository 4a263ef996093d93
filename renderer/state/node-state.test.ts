/** Snapshot, deltas and gaps: what the interface knows follows from what the node said, and from nothing else. */
import { create, type MessageInitShape } from '@bufbuild/protobuf'
import { expect, test } from 'vitest'
import { WatchResponseSchema, type WatchResponse } from '#proto/event_api'
import { FolderState } from '#proto/folder_api'
import { initialState, loseLink, takeEvent, type NodeState } from './node-state.ts'

const id = (byte: number): Uint8Array => new Uint8Array(32).fill(byte)
const hex = (byte: number): string => byte.toString(16).padStart(2, '0').repeat(32)

const message = (sequence: bigint, event: MessageInitShape<typeof WatchResponseSchema>['event']): WatchResponse =>
  create(WatchResponseSchema, { sequence, event })

const snapshot = (sequence: bigint): WatchResponse =>
  message(sequence, {
    case: 'snapshot',
    value: {
      status: { name: 'laptop', folders: [{ storeId: id(1), name: 'Notes', state: FolderState.IDLE }] },
      peers: [{ device: id(9), name: 'laptop', self: true }],
      conflicts: [{ storeId: id(1), conflicts: [{ id: 'c', path: 'a.txt' }] }],
    },
  })

const run = (...messages: readonly WatchResponse[]): NodeState | undefined =>
  messages.reduce<NodeState | undefined>((state, next) => state && takeEvent(state, next), initialState)

const folder = (sequence: bigint, byte: number, state: FolderState): WatchResponse =>
  message(sequence, { case: 'folder', value: { storeId: id(byte), state } })

test('a snapshot makes the state live', () => {
  const state = run(snapshot(1n))
  expect(state?.link).toEqual({ at: 'live' })
  expect(state?.facts?.folders.get(hex(1))?.name).toBe('Notes')
  expect(state?.facts?.peers.get(hex(9))?.self).toBe(true)
})

test('a folder that changed replaces what was known of it; a new one is added; a removed one goes with its conflicts', () => {
  const state = run(
    snapshot(1n),
    folder(2n, 1, FolderState.SYNCING),
    folder(3n, 2, FolderState.SCANNING),
    message(4n, { case: 'folderRemoved', value: id(1) }),
  )
  expect([...(state?.facts?.folders ?? [])].map(([key, value]) => [key, value.state])).toEqual([
    [hex(2), FolderState.SCANNING],
  ])
  expect(state?.facts?.conflicts.size).toBe(0)
  expect(state?.facts?.sequence).toBe(4n)
})

test('the conflicts of a folder that has none any more are forgotten', () => {
  const state = run(snapshot(1n), message(2n, { case: 'conflicts', value: { storeId: id(1), conflicts: [] } }))
  expect(state?.facts?.conflicts.size).toBe(0)
})

test('notices are kept to the latest hundred', () => {
  const notices = Array.from({ length: 105 }, (_, at) =>
    message(BigInt(at + 2), { case: 'notice', value: { id: BigInt(at) } }),
  )
  const kept = run(snapshot(1n), ...notices)?.facts?.notices
  expect(kept?.length).toBe(100)
  expect(kept?.at(-1)?.id).toBe(104n)
})

test.each([3n, 1n, 0n])('message %d after message 1 is a gap', (sequence) => {
  expect(run(snapshot(1n), folder(sequence, 1, FolderState.IDLE))).toBeUndefined()
})

test('an event before any snapshot is a gap', () => {
  expect(run(folder(1n, 1, FolderState.IDLE))).toBeUndefined()
})

test('a snapshot in the middle of a stream starts the count anew', () => {
  const state = run(snapshot(1n), snapshot(7n), folder(8n, 1, FolderState.PAUSED))
  expect(state?.facts?.folders.get(hex(1))?.state).toBe(FolderState.PAUSED)
})

test('a lost link keeps what was known, counts attempts, and takes nothing but a snapshot', () => {
  const why = { kind: 'unavailable', sentence: 'gone' }
  const live = run(snapshot(1n))!
  const lost = loseLink(loseLink(live, why), why)
  expect(lost.link).toEqual({ at: 'lost', why, attempts: 2 })
  expect(lost.facts).toBe(live.facts)
  expect(takeEvent(lost, folder(2n, 1, FolderState.PAUSED))).toBeUndefined()
  expect(takeEvent(lost, snapshot(1n))?.link).toEqual({ at: 'live' })
})

test('an event of a kind we do not know changes nothing but the count', () => {
  const state = run(snapshot(1n), message(2n, { case: undefined }))
  expect(state?.facts?.sequence).toBe(2n)
  expect(state?.facts?.folders.size).toBe(1)
})

test('what was touched is what was told last; after a snapshot it may be anything', () => {
  const touched = (sequence: bigint, directory: string): WatchResponse =>
    message(sequence, { case: 'touched', value: { storeId: id(1), directories: [directory] } })
  const told = run(snapshot(1n), touched(2n, 'a'), touched(3n, 'b'), folder(4n, 1, FolderState.IDLE))
  expect(told?.facts?.touched?.directories).toEqual(['b'])
  expect(takeEvent(told!, snapshot(1n))?.facts?.touched).toBeUndefined()
})

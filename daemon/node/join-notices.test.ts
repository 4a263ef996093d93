import { expect, test } from 'vitest'
import { NoticeKind } from '#proto/event_api'
import { bytesToHex, parseHash, parsePublicKey } from '#kernel/core/bytes.ts'
import type { Store } from '#kernel/store/port.ts'
import { must } from '#kernel/store/testkit.ts'
import { FILESTORE_TYPE } from '#fs-bridge/filestore/machine.ts'
import type { JoinServerEvents } from '#sync/join/serve.ts'
import { announceJoins, type JoinNotice } from './join-notices.ts'

test('who asks to join and who has joined are told, of folders with the folder', () => {
  const id = must(parseHash(new Uint8Array(32).fill(2)))
  const device = must(parsePublicKey(new Uint8Array(32).fill(3)))
  const store = (type: string, name: string): Store => ({ id, type, name }) as Store
  const listeners: Partial<JoinServerEvents> = {}
  const told: JoinNotice[] = []
  const stop = announceJoins(
    {
      on: (event, listener) => {
        listeners[event] = listener
        return () => delete listeners[event]
      },
    },
    (notice) => told.push(notice),
  )
  const asked = {
    id: 'ab12',
    device,
    address: '',
    invite: id,
    role: 'writer',
    words: [],
    sinceMs: 1,
    differs: false,
  } as const
  listeners.requested?.({ ...asked, deviceName: 'ben', store: store(FILESTORE_TYPE, 'notes') })
  listeners.joined?.({ device, name: 'ben', store: store('core:space', 'home') })
  expect(told).toEqual([
    {
      kind: NoticeKind.JOIN_REQUEST,
      store: bytesToHex(id),
      deviceName: 'ben',
      about: 'ab12',
      message: 'a device that calls itself ben asks to join notes',
    },
    { kind: NoticeKind.JOINED, deviceName: 'ben', about: bytesToHex(device), message: 'ben has joined home' },
  ])
  stop()
  expect(listeners).toEqual({})
})

import { create } from '@bufbuild/protobuf'
import { expect, test } from 'vitest'
import { FolderSchema, FolderState } from '#proto/folder_api'
import { GetStatusResponseSchema } from '#proto/node_api'
import { ResolveConflictRequestSchema } from '#proto/conflict_api'
import { AddFolderResponseSchema } from '#proto/folder_api'
import { plainMessage } from './plain.ts'

test('a status is the JSON that the documentation shows', () => {
  const status = create(GetStatusResponseSchema, {
    device: new Uint8Array([0xab, 0xcd]),
    home: '/h',
    peersConnected: 1,
    bytesSent: 12n,
    folders: [create(FolderSchema, { name: 'n', path: '/p', state: FolderState.IDLE, files: 3n, bytes: 2n ** 40n })],
  })
  expect(plainMessage(GetStatusResponseSchema, status)).toMatchObject({
    device: 'abcd',
    home: '/h',
    peersConnected: 1,
    bytesSent: 12,
    bytesReceived: 0,
    folders: [
      { name: 'n', path: '/p', state: 'idle', files: 3, bytes: 2 ** 40, pendingIn: 0, pendingOut: 0, conflicts: 0 },
    ],
  })
})

test('an unset message is null; of a oneof only what is set appears', () => {
  expect(plainMessage(AddFolderResponseSchema, create(AddFolderResponseSchema))).toEqual({ folder: null })
  const request = create(ResolveConflictRequestSchema, { id: 'x', resolution: { case: 'both', value: true } })
  expect(plainMessage(ResolveConflictRequestSchema, request)).toEqual({ id: 'x', both: true })
})

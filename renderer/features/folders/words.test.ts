/** The words for a folder follow from what the node says of it. */
import { expect, test } from 'vitest'
import { FolderState } from '#proto/folder_api'
import { shareHere, situationOf, timeLeftMs } from './words.ts'

const folder = { state: FolderState.IDLE, pendingIn: 0, pendingOut: 0, conflicts: 0 }

test.each([
  [{}, 'level', 'good'],
  [{ conflicts: 2 }, 'conflicts', 'warn'],
  [{ pendingOut: 1 }, 'sending', 'info'],
  [{ state: FolderState.SYNCING }, 'syncing', 'info'],
  [{ state: FolderState.SYNCING, pendingIn: 3 }, 'fetching', 'info'],
  [{ state: FolderState.SYNCING, pendingIn: 3, pendingOut: 1 }, 'both', 'info'],
  [{ state: FolderState.SYNCING, conflicts: 1 }, 'syncing', 'info'],
  [{ state: FolderState.SCANNING }, 'scanning', 'info'],
  [{ state: FolderState.PAUSED, pendingIn: 3 }, 'paused', 'neutral'],
  [{ state: FolderState.REVOKED, conflicts: 1 }, 'removed', 'warn'],
  [{ state: FolderState.ERROR, conflicts: 1 }, 'error', 'bad'],
  [{ state: FolderState.AVAILABLE }, 'available', 'neutral'],
])('%j is %s', (change, key, tone) => {
  expect(situationOf({ ...folder, ...change })).toMatchObject({ key, tone })
})

test('a share is told only while something is missing', () => {
  expect(shareHere({ bytes: 30n, bytesIn: 10n })).toBe(0.75)
  expect(shareHere({ bytes: 30n, bytesIn: 0n })).toBeUndefined()
})

test('time left needs something to come and a rate', () => {
  expect(timeLeftMs(5000n, 1000)).toBe(5000)
  expect(timeLeftMs(5000n, 0)).toBeUndefined()
  expect(timeLeftMs(0n, 1000)).toBeUndefined()
})

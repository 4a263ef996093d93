/** The walk that compares the whole tree with the disk, while the tree changes. */
import { renameSync, rmSync } from 'node:fs'
import { afterEach, beforeEach, expect, test, vi } from 'vitest'
import { bytesToHex } from '#kernel/core/bytes.ts'
import { IGNORE_FILE } from './ignore-rules.ts'
import { at, pairForEach, put, shown, within, type Device } from './testing.ts'

let a: Device
let b: Device

pairForEach({ beforeEach, afterEach }, (opened) => ({ a, b } = opened))

/** Longer than a turn of the walk. */
const TURN_MS = 12

const block = (): void => {
  for (const until = performance.now() + TURN_MS; performance.now() < until;);
}

/** B has everything of A's but `f`, which its rules leave out; then it stops, and the rules go. */
const leaveOut = async (): Promise<void> => {
  await a.open()
  put(b, IGNORE_FILE, 'f')
  await b.open()
  await Promise.all([a.folder.settled(within()), b.folder.settled(within())])
  await b.pull(a)
  await b.folder.settled(within())
  await b.folder.stop()
  rmSync(at(b, IGNORE_FILE))
}

test('rules that changed while nobody looked let in what they left out', async () => {
  put(a, 'dir/f', 'left out')
  await leaveOut()
  expect(shown(b)).toEqual({ 'dir/': '' })
  await b.open()
  await vi.waitFor(() => expect(shown(b)).toEqual({ 'dir/': '', 'dir/f': 'left out' }), { timeout: 8000 })
})

test('a directory that goes from where the walk has not been to where it has is not missed', async () => {
  put(a, 'a/dir/f', 'in a directory that moves')
  put(a, 'z/mark', '')
  // Walked between the two: time for the move to be heard of.
  for (let i = 0; i < 40; i++) put(a, `m/${i}`, '')
  await leaveOut()
  renameSync(at(a, 'a/dir'), at(a, 'z/dir'))
  await a.folder.settled(within())

  const mark = bytesToHex(b.tree.resolve('z/mark')!.inode)
  const range = b.backend.range.bind(b.backend)
  let moved: Promise<void> | undefined
  let isMoved = false
  vi.spyOn(b.backend, 'range').mockImplementation((table, wanted) => {
    const isMark = table === 'folder-place' && bytesToHex(wanted!.gte!).includes(mark)
    if (isMark) moved ??= b.pull(a).then(() => void (isMoved = true))
    if (moved && !isMoved) block()
    return range(table, wanted)
  })
  await b.open()
  await vi.waitFor(() => expect(shown(b)['z/dir/f']).toBe('in a directory that moves'), { timeout: 8000 })
  await b.folder.settled(within())
  expect(shown(b)['a/dir/']).toBeUndefined()
})

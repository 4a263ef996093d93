/** Two at once take turns, and a lock whose owner was killed is taken over. */
import { existsSync, mkdtempSync, rmSync, writeFileSync } from 'node:fs'
import { spawnSync } from 'node:child_process'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { afterEach, beforeEach, expect, test } from 'vitest'
import { withLock } from './lib/lock.mjs'

let directory: string
beforeEach(() => {
  directory = mkdtempSync(join(tmpdir(), 'lattice-lock-'))
})
afterEach(() => rmSync(directory, { recursive: true }))

test('work under one lock never overlaps, and the lock is gone afterwards', async () => {
  const path = join(directory, 'deep', 'lock')
  let inside = 0
  let most = 0
  const work = async (): Promise<void> => {
    most = Math.max(most, ++inside)
    await new Promise((resolve) => setImmediate(resolve))
    inside--
  }
  await Promise.all([1, 2, 3].map(() => withLock(path, work)))
  expect(most).toBe(1)
  expect(existsSync(path)).toBe(false)
})

test('a failure frees the lock and is passed on', async () => {
  const path = join(directory, 'lock')
  await expect(withLock(path, () => Promise.reject(new Error('no')))).rejects.toThrow('no')
  expect(existsSync(path)).toBe(false)
})

test('the lock of a process that is gone is taken over', async () => {
  const path = join(directory, 'lock')
  const { pid } = spawnSync(process.execPath, ['-e', ''])
  writeFileSync(path, String(pid))
  expect(await withLock(path, async () => 'done')).toBe('done')
})

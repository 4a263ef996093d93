import fs from 'node:fs'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { afterEach, beforeEach, expect, test } from 'vitest'
import { pruneTrash, trashAllowance, TRASH_BYTES_MAX } from './trash.ts'

const NOW = Date.parse('2026-03-31T12:00:00Z')
const KIB = 1024
let trash: string
const put = (path: string, kib = 4): void => {
  fs.mkdirSync(join(trash, path, '..'), { recursive: true })
  fs.writeFileSync(join(trash, path), Buffer.alloc(kib * KIB, 1))
}
const left = (): string[] => fs.readdirSync(trash).sort()
const prune = (allowance: number): Promise<void> => pruneTrash(trash, NOW, new AbortController().signal, allowance)

beforeEach(() => {
  trash = fs.mkdtempSync(join(tmpdir(), 'lattice-trash-'))
})
afterEach(() => fs.rmSync(trash, { recursive: true }))

test('days older than thirty go, whatever their size; what is not a day stays', async () => {
  for (const day of ['2026-02-28', '2026-03-01', '2026-03-31', 'notes']) put(`${day}/d/f`)
  await prune(Infinity)
  expect(left()).toEqual(['2026-03-01', '2026-03-31', 'notes'])
})

test('over the allowance the oldest go first, and of one day only as much as must', async () => {
  put('2026-03-20/f', 64)
  for (const name of ['a', 'b', 'c']) put(`2026-03-21/${name}`, 64)
  put('2026-03-22/f', 64)
  await prune(3 * 64 * KIB)
  expect(left()).toEqual(['2026-03-21', '2026-03-22'])
  expect(fs.readdirSync(join(trash, '2026-03-21'))).toHaveLength(2)
})

test('a tenth of the disk, at most 10 GiB', () => {
  expect(trashAllowance(1000)).toBe(100)
  expect(trashAllowance(1e15)).toBe(TRASH_BYTES_MAX)
})

test('no trash is no error', async () => {
  await pruneTrash(join(trash, 'none'), NOW, new AbortController().signal)
})

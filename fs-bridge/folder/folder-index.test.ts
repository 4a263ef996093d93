/** What the index answers from memory is what it would answer from the disk. */
import { mkdtempSync, rmSync } from 'node:fs'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import fc from 'fast-check'
import { afterEach, beforeEach, expect, test } from 'vitest'
import { openLmdb } from '#kernel/storage/lmdb.ts'
import type { StorageBackend } from '#kernel/storage/port.ts'
import type { Inode } from '../filestore/port.ts'
import { FolderIndex, ROOT_INODE } from './folder-index.ts'
import { FOLDER_TABLES, type Entry } from './index-codec.ts'

let home: string
let storage: StorageBackend
beforeEach(() => {
  home = mkdtempSync(join(tmpdir(), 'lattice-index-'))
  storage = openLmdb({ path: join(home, 'data'), tables: [...FOLDER_TABLES] })
})
afterEach(async () => {
  await storage[Symbol.asyncDispose]()
  rmSync(home, { recursive: true })
})

const entryOf = (ino: bigint, n: number): Entry => ({
  parent: ROOT_INODE,
  name: `f${n}`,
  visibleName: `f${n}`,
  inode: new Uint8Array(16).fill(n % 251, 0, 8).fill(1 + (n >> 8), 8) as Inode,
  slot: 0,
  kind: 'file',
  conflict: false,
  stat: { size: 1, mtimeNs: 1n, ctimeNs: 1n, birthNs: 1n, ino, mode: 0o644 },
  contentHead: undefined,
  linkHead: undefined,
  epoch: 1,
})

test('inode numbers that are expected are found as those that are not', async () => {
  const ino = fc.oneof(fc.bigInt(1n, 2_000n), fc.bigInt(65_000n, 66_000n), fc.bigInt(1n, 2n ** 64n - 1n))
  const inos = fc.uniqueArray(ino, { minLength: 20, maxLength: 200 })
  let folder = 0
  await fc.assert(
    fc.asyncProperty(inos, fc.nat(100), async (numbers, skipped) => {
      const index = new FolderIndex(storage, new Uint8Array(8).fill(++folder))
      numbers.forEach((number, n) => index.put(entryOf(number, n)))
      await index.flush()
      const names = (): string[][] => numbers.map((number) => index.byIno(number).map((entry) => entry.name))
      const expected = numbers.map((_, n) => [`f${n}`])
      expect(names()).toEqual(expected)
      index.expectInos(numbers.slice(skipped % numbers.length))
      expect(names()).toEqual(expected)
    }),
    { numRuns: 60 },
  )
})

test('an entry whose name another takes is displaced, and is what it was until something is said of it', async () => {
  const index = new FolderIndex(storage, new Uint8Array(8))
  const [first, second] = [entryOf(7n, 1), { ...entryOf(8n, 2), name: 'f1', visibleName: 'f1' }]
  index.put(first)
  index.put(second)
  await index.flush()
  expect(index.get(ROOT_INODE, 'f1')).toEqual(second)
  expect(index.displaced()).toMatchObject([{ inode: first.inode, stat: first.stat, visibleName: 'f1' }])
  expect(index.byIno(7n)).toEqual(index.displaced())
  expect(index.pathOf(index.displaced()[0]!)).toBeUndefined()
  index.delete(index.current(first)!)
  await index.flush()
  expect([index.displaced(), index.byIno(7n), index.totals.files]).toEqual([[], [], 1])
})

test('a crash in the middle of a flush leaves the totals of what is there', async () => {
  for (let writes = 0; writes < 5; writes++) {
    const folder = new Uint8Array(8).fill(100 + writes)
    let left = writes
    const dying: StorageBackend = {
      ...storage,
      get: (...args) => storage.get(...args),
      range: (...args) => storage.range(...args),
      write: (body) => (left-- > 0 ? storage.write(body) : Promise.reject(new Error('crashed'))),
    }
    const index = new FolderIndex(dying, folder)
    for (let n = 0; n < 2500; n++) index.put(entryOf(BigInt(n + 1), n))
    await index.flush({ cursor: 1 }).catch(() => undefined)
    const again = new FolderIndex(storage, folder)
    const { length } = again.children(ROOT_INODE)
    expect([length, again.totals]).toEqual([
      Math.min(1000 * writes - (writes > 0 ? 1000 : 0), 2500),
      { files: length, bytes: length },
    ])
  }
})

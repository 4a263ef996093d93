import fs from 'node:fs'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import fc from 'fast-check'
import { afterEach, beforeEach, expect, test } from 'vitest'
import type { StoreId } from '#kernel/core/bytes.ts'
import { openMemory } from '#kernel/storage/memory.ts'
import { FOLDER_TABLES } from './index-codec.ts'
import { anyMarkerIsHandled } from './marker.property.ts'
import { checkRoot, claimRoot, controlPaths, releaseRoot } from './marker.ts'

let base: string
beforeEach(() => {
  base = fs.mkdtempSync(join(fs.realpathSync(tmpdir()), 'lattice-marker-'))
  for (const dir of ['synced/inner', 'plain', 'home']) fs.mkdirSync(join(base, dir), { recursive: true })
  fs.writeFileSync(join(base, 'file'), '')
  fs.symlinkSync('plain', join(base, 'link'))
})
afterEach(() => fs.rmSync(base, { recursive: true, force: true }))

test.each([
  ['missing', 'folder-missing'],
  ['file', 'folder-not-a-directory'],
  ['file/below', 'folder-not-a-directory'],
  ['synced', 'folder-nested'],
  ['synced/inner', 'folder-nested'],
  ['', 'folder-nested'],
  ['home', 'folder-holds-home'],
  ['plain', undefined],
  ['link', undefined],
])('%s: %s', (path, kind) => {
  const checked = checkRoot(join(base, path), [join(base, 'synced')], join(base, 'home'))
  expect(checked.ok ? undefined : checked.error.kind).toBe(kind)
  if (checked.ok) expect(checked.value).toBe(join(base, 'plain'))
})

test('a folder keeps its index while its marker says so, and is refused without it', async () => {
  const backend = openMemory(FOLDER_TABLES)
  const mine = new Uint8Array(32).fill(1) as StoreId
  const paths = controlPaths(join(base, 'plain'))
  const claim = async (store = mine) => {
    const claimed = await claimRoot(paths, store, backend)
    return claimed.ok ? Buffer.from(claimed.value).toString('hex') : claimed.error.kind
  }
  const first = await claim()
  expect(await claim()).toBe(first)
  expect(await claim(new Uint8Array(32).fill(2) as StoreId)).toBe('folder-of-another-store')
  fs.rmSync(paths.marker)
  expect(await claim()).toBe('folder-marker-missing')
  await releaseRoot(paths.root, mine, backend)
  expect(await claim()).not.toBe(first)
})

test('a copy of a folder is another one', async () => {
  const backend = openMemory(FOLDER_TABLES)
  const mine = new Uint8Array(32).fill(1) as StoreId
  const first = await claimRoot(controlPaths(join(base, 'plain')), mine, backend)
  fs.cpSync(join(base, 'plain'), join(base, 'copy'), { recursive: true })
  const copy = await claimRoot(controlPaths(join(base, 'copy')), mine, backend)
  expect(first.ok && copy.ok && Buffer.from(first.value).equals(copy.value)).toBe(false)
})

test('any text is a marker or none', () => fc.assert(anyMarkerIsHandled, { numRuns: 300 }))

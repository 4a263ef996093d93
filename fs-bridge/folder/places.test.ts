import fs from 'node:fs'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { afterEach, beforeEach, expect, test } from 'vitest'
import { openMemory } from '#kernel/storage/memory.ts'
import type { Inode } from '../filestore/port.ts'
import { look } from './disk.ts'
import { FolderIndex, ROOT_INODE } from './folder-index.ts'
import { FOLDER_TABLES } from './index-codec.ts'
import { isInPlace } from './places.ts'

const DIR = new Uint8Array(16).fill(7) as Inode
let root: string
let index: FolderIndex

beforeEach(() => {
  root = fs.mkdtempSync(join(tmpdir(), 'lattice-places-'))
  fs.mkdirSync(join(root, 'd'))
  index = new FolderIndex(openMemory(FOLDER_TABLES), new Uint8Array(8))
  index.put({
    parent: ROOT_INODE,
    name: 'd',
    visibleName: 'd',
    inode: DIR,
    slot: 0,
    kind: 'dir',
    conflict: false,
    stat: look(join(root, 'd'))!,
    contentHead: undefined,
    linkHead: undefined,
    epoch: 1,
  })
})
afterEach(() => fs.rmSync(root, { recursive: true }))

test('a directory is in place while it has its name, whatever happens in it', () => {
  fs.writeFileSync(join(root, 'd/f'), 'x')
  expect(isInPlace(index, root, DIR)).toBe(true)
  expect(isInPlace(index, root, ROOT_INODE)).toBe(true)
})

test('it is not when it was renamed, even if another one has its name by now', () => {
  fs.renameSync(join(root, 'd'), join(root, 'e'))
  expect(isInPlace(index, root, DIR)).toBe(false)
  fs.mkdirSync(join(root, 'd'))
  expect(isInPlace(index, root, DIR)).toBe(false)
})

test('nor when a file has its name, or nobody knows it', () => {
  fs.rmdirSync(join(root, 'd'))
  fs.writeFileSync(join(root, 'd'), '')
  expect(isInPlace(index, root, DIR)).toBe(false)
  expect(isInPlace(index, root, new Uint8Array(16).fill(8) as Inode)).toBe(false)
})

import { mkdir, mkdtemp, rm, symlink, writeFile } from 'node:fs/promises'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { expect, test } from 'vitest'
import { treeBytes } from './storage-use.ts'

test('a tree is measured without following links, with an end to it, and may be missing', async () => {
  const root = await mkdtemp(join(tmpdir(), 'lattice-storage-'))
  await mkdir(join(root, 'a', 'b'), { recursive: true })
  await writeFile(join(root, 'a', 'one'), Buffer.alloc(1_000))
  await writeFile(join(root, 'a', 'b', 'two'), Buffer.alloc(234))
  await symlink(root, join(root, 'a', 'round'))
  expect(await treeBytes(root)).toBe(1_234)
  expect(await treeBytes(root, 2)).toBeLessThan(1_234)
  expect(await treeBytes(join(root, 'none'))).toBe(0)
  await rm(root, { recursive: true })
})

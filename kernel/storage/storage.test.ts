import { mkdtempSync, rmSync, truncateSync, writeFileSync } from 'node:fs'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { describe, expect, test } from 'vitest'
import { CONFORMANCE_TABLES, storageConformance } from './conformance.ts'
import { openLmdb } from './lmdb.ts'
import { MemoryDisk, openMemory } from './memory.ts'

const fresh = () => mkdtempSync(join(tmpdir(), 'lattice-storage-'))

let path = ''
storageConformance(
  'lmdb',
  () => openLmdb({ path: (path = fresh()), tables: CONFORMANCE_TABLES }),
  () => rmSync(path, { recursive: true }),
)
storageConformance('memory', () => openMemory(CONFORMANCE_TABLES))

const one = Uint8Array.of(1)

describe('lmdb', () => {
  test('what was committed is there after reopening, also to a reader that may not write', async () => {
    const dir = fresh()
    {
      await using backend = openLmdb({ path: dir, tables: ['a'] })
      await backend.write((tx) => tx.put('a', one, one))
      expect(backend.sizeBytes).toBeGreaterThan(0)
    }
    {
      await using backend = openLmdb({ path: dir, tables: ['a'], readOnly: true })
      expect(backend.get('a', one)).toEqual(one)
      await expect(backend.write((tx) => tx.put('a', one, one))).rejects.toThrow(/read only/)
    }
    rmSync(dir, { recursive: true })
  })

  test('files that are not a store are named as damaged', () => {
    const dir = fresh()
    writeFileSync(join(dir, 'data.mdb'), new Uint8Array(16_384).fill(0x5a))
    expect(() => openLmdb({ path: dir, tables: ['a'] })).toThrow(
      expect.objectContaining({ kind: 'store-corrupt', severity: 'corrupt' }),
    )
    rmSync(dir, { recursive: true })
  })

  test('a store that was cut off is named as damaged', async () => {
    const dir = fresh()
    const data = join(dir, 'data.mdb')
    {
      await using backend = openLmdb({ path: dir, tables: ['a'] })
      for (let round = 0; round < 5; round++)
        await backend.write((tx) => {
          for (let i = 0; i < 200; i++) tx.put('a', Uint8Array.of(round, i), new Uint8Array(1_000))
        })
    }
    truncateSync(data, 64 * 1024)
    expect(() => openLmdb({ path: dir, tables: ['a'] })).toThrow(expect.objectContaining({ kind: 'store-corrupt' }))
    rmSync(dir, { recursive: true })
  })

  test('a body of 5,000 keys is one quick commit', async () => {
    const dir = fresh()
    await using backend = openLmdb({ path: dir, tables: ['a'] })
    await backend.write((tx) => {
      for (let i = 0; i < 5_000; i++) tx.put('a', Uint8Array.of(i >> 8, i), new Uint8Array(100))
    })
    expect(backend.count('a')).toBe(5_000)
    rmSync(dir, { recursive: true })
  })
})

describe('memory disk', () => {
  test('a crash loses what was not committed and keeps the rest', async () => {
    const disk = new MemoryDisk(['a'])
    const commits: (() => void)[] = []
    const backend = disk.open({ defer: (commit) => commits.push(commit) })
    const first = backend.write((tx) => tx.put('a', one, one))
    await Promise.resolve()
    commits.shift()!()
    await first
    void backend.write((tx) => tx.put('a', Uint8Array.of(2), one))
    await Promise.resolve()
    expect(() => disk.open()).toThrow(expect.objectContaining({ kind: 'home-in-use' }))
    backend.crash()
    commits.shift()!()
    await using again = disk.open()
    expect([...again.range('a')]).toEqual([[one, one]])
  })

  test('a clone is a backup: it no longer follows', async () => {
    const disk = new MemoryDisk(['a'])
    await using backend = disk.open()
    await backend.write((tx) => tx.put('a', one, one))
    const copy = disk.clone()
    await backend.write((tx) => tx.delete('a', one))
    await using restored = copy.open()
    expect(restored.get('a', one)).toEqual(one)
    expect(backend.get('a', one)).toBeUndefined()
  })
})

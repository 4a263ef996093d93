/** What is left when a process dies, or the disk fills, in the middle of something. */
import { execFileSync } from 'node:child_process'
import { existsSync, mkdirSync, mkdtempSync, readdirSync, rmSync, utimesSync, writeFileSync } from 'node:fs'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { afterEach, beforeEach, describe, expect, test } from 'vitest'
import { bytesToHex, type Cid, type StoreId } from '../core/bytes.ts'
import { StorageError } from '../storage/errors.ts'
import { openLmdb } from '../storage/lmdb.ts'
import type { StorageBackend } from '../storage/port.ts'
import { Cas } from './cas.ts'
import { cidOf } from './digest.ts'
import { CAS_TABLES, FILES, IDLE } from './tables.ts'
import { noise } from './testing.ts'

const store = new Uint8Array(32).fill(7) as StoreId
const HOUR_MS = 3_600_000
let home: string
let storage: StorageBackend
let now: number
beforeEach(() => {
  home = mkdtempSync(join(tmpdir(), 'lattice-cas-'))
  storage = openLmdb({ path: join(home, 'db'), tables: CAS_TABLES })
  now = Date.now()
})
afterEach(async () => {
  await storage[Symbol.asyncDispose]()
  rmSync(home, { recursive: true })
})

const openCas = (over: StorageBackend = storage, at: string = home) =>
  new Cas({ storage: over, home: at, clock: { nowMs: () => now } })
const pathOf = (cid: Cid) => join(home, 'blobs', bytesToHex(store), bytesToHex(cid).slice(0, 2), bytesToHex(cid))
const chunkOf = (seed: number) => {
  const bytes = noise(seed, 100_000)
  return { cid: cidOf(bytes), bytes }
}

/** The process dies at the commit after `commits` more: nothing reaches the storage from then on. */
const dyingAfter = (commits: number): StorageBackend => ({
  get: (table, key) => storage.get(table, key),
  range: (table, range) => storage.range(table, range),
  count: (table, range) => storage.count(table, range),
  write: (body) =>
    commits-- > 0 ? storage.write(body) : Promise.reject(new StorageError('storage-io', 'the process is dead')),
  sizeBytes: 0,
  [Symbol.asyncDispose]: async () => undefined,
})

describe('a removal cut short', () => {
  const chunk = chunkOf(1)
  beforeEach(async () => {
    await openCas().write(store, [chunk])
    now += 2 * HOUR_MS
  })

  test('between unlink and unmark: the mark is cleared by the next collection', async () => {
    await expect(openCas(dyingAfter(1)).collect(HOUR_MS)).rejects.toThrow('dead')
    expect([existsSync(pathOf(chunk.cid)), storage.count(FILES), storage.count(IDLE)]).toEqual([false, 0, 1])
    const cas = openCas()
    expect(cas.has(store, chunk.cid)).toBe(false)
    await cas.collect(HOUR_MS)
    expect(storage.count(IDLE)).toBe(0)
  })

  test('between mark and unlink: the next collection unlinks', async () => {
    await expect(openCas(dyingAfter(1)).collect(HOUR_MS)).rejects.toThrow('dead')
    writeFileSync(pathOf(chunk.cid), chunk.bytes)
    await openCas().collect(HOUR_MS)
    expect([existsSync(pathOf(chunk.cid)), storage.count(IDLE)]).toEqual([false, 0])
  })

  test('a chunk that is written again meanwhile stays', async () => {
    await expect(openCas(dyingAfter(1)).collect(HOUR_MS)).rejects.toThrow('dead')
    const cas = openCas()
    await cas.write(store, [chunk])
    expect(await cas.collect(HOUR_MS)).toEqual({ chunks: 0, bytes: 0 })
    expect((await cas.read(store, chunk.cid)).ok).toBe(true)
  })
})

describe('files that nothing records', () => {
  const age = (path: string, hours: number) => utimesSync(path, now / 1000, (now - hours * HOUR_MS) / 1000)
  const sweepAll = async (cas: Cas) => {
    for (let call = 0; call < 33; call++) await cas.collect(HOUR_MS)
  }

  test('a crash between rename and record: removed after the grace period, not before', async () => {
    const chunk = chunkOf(1)
    expect(await openCas(dyingAfter(0)).write(store, [chunk])).toMatchObject({ error: { kind: 'cas-io' } })
    expect([existsSync(pathOf(chunk.cid)), openCas().has(store, chunk.cid)]).toEqual([true, false])
    await sweepAll(openCas())
    expect(existsSync(pathOf(chunk.cid))).toBe(true)
    age(pathOf(chunk.cid), 2)
    expect(await openCas().collect(HOUR_MS)).toEqual({ chunks: 1, bytes: 100_000 })
    expect(existsSync(pathOf(chunk.cid))).toBe(false)
  })

  test('what is recorded, and what is not named like a chunk, stays however old', async () => {
    const cas = openCas()
    const chunk = chunkOf(1)
    await cas.write(store, [chunk])
    await storage.write((tx) => cas.adjust(tx, store, [chunk.cid], []))
    const foreign = join(pathOf(chunk.cid), '..', 'notes.txt')
    writeFileSync(foreign, 'mine')
    for (const path of [pathOf(chunk.cid), foreign]) age(path, 1_000)
    await sweepAll(cas)
    expect([existsSync(pathOf(chunk.cid)), existsSync(foreign)]).toEqual([true, true])
  })

  test('a call looks into a few directories, and the next goes on', async () => {
    const cas = openCas()
    const shards = Array.from({ length: 20 }, (_, i) => i.toString(16).padStart(2, '0'))
    for (const shard of shards) {
      const directory = join(home, 'blobs', bytesToHex(store), shard)
      mkdirSync(directory, { recursive: true })
      writeFileSync(join(directory, shard + '0'.repeat(62)), 'left over')
      age(join(directory, shard + '0'.repeat(62)), 2)
    }
    const removed = []
    for (let call = 0; call < 4; call++) removed.push((await cas.collect(HOUR_MS)).chunks)
    expect(removed).toEqual([8, 8, 4, 0])
  })
})

describe('a full disk', () => {
  const isRoot = process.getuid?.() === 0
  // Only root may mount the small disk that this fills.
  test.skipIf(!isRoot)('is named, leaves nothing half-written, and passes once there is space', async () => {
    const disk = join(home, 'disk')
    mkdirSync(disk)
    execFileSync('mount', ['-t', 'tmpfs', '-o', 'size=1m', 'tmpfs', disk])
    try {
      const cas = openCas(storage, disk)
      writeFileSync(join(disk, 'filler'), noise(1, 900_000))
      const chunks = [chunkOf(1), chunkOf(2), chunkOf(3)]
      expect(await cas.write(store, chunks)).toMatchObject({ error: { kind: 'disk-full', severity: 'retryable' } })
      expect(readdirSync(join(disk, 'blobs', 'tmp'))).toEqual([])
      for (const { cid } of chunks) expect(cas.has(store, cid)).toBe(false)
      rmSync(join(disk, 'filler'))
      expect(await cas.write(store, chunks)).toMatchObject({ ok: true })
      expect((await cas.read(store, chunks[2]!.cid)).ok).toBe(true)
    } finally {
      execFileSync('umount', [disk])
    }
  })
})

import { mkdtempSync, readdirSync, readFileSync, renameSync, rmSync, writeFileSync } from 'node:fs'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { afterEach, beforeEach, describe, expect, test } from 'vitest'
import { bytesToHex, type Cid, type StoreId } from '../core/bytes.ts'
import { openLmdb } from '../storage/lmdb.ts'
import type { StorageBackend } from '../storage/port.ts'
import { Cas } from './cas.ts'
import { casConformance, type CasWorld } from './conformance.ts'
import { cidOf } from './digest.ts'
import { CAS_TABLES, chunkKey, SMALL } from './tables.ts'
import { noise } from './testing.ts'

const store = new Uint8Array(32).fill(7) as StoreId
let home: string
let storage: StorageBackend
let cas: Cas
let now: number

beforeEach(() => {
  home = mkdtempSync(join(tmpdir(), 'lattice-cas-'))
  storage = openLmdb({ path: join(home, 'db'), tables: CAS_TABLES })
  now = 1_000
  cas = new Cas({ storage, home, clock: { nowMs: () => now } })
})
afterEach(async () => {
  await storage[Symbol.asyncDispose]()
  rmSync(home, { recursive: true })
})

const flip = (path: string) => {
  const bytes = readFileSync(path)
  bytes[bytes.length - 1]! ^= 1
  writeFileSync(path, bytes)
}
const blobPath = (of: StoreId, cid: Cid) =>
  join(home, 'blobs', bytesToHex(of), bytesToHex(cid).slice(0, 2), bytesToHex(cid))

const storedWorld = (): CasWorld => ({
  backend: cas.stored,
  async put(of, bytes) {
    const cid = cidOf(bytes)
    expect(await cas.write(of, [{ cid, bytes }])).toEqual({ ok: true, value: undefined })
    return cid
  },
  async damage(of, cid) {
    const packed = storage.get(SMALL, chunkKey(of, cid))
    if (packed === undefined) return flip(blobPath(of, cid))
    packed[0]! ^= 1
    await storage.write((tx) => tx.put(SMALL, chunkKey(of, cid), packed))
  },
})

const fileKey = (name: string) => Buffer.from(name)
const inplaceWorld = (): CasWorld => {
  let next = 0
  const attach = (of: StoreId) => cas.inplace.attach(of, (file) => join(home, Buffer.from(file).toString()))
  return {
    backend: cas.inplace,
    async put(of, bytes) {
      attach(of)
      const name = `file-${next++}`
      const head = noise(99, 100)
      writeFileSync(join(home, name), Buffer.concat([head, bytes]))
      const cid = cidOf(bytes)
      const chunks = [
        { cid: cidOf(head), length: 100 },
        { cid, length: bytes.length },
      ]
      await cas.inplace.register(of, [{ file: fileKey(name), chunks }])
      return cid
    },
    async damage(of, cid) {
      flip(join(home, Buffer.from(cas.inplace.locate(of, cid)!.file).toString()))
    },
  }
}

casConformance('stored', storedWorld)
casConformance('in place', inplaceWorld)
casConformance('in place, seen through the whole', () => ({ ...inplaceWorld(), backend: cas }))

describe('chunks in the user’s files', () => {
  const bytes = noise(1, 3_000)
  const chunk = { cid: cidOf(bytes), length: bytes.length }
  let paths: Map<string, string>
  beforeEach(() => {
    paths = new Map()
    cas.inplace.attach(store, (file) => paths.get(Buffer.from(file).toString()))
  })
  const add = async (key: string, name: string, content: Uint8Array) => {
    writeFileSync(join(home, name), content)
    paths.set(key, join(home, name))
    await cas.inplace.register(store, [{ file: fileKey(key), chunks: [chunk] }])
  }

  test('a rename asks nothing of the store', async () => {
    await add('a', 'one', bytes)
    renameSync(join(home, 'one'), join(home, 'two'))
    paths.set('a', join(home, 'two'))
    expect((await cas.read(store, chunk.cid)).ok).toBe(true)
  })

  test('when one location fails, the others are tried', async () => {
    await add('a', 'one', noise(2, 3_000))
    await add('b', 'two', bytes)
    await add('c', 'three', bytes)
    rmSync(join(home, 'two'))
    expect((await cas.read(store, chunk.cid)).ok).toBe(true)
    await cas.inplace.forget(store, [fileKey('c')])
    expect(await cas.read(store, chunk.cid)).toMatchObject({ error: { kind: 'chunk-damaged' } })
  })

  test('files that swapped their places can be read again once their owner says where they are', async () => {
    await add('a', 'one', bytes)
    await add('b', 'two', noise(2, 3_000))
    paths.set('a', join(home, 'two'))
    expect(await cas.read(store, chunk.cid)).toMatchObject({ error: { kind: 'chunk-damaged' } })
    paths.set('a', join(home, 'one'))
    expect((await cas.read(store, chunk.cid)).ok).toBe(true)
  })

  test('registering a file again replaces what was known of it', async () => {
    await add('a', 'one', bytes)
    const other = noise(3, 10)
    await cas.inplace.register(store, [{ file: fileKey('a'), chunks: [{ cid: cidOf(other), length: 10 }] }])
    expect(cas.has(store, chunk.cid)).toBe(false)
    expect(cas.has(store, cidOf(other))).toBe(true)
    await cas.inplace.register(store, [{ file: fileKey('a'), chunks: [] }])
    expect(cas.has(store, cidOf(other))).toBe(false)
  })

  test('a chunk that a file repeats is found at its first place', async () => {
    writeFileSync(join(home, 'one'), Buffer.concat([bytes, bytes]))
    paths.set('a', join(home, 'one'))
    await cas.inplace.register(store, [{ file: fileKey('a'), chunks: [chunk, chunk] }])
    expect(cas.inplace.locate(store, chunk.cid)).toEqual({ file: new Uint8Array(fileKey('a')), offset: 0 })
    await cas.inplace.forget(store, [fileKey('a')])
    expect(cas.has(store, chunk.cid)).toBe(false)
  })

  test('a damaged copy in the folder leaves the stored one to serve', async () => {
    await add('a', 'one', noise(2, 3_000))
    await cas.write(store, [{ cid: chunk.cid, bytes }])
    const found = await cas.read(store, chunk.cid)
    expect(found.ok && Buffer.compare(found.value, bytes)).toBe(0)
  })
})

describe('collection', () => {
  const large = noise(1, 100_000)
  const small = noise(2, 1_000)
  const [largeCid, smallCid] = [cidOf(large), cidOf(small)]
  const adjust = (added: Cid[], removed: Cid[]) => storage.write((tx) => cas.adjust(tx, store, added, removed))
  beforeEach(async () => {
    await cas.write(store, [
      { cid: largeCid, bytes: large },
      { cid: smallCid, bytes: small },
    ])
  })

  test('what nothing refers to goes after the grace period, and not before', async () => {
    await adjust([largeCid], [])
    now += 999
    expect(await cas.collect(1_000)).toEqual({ chunks: 0, bytes: 0 })
    now += 1
    expect(await cas.collect(1_000)).toEqual({ chunks: 1, bytes: 1_000 })
    expect([cas.has(store, largeCid), cas.has(store, smallCid)]).toEqual([true, false])
  })

  test('references are counted; the last one to go starts the grace period', async () => {
    await adjust([largeCid, largeCid], [])
    await adjust([], [largeCid])
    now += 5_000
    await cas.collect(1_000)
    expect(cas.references(store, largeCid)).toBe(1)
    await adjust([], [largeCid])
    await cas.collect(1_000)
    expect(cas.has(store, largeCid)).toBe(true)
    now += 1_000
    expect(await cas.collect(1_000)).toEqual({ chunks: 1, bytes: 100_000 })
    expect(readdirSync(join(home, 'blobs', bytesToHex(store), bytesToHex(largeCid).slice(0, 2)))).toEqual([])
  })

  test('a pinned chunk stays until it is let go', async () => {
    const letGo = [cas.pin(store, [smallCid, largeCid]), cas.pin(store, [smallCid])]
    now += 5_000
    letGo[0]!()
    letGo[0]!()
    expect(await cas.collect(1_000)).toEqual({ chunks: 1, bytes: 100_000 })
    letGo[1]!()
    expect(await cas.collect(1_000)).toEqual({ chunks: 1, bytes: 1_000 })
  })

  test('losing a reference that never was is a bug', async () => {
    await expect(adjust([], [smallCid])).rejects.toThrow(/reference/)
  })

  test('a dropped store leaves nothing, its neighbours everything', async () => {
    const other = new Uint8Array(32).fill(8) as StoreId
    await cas.write(other, [{ cid: smallCid, bytes: small }])
    await cas.dropStore(store)
    expect([cas.has(store, largeCid), cas.has(store, smallCid), cas.has(other, smallCid)]).toEqual([false, false, true])
    expect(readdirSync(join(home, 'blobs'))).toEqual(['tmp'])
  })
})

describe('writing', () => {
  test('bytes that do not hash to their name are refused', async () => {
    const result = await cas.write(store, [{ cid: cidOf(noise(1, 9)), bytes: noise(2, 9) }])
    expect(result).toMatchObject({ error: { kind: 'chunk-damaged' } })
  })

  test('left-overs of a crash are swept when the home is opened', () => {
    writeFileSync(join(home, 'blobs', 'tmp', '17'), 'half')
    new Cas({ storage, home, clock: { nowMs: () => now } })
    expect(readdirSync(join(home, 'blobs', 'tmp'))).toEqual([])
  })
})

import { mkdtempSync, rmSync } from 'node:fs'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { afterEach, beforeEach, expect, test } from 'vitest'
import { Cas } from '#kernel/cas/cas.ts'
import { cidOf } from '#kernel/cas/digest.ts'
import { encodeManifest } from '#kernel/cas/manifest.ts'
import { CAS_TABLES } from '#kernel/cas/tables.ts'
import type { Cid, StoreId } from '#kernel/core/bytes.ts'
import type { BlobRef, CellReader } from '#kernel/state/port.ts'
import { coreRegistry } from '#kernel/state/registry.ts'
import { openLmdb } from '#kernel/storage/lmdb.ts'
import type { StorageBackend } from '#kernel/storage/port.ts'
import type { Store } from '#kernel/store/port.ts'
import { collectContent, type Collecting } from './collecting.ts'

const store = new Uint8Array(32).fill(7) as StoreId
const GRACE_MS = 1000
/** More than one slice of the state. */
const CELLS = 450

let home: string
let storage: StorageBackend
let cas: Cas
let now: number
/** What the live heads name: one reference a cell, by the cell's number. */
let live: Map<number, BlobRef>
let deps: Collecting

beforeEach(() => {
  home = mkdtempSync(join(tmpdir(), 'lattice-collecting-'))
  storage = openLmdb({ path: join(home, 'db'), tables: CAS_TABLES })
  now = 1_000_000
  live = new Map()
  cas = new Cas({ storage, home, clock: { nowMs: () => now } })
  const cells: Pick<CellReader, 'cells'> = {
    *cells({ gte, limit = Infinity } = {}) {
      let count = 0
      for (let i = 0; i < CELLS && count < limit; i++) {
        const key = Uint8Array.of(i >> 8, i)
        if (gte && Buffer.compare(key, gte) < 0) continue
        count++
        yield [key, { heads: [] }]
      }
    },
  }
  const registry = coreRegistry().register({
    name: 'test',
    machine: {
      decode: () => undefined,
      apply: () => [],
      *referencedBlobs(tables) {
        for (const [key] of tables.cells.cells()) {
          const ref = live.get(key[0]! * 256 + key[1]!)
          if (ref) yield ref
        }
      },
    },
  })
  const opened = { id: store, type: 'test', state: { cells, derived: {} } } as unknown as Store
  deps = { cas, registry, stores: { get: () => opened }, nowMs: () => now }
})
afterEach(async () => {
  await storage[Symbol.asyncDispose]()
  rmSync(home, { recursive: true })
})

const put = async (text: string | Uint8Array): Promise<Cid> => {
  const bytes = typeof text === 'string' ? Buffer.from(text) : text
  const cid = cidOf(bytes)
  expect((await cas.write(store, [{ cid, bytes }])).ok).toBe(true)
  return cid
}
const collect = () => collectContent(deps, GRACE_MS, new AbortController().signal)

test('what no head names goes after the grace period, what one names stays', async () => {
  const [kept, late, lost] = [await put('kept'), await put('late'), await put('lost')]
  live.set(3, { cid: kept, length: 4, manifest: false })
  live.set(CELLS - 1, { cid: late, length: 4, manifest: false })
  now += GRACE_MS - 1
  expect(await collect()).toEqual({ chunks: 0, bytes: 0 })
  now += 1
  expect(await collect()).toEqual({ chunks: 1, bytes: 4 })
  expect([kept, late, lost].map((cid) => cas.has(store, cid))).toEqual([true, true, false])
  // Its head gone, a chunk has another grace period from when it was last seen in use.
  live.clear()
  now += GRACE_MS - 1
  expect((await collect()).chunks).toBe(0)
  now += 1
  expect((await collect()).chunks).toBe(2)
})

test('the chunks of a manifest are named by it', async () => {
  const chunk = await put('x'.repeat(70_000))
  const manifest = await put(encodeManifest([{ cid: chunk, length: 70_000 }]))
  const other = await put('other')
  live.set(0, { cid: manifest, length: 0, manifest: true })
  now += GRACE_MS
  expect((await collect()).chunks).toBe(1)
  expect([chunk, manifest, other].map((cid) => cas.has(store, cid))).toEqual([true, true, false])
})

test('what a manifest that is not here may name, a transfer pins, or a closed store owns, stays', async () => {
  const cid = await put('perhaps')
  now += GRACE_MS
  live.set(0, { cid: cidOf(Buffer.from('elsewhere')), length: 0, manifest: true })
  expect((await collect()).chunks).toBe(0)
  live.clear()
  now += GRACE_MS
  const unpin = cas.pin(store, [cid])
  expect((await collect()).chunks).toBe(0)
  unpin()
  deps = { ...deps, stores: { get: () => undefined } }
  expect((await collect()).chunks).toBe(0)
  expect(cas.has(store, cid)).toBe(true)
})

/** What is known of the user's files follows what was registered and forgotten last, whatever their lengths. */
import { mkdtempSync, rmSync } from 'node:fs'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import fc from 'fast-check'
import { afterEach, beforeEach, expect, test } from 'vitest'
import { bytesToHex, type StoreId } from '../core/bytes.ts'
import { openLmdb } from '../storage/lmdb.ts'
import type { StorageBackend } from '../storage/port.ts'
import { InplaceChunks } from './inplace.ts'
import type { ChunkRef } from './port.ts'
import { ChunkReader } from './reading.ts'
import { AT, CAS_TABLES, GONE, OF, OF_CHUNKS_MAX } from './tables.ts'
import { inventedChunks } from './testing.ts'

const store = new Uint8Array(32).fill(7) as StoreId
let home: string
let storage: StorageBackend
let inplace: InplaceChunks
beforeEach(() => {
  home = mkdtempSync(join(tmpdir(), 'lattice-cas-'))
  storage = openLmdb({ path: join(home, 'db'), tables: CAS_TABLES })
  inplace = new InplaceChunks(storage, new ChunkReader())
})
afterEach(async () => {
  await storage[Symbol.asyncDispose]()
  rmSync(home, { recursive: true })
})

const pool = inventedChunks(2 * OF_CHUNKS_MAX + 100)
const file = (n: number) => Uint8Array.of(9, n)
const commands = fc.array(
  fc.array(
    fc.record({
      file: fc.nat(3),
      /** Undefined: forget it. */
      chunks: fc.option(
        fc.record({
          from: fc.nat(50),
          count: fc.oneof(
            fc.nat(4),
            fc.constantFrom(OF_CHUNKS_MAX - 1, OF_CHUNKS_MAX, OF_CHUNKS_MAX + 1, 2 * OF_CHUNKS_MAX, 8_200),
          ),
        }),
        { nil: undefined, freq: 3 },
      ),
    }),
    { minLength: 1, maxLength: 3 },
  ),
  { maxLength: 4 },
)

const tidy = () => inplace.tidy(store, new AbortController().signal)

/** Nothing else is kept than what the model says. */
const expectTidy = (model: ReadonlyMap<number, readonly ChunkRef[]>) => {
  const lists = [...model.values()]
  expect(storage.count(AT)).toBe(lists.reduce((sum, chunks) => sum + chunks.length, 0))
  expect(storage.count(OF)).toBe(lists.reduce((sum, chunks) => sum + Math.ceil(chunks.length / OF_CHUNKS_MAX), 0))
  expect(storage.count(GONE)).toBe(0)
}

const expectModel = (model: ReadonlyMap<number, readonly ChunkRef[]>) => {
  const lists = [...model.values()]
  for (const n of [0, 1, 2, 3]) expect(inplace.knows(store, file(n))).toBe(model.has(n))
  for (const i of [0, 3, 49, 53, OF_CHUNKS_MAX - 1, OF_CHUNKS_MAX, OF_CHUNKS_MAX + 50, 2 * OF_CHUNKS_MAX, 8_249]) {
    const { cid } = pool[i]!
    const holders = lists.filter((chunks) => chunks.includes(pool[i]!))
    expect(inplace.has(store, cid)).toBe(holders.length > 0)
    const place = inplace.locate(store, cid)
    if (place === undefined) continue
    const chunks = model.get(place.file[1]!)!
    const before = chunks.slice(0, chunks.indexOf(pool[i]!))
    expect(place.offset).toBe(before.reduce((sum, { length }) => sum + length, 0))
  }
}

test('calls take effect in the order made, although long files take several transactions', async () => {
  await fc.assert(
    fc.asyncProperty(commands, fc.infiniteStream(fc.boolean()), async (calls, tidied) => {
      const model = new Map<number, readonly ChunkRef[]>()
      const running: Promise<void>[] = []
      for (const call of calls) {
        // One call says each thing about a file once, as its callers do.
        const unique = [...new Map(call.map((each) => [each.file, each])).values()]
        const registered = unique.filter(({ chunks }) => chunks !== undefined)
        const forgotten = unique.filter(({ chunks }) => chunks === undefined)
        const files = registered.map(({ file: n, chunks }) => ({
          file: file(n),
          chunks: pool.slice(chunks!.from, chunks!.from + chunks!.count),
        }))
        for (const { file: key, chunks } of files)
          if (chunks.length > 0) model.set(key[1]!, chunks)
          else model.delete(key[1]!)
        for (const { file: n } of forgotten) model.delete(n)
        running.push(inplace.register(store, files))
        running.push(
          inplace.forget(
            store,
            forgotten.map(({ file: n }) => file(n)),
          ),
        )
        if (tidied.next().value) running.push(tidy())
      }
      await Promise.all(running)
      expectModel(model)
      await tidy()
      expectModel(model)
      expectTidy(model)
      await inplace.forget(store, [0, 1, 2, 3].map(file))
      expectModel(new Map())
      await tidy()
      expectTidy(new Map())
    }),
    { numRuns: 12 },
  )
}, 60_000)

test('a place beyond 4 GiB', async () => {
  const chunks = Array.from({ length: 6_000 }, (_, i) => ({ ...pool[i]!, length: 1024 * 1024 }))
  await inplace.register(store, [{ file: file(1), chunks }])
  expect(inplace.locate(store, pool[5_999]!.cid)?.offset).toBe(5_999 * 1024 * 1024)
})

test('a file whose key begins like another’s is another file', async () => {
  const [long, short] = [Uint8Array.of(1, 0, 0), Uint8Array.of(1)]
  await inplace.register(store, [
    { file: long, chunks: [pool[0]!] },
    { file: short, chunks: [pool[1]!] },
  ])
  await inplace.forget(store, [short])
  expect([inplace.has(store, pool[0]!.cid), inplace.has(store, pool[1]!.cid)]).toEqual([true, false])
  expect(bytesToHex(inplace.locate(store, pool[0]!.cid)!.file)).toBe('010000')
})

test("forgetting in a transaction of the caller's is done and undone with it", async () => {
  const [short, long] = [file(0), file(1)]
  const model = new Map([
    [0, pool.slice(0, 3)],
    [1, pool.slice(5, 5 + OF_CHUNKS_MAX + 1)],
  ])
  await inplace.register(store, [
    { file: short, chunks: model.get(0)! },
    { file: long, chunks: model.get(1)! },
  ])
  const undone = storage.write((tx) => {
    inplace.forgetIn(tx, store, [short])
    throw new Error('given up')
  })
  await expect(undone).rejects.toThrow('given up')
  expectModel(model)
  await storage.write((tx) => inplace.forgetIn(tx, store, [short, file(2), long]))
  expectModel(new Map())
})

test('what is forgotten and not removed yet hides nothing: another file that holds the chunk is found behind it', async () => {
  const chunks = pool.slice(0, 1)
  const files = Array.from({ length: 40 }, (_, n) => ({ file: file(n), chunks }))
  await inplace.register(store, files)
  await inplace.forget(
    store,
    files.slice(0, 39).map((each) => each.file),
  )
  expect(inplace.locate(store, pool[0]!.cid)?.file).toEqual(file(39))
})

test('what is registered again while it is about to be tidied up stays', async () => {
  const again = { file: file(0), chunks: pool.slice(0, 3) }
  await inplace.register(store, [again])
  await inplace.forget(store, [file(0)])
  await Promise.all([inplace.register(store, [again]), tidy()])
  expectModel(new Map([[0, again.chunks]]))
  expectTidy(new Map([[0, again.chunks]]))
})

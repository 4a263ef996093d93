/** Two engines over real sockets on loopback: latency of a push, many stores at once, and nothing left open. */
import { randomBytes } from 'node:crypto'
import { afterEach, beforeEach, expect, test } from 'vitest'
import { create, toBinary } from '@bufbuild/protobuf'
import { KvOpSchema } from '#proto/kv'
import { bytesToHex } from '#kernel/core/bytes.ts'
import { createSigner, NodeVerifier } from '#kernel/core/identity.ts'
import { coreRegistry } from '#kernel/state/registry.ts'
import { MemoryDisk, type MemoryBackend } from '#kernel/storage/memory.ts'
import { LocalStoreManager } from '#kernel/store/manager.ts'
import type { Store } from '#kernel/store/port.ts'
import { KERNEL_TABLES } from '#kernel/store/tables.ts'
import { must } from '#kernel/store/testkit.ts'
import { SYNC_TABLES } from '../../addressbook.ts'
import type { Timers } from '../../clock.ts'
import { SyncEngine } from '../../engine.ts'
import { addMember } from '../../sim/members.ts'
import type { Transport } from '../port.ts'
import { deviceKeyFromSeed } from './identity.ts'
import { createNode } from './testing.ts'

const timers: Timers = {
  nowMs: () => Date.now(),
  after: (delayMs, callback) => {
    const timer = setTimeout(callback, delayMs)
    return () => clearTimeout(timer)
  },
  random: Math.random,
}

interface Node {
  readonly manager: LocalStoreManager
  readonly engine: SyncEngine
  readonly transport: Transport
  readonly backend: MemoryBackend
}

const stop = async ({ engine, transport, manager, backend }: Node): Promise<void> => {
  await engine[Symbol.asyncDispose]()
  await transport[Symbol.asyncDispose]()
  await manager[Symbol.asyncDispose]()
  await backend[Symbol.asyncDispose]()
}

const open = async (seed: Uint8Array, disk: MemoryDisk): Promise<Node> => {
  const failed = (error: unknown): never => {
    throw error
  }
  const backend = disk.open()
  const manager = await LocalStoreManager.open({
    backend,
    registry: coreRegistry(),
    signer: createSigner(seed),
    verifier: new NodeVerifier(),
    clock: timers,
    randomBytes,
    deviceName: () => 'device',
    onError: failed,
  })
  const transport = await createNode({ deviceKey: deviceKeyFromSeed(seed) })
  const engine = new SyncEngine({ transport, stores: manager, timers, backend, onError: failed })
  engine.start()
  return { manager, engine, transport, backend }
}

const put = async (store: Store, key: string): Promise<void> => {
  const writes = [{ key: new TextEncoder().encode(key), write: { case: 'delete' as const, value: true }, keep: [] }]
  must(await store.submit(() => ({ app: toBinary(KvOpSchema, create(KvOpSchema, { writes })) })))
}

/** Resolves once it holds, looked at whenever the engine tells of a change. */
const until = (engine: SyncEngine, holds: () => boolean): Promise<void> =>
  new Promise((resolve) => {
    const check = (): void => {
      if (!holds()) return
      undo()
      resolve()
    }
    const undo = engine.onChange(check)
    check()
  })

const seeds = [randomBytes(32), randomBytes(32)] as const
let disks: MemoryDisk[]
let [a, b] = [] as unknown as [Node, Node]

beforeEach(async () => {
  disks = seeds.map(() => new MemoryDisk([...KERNEL_TABLES, ...SYNC_TABLES]))
  ;[a, b] = [await open(seeds[0], disks[0]!), await open(seeds[1], disks[1]!)]
})
afterEach(async () => {
  await stop(a)
  await stop(b)
})

const share = async (name: string): Promise<Store> => {
  const store = must(await a.manager.create('core:kv', { name }))
  await addMember(store, b.transport.self, 'b')
  must(await b.manager.adopt(store.id))
  return store
}

const equal = (store: Store): boolean =>
  bytesToHex(b.manager.get(store.id)!.dag.fingerprint()) === bytesToHex(store.dag.fingerprint())

test('a push takes a moment; a device that comes back on another port is found again', async () => {
  const store = await share('notes')
  await a.engine.remember(b.transport.self, b.transport.addresses())
  await until(a.engine, () => a.engine.isLevel(store.id) && a.transport.connections().length === 1)
  const tookMs: number[] = []
  for (let i = 0; i < 200; i++) {
    await put(store, `k${i}`)
    const startMs = performance.now()
    await until(b.engine, () => equal(store))
    tookMs.push(performance.now() - startMs)
  }
  tookMs.sort((x, y) => x - y)
  console.log(`a push: p50 ${tookMs[100]!.toFixed(2)} ms, p99 ${tookMs[198]!.toFixed(2)} ms`)
  const before = b.transport.addresses()
  await stop(b)
  await put(store, 'while it was away')
  b = await open(seeds[1], disks[1]!)
  expect(b.transport.addresses()).not.toEqual(before)
  await until(b.engine, () => equal(store))
  await until(a.engine, () => a.engine.isLevel(store.id))
}, 60_000)

test('twenty stores at once come level, and nothing stays open afterwards', async ({ signal }) => {
  const stores = await Promise.all(Array.from({ length: 20 }, (_, n) => share(`store ${n}`)))
  for (const store of stores) await put(store, 'k')
  await a.engine.remember(b.transport.self, b.transport.addresses())
  await until(a.engine, () => a.transport.connections().length === 1 && stores.every(({ id }) => a.engine.isLevel(id)))
  expect(stores.every(equal)).toBe(true)
  expect(a.engine.counters.sessionErrors + b.engine.counters.sessionErrors).toBe(0)
  const sockets = (): number => process.getActiveResourcesInfo().filter((kind) => kind.startsWith('TCP')).length
  expect(sockets()).toBeGreaterThan(0)
  await stop(a)
  await stop(b)
  // What was closed is there until the event loop has come round once or twice.
  while (sockets() > 0 && !signal.aborted) await new Promise((resolve) => setImmediate(resolve))
  expect(sockets()).toBe(0)
  ;[a, b] = [await open(seeds[0], disks[0]!), await open(seeds[1], disks[1]!)]
}, 60_000)

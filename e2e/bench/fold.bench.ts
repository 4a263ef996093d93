/**
 * What a burst of small files costs the log and the state, without disk and network around it: store A submits the
 * creation of `FILES` files and then their deletion, store B ingests the same. Real LMDB, the real filestore.
 *
 *   node e2e/bench/fold.bench.ts [files per intention, default 200 and 800]
 *
 * Prints ms per 1,000 files: `total` of the clock on the wall, the parts of the main thread's processor time, which other
 * programs on the machine disturb less. `body` is all that happens inside transactions, `main` all of the main thread;
 * what `total` has on top is waiting for LMDB and the disk. `turn` is the longest body, in ms of processor time.
 */
import { mkdtempSync, rmSync } from 'node:fs'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { randomBytes } from 'node:crypto'
import { createOp, encodeOps, trashOp } from '#fs-bridge/filestore/ops.ts'
import { filestoreType } from '#fs-bridge/filestore/machine.ts'
import type { ContentValue, Inode } from '#fs-bridge/filestore/port.ts'
import { ROOT } from '#fs-bridge/filestore/values.ts'
import type { Cid } from '#kernel/core/bytes.ts'
import { createSigner, generateSeed, NodeVerifier } from '#kernel/core/identity.ts'
import { InvariantError, type LatticeError, type Result } from '#kernel/core/result.ts'
import { DagWriter } from '#kernel/dag/dag.ts'
import { coreRegistry } from '#kernel/state/registry.ts'
import { systemOp, wireRole } from '#kernel/state/system-op.ts'
import { openLmdb } from '#kernel/storage/lmdb.ts'
import type { StorageBackend } from '#kernel/storage/port.ts'
import { LocalStoreManager } from '#kernel/store/manager.ts'
import type { LocalStore } from '#kernel/store/store.ts'
import { KERNEL_TABLES } from '#kernel/store/tables.ts'

const FILES = 10_000
/** Batches a session hands over at a time. */
const INGEST_BATCH = 16

const must = <T>(result: Result<T, LatticeError>): T => {
  if (!result.ok) throw new InvariantError(result.error.message)
  return result.value
}

/** Where the time of one device goes, in ms. */
class Meter {
  sign = 0
  verify = 0
  insert = 0
  fold = 0
  body = 0
  turn = 0
  reset(): void {
    this.sign = this.verify = this.insert = this.fold = this.body = this.turn = 0
  }
}

/** Processor time of the main thread so far, in ms. */
const cpuMs = (): number => {
  const { user, system } = process.threadCpuUsage()
  return (user + system) / 1_000
}

const timed = <T>(meter: Meter, part: 'sign' | 'verify' | 'insert' | 'fold' | 'body', run: () => T): T => {
  const start = cpuMs()
  try {
    return run()
  } finally {
    const took = cpuMs() - start
    meter[part] += took
    if (part === 'body') meter.turn = Math.max(meter.turn, took)
  }
}

let current: Meter | undefined
const { insert } = DagWriter.prototype
DagWriter.prototype.insert = function (...args) {
  return current === undefined ? insert.apply(this, args) : timed(current, 'insert', () => insert.apply(this, args))
}

const measured = (backend: StorageBackend, meter: Meter): StorageBackend =>
  Object.assign(Object.create(backend) as StorageBackend, {
    get: backend.get.bind(backend),
    range: backend.range.bind(backend),
    count: backend.count.bind(backend),
    write: <T>(body: Parameters<typeof backend.write<T>>[0]) =>
      backend.write((tx) => timed(meter, 'body', () => body(tx))),
  })

interface Device {
  readonly key: ReturnType<typeof createSigner>
  readonly manager: LocalStoreManager
  readonly meter: Meter
  close(): Promise<void>
}

const openDevice = async (home: string, name: string): Promise<Device> => {
  const meter = new Meter()
  const key = createSigner(generateSeed())
  const verifier = new NodeVerifier()
  const backend = openLmdb({ path: join(home, name), tables: KERNEL_TABLES })
  const { machine } = filestoreType
  const registry = coreRegistry().register({
    ...filestoreType,
    machine: { ...machine, apply: (op, at, tables) => timed(meter, 'fold', () => machine.apply(op, at, tables)) },
  })
  const manager = await LocalStoreManager.open({
    backend: measured(backend, meter),
    registry,
    signer: { publicKey: key.publicKey, sign: (hash) => timed(meter, 'sign', () => key.sign(hash)) },
    verifier: { verify: (...claim) => timed(meter, 'verify', () => verifier.verify(...claim)) },
    clock: { nowMs: () => Date.now() },
    randomBytes: (length) => new Uint8Array(randomBytes(length)),
    deviceName: () => name,
    onError: (error) => console.error(error),
  })
  const close = async () => {
    await manager[Symbol.asyncDispose]()
    await backend[Symbol.asyncDispose]()
  }
  return { key, manager, meter, close }
}

const newFile = (i: number) => {
  const inode = new Uint8Array(randomBytes(16)) as Inode
  const cid = new Uint8Array(randomBytes(32)) as Cid
  const content: ContentValue = {
    size: 4_096,
    mtimeNs: 1_700_000_000_000_000_000n + BigInt(i),
    mode: 0o644,
    data: { kind: 'chunks', chunks: [{ cid, length: 4_096 }] },
  }
  return { inode, content, place: { parent: ROOT, name: `file-${String(i).padStart(6, '0')}.txt` } }
}

/** Starts measuring; the returned function ends it and prints. */
const measure = (what: string, meter: Meter): ((encodeMs: number) => void) => {
  meter.reset()
  current = meter
  const [startMs, startCpuMs] = [performance.now(), cpuMs()]
  return (encodeMs) => report(what, performance.now() - startMs, cpuMs() - startCpuMs, encodeMs, meter)
}

const report = (what: string, totalMs: number, mainMs: number, encodeMs: number, meter: Meter) => {
  const { sign, verify, insert, fold, body, turn } = meter
  const per = (ms: number) => (ms / (FILES / 1_000)).toFixed(2).padStart(7)
  console.log(
    `${what.padEnd(16)} total ${per(totalMs)}  main ${per(mainMs)}  encode ${per(encodeMs)}  sign ${per(sign)}  verify ${per(verify)}` +
      `  insert ${per(insert)}  fold ${per(fold)}  body ${per(body)}` +
      `  turn ${turn.toFixed(0)}`,
  )
}

/** Submits as the folder does: one intention after the other, each durable before the next. */
const submitAll = async (device: Device, store: LocalStore, what: string, batches: (() => Uint8Array)[]) => {
  const done = measure(what, device.meter)
  let encodeMs = 0
  for (const build of batches) {
    const from = cpuMs()
    const app = build()
    encodeMs += cpuMs() - from
    must(await store.submit(() => ({ app })))
  }
  done(encodeMs)
}

const ingestAll = async (device: Device, store: LocalStore, from: LocalStore, by: Device, what: string) => {
  const bytes = [...from.dag.log(store.dag.count)].map(({ hash }) => from.dag.signedBytes(hash)!)
  const done = measure(what, device.meter)
  for (let i = 0; i < bytes.length; i += INGEST_BATCH)
    must(await store.ingest(bytes.slice(i, i + INGEST_BATCH), by.key.publicKey))
  done(0)
}

const run = async (perIntention: number): Promise<void> => {
  const home = mkdtempSync(join(tmpdir(), 'lattice-fold-'))
  const [a, b] = [await openDevice(home, 'a'), await openDevice(home, 'b')]
  try {
    const store = must(await a.manager.create(filestoreType.name, { name: 'folder' })) as LocalStore
    const value = { device: b.key.publicKey, name: 'b', role: wireRole('writer') }
    must(await store.submit(() => ({ system: systemOp({ case: 'peerAdd', value }) })))
    const copy = must(await b.manager.adopt(store.id)) as LocalStore
    const files = Array.from({ length: FILES }, (_, i) => newFile(i))
    const slices = []
    for (let i = 0; i < FILES; i += perIntention) slices.push(files.slice(i, i + perIntention))
    console.log(`${perIntention} files per intention, ms per 1,000 files`)
    const creations = slices.map(
      (slice) => () => encodeOps(slice.map(({ inode, place, content }) => createOp(inode, 'file', place, content))),
    )
    await submitAll(a, store, 'submit creations', creations)
    await ingestAll(b, copy, store, a, 'ingest creations')
    const deletions = slices.map(
      (slice) => () => encodeOps(slice.map(({ inode, place, content }) => trashOp(inode, 'file', place, content))),
    )
    await submitAll(a, store, 'submit trash', deletions)
    await ingestAll(b, copy, store, a, 'ingest trash')
  } finally {
    current = undefined
    await a.close()
    await b.close()
    rmSync(home, { recursive: true })
  }
}

const sizes = process.argv.slice(2).map(Number)
for (const size of sizes.length > 0 ? sizes : [200, 800]) await run(size)

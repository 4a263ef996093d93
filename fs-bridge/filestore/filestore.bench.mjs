/**
 * Speed on a real disk: creating files in batches of 1,000 through a store, and asking for the conflicts.
 * `node fs-bridge/filestore/filestore.bench.mjs [files]`
 */
import { mkdtempSync, rmSync } from 'node:fs'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { createSigner, NodeVerifier } from '#kernel/core/identity.ts'
import { coreRegistry } from '#kernel/state/registry.ts'
import { openLmdb } from '#kernel/storage/lmdb.ts'
import { LocalStoreManager } from '#kernel/store/manager.ts'
import { KERNEL_TABLES } from '#kernel/store/tables.ts'
import { filestoreMachine, filestoreType } from './machine.ts'
import { createOp, decodeOps, encodeOps, packOps } from './ops.ts'
import { openTree } from './tree.ts'
import { ROOT } from './values.ts'

const total = Number(process.argv[2] ?? 10_000)
const BATCH = 1_000
const CLASHES = 3

let next = 1
const fresh = () => {
  const inode = new Uint8Array(16)
  // Spread like the random ids of real life, so that writes land all over the tables.
  for (let i = 0, n = next++; i < 4; i++)
    new DataView(inode.buffer).setUint32(i * 4, (n = Math.imul(n ^ (n >>> 15), 0x2c1b3c6d) + i))
  return inode
}
const content = (n) => ({
  size: 40_000,
  mtimeNs: 1_700_000_000_000_000_000n + BigInt(n),
  mode: 0o644,
  data: { kind: 'chunks', chunks: [{ cid: new Uint8Array(32).fill(n), length: 40_000 }] },
})
const must = (result) => {
  if (!result.ok) throw new Error(result.error.message)
  return result.value
}
const time = (run) => {
  const start = performance.now()
  const result = run()
  return [performance.now() - start, result]
}
const at = (times, share) => times.toSorted((a, b) => a - b)[Math.floor(times.length * share)].toFixed(1)

const home = mkdtempSync(join(tmpdir(), 'lattice-bench-'))
const backend = openLmdb({ path: join(home, 'db'), tables: KERNEL_TABLES })
const manager = await LocalStoreManager.open({
  backend,
  registry: coreRegistry().register(filestoreType),
  signer: createSigner(new Uint8Array(32).fill(1)),
  verifier: new NodeVerifier(),
  clock: { nowMs: () => Date.now() },
  randomBytes: (length) => crypto.getRandomValues(new Uint8Array(length)),
  deviceName: () => 'bench',
  onError: (error) => console.error(error),
})
try {
  const store = must(await manager.create('core:filestore', { name: 'bench' }))
  const tree = openTree(store.state, () => 'bench')
  const dir = fresh()
  must(await store.submit(() => ({ app: encodeOps([createOp(dir, 'dir', { parent: ROOT, name: 'files' })]) })))
  const times = { build: [], pack: [], decode: [], submit: [] }
  for (let at = 0; at < total; at += BATCH) {
    const [build, ops] = time(() =>
      Array.from({ length: BATCH }, (_, i) =>
        createOp(fresh(), 'file', { parent: dir, name: `picture ${at + i}.jpeg` }, content(at + i)),
      ),
    )
    const [pack, batches] = time(() => packOps(ops))
    times.build.push(build)
    times.pack.push(pack)
    times.decode.push(time(() => batches.forEach(decodeOps))[0])
    const start = performance.now()
    await Promise.all(batches.map(async (app) => must(await store.submit(() => ({ app })))))
    times.submit.push(performance.now() - start)
  }
  for (let i = 0; i < CLASHES; i++) {
    const op = createOp(fresh(), 'file', { parent: dir, name: `picture ${i * 7}.jpeg` }, content(i * 7 + 1))
    must(await store.submit(() => ({ app: encodeOps([op]) })))
  }
  for (const [what, each] of Object.entries(times))
    console.log(`${what} 1,000 creates: best ${at(each, 0)} ms, median ${at(each, 0.5)} ms`)
  for (const what of ['first', 'second']) {
    const [ms, found] = time(() => [...tree.conflicts()])
    const [countMs, count] = time(() => tree.conflictCount())
    console.log(
      `${found.length} conflicts of ${total} files: ${ms.toFixed(2)} ms; count ${count}: ${countMs.toFixed(2)} ms (${what})`,
    )
  }
} finally {
  await manager[Symbol.asyncDispose]?.()
  await backend[Symbol.asyncDispose]()
  rmSync(home, { recursive: true, force: true })
}

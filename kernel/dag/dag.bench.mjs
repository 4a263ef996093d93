/**
 * Ingest speed on a real disk: parse, verify, witness and commit, in batches of 1,000.
 * `node kernel/dag/dag.bench.mjs [intentions] [authors]`
 */
import { mkdtempSync, rmSync } from 'node:fs'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { createSigner, NodeVerifier } from '../core/identity.ts'
import { parseIntention, signIntention, verifyIntention } from '../core/intention.ts'
import { openLmdb } from '../storage/lmdb.ts'
import { DagWriter } from './dag.ts'
import { genesis } from './model.ts'
import { allocateStore, storeNumber } from './summary.ts'
import { LOG_TABLES } from './tables.ts'
import { DagView } from './view.ts'

const total = Number(process.argv[2] ?? 20_000)
const authors = Number(process.argv[3] ?? 5)
const BATCH = 1_000

const signers = Array.from({ length: authors }, (_, i) => createSigner(new Uint8Array(32).fill(i + 1)))
const first = genesis(signers[0])

/** Authors take turns, each on top of the last and its own: one line with many hands. */
const write = () => {
  const last = new Map([[0, first]])
  const all = [first.bytes]
  let head = first
  for (let i = 1; i < total; i++) {
    const who = (i * 7 + (i >> 4)) % authors
    const prev = last.get(who)
    const deps = prev === head ? [] : [head.hash]
    const draft = {
      storeId: first.storeId,
      seq: (prev?.seq ?? 0) + 1,
      prev: prev?.hash,
      deps,
      hlc: head.hlc + 65_536n,
      ops: new Uint8Array(100),
    }
    const result = signIntention(draft, signers[who])
    if (!result.ok) throw new Error(result.error.message)
    last.set(who, (head = result.value))
    all.push(head.bytes)
  }
  return all
}

const rate = (count, ms) => `${Math.round((count / ms) * 1_000)}/s`
const bytes = write()
const verifier = new NodeVerifier()
let started = performance.now()
const verified = bytes.map((b) => verifyIntention(parseIntention(b).value, verifier).value)
const verifyMs = performance.now() - started

const path = mkdtempSync(join(tmpdir(), 'lattice-bench-'))
const backend = openLmdb({ path, tables: LOG_TABLES })
const hooks = { admit: () => 'apply', witnessed: () => {} }
started = performance.now()
for (let i = 0; i < total; i += BATCH)
  await backend.write((tx) => {
    const dag = new DagWriter(tx, allocateStore(tx, first.storeId), hooks)
    for (const x of verified.slice(i, i + BATCH)) dag.insert(x, { wallMs: Date.now() + 1e12, from: undefined })
    dag.flush()
  })
const insertMs = performance.now() - started
started = performance.now()
const view = DagView.open(backend, storeNumber(backend, first.storeId))
if (view.count !== total) throw new Error(`${view.count} of ${total} witnessed`)
const openMs = performance.now() - started
started = performance.now()
for (let i = 0; i < 10_000; i++) view.isAncestor(verified[(i * 31) % total], verified[(i * 17) % total].hash)
const ancestorMs = performance.now() - started
started = performance.now()
for (let i = 0; i < 1_000; i++) view.ranges.sum((i * 31) % total, (i * 97) % total)
const sumMs = performance.now() - started
console.log(`parse + verify        ${rate(total, verifyMs)}`)
console.log(`insert + commit       ${rate(total, insertMs)}`)
console.log(`all of it             ${rate(total, verifyMs + insertMs)}`)
console.log(`open and count        ${openMs.toFixed(2)} ms`)
console.log(`isAncestor            ${rate(10_000, ancestorMs)}`)
console.log(`range sum             ${rate(1_000, sumMs)}`)
console.log(`on disk               ${Math.round(backend.sizeBytes / total)} bytes an intention`)
console.log(`resident              ${Math.round(process.memoryUsage().rss / 1_048_576)} MiB`)
await backend[Symbol.asyncDispose]()
rmSync(path, { recursive: true })

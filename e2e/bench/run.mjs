/**
 * `npm run bench`: runs the benchmarks that lie beside the code and prints one table.
 *
 * Machines differ, and one machine differs from hour to hour, so every figure is also given as a ratio to a yardstick
 * measured in the same run: what this processor hashes, or what this disk commits. `baseline.json` holds the ratios
 * of the last run that was kept (`--update` keeps this one); the last column compares with it.
 *
 * LATTICE_PEERS_BENCH names a script that measures two nodes against other programs; its output follows the table.
 */
import { randomBytes, createHash } from 'node:crypto'
import { mkdtempSync, readFileSync, rmSync, writeFileSync } from 'node:fs'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { capture, run } from '../../scripts/lib/run.mjs'
import { fromRoot } from '../../scripts/lib/paths.mjs'
import { openLmdb } from '#kernel/storage/lmdb.ts'

const node = fromRoot('node_modules', 'node', 'bin', 'node')
const baselinePath = fromRoot('e2e', 'bench', 'baseline.json')
const YARDSTICK_MS = 1_000

/**
 * `yardstick`: what the figure is compared with. `read`: pairs of a name and a rate (more is better), out of the output.
 * @type {readonly { file: string, args: string[], yardstick: 'sha256' | 'commit', unit: string, read: (output: string) => [string, number][] }[]}
 */
const benchmarks = [
  {
    file: 'kernel/cas/content.bench.mjs',
    args: ['256'],
    yardstick: 'sha256',
    unit: 'MiB/s',
    read: (output) => matches(output, /^(chunk \+ hash) +(\d+) MiB\/s$/gm),
  },
  {
    file: 'kernel/dag/dag.bench.mjs',
    args: ['10000'],
    yardstick: 'sha256',
    unit: '/s',
    read: (output) => matches(output, /^(parse \+ verify|insert \+ commit|isAncestor) +(\d+)\/s$/gm),
  },
  {
    file: 'sync/reconcile/reconcile.bench.mjs',
    args: ['200000'],
    yardstick: 'sha256',
    unit: '/s',
    read: (output) => matches(output, /^(index|reconcile) +(\d+)\/s$/gm),
  },
  {
    file: 'sync/transport/libp2p/transport.bench.ts',
    args: ['256'],
    yardstick: 'sha256',
    unit: 'MiB/s',
    read: (output) => matches(output, /"stream":"(\w+)","mibPerSecond":(\d+)/g),
  },
  {
    file: 'fs-bridge/filestore/filestore.bench.mjs',
    args: ['5000'],
    yardstick: 'sha256',
    unit: 'files/s',
    read: (output) =>
      matches(output, /^(.+) 1,000 creates: .* median ([\d.]+) ms$/gm).map(([name, ms]) => [name, 1_000_000 / ms]),
  },
  {
    file: 'fs-bridge/folder/folder.bench.ts',
    args: ['3000'],
    yardstick: 'commit',
    unit: 'files/s',
    read: (output) => matches(output, /^(\S.*?) +\d+ ms +(\d+) files\/s/gm),
  },
]

/** @param {string} output @param {RegExp} pattern @returns {[string, number][]} of a name that comes twice, the last */
const matches = (output, pattern) => [
  ...new Map(Array.from(output.matchAll(pattern), ([, name = '', value]) => [name, Number(value)])),
]

/** MiB of SHA-256 in a second. */
function hashRate() {
  const block = randomBytes(1024 * 1024)
  const endMs = performance.now() + YARDSTICK_MS
  let blocks = 0
  for (; performance.now() < endMs; blocks++) createHash('sha256').update(block).digest()
  return (blocks * 1000) / YARDSTICK_MS
}

/** Durable commits in a second, one after the other. */
async function commitRate() {
  const path = mkdtempSync(join(tmpdir(), 'lattice-bench-'))
  const backend = openLmdb({ path, tables: ['yardstick'] })
  try {
    const endMs = performance.now() + YARDSTICK_MS
    let commits = 0
    for (; performance.now() < endMs; commits++)
      await backend.write((tx) => tx.put('yardstick', Uint8Array.of(1), randomBytes(64)))
    return (commits * 1000) / YARDSTICK_MS
  } finally {
    await backend[Symbol.asyncDispose]()
    rmSync(path, { recursive: true })
  }
}

/** @param {string[]} cells */
const row = ([name = '', ...rest]) => console.log(name.padEnd(44) + rest.map((cell) => cell.padStart(14)).join(''))

const update = process.argv.includes('--update')
/** @type {Record<string, number>} */
const baseline = JSON.parse(readFileSync(baselinePath, 'utf8'))
/** @type {Record<string, number>} */
const ratios = {}
row(['', 'figure', 'unit', 'ratio', 'to baseline'])
for (const { file, args, yardstick, unit, read } of benchmarks) {
  // Measured anew for each, right beside it: other programs come and go.
  const reference = yardstick === 'sha256' ? hashRate() : await commitRate()
  const { code, output } = await capture(node, [file, ...args])
  const figures = read(output)
  if (code !== 0 || figures.length === 0) {
    console.error(`${file} failed (exit code ${code}):\n${output}`)
    process.exitCode = 1
    continue
  }
  row([`${file}  (${yardstick}: ${Math.round(reference)})`])
  for (const [name, value] of figures) {
    const key = `${file}: ${name}`
    const ratio = (ratios[key] = Number((value / reference).toPrecision(4)))
    const kept = baseline[key]
    row([`  ${name}`, value.toFixed(0), unit, String(ratio), kept ? `${((ratio / kept) * 100).toFixed(0)}%` : 'new'])
  }
}
if (update) writeFileSync(baselinePath, `${JSON.stringify({ ...baseline, ...ratios }, undefined, 2)}\n`)

const peers = process.env['LATTICE_PEERS_BENCH']
if (peers) process.exitCode ||= await run(peers, [])
else console.log('skipped: two nodes against other programs: LATTICE_PEERS_BENCH names no script')

/**
 * `npm run bench:desktop`: how long the desktop app takes to start, and what it takes of memory, with a home of 10,000
 * synced files. Prints a table and, with `--json`, the figures alone. `--files N`, `--runs N`.
 *
 * A start lasts from the spawn of the program until the card of the folder is on the screen. Memory is the proportional
 * share (PSS) of the app and all processes under it: with the window closed, once it is open, and closed again. A copy
 * of Electron is measured, as any other Electron that runs would take over a part of what is shared.
 */
import { spawn } from 'node:child_process'
import { once } from 'node:events'
import { cpSync, mkdirSync, mkdtempSync, readdirSync, readFileSync, rmSync, writeFileSync } from 'node:fs'
import { tmpdir } from 'node:os'
import { basename, dirname, join } from 'node:path'
import { performance } from 'node:perf_hooks'
import { setTimeout as pause } from 'node:timers/promises'
import { fileURLToPath } from 'node:url'
import { parseArgs } from 'node:util'
import { _electron } from 'playwright-core'
import { electronForTests } from '../../scripts/lib/electron.mjs'
import { fromRoot, toolEnvironment } from '../../scripts/lib/paths.mjs'
import { capture, run } from '../../scripts/lib/run.mjs'
import { ensureSystemPrograms } from '../../scripts/lib/system-packages.mjs'

const { values } = parseArgs({
  options: {
    files: { type: 'string', default: '10000' },
    runs: { type: 'string', default: '5' },
    json: { type: 'boolean', default: false },
  },
})
const fileCount = Number(values.files)
const runs = Number(values.runs)
/** The node collects what it no longer needs 3 s after the last change; a window that closed, too, needs a moment. */
const REST_MS = 8_000
const say = (/** @type {string} */ line) => (values.json ? undefined : console.log(line))

/** `anon`: what of it is no file. @typedef {{ kind: string, pss: number, anon: number }} ProcessSize in MiB */

/** The process and all under it. @param {number} pid @returns {ProcessSize[]} */
function processTree(pid) {
  const children = readdirSync('/proc')
    .filter((name) => /^\d+$/.test(name))
    .filter(
      (name) =>
        readIfThere(`/proc/${name}/stat`)
          .replace(/^.*\) \S+ /, '')
          .split(' ')[0] === String(pid),
    )
  const rollup = readIfThere(`/proc/${pid}/smaps_rollup`)
  const read = (/** @type {string} */ name) =>
    Number(new RegExp(`^${name}:\\s+(\\d+) kB`, 'm').exec(rollup)?.[1] ?? 0) / 1024
  const command = readIfThere(`/proc/${pid}/cmdline`)
  const kind = /--type=([\w-]+)/.exec(command)?.[1] ?? 'main'
  const service = /--utility-sub-type=([\w.]+)/.exec(command)?.[1]
  const own = { kind: service ? `${kind} ${service}` : kind, pss: read('Pss'), anon: read('Pss_Anon') }
  return [own, ...children.flatMap((child) => processTree(Number(child)))]
}

/** A process may end while it is looked at. @param {string} path */
function readIfThere(path) {
  try {
    return readFileSync(path, 'utf8')
  } catch {
    return ''
  }
}

/** @param {string} program @param {string} home @param {string[]} args */
const launch = (program, home, args) =>
  _electron.launch({
    executablePath: program,
    args: [
      ...(process.getuid?.() === 0 ? ['--no-sandbox'] : []),
      '--password-store=gnome-libsecret',
      `--home=${home}`,
      '--listen=/ip4/127.0.0.1/tcp/0',
      '--no-mdns',
      ...args,
    ],
    env: /** @type {Record<string, string>} */ ({ ...process.env, LATTICE_APP_ROOT: fromRoot() }),
  })

/** @param {string} home @param {readonly string[]} args */
async function lattice(home, ...args) {
  const { code, output } = await capture(fromRoot('bin', 'lattice'), [...args, '--home', home])
  if (code !== 0) throw new Error(`lattice ${args.join(' ')} ended with ${code}: ${output}`)
}

/** The node serves: that takes longer than the app's being there. @param {string} home */
async function nodeUp(home) {
  while ((await capture(fromRoot('bin', 'lattice'), ['status', '--home', home])).code !== 0) await pause(200)
}

/** From the spawn to the card. @param {string} program @param {string} home */
async function measureStart(program, home) {
  const startedMs = performance.now()
  const app = await launch(program, home, [])
  const page = await app.firstWindow()
  await page.getByRole('heading', { name: 'files' }).waitFor()
  const ms = performance.now() - startedMs
  await quit(app)
  return ms
}

/** @param {import('playwright-core').ElectronApplication} app */
async function quit(app) {
  const exited = once(app.process(), 'exit')
  await app.evaluate(({ app: electron }) => electron.quit()).catch(() => undefined) // it may be gone before it answers
  await exited
}

/** @param {import('playwright-core').ElectronApplication} app */
async function sizeAtRest(app) {
  await pause(REST_MS)
  const { pid } = app.process()
  return processTree(/** @type {number} */ (pid))
}

/** @param {string} program @param {string} home */
async function measureMemory(program, home) {
  const app = await launch(program, home, ['--hidden'])
  await nodeUp(home)
  await lattice(home, 'folder', 'wait', 'files')
  const closed = await sizeAtRest(app)
  // As a second start does.
  spawn(
    program,
    [
      ...app
        .process()
        .spawnargs.slice(1)
        .filter((arg) => !/^--(inspect|remote|hidden)/.test(arg)),
    ],
    {
      env: { ...process.env, LATTICE_APP_ROOT: fromRoot() },
      stdio: 'ignore',
    },
  )
  const page = await app.firstWindow()
  await page.getByRole('heading', { name: 'files' }).waitFor()
  const open = await sizeAtRest(app)
  await Promise.all([
    page.waitForEvent('close'),
    app.evaluate(({ BrowserWindow }) => BrowserWindow.getAllWindows()[0]?.close()),
  ])
  const closedAgain = await sizeAtRest(app)
  await quit(app)
  return { closed, open, closedAgain }
}

const sum = (/** @type {ProcessSize[]} */ sizes) => sizes.reduce((total, { pss }) => total + pss, 0)
const median = (/** @type {number[]} */ all) => all.toSorted((a, b) => a - b)[all.length >> 1] ?? Number.NaN

/** Inside the session. @param {string} program */
async function measure(program) {
  const root = mkdtempSync(join(tmpdir(), 'lattice-bench-'))
  try {
    const home = join(root, 'home')
    const directory = join(root, 'files')
    for (let at = 0; at < fileCount; at++) {
      const parent = join(directory, `${at % 100}`)
      if (at < 100) mkdirSync(parent, { recursive: true })
      writeFileSync(join(parent, `${at}.txt`), `file ${at}\n`.repeat(100))
    }
    say(`bench:desktop: taking ${fileCount} files in`)
    const first = await launch(program, home, ['--hidden'])
    await nodeUp(home)
    await lattice(home, 'folder', 'add', directory)
    await lattice(home, 'folder', 'wait', 'files', '--timeout', '600')
    const afterTakingIn = await sizeAtRest(first)
    await quit(first)
    const startsMs = []
    for (let at = 0; at < runs; at++) startsMs.push(await measureStart(program, home))
    report({ startsMs, memory: { afterTakingIn, ...(await measureMemory(program, home)) } })
  } finally {
    rmSync(root, { recursive: true, force: true })
  }
}

/** @param {{ startsMs: number[], memory: Record<string, ProcessSize[]> }} found */
function report({ startsMs, memory }) {
  if (values.json) {
    const pssMiB = Object.fromEntries(Object.entries(memory).map(([when, sizes]) => [when, sum(sizes)]))
    console.log(JSON.stringify({ files: fileCount, startsMs, startMedianMs: median(startsMs), pssMiB, memory }))
    return
  }
  say(
    `cold start to the folder's card: ${median(startsMs).toFixed(0)} ms (median of ${startsMs.map(Math.round).join(', ')})`,
  )
  for (const [when, sizes] of Object.entries(memory)) {
    say(`${when}: ${sum(sizes).toFixed(0)} MiB`)
    for (const { kind, pss, anon } of sizes)
      say(`    ${pss.toFixed(1).padStart(6)} MiB, ${anon.toFixed(1).padStart(6)} of no file  ${kind}`)
  }
}

/** Makes the session first, and measures inside it. */
async function main() {
  const inside = process.env['LATTICE_BENCH_ELECTRON']
  if (inside) return await measure(inside)
  if (!(await ensureSystemPrograms('desktop'))) return void (process.exitCode = 1)
  const { program, isStandIn } = await electronForTests()
  say(`bench:desktop: measures ${isStandIn ? 'a stand-in for Electron' : 'Electron'} at ${program}`)
  const node = fromRoot('node_modules', 'node', 'bin', 'node')
  for (const [script = '', ...args] of [
    ['build.mjs', '--if-stale', '--quiet'],
    ['build-desktop.mjs', '--quiet'],
  ])
    if ((await run(node, [fromRoot('scripts', script), ...args])) !== 0) return void (process.exitCode = 1)
  const session = mkdtempSync(join(tmpdir(), 'lattice-session-'))
  try {
    const copy = join(session, 'electron')
    cpSync(dirname(program), copy, { recursive: true })
    const own = join(copy, basename(program))
    const env = { ...toolEnvironment(), LATTICE_SESSION_DIR: session, LATTICE_BENCH_ELECTRON: own }
    const self = fileURLToPath(import.meta.url)
    const args = [node, self, ...process.argv.slice(2)]
    process.exitCode = await run(fromRoot('e2e', 'support', 'desktop-session.sh'), args, env)
  } finally {
    rmSync(session, { recursive: true, force: true })
  }
}

await main()

/**
 * `npm run bench:desktop`: how long the desktop app takes to start, and what it takes of memory, with a home of 10,000
 * synced files. Prints a table and, with `--json`, the figures alone. `--files N`, `--runs N`. `--against DIR`: starts
 * another checkout that is built, in turns with this one.
 *
 * A start lasts from the spawn of the program until the card of the folder is on the screen; where the time goes is told
 * by the app's own marks. Memory is the proportional share (PSS) of the app and all processes under it: with the window
 * closed, once it is open, and closed again; and, to compare, of an Electron with a tray that does nothing else. A copy
 * of Electron is measured, as any other Electron that runs would take over a part of what is shared.
 */
import { spawn } from 'node:child_process'
import { once } from 'node:events'
import { cpSync, mkdirSync, mkdtempSync, rmSync, writeFileSync } from 'node:fs'
import { tmpdir } from 'node:os'
import { basename, dirname, join, resolve } from 'node:path'
import { setTimeout as pause } from 'node:timers/promises'
import { fileURLToPath } from 'node:url'
import { parseArgs } from 'node:util'
import { _electron } from 'playwright-core'
import { electronForTests } from '../../scripts/lib/electron.mjs'
import { fromRoot, toolEnvironment } from '../../scripts/lib/paths.mjs'
import { capture, run } from '../../scripts/lib/run.mjs'
import { ensureSystemPrograms } from '../../scripts/lib/system-packages.mjs'
import { processSizes } from './desktop-processes.mjs'
import { measureStart } from './desktop-start.mjs'

/** @typedef {import('./desktop-processes.mjs').ProcessSize} ProcessSize */
/** @typedef {import('./desktop-start.mjs').Start} Start */

const { values } = parseArgs({
  options: {
    files: { type: 'string', default: '10000' },
    runs: { type: 'string', default: '5' },
    against: { type: 'string' },
    json: { type: 'boolean', default: false },
  },
})
const fileCount = Number(values.files)
const runs = Number(values.runs)
/** The node collects what it no longer needs 3 s after the last change, and 8 s later; a window, too, needs a moment. */
const REST_MS = 15_000
const say = (/** @type {string} */ line) => (values.json ? undefined : console.log(line))

/** @param {string} home @param {string[]} args */
const appArgs = (home, ...args) => [
  ...(process.getuid?.() === 0 ? ['--no-sandbox'] : []),
  '--password-store=gnome-libsecret',
  `--home=${home}`,
  '--listen=/ip4/127.0.0.1/tcp/0',
  '--no-mdns',
  ...args,
]

/** `app`: the checkout that is started. */
const environment = (app = fromRoot()) =>
  /** @type {Record<string, string>} */ ({ ...process.env, LATTICE_APP_ROOT: app })

/** @param {string} program @param {string} home @param {string[]} args */
const launch = (program, home, args) =>
  _electron.launch({ executablePath: program, args: appArgs(home, ...args), env: environment() })

/** @param {string} home @param {readonly string[]} args */
async function lattice(home, ...args) {
  const { code, output } = await capture(fromRoot('bin', 'lattice'), [...args, '--home', home])
  if (code !== 0) throw new Error(`lattice ${args.join(' ')} ended with ${code}: ${output}`)
}

/** The node serves: that takes longer than the app's being there. @param {string} home */
async function nodeUp(home) {
  while ((await capture(fromRoot('bin', 'lattice'), ['status', '--home', home])).code !== 0) await pause(200)
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
  return processSizes(/** @type {number} */ (app.process().pid))
}

const emptyApp = (/** @type {string} */ data, /** @type {string} */ icon) => `'use strict'
const { app, Tray } = require('electron')
app.setPath('userData', ${JSON.stringify(data)})
app.on('window-all-closed', () => undefined)
app.whenReady().then(() => (globalThis.tray = new Tray(${JSON.stringify(icon)})))
`

/** What Electron takes by itself: a tray and no window. @param {string} program @param {string} root */
async function measureEmpty(program, root) {
  const app = join(root, 'empty')
  mkdirSync(join(app, 'build'), { recursive: true })
  const icon = fromRoot('build', 'icons', 'app', '256.png')
  writeFileSync(join(app, 'build', 'desktop-main.cjs'), emptyApp(join(root, 'empty-data'), icon))
  const env = { ...environment(), LATTICE_TEST_APP: app }
  const child = spawn(program, appArgs(root), { env, stdio: 'ignore' })
  const exited = once(child, 'exit')
  await pause(REST_MS)
  const sizes = processSizes(/** @type {number} */ (child.pid))
  child.kill('SIGKILL')
  await exited
  return sizes
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
    { env: environment(), stdio: 'ignore' },
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
    const apps = [fromRoot(), ...(values.against === undefined ? [] : [resolve(values.against)])]
    /** @type {Record<string, Start[]>} */
    const starts = Object.fromEntries(apps.map((app) => [app, []]))
    for (let at = 0; at < runs; at++)
      for (const app of apps) starts[app]?.push(await measureStart(program, appArgs(home), environment(app)))
    const emptyElectron = await measureEmpty(program, root)
    report(starts, { emptyElectron, afterTakingIn, ...(await measureMemory(program, home)) })
  } finally {
    rmSync(root, { recursive: true, force: true })
  }
}

/** @param {Record<string, Start[]>} starts by checkout @param {Record<string, ProcessSize[]>} memory */
function report(starts, memory) {
  if (values.json) {
    const pssMiB = Object.fromEntries(Object.entries(memory).map(([when, sizes]) => [when, sum(sizes)]))
    console.log(JSON.stringify({ files: fileCount, starts, pssMiB, memory }))
    return
  }
  for (const [app, all] of Object.entries(starts)) reportStarts(app, all)
  for (const [when, sizes] of Object.entries(memory)) {
    say(`${when}: ${sum(sizes).toFixed(0)} MiB`)
    for (const { kind, pss, anon, files } of sizes) {
      const largest = Object.entries(files).map(([name, size]) => `${name} ${size.toFixed(1)}`)
      say(`    ${inColumn(pss)} MiB, ${inColumn(anon)} of no file  ${kind} (${largest.join(', ')})`)
    }
  }
}

const inColumn = (/** @type {number} */ size) => size.toFixed(1).padStart(6)

/** @param {string} app @param {Start[]} starts */
function reportStarts(app, starts) {
  const all = starts.map(({ ms }) => Math.round(ms)).join(', ')
  const [ms, cpuMs] = [median(starts.map((start) => start.ms)), median(starts.map((start) => start.cpuMs))]
  say(`${app}: cold start to the folder's card ${ms.toFixed(0)} ms (median of ${all}), ${cpuMs.toFixed(0)} ms of CPU`)
  /** @type {Map<string, number[]>} */
  const steps = new Map()
  for (const { name, ms } of starts.flatMap((start) => start.steps)) steps.set(name, [...(steps.get(name) ?? []), ms])
  for (const [name, at] of [...steps].sort(([, a], [, b]) => median(a) - median(b)))
    say(`    ${median(at).toFixed(0).padStart(6)} ms  ${name}`)
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

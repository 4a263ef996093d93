/**
 * `npm start`: the desktop app where it can be shown (`lib/start-mode.mjs`), else the node with sensible defaults and
 * its web page. Says which and why. Without a window it makes sure that there is a folder to sync, says where it is, how
 * to go on and what to open in a browser, and serves until Ctrl-C.
 */
import { spawn } from 'node:child_process'
import { mkdirSync } from 'node:fs'
import { homedir } from 'node:os'
import { basename, join } from 'node:path'
import { createInterface } from 'node:readline'
import { buildApp } from './lib/app-build.mjs'
import { fetchElectron } from './lib/electron.mjs'
import { fromRoot, root } from './lib/paths.mjs'
import { capture, signalGroup } from './lib/run.mjs'
import { answers, canSandbox, chooseMode } from './lib/start-mode.mjs'

const lattice = fromRoot('bin', 'lattice')
const defaultFolder = join(homedir(), 'Lattice')
const args = process.argv.slice(2)
const homeGiven = args.some((arg) => /^--home(=|$)/.test(arg))

/**
 * The folders of the node at `home`; a node that has none yet gets the default one.
 * @param {string} home
 * @returns {Promise<{ name: string, path: string }[]>}
 */
async function foldersAt(home) {
  const listed = await capture(lattice, ['folder', 'list', '--json', '--home', home])
  if (listed.code !== 0) throw new Error(`cannot list the folders: ${listed.output.trim()}`)
  const { folders } = JSON.parse(listed.output)
  if (folders.length > 0) return folders
  mkdirSync(defaultFolder, { recursive: true })
  const added = await capture(lattice, ['folder', 'add', defaultFolder, '--home', home])
  if (added.code !== 0) throw new Error(`cannot add ${defaultFolder}: ${added.output.trim()}`)
  return [{ name: basename(defaultFolder), path: defaultFolder }]
}

/** @param {string} home */
async function announce(home) {
  const command = homeGiven ? `./bin/lattice --home ${home}` : './bin/lattice'
  const folders = await foldersAt(home)
  for (const { name, path } of folders) console.log(`Folder ${name}: ${path || 'kept nowhere on this device'}`)
  console.log(`Invite another device: ${command} invite ${folders[0]?.name}`)
  console.log('On that device, with the link that prints: ./bin/lattice join LINK PATH')
  // Last: whoever waits for it knows that all is said.
  const web = await capture(lattice, ['web', '--home', home])
  if (web.code !== 0) throw new Error(`the web page has no address: ${web.output.trim()}`)
  console.log(`How things are: ${command} status, or in a browser: ${web.output.trim()}`)
}

/**
 * Starts a program that a Ctrl-C is to stop in order. In a process group of its own, so that it is told once, through
 * us: told twice, it ends at once.
 * @param {string} program
 * @param {string[]} programArgs
 * @param {'pipe' | 'inherit'} stdout
 */
function start(program, programArgs, stdout) {
  const child = spawn(program, programArgs, { detached: true, stdio: ['ignore', stdout, 'inherit'] })
  /** The group: it may still be building. @param {NodeJS.Signals} signal */
  const tell = (signal) => {
    if (child.exitCode === null && child.signalCode === null) signalGroup(child, signal)
  }
  for (const signal of /** @type {const} */ (['SIGINT', 'SIGTERM', 'SIGHUP']))
    process.on(signal, () => tell(signal === 'SIGHUP' ? 'SIGTERM' : signal))
  // Whatever ends us, a reader of what we print that is gone for one: nobody would know of what goes on.
  process.once('exit', () => tell('SIGTERM'))
  child.once('exit', (code, signal) => (process.exitCode = code ?? (signal === 'SIGINT' ? 0 : 1)))
  return child
}

function startHeadless() {
  const webGiven = args.some((arg) => /^--web(=|$)/.test(arg))
  const node = start(
    lattice,
    ['up', ...(webGiven ? [] : ['--web']), ...args.filter((arg) => arg !== '--no-sandbox')],
    'pipe',
  )
  createInterface({ input: /** @type {import('node:stream').Readable} */ (node.stdout) }).on('line', (line) => {
    if (!line.startsWith('ready ')) return console.log(line)
    announce(JSON.parse(line.slice('ready '.length)).home).catch((/** @type {Error} */ error) =>
      console.error(`start: ${error.message}`),
    )
  })
}

const mode = await chooseMode(
  {
    platform: process.platform,
    env: process.env,
    isRoot: process.getuid?.() === 0,
    answers,
    canSandbox,
    electron: () => fetchElectron(console.log),
  },
  args,
)
console.log(`Lattice runs ${mode.mode === 'desktop' ? 'as a desktop app' : 'headless'}: ${mode.why}. Ctrl-C ends it.`)
if (mode.mode === 'desktop') {
  await buildApp()
  start(mode.program, [root, ...args], 'inherit')
} else startHeadless()

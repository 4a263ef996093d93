/**
 * `npm start`: the node with sensible defaults and its web page. Makes sure that there is a folder to sync, says where
 * it is, how to go on and what to open in a browser, and serves until Ctrl-C.
 */
import { spawn } from 'node:child_process'
import { mkdirSync } from 'node:fs'
import { homedir } from 'node:os'
import { basename, join } from 'node:path'
import { createInterface } from 'node:readline'
import { fromRoot } from './lib/paths.mjs'
import { capture } from './lib/run.mjs'

const lattice = fromRoot('bin', 'lattice')
const defaultFolder = join(homedir(), 'Lattice')
const args = process.argv.slice(2)
const homeGiven = args.some((arg) => /^--home(=|$)/.test(arg))

/** How the node is shown. */
function chooseMode() {
  return { name: 'headless', why: 'its page in a browser shows what the desktop app shows' }
}

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

const mode = chooseMode()
console.log(`Lattice runs ${mode.name}: ${mode.why}. Ctrl-C ends it.`)
// In a process group of its own, so that a Ctrl-C reaches it once, through us: told twice, a node ends at once instead
// of stopping in order.
const webGiven = args.some((arg) => /^--web(=|$)/.test(arg))
const node = spawn(lattice, ['up', ...(webGiven ? [] : ['--web']), ...args], {
  detached: true,
  stdio: ['ignore', 'pipe', 'inherit'],
})
for (const signal of /** @type {const} */ (['SIGINT', 'SIGTERM', 'SIGHUP']))
  process.on(signal, () => {
    if (node.pid !== undefined && node.exitCode === null && node.signalCode === null)
      process.kill(-node.pid, signal === 'SIGHUP' ? 'SIGTERM' : signal) // the group: it may still be building
  })
node.once('exit', (code, signal) => (process.exitCode = code ?? (signal === 'SIGINT' ? 0 : 1)))
createInterface({ input: node.stdout }).on('line', (line) => {
  if (!line.startsWith('ready ')) return console.log(line)
  announce(JSON.parse(line.slice('ready '.length)).home).catch((/** @type {Error} */ error) =>
    console.error(`start: ${error.message}`),
  )
})

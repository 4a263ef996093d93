/**
 * `npm start`: the node with sensible defaults. Makes sure that there is a folder to sync, says where it is and how
 * to go on, and serves until Ctrl-C.
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

/** How the node is shown. The desktop shell is chosen here once it is part of a checkout. */
function chooseMode() {
  return { name: 'headless', why: 'this checkout has no desktop app' }
}

/** Adds the default folder to a node that has none yet. */
async function ensureFolder() {
  const listed = await capture(lattice, ['folder', 'list', '--json'])
  if (listed.code !== 0) throw new Error(`cannot list the folders: ${listed.output.trim()}`)
  if (foldersIn(listed.output) > 0) return undefined
  mkdirSync(defaultFolder, { recursive: true })
  const added = await capture(lattice, ['folder', 'add', defaultFolder])
  if (added.code !== 0) throw new Error(`cannot add ${defaultFolder}: ${added.output.trim()}`)
  return defaultFolder
}

/** @param {string} text either an array, or an object that holds one under `folders` */
function foldersIn(text) {
  const parsed = JSON.parse(text)
  return (Array.isArray(parsed) ? parsed : (parsed.folders ?? [])).length
}

async function announce() {
  const added = await ensureFolder()
  const folder = added === undefined ? 'FOLDER' : basename(added)
  console.log(
    added ? `Your folder: ${added} (what you put there is synced)` : 'Your folders: ./bin/lattice folder list',
  )
  console.log(`Invite another device: ./bin/lattice invite ${folder}, and on that one: ./bin/lattice join LINK`)
  console.log('Web page: ./bin/lattice status shows its address')
}

const mode = chooseMode()
console.log(`Lattice runs ${mode.name}: ${mode.why}. Ctrl-C ends it.`)
const node = spawn(lattice, ['up', ...process.argv.slice(2)], { stdio: ['inherit', 'pipe', 'inherit'] })
for (const signal of /** @type {const} */ (['SIGINT', 'SIGTERM'])) process.on(signal, () => node.kill(signal))
node.once('exit', (code, signal) => (process.exitCode = code ?? (signal === 'SIGINT' ? 0 : 1)))
createInterface({ input: node.stdout }).on('line', (line) => {
  if (!line.startsWith('ready ')) return console.log(line)
  announce().catch((/** @type {Error} */ error) => console.error(`start: ${error.message}`))
})

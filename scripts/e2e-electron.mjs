/**
 * `npm run e2e:electron`: the tests of the desktop app, in a D-Bus session, keyring and display of their own. Fetches
 * or installs what a machine lacks. Arguments go to vitest.
 */
import { mkdirSync, mkdtempSync, rmSync, symlinkSync, writeFileSync } from 'node:fs'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { electronForTests } from './lib/electron.mjs'
import { fromRoot, toolEnvironment } from './lib/paths.mjs'
import { run } from './lib/run.mjs'
import { ensureSystemPrograms } from './lib/system-packages.mjs'

const node = fromRoot('node_modules', 'node', 'bin', 'node')
const vitest = fromRoot('node_modules', '.bin', 'vitest')

/** Stands in for the interface, which would follow requests and take the port itself: the shell's tests want both. */
const plainPage = '<!doctype html>\n<html lang="en">\n  <title>Lattice</title>\n  <h1>Lattice</h1>\n</html>\n'

/**
 * The app as it was built, with the plain page in place of the interface.
 * @param {string} directory
 */
function plainApp(directory) {
  mkdirSync(join(directory, 'build', 'web'), { recursive: true })
  for (const name of ['desktop-main.cjs', 'desktop-preload.cjs', 'icons'])
    symlinkSync(fromRoot('build', name), join(directory, 'build', name))
  writeFileSync(join(directory, 'build', 'web', 'index.html'), plainPage)
  return directory
}

async function main() {
  if (!(await ensureSystemPrograms('desktop'))) return 1
  const { program, isStandIn } = await electronForTests()
  console.log(`e2e:electron: runs ${isStandIn ? 'a stand-in for Electron' : 'Electron'} at ${program}`)
  for (const args of [
    ['build.mjs', '--if-stale', '--quiet'],
    ['build-desktop.mjs', '--quiet'],
  ])
    if ((await run(node, [fromRoot('scripts', args[0] ?? ''), ...args.slice(1)])) !== 0) return 1
  const session = mkdtempSync(join(tmpdir(), 'lattice-session-'))
  try {
    const env = {
      ...toolEnvironment(),
      LATTICE_SESSION_DIR: session,
      LATTICE_TEST_ELECTRON: program,
      LATTICE_TEST_APP: plainApp(join(session, 'app')),
    }
    const args = [
      '--',
      fromRoot('e2e', 'support', 'desktop-session.sh'),
      vitest,
      'run',
      '--project',
      'desktop',
      ...process.argv.slice(2),
    ]
    return await run('dbus-run-session', args, env)
  } finally {
    rmSync(session, { recursive: true, force: true })
  }
}

process.exitCode = await main()

/**
 * `npm run e2e:electron`: the tests of the desktop app, each file in a display, D-Bus session and keyring of its own.
 * Fetches or installs what a machine lacks. Arguments go to vitest; `--prepare-only` runs no test.
 */
import { pathToFileURL } from 'node:url'
import { electronForTests } from './lib/electron.mjs'
import { fromRoot, toolEnvironment } from './lib/paths.mjs'
import { run, runGroup } from './lib/run.mjs'
import { ensureSystemPrograms } from './lib/system-packages.mjs'

const node = fromRoot('node_modules', 'node', 'bin', 'node')

/**
 * Sees to all that the tests of the desktop app need: programs, an Electron, and a build that stays as it is while they
 * run.
 * @returns {Promise<{ LATTICE_TEST_ELECTRON: string } | undefined>} what to add to the environment of vitest; nothing
 * where something is missing, which was said
 */
export async function prepareDesktop() {
  if (!(await ensureSystemPrograms('desktop'))) return undefined
  const { program, isStandIn } = await electronForTests()
  console.log(`e2e:electron: runs ${isStandIn ? 'a stand-in for Electron' : 'Electron'} at ${program}`)
  if ((await run(node, [fromRoot('scripts', 'build.mjs'), '--if-stale', '--quiet'])) !== 0) return undefined
  if ((await run(node, [fromRoot('scripts', 'build-desktop.mjs'), '--if-stale', '--quiet'])) !== 0) return undefined
  return { LATTICE_TEST_ELECTRON: program }
}

if (import.meta.url === pathToFileURL(process.argv[1] ?? '').href) {
  const desktop = await prepareDesktop()
  const given = process.argv.slice(2)
  const args = ['run', '--project', 'desktop', ...given]
  if (desktop === undefined) process.exitCode = 1
  else if (!given.includes('--prepare-only'))
    process.exitCode = await runGroup(fromRoot('node_modules', '.bin', 'vitest'), args, {
      ...toolEnvironment(),
      ...desktop,
    })
}

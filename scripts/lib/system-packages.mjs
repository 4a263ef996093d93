/** Programs from outside npm that we need, and the Debian packages they come in. Extend the lists here only. */
import { accessSync, constants } from 'node:fs'
import { delimiter, join } from 'node:path'
import { run } from './run.mjs'

/** @typedef {{ command: string, debianPackage: string, why: string }} SystemProgram */

/** @type {Record<'run' | 'test', readonly SystemProgram[]>} */
const needed = {
  run: [],
  test: [{ command: 'git', debianPackage: 'git', why: 'the tests of git repositories inside synced folders' }],
}

/** @param {string} command */
function isOnPath(command) {
  return (process.env['PATH'] ?? '').split(delimiter).some((directory) => {
    try {
      accessSync(join(directory, command), constants.X_OK)
      return true
    } catch {
      return false // Not here, or not ours to run: the next directory may have it.
    }
  })
}

/**
 * Installs what is missing where it may; otherwise says plainly what is missing and goes on: the tests that need it
 * skip with that reason.
 * @param {'run' | 'test'} purpose
 */
export async function ensureSystemPrograms(purpose) {
  const missing = needed[purpose].filter(({ command }) => !isOnPath(command))
  if (missing.length === 0) return
  const packages = missing.map((program) => program.debianPackage)
  const mayInstall = process.getuid?.() === 0 && isOnPath('apt-get')
  if (mayInstall && (await aptInstall(packages))) return
  for (const { command, debianPackage, why } of missing)
    console.error(`setup: '${command}' is missing (Debian package ${debianPackage}); it is needed for ${why}`)
}

/** @param {string[]} packages */
async function aptInstall(packages) {
  console.log(`setup: installing ${packages.join(' ')} with apt-get`)
  const env = { ...process.env, DEBIAN_FRONTEND: 'noninteractive' }
  const install = () => run('apt-get', ['install', '-y', '-q', '--no-install-recommends', ...packages], env)
  if ((await install()) === 0) return true
  return (await run('apt-get', ['update', '-q'], env)) === 0 && (await install()) === 0
}

/** Programs from outside npm that we need, and the Debian packages they come in. Extend the lists here only. */
import { accessSync, constants, existsSync } from 'node:fs'
import { delimiter, join } from 'node:path'
import { capture, run } from './run.mjs'

/** A `command` is looked for on the path, a `library` among those of the system. */
/** @typedef {{ command?: string, library?: string, debianPackage: string, why: string }} SystemProgram */

const desktop = 'the tests of the desktop app'
const packaging = 'the tests of the Debian package'

/** @type {Record<'run' | 'test' | 'desktop' | 'package', readonly SystemProgram[]>} */
const needed = {
  run: [],
  test: [
    { command: 'git', debianPackage: 'git', why: 'the tests of git repositories inside synced folders' },
    { command: 'chromium', debianPackage: 'chromium', why: 'the tests of the web page' },
  ],
  desktop: [
    { library: 'libgtk-3.so.0', debianPackage: 'libgtk-3-0', why: desktop },
    { library: 'libnss3.so', debianPackage: 'libnss3', why: desktop },
    { library: 'libgbm.so.1', debianPackage: 'libgbm1', why: desktop },
    { library: 'libasound.so.2', debianPackage: 'libasound2', why: desktop },
    { library: 'libnotify.so.4', debianPackage: 'libnotify4', why: desktop },
    { library: 'libsecret-1.so.0', debianPackage: 'libsecret-1-0', why: desktop },
    { command: 'Xvfb', debianPackage: 'xvfb', why: desktop },
    { command: 'dbus-run-session', debianPackage: 'dbus-daemon', why: desktop },
    { command: 'gnome-keyring-daemon', debianPackage: 'gnome-keyring', why: desktop },
    { command: 'xdg-mime', debianPackage: 'xdg-utils', why: desktop },
    { command: 'dunst', debianPackage: 'dunst', why: desktop },
    { command: 'gio', debianPackage: 'libglib2.0-bin', why: desktop },
    { command: 'zip', debianPackage: 'zip', why: packaging },
    { command: 'fakeroot', debianPackage: 'fakeroot', why: packaging },
  ],
  package: [
    { command: 'zip', debianPackage: 'zip', why: packaging },
    { command: 'fakeroot', debianPackage: 'fakeroot', why: packaging },
    { command: 'mmdebstrap', debianPackage: 'mmdebstrap', why: packaging },
    { command: 'Xvfb', debianPackage: 'xvfb', why: packaging },
    { command: 'dbus-daemon', debianPackage: 'dbus-daemon', why: packaging },
  ],
}

/** Names of the shared libraries that the loader knows; on systems without `ldconfig` none. */
async function knownLibraries() {
  const ldconfig = ['/sbin/ldconfig', '/usr/sbin/ldconfig'].find((path) => existsSync(path))
  if (ldconfig === undefined) return new Set()
  const { output } = await capture(ldconfig, ['-p'])
  return new Set(output.split('\n').map((line) => line.trim().split(' ', 1)[0]))
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
 * @param {'run' | 'test' | 'desktop' | 'package'} purpose
 * @returns {Promise<boolean>} whether all is there
 */
export async function ensureSystemPrograms(purpose) {
  const libraries = needed[purpose].some(({ library }) => library) ? await knownLibraries() : new Set()
  const missing = needed[purpose].filter(
    ({ command, library }) => (command && !isOnPath(command)) || (library && !libraries.has(library)),
  )
  if (missing.length === 0) return true
  const packages = missing.map((program) => program.debianPackage)
  const mayInstall = process.getuid?.() === 0 && isOnPath('apt-get')
  if (mayInstall && (await aptInstall(packages))) return true
  for (const { command, library, debianPackage, why } of missing)
    console.error(
      `setup: '${command ?? library}' is missing (Debian package ${debianPackage}); it is needed for ${why}`,
    )
  return false
}

/** @param {string[]} packages */
async function aptInstall(packages) {
  console.log(`setup: installing ${packages.join(' ')} with apt-get`)
  const env = { ...process.env, DEBIAN_FRONTEND: 'noninteractive' }
  const install = () => run('apt-get', ['install', '-y', '-q', '--no-install-recommends', ...packages], env)
  if ((await install()) === 0) return true
  return (await run('apt-get', ['update', '-q'], env)) === 0 && (await install()) === 0
}

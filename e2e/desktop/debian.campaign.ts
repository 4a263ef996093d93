/**
 * The Debian package on a clean Debian: a minimal root made for it, the package installed there by apt with nothing but
 * what it declares, and the app started in it by an ordinary user, with Chromium's own sandbox.
 *
 * Needs root (`npm run e2e:package` says so). The display and the D-Bus session lie outside of the root, so that what
 * they need does not stand in for what the package forgot to declare. All of it runs in a mount namespace of its own,
 * which takes its mounts along when it ends.
 */
import { spawn } from 'node:child_process'
import { randomBytes } from 'node:crypto'
import { once } from 'node:events'
import { chmod, copyFile, mkdir, mkdtemp, readdir, readFile, rm, stat, writeFile } from 'node:fs/promises'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { fileURLToPath } from 'node:url'
import { afterAll, beforeAll, expect, test } from 'vitest'
import { checkPage } from '../support/page-checks.ts'
import { portScript } from '../support/electron.ts'
import { DebuggedApp, forge, packagedArgs } from '../support/packaged.ts'
import { nodeUp } from '../support/shared-folder.ts'
import { lattice } from '../support/world.ts'

const RELEASE = 'bookworm'
const sessionScript = fileURLToPath(new URL('../support/debian-session.sh', import.meta.url))
const USER = 1000
/** In the root: from outside the same files lie below its directory. */
const HOME = '/home/anna'

let work: string
let debian: string
let app: DebuggedApp
beforeAll(async () => {
  work = await mkdtemp(join(tmpdir(), 'lattice-debian-'))
  await chmod(work, 0o755) // the user of the root goes through it
  debian = join(work, 'root')
  await forge(join(work, 'out'), 'make', '--targets', 'deb')
  await run('mmdebstrap', '--quiet', '--variant=minbase', RELEASE, debian)
  await run('cp', '/etc/resolv.conf', join(debian, 'etc', 'resolv.conf'))
}, 900_000)
afterAll(async () => {
  await app?.[Symbol.asyncDispose]()
  await rm(work, { recursive: true, force: true, maxRetries: 5 })
}, 60_000)

/** Runs a program to its end; gives back what it printed. */
const run = async (program: string, ...args: readonly string[]): Promise<string> => {
  const child = spawn(program, args, { stdio: ['ignore', 'pipe', 'pipe'] })
  let output = ''
  for (const stream of [child.stdout, child.stderr])
    stream.setEncoding('utf8').on('data', (text: string) => (output += text))
  const [code] = (await once(child, 'close')) as [number | null]
  if (code !== 0) throw new Error(`${program} ${args.join(' ')} ended with ${code}:\n${output}`)
  return output
}

/** Mounts what programs expect, in a namespace that goes away with them, then runs in the root what `$2` says. */
const inRoot = `
  mount -t proc proc "$1/proc"
  mount --rbind /dev "$1/dev"
  exec chroot "$1" /bin/sh -c "$2"
`
const chroot = (script: string): Promise<string> =>
  run('unshare', '--mount', 'sh', '-ec', inRoot, 'sh', debian, `export DEBIAN_FRONTEND=noninteractive; ${script}`)

test('apt installs it with what it declares, and no library is missing', async () => {
  const made = join(work, 'out', 'make', 'deb', 'x64')
  const [name = ''] = await readdir(made)
  await copyFile(join(made, name), join(debian, 'lattice.deb'))
  await chroot('apt-get update -q && apt-get install -q -y --no-install-recommends /lattice.deb && rm /lattice.deb')
  expect(await chroot('dpkg --audit')).toBe('')
  expect(await chroot('dpkg-query --show --showformat "\\${Package} "')).not.toMatch(/\bkde/)
  const missing = await chroot(
    'cd /usr/lib/lattice-desktop && find . -type f \\( -name lattice-desktop -o -name "*.so*" -o -name "*.node" \\) -exec ldd {} + | grep "not found" || true',
  )
  expect(missing).toBe('')
  expect((await stat(join(debian, 'usr/lib/lattice-desktop/chrome-sandbox'))).mode & 0o7777).toBe(0o4755)
  expect(await readFile(join(debian, 'usr/share/applications/lattice-desktop.desktop'), 'utf8')).toContain(
    'x-scheme-handler/lattice',
  )
}, 600_000)

test('an ordinary user starts it', async () => {
  await chroot(`useradd --create-home --uid ${USER} anna`)
  app = await DebuggedApp.attach(
    spawn(
      'unshare',
      ['--mount', sessionScript, debian, String(USER), 'lattice-desktop', ...packagedArgs(`${HOME}/node`)],
      {
        stdio: ['ignore', 'pipe', 'pipe'],
      },
    ),
  )
  expect(await app.page.evaluate(() => document.title)).toBe('Lattice')
}, 120_000)

test('its pages are in the sandbox', async () => {
  const processes = (await readdir('/proc')).filter((name) => /^\d+$/.test(name))
  const commands = await Promise.all(
    processes.map((pid) => readFile(`/proc/${pid}/cmdline`, 'utf8').catch(() => '')), // it ended meanwhile
  )
  const pages = processes.filter(
    (_, at) => commands[at]?.includes('/usr/lib/lattice-desktop/') && commands[at].includes('--type=renderer'),
  )
  expect(pages.length).toBeGreaterThan(0)
  for (const pid of pages) {
    const status = await readFile(`/proc/${pid}/status`, 'utf8')
    expect(status).toMatch(/^Seccomp:\t2$/m)
    expect(status).toMatch(/^NSpid:\t\d+\t\d+/m)
    expect(status).toMatch(/^Uid:\t1000\t1000/m)
  }
})

test('its node takes a folder in and answers the page and the command line', async () => {
  const folder = join(debian, HOME, 'Documents')
  await mkdir(folder)
  await writeFile(join(folder, 'large.bin'), randomBytes(3 << 20))
  await run('chown', '-R', `${USER}:${USER}`, folder)
  const home = join(debian, HOME, 'node')
  await nodeUp(home)
  expect(await lattice(home, 'folder', 'add', `${HOME}/Documents`)).toMatchObject({ code: 0, stderr: '' })
  expect(await lattice(home, 'folder', 'wait', 'Documents', '--timeout', '60')).toMatchObject({ code: 0, stderr: '' })
  await app.page.evaluate(await portScript())
  const files = await app.page.evaluate(async () => {
    const listed = await window.withClients(({ folders }) => folders.listFolders({}))
    return listed.folders.map(({ name, files }) => ({ name, files: Number(files) }))
  })
  expect(files).toEqual([{ name: 'Documents', files: 1 }])
})

checkPage(() => app.page)

test('told to end, it ends in order; removed, it leaves nothing of the system behind', async () => {
  expect(await app.terminate(), app.output).toBe(0)
  await chroot('apt-get purge -q -y lattice-desktop')
  expect(await chroot('find / -xdev -path /home -prune -o -name "*lattice*" -print')).toBe('')
}, 120_000)

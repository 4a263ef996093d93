/** The app as it is shipped: what is in it, what its program can be made to do, and the Debian package around it. */
import { execFileSync, spawn } from 'node:child_process'
import { randomBytes } from 'node:crypto'
import { mkdir, mkdtemp, readdir, readFile, rm, stat, writeFile } from 'node:fs/promises'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { extractAll, listPackage } from '@electron/asar'
import { FuseState, FuseV1Options, getCurrentFuseWire } from '@electron/fuses'
import { afterAll, beforeAll, expect, test } from 'vitest'
import { portScript } from '../support/electron.ts'
import { checkPage } from '../support/page-checks.ts'
import type { DebuggedPage } from '../support/debugged-page.ts'
import { DebuggedApp, forge, packagedArgs } from '../support/packaged.ts'
import { nodeUp } from '../support/shared-folder.ts'
import { lattice } from '../support/world.ts'

/** With the stand-in it carries what that Electron lacks; the release does not. */
const STAND_IN_FILES = ['electron-boot.cjs', 'electron-page-polyfills.cjs', 'electron-polyfills.cjs']

let root: string
let directory: string
let home: string
let app: DebuggedApp
let page: DebuggedPage
beforeAll(async () => {
  root = await mkdtemp(join(tmpdir(), 'lattice-package-'))
  home = join(root, 'home')
  await forge(root, 'make', '--targets', 'deb')
  directory = join(root, 'Lattice-linux-x64')
  await prepareAttacks()
  app = await DebuggedApp.attach(
    spawn(
      join(directory, 'lattice-desktop'),
      [...(process.getuid?.() === 0 ? ['--no-sandbox'] : []), '--inspect=0', ...packagedArgs(home)],
      {
        stdio: ['ignore', 'pipe', 'pipe'],
        env: { ...process.env, ELECTRON_RUN_AS_NODE: '1', NODE_OPTIONS: `--require ${join(root, 'attack.cjs')}` },
      },
    ),
  )
  page = app.page
}, 300_000)
afterAll(async () => {
  await app?.[Symbol.asyncDispose]()
  await rm(root, { recursive: true, force: true, maxRetries: 5 })
})

/** What somebody who can write beside the program, or set its environment, would try. */
const prepareAttacks = async (): Promise<void> => {
  const attack = `require('node:fs').writeFileSync(${JSON.stringify(join(root, 'attacked'))}, process.argv.join(' '))\n`
  await writeFile(join(root, 'attack.cjs'), attack)
  await mkdir(join(directory, 'resources', 'app'))
  await writeFile(join(directory, 'resources', 'app', 'package.json'), '{"name":"x","main":"attack.cjs"}')
  await writeFile(join(directory, 'resources', 'app', 'attack.cjs'), attack)
}

const archive = (): string => join(directory, 'resources', 'app.asar')
const packed = (): string[] => listPackage(archive(), { isPack: false }).map((path) => path.slice(1))

test('the fuses are set in the program', async () => {
  const { version: _, ...wire } = await getCurrentFuseWire(join(directory, 'lattice-desktop'))
  const found = Object.fromEntries(
    Object.entries(wire).map(([fuse, state]) => [FuseV1Options[Number(fuse)], FuseState[Number(state)]]),
  )
  expect(found).toMatchObject({
    RunAsNode: 'DISABLE',
    EnableCookieEncryption: 'ENABLE',
    EnableNodeOptionsEnvironmentVariable: 'DISABLE',
    EnableNodeCliInspectArguments: 'DISABLE',
    EnableEmbeddedAsarIntegrityValidation: 'ENABLE',
    OnlyLoadAppFromAsar: 'ENABLE',
    LoadBrowserProcessSpecificV8Snapshot: 'DISABLE',
  })
  // The older Electron of the tests has no more than these; a new one has, and all are decided about.
  expect(found['GrantFileProtocolExtraPrivileges'] ?? 'DISABLE').toBe('DISABLE')
  expect(Object.values(found)).not.toContain('INHERIT')
})

test('the program is the app whatever the environment says, and nothing beside its archive is run', async () => {
  expect(await page.evaluate(() => document.title)).toBe('Lattice')
  expect(app.output).not.toContain('Debugger listening')
  await expect(readFile(join(root, 'attacked'))).rejects.toMatchObject({ code: 'ENOENT' })
})

test('the archive holds what runs, and nothing of how it was made', async () => {
  const files = packed()
  const top = new Set(files.map((path) => path.split('/')[0]))
  const support = files.filter((path) => path.startsWith('e2e/support/')).map((path) => path.split('/')[2])
  if (support.length > 0) expect(support).toEqual(STAND_IN_FILES)
  top.delete('e2e')
  expect([...top].sort()).toEqual(['build', 'node_modules', 'package.json'])
  expect(files.filter((path) => /\.(map|ts|tsx|d\.cts|c|cc|cpp|h)$|readme|\.test\.|\.abi\d+\./.test(path))).toEqual([])
  const { packages } = JSON.parse(await readFile('package-lock.json', 'utf8')) as {
    packages: Record<string, { dev?: boolean }>
  }
  const carried = files.filter((path) => path.endsWith('/package.json')).map((path) => path.replace(/\/[^/]*$/, ''))
  expect(carried).toContain('node_modules/lmdb')
  expect(carried.filter((path) => packages[path]?.dev !== undefined || packages[path] === undefined)).toEqual([])
})

test('no file in it says where it was built', async () => {
  const out = join(root, 'extracted')
  extractAll(archive(), out)
  const names = (await readdir(out, { recursive: true, withFileTypes: true })).filter((entry) => entry.isFile())
  const checkout = process.cwd()
  const telling: string[] = []
  for (const { parentPath, name } of names) {
    const text = await readFile(join(parentPath, name), 'latin1')
    if (text.includes(checkout) || /^\/\/# sourceMappingURL=\S+\.map$/m.test(text)) telling.push(name)
  }
  expect(telling).toEqual([])
  expect(names.length).toBeGreaterThan(50)
})

test('it is as small as it can be: beside Electron, at most 16 MiB', async () => {
  const { size } = await stat(archive())
  const unpacked = await readdir(`${archive()}.unpacked`, { recursive: true, withFileTypes: true })
  const binaries = unpacked.filter(({ name }) => name.includes('.') && !STAND_IN_FILES.includes(name))
  expect(binaries.map(({ name }) => name)).toEqual(['node.napi.glibc.node'])
  expect(size + (await stat(join(binaries[0]!.parentPath, binaries[0]!.name))).size).toBeLessThan(16 << 20)
})

test('its node takes a folder in, with its threads and its wasm, and answers the page', async () => {
  const folder = join(root, 'folder')
  await mkdir(folder)
  await writeFile(join(folder, 'large.bin'), randomBytes(3 << 20))
  await nodeUp(home)
  expect(await lattice(home, 'folder', 'add', folder, '--name', 'f')).toMatchObject({ code: 0 })
  expect(await lattice(home, 'folder', 'wait', 'f', '--timeout', '60')).toMatchObject({ code: 0, stderr: '' })
  await page.evaluate(await portScript())
  const files = await page.evaluate(async () => {
    const listed = await window.withClients(({ folders }) => folders.listFolders({}))
    return listed.folders.map(({ name, files }) => ({ name, files: Number(files) }))
  })
  expect(files).toEqual([{ name: 'f', files: 1 }])
})

checkPage(() => page)

test('the page cannot leave, nor open windows', async () => {
  const found = await page.evaluate(async () => {
    const before = location.href
    location.href = 'https://example.com/'
    const opened = window.open('https://example.com/')
    // A round trip through the shell and back: a navigation would have begun.
    await window.withClients(({ node }) => node.getStatus({}))
    return { opened: opened !== null, stayed: location.href === before }
  })
  expect(found).toEqual({ opened: false, stayed: true })
})

test('the Debian package holds the sandbox, the desktop entry and the licences', async () => {
  const made = join(root, 'make', 'deb', 'x64')
  const [name = ''] = await readdir(made)
  const fields = execFileSync('dpkg-deb', ['--field', join(made, name)], { encoding: 'utf8' })
  expect(fields).toMatch(/^Package: lattice-desktop$/m)
  expect(fields).toMatch(/^Depends: .*libnss3.*libsecret-1-0.*libasound2/m)
  expect(fields).not.toMatch(/kde/)
  const entries = execFileSync('dpkg-deb', ['--contents', join(made, name)], { encoding: 'utf8' })
    .trim()
    .split('\n')
  const modeOf = (path: string): string | undefined =>
    entries.find((line) => line.includes(` ./usr/${path}`))?.replace(/ +\d.*/, '')
  expect(modeOf('lib/lattice-desktop/chrome-sandbox')).toBe('-rwsr-xr-x root/root')
  expect(modeOf('lib/lattice-desktop/')).toBe('drwxr-xr-x root/root')
  expect(modeOf('bin/lattice-desktop -> ../lib/lattice-desktop/lattice-desktop')).toBe('lrwxrwxrwx root/root')
  expect(entries.filter((line) => !/^\S+ root\/root /.test(line) || /^-.{7}w|^d.{7}w/.test(line))).toEqual([])
  for (const path of ['share/doc/lattice-desktop/copyright', 'lib/lattice-desktop/LICENSES.packages.txt'])
    expect(modeOf(path)).toBe('-rw-r--r-- root/root')
  const entry = execFileSync(
    'sh',
    [
      '-c',
      'dpkg-deb --fsys-tarfile "$1" | tar -xO "$2"',
      'sh',
      join(made, name),
      './usr/share/applications/lattice-desktop.desktop',
    ],
    { encoding: 'utf8' },
  )
  expect(entry).toContain('MimeType=x-scheme-handler/lattice;')
  expect(entry).toContain('Exec=lattice-desktop %U')
})

test('told to end by the system, it stops its node in order', async () => {
  expect(await app.terminate(), app.output).toBe(0)
  await expect(readFile(join(home, 'lattice.sock'))).rejects.toMatchObject({ code: 'ENOENT' })
})

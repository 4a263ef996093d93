/**
 * What a real disk refuses: one clear problem for what is hindered, the rest goes on, and once the hindrance is gone
 * it syncs. Root is refused nothing, so these tests are nobody while they run.
 */
import { execFileSync } from 'node:child_process'
import fs from 'node:fs'
import { join } from 'node:path'
import { afterEach, expect, test, type TestContext } from 'vitest'
import type { FolderStatus } from './status.ts'
import { openPair, type Device, type Pair } from './testing.ts'

const NOBODY = 65_534
const isRoot = process.getuid?.() === 0 && process.platform === 'linux'
const signal = (): AbortSignal => AbortSignal.timeout(20_000)

afterEach(() => {
  if (isRoot) process.seteuid!(0)
})

/** Two open folders of a user whom the system refuses things; waiting for another try takes no time. */
const openRefused = async (context: TestContext): Promise<Pair> => {
  if (process.platform === 'win32') context.skip('needs the permission bits of POSIX')
  if (isRoot) process.seteuid!(NOBODY)
  const pair = await openPair()
  await open(pair)
  return pair
}

const open = async ({ a, b }: Pair): Promise<void> => {
  for (const device of [a, b]) {
    device.timers = { nowMs: () => Date.now(), after: (ms, call) => cancelling(setTimeout(call, ms / 50)) }
    await device.open()
  }
}
const cancelling = (timer: NodeJS.Timeout) => () => clearTimeout(timer)

const sync = async (from: Device, to: Device): Promise<void> => {
  await from.folder.settled(signal())
  await to.pull(from)
  await to.folder.settled(signal())
}

/** Resolves once the folder's status is so. */
const when = ({ folder }: Device, holds: (status: FolderStatus) => boolean): Promise<void> =>
  new Promise((resolve) => {
    const check = (status: FolderStatus): void => {
      if (!holds(status)) return
      off()
      resolve()
    }
    const off = folder.onStatus(check)
    check(folder.status())
  })
const hasProblem = (device: Device): Promise<void> => when(device, ({ problems }) => problems.length > 0)
const hasNone = (device: Device): Promise<void> => when(device, ({ problems }) => problems.length === 0)
const problemsOf = ({ folder }: Device): string[] => folder.status().problems.map(({ path, kind }) => `${kind} ${path}`)

const read = (device: Device, path: string): string => fs.readFileSync(join(device.root, path), 'utf8')
const write = (device: Device, path: string, text: string): void => {
  fs.mkdirSync(join(device.root, path, '..'), { recursive: true })
  fs.writeFileSync(join(device.root, path), text)
}
const chmod = (device: Device, path: string, mode: number): void => fs.chmodSync(join(device.root, path), mode)
/** Contents of all that lies in the trash, by path below the day. */
const trashed = (device: Device): Record<string, string> => {
  const trash = join(device.root, '.lattice/trash')
  const files = fs.readdirSync(trash, { recursive: true, withFileTypes: true }).filter((item) => item.isFile())
  const paths = files.map((item) => join(item.parentPath, item.name))
  return Object.fromEntries(
    paths.map((path) => [path.slice(trash.length + '/2026-01-01/'.length), fs.readFileSync(path, 'utf8')]),
  )
}

test('a file that cannot be read', async (context) => {
  await using pair = await openRefused(context)
  const { a, b } = pair
  write(a, 'secret', 'one')
  await sync(a, b)
  write(a, 'secret', 'two')
  chmod(a, 'secret', 0)
  write(a, 'open', 'goes on')
  await hasProblem(a)
  await sync(a, b)
  expect(problemsOf(a)).toEqual(['unreadable secret'])
  expect([read(b, 'secret'), read(b, 'open')]).toEqual(['one', 'goes on'])
  chmod(a, 'secret', 0o644)
  await sync(a, b)
  expect([read(b, 'secret'), problemsOf(a)]).toEqual(['two', []])
})

test.for(['at once', 'after a restart'])('a directory that cannot be listed, opened %s', async (how, context) => {
  await using pair = await openRefused(context)
  const { a, b } = pair
  write(a, 'closed/known', 'one')
  await sync(a, b)
  await a.folder.stop()
  write(a, 'closed/known', 'two')
  write(a, 'closed/deep/new', 'new')
  write(a, 'open', 'goes on')
  chmod(a, 'closed', 0)
  await a.open()
  await sync(a, b)
  expect(problemsOf(a)).toEqual(['unreadable closed'])
  expect([read(b, 'closed/known'), read(b, 'open')]).toEqual(['one', 'goes on'])
  if (how === 'after a restart') await a.folder.stop()
  chmod(a, 'closed', 0o755)
  if (how === 'after a restart') await a.open()
  await sync(a, b)
  expect(problemsOf(a)).toEqual([])
  expect([read(b, 'closed/known'), read(b, 'closed/deep/new')]).toEqual(['two', 'new'])
  write(a, 'closed/deep/later', 'it is watched')
  await sync(a, b)
  expect(read(b, 'closed/deep/later')).toBe('it is watched')
})

test('a directory that came closed', async (context) => {
  await using pair = await openRefused(context)
  const { a, b } = pair
  write(a, 'closed/deep/f', 'inside')
  chmod(a, 'closed', 0) // before anyone could have looked
  await hasProblem(a)
  await sync(a, b)
  expect(problemsOf(a)).toEqual(['unreadable closed'])
  chmod(a, 'closed', 0o755)
  await sync(a, b)
  expect(problemsOf(a)).toEqual([])
  expect(read(b, 'closed/deep/f')).toBe('inside')
})

const hindered: [string, (a: Device) => void, (b: Device) => unknown, unknown][] = [
  ['a new file', (a) => write(a, 'dir/new', 'new'), (b) => read(b, 'dir/new'), 'new'],
  ['a new directory', (a) => write(a, 'dir/sub/new', 'new'), (b) => read(b, 'dir/sub/new'), 'new'],
  ['an edit', (a) => write(a, 'dir/f', 'two'), (b) => read(b, 'dir/f'), 'two'],
  ['a deletion', (a) => fs.rmSync(join(a.root, 'dir/f')), (b) => fs.readdirSync(join(b.root, 'dir')), ['g']],
  [
    'a rename',
    (a) => fs.renameSync(join(a.root, 'dir/f'), join(a.root, 'dir/renamed')),
    (b) => fs.readdirSync(join(b.root, 'dir')).sort(),
    ['g', 'renamed'],
  ],
  [
    'a move away',
    (a) => fs.renameSync(join(a.root, 'dir/f'), join(a.root, 'away')),
    (b) => [read(b, 'away'), fs.readdirSync(join(b.root, 'dir'))],
    ['one', ['g']],
  ],
]
test.for(hindered)('a directory that cannot be written into: %s', async ([, change, look, expected], context) => {
  await using pair = await openRefused(context)
  const { a, b } = pair
  write(a, 'dir/f', 'one')
  write(a, 'dir/g', 'stays')
  await sync(a, b)
  chmod(b, 'dir', 0o555)
  await b.folder.settled(signal())
  change(a)
  write(a, 'open', 'goes on')
  await a.folder.settled(signal())
  await b.pull(a)
  await hasProblem(b)
  await when(b, () => fs.existsSync(join(b.root, 'open')))
  expect(problemsOf(b)).toHaveLength(1)
  expect(problemsOf(b)[0]).toMatch(/^unwritable (dir\/|away)/)
  expect(b.folder.status().error).toBeUndefined()
  expect(read(b, 'dir/f')).toBe('one')
  chmod(b, 'dir', 0o755)
  await sync(a, b)
  await hasNone(b)
  expect(look(b)).toEqual(expected)
  expect(read(b, 'dir/g')).toBe('stays')
  await sync(b, a)
  expect([...a.tree.conflicts(), ...b.tree.conflicts()]).toEqual([])
})

test('a disk that is full', async (context) => {
  if (!isRoot) return context.skip('needs root, to mount a small disk')
  await using pair = await openPair()
  const { a, b } = pair
  try {
    execFileSync('mount', ['-t', 'tmpfs', '-o', 'size=8m', 'tmpfs', b.root], { stdio: 'ignore' })
  } catch {
    return context.skip('mounting is not allowed here')
  }
  try {
    await open(pair)
    const { bavail, bsize } = fs.statfsSync(b.root)
    fs.writeFileSync(join(b.root, '.lattice/ballast'), new Uint8Array(bavail * bsize - 512 * 1024))
    const large = new Uint8Array(4 * 1024 * 1024).map((_, i) => i * i)
    fs.writeFileSync(join(a.root, 'large'), large)
    await a.folder.settled(signal())
    await b.pull(a)
    await when(b, ({ error }) => error !== undefined)
    expect(b.folder.status()).toMatchObject({ state: 'error', problems: [], error: { kind: 'disk-full' } })
    expect(b.folder.status().error!.message).toMatch(/disk is full/)
    fs.rmSync(join(b.root, '.lattice/ballast'))
    write(b, 'mine', 'written meanwhile')
    await b.folder.settled(signal())
    await sync(b, a)
    expect(b.folder.status()).toMatchObject({ problems: [], error: undefined })
    expect(Buffer.compare(fs.readFileSync(join(b.root, 'large')), large)).toBe(0)
    expect(read(a, 'mine')).toBe('written meanwhile')
  } finally {
    await b.folder?.stop()
    execFileSync('umount', [b.root])
  }
})

test('names that are taken in the trash', async () => {
  await using pair = await openPair()
  const { a, b } = pair
  await open(pair)
  const long = 'ä'.repeat(127)
  const remove = (path: string) => fs.rmSync(join(a.root, path), { recursive: true })
  for (const round of ['one', 'two', 'three']) {
    for (const path of ['f', 'd/x', 'e/y', long]) write(a, path, `${path} ${round}`)
    await sync(a, b)
    for (const path of ['f', 'd', 'e/y', long]) remove(path)
    await sync(a, b)
    expect(b.folder.status()).toMatchObject({ problems: [], error: undefined })
  }
  // What was a file is a directory now, and one of it goes; and the other way round.
  write(a, 'f/inside', 'below a file in the trash')
  write(a, 'f/other', 'stays')
  remove('e')
  write(a, 'e', 'where a directory is in the trash')
  await sync(a, b)
  for (const path of ['f/inside', 'e']) remove(path)
  await sync(a, b)
  expect(b.folder.status()).toMatchObject({ problems: [], error: undefined })
  expect(fs.readdirSync(b.root).sort()).toEqual(['.lattice', 'f'])
  const kept = ['f', 'd/x', 'e/y', long].flatMap((path) => ['one', 'two', 'three'].map((round) => `${path} ${round}`))
  const all = [...kept, 'below a file in the trash', 'where a directory is in the trash']
  expect(Object.values(trashed(b)).sort()).toEqual(all.sort())
})

/** A process of its own user namespace, whose limit of watches can be set without touching anyone else's. */
const inNamespace = ['unshare', '--user', '--map-root-user']
const hasNamespaces = (): boolean => {
  try {
    execFileSync(inNamespace[0]!, [...inNamespace.slice(1), 'test', '-w', '/proc/sys/user/max_inotify_watches'])
    return true
  } catch {
    return false
  }
}

test('no more watches: everything is looked at from time to time, until there are some again', (context) => {
  if (!hasNamespaces()) return context.skip('needs user namespaces')
  const script = `
    const { default: fs } = await import('node:fs')
    const { openPair } = await import(${JSON.stringify(new URL('testing.ts', import.meta.url).href)})
    const limit = (count) => fs.writeFileSync('/proc/sys/user/max_inotify_watches', String(count))
    const signal = () => AbortSignal.timeout(20_000)
    limit(8)
    const pair = await openPair()
    const { a, b } = pair
    const timers = {
      nowMs: () => Date.now(),
      after: (ms, call) => { const timer = setTimeout(call, ms / 50); return () => clearTimeout(timer) },
    }
    a.timers = b.timers = timers
    for (let i = 0; i < 12; i++) fs.mkdirSync(a.root + '/d' + i)
    await a.open()
    await a.folder.settled(signal())
    const said = [a.folder.status().watching]
    fs.writeFileSync(a.root + '/d11/f', 'unseen')
    for await (const _ of a.store.watch({ cursor: a.store.dag.count, signal: signal() })) break
    await b.open()
    await b.pull(a)
    await b.folder.settled(signal())
    said.push(fs.readFileSync(b.root + '/d11/f', 'utf8'))
    fs.writeFileSync(a.root + '/d11/f', 'settled')
    await a.folder.settled(signal())
    await b.pull(a)
    await b.folder.settled(signal())
    said.push(fs.readFileSync(b.root + '/d11/f', 'utf8'))
    limit(1000)
    await a.folder.stop()
    a.folder.start()
    await a.folder.settled(signal())
    said.push(a.folder.status().watching, ...a.folder.status().problems)
    console.log(JSON.stringify(said))
    await pair[Symbol.asyncDispose]()`
  const [program, ...args] = [...inNamespace, process.execPath, '--input-type=module', '-e', script]
  const said = execFileSync(program!, args, { encoding: 'utf8', stdio: ['ignore', 'pipe', 'inherit'], timeout: 50_000 })
  expect(JSON.parse(said)).toEqual(['rescans', 'unseen', 'settled', 'events'])
})

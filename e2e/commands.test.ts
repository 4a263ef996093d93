/** Commands beyond the walk, on one pair of nodes: history, conflicts, pausing, removing and joining again, the log. */
import { readFile, readdir, rename, rm, writeFile } from 'node:fs/promises'
import { join } from 'node:path'
import { afterAll, beforeAll, expect, test } from 'vitest'
import { level, TestWorld, type TestNode } from './support/world.ts'
import { readTree } from './support/trees.ts'

interface Version {
  readonly hash: string
  readonly deviceName: string
  readonly timeMs: number
  readonly size: number
  readonly change: string
  readonly current: boolean
}

interface Conflict {
  readonly id: string
  readonly path: string
  readonly heads: readonly { readonly hash: string; readonly deviceName: string; readonly size: number }[]
}

interface Branching {
  readonly fork: readonly string[]
  readonly branches: readonly { readonly head: { readonly hash: string }; readonly path: readonly unknown[] }[]
  readonly joined: readonly { readonly hash: string; readonly authorName: string }[]
  readonly taken: string
  readonly heads: readonly string[]
}

let world: TestWorld
let anna: TestNode
let ben: TestNode
let here: string
let there: string

const settle = async (folder = 'notes'): Promise<void> => {
  for (const node of [anna, ben, anna]) await node.ok('folder', 'wait', folder, '--timeout', '60')
}
const versions = async (node: TestNode, path: string): Promise<readonly Version[]> =>
  (await node.json<{ versions: Version[] }>('history', path)).versions
const kindOf = async (node: TestNode, ...args: readonly string[]): Promise<string> => {
  const { code, stdout } = await node.run(...args, '--json')
  expect(code).toBe(1)
  return (JSON.parse(stdout) as { error: { kind: string } }).error.kind
}
/** Whole from the first moment: a node that looks just as it is being written takes the half for a version too. */
const put = async (path: string, content: string): Promise<void> => {
  const whole = join(world.root, 'being-written')
  await writeFile(whole, content)
  await rename(whole, path)
}
/** Content of so many bytes that it does not travel in the op, and differs with the letter. */
const long = (letter: string): string => letter.repeat(3000)

beforeAll(async () => {
  world = await TestWorld.create()
  anna = world.node('anna')
  ben = world.node('ben')
  await Promise.all([anna.up(), ben.up()])
  here = await world.directory('a/notes')
  there = join(world.root, 'b', 'notes')
  await writeFile(join(here, 'story.txt'), long('a'))
  await anna.ok('folder', 'add', here)
  await ben.ok('join', await anna.ok('invite', 'notes', '--role', 'admin'), there)
  await settle()
}, 120_000)
afterAll(() => world[Symbol.asyncDispose]())

test('history tells who wrote what and when, newest first', { timeout: 60_000 }, async () => {
  const story = join(here, 'story.txt')
  await put(join(there, 'story.txt'), `${long('b')}b`)
  await settle()
  await put(story, 'short')
  await settle()
  const told = await versions(ben, join(there, 'story.txt'))
  expect(told.map(({ change, deviceName, size, current }) => [change, deviceName, size, current])).toEqual([
    ['edited', 'anna', 5, true],
    ['edited', 'ben', 3001, false],
    ['created', 'anna', 3000, false],
  ])
  const times = told.map(({ timeMs }) => timeMs)
  expect(times).toEqual([...times].sort((a, b) => b - a))
  expect(await anna.ok('history', story)).toMatch(/^VERSION +WHEN +DEVICE/)
})

test(
  'restore takes an old version out of the trash, where a remote change has put it',
  { timeout: 60_000 },
  async () => {
    const [, , first] = await versions(anna, join(here, 'story.txt'))
    await anna.ok('restore', join(here, 'story.txt'), '--at', first!.hash)
    await settle()
    expect(await readFile(join(there, 'story.txt'), 'utf8')).toBe(long('a'))
    expect(await readFile(join(here, 'story.txt'), 'utf8')).toBe(long('a'))
    expect((await versions(anna, join(here, 'story.txt')))[0]).toMatchObject({ size: 3000, current: true })
  },
)

test('restore brings a deleted file back by a moment in time', { timeout: 60_000 }, async () => {
  await put(join(here, 'gone.txt'), long('g'))
  await settle()
  await rm(join(here, 'gone.txt'))
  await settle()
  expect((await readTree(there))['gone.txt']).toBeUndefined()
  const [deleted] = await versions(ben, join(there, 'gone.txt'))
  expect(deleted!.change).toBe('deleted')
  expect(await kindOf(ben, 'restore', join(there, 'gone.txt'), '--at', `${deleted!.timeMs + 1}`)).toBe(
    'version-not-found',
  )
  await ben.ok('restore', join(there, 'gone.txt'), '--at', `${deleted!.timeMs - 1}`)
  await settle()
  expect(await readFile(join(here, 'gone.txt'), 'utf8')).toBe(long('g'))
})

test('a live file with the wanted content serves as well', { timeout: 60_000 }, async () => {
  await put(join(here, 'x.txt'), long('x'))
  await settle()
  const [was] = await versions(anna, join(here, 'x.txt'))
  await put(join(here, 'copy of x.txt'), long('x'))
  await put(join(here, 'x.txt'), 'y')
  await settle()
  await rm(join(there, '.lattice', 'trash'), { recursive: true, force: true })
  await anna.ok('restore', join(here, 'x.txt'), '--at', was!.hash)
  await settle()
  expect(await readFile(join(there, 'x.txt'), 'utf8')).toBe(long('x'))
})

/** Both edit while ben is paused. */
const quarrel = async (name: string): Promise<Conflict> => {
  await put(join(here, name), long('o'))
  await settle()
  await ben.ok('folder', 'pause', 'notes')
  await put(join(there, name), `${long('b')} by ben`)
  await put(join(here, name), `${long('a')} by anna`)
  await anna.ok('folder', 'rescan', 'notes')
  await ben.ok('folder', 'resume', 'notes')
  await settle()
  const { conflicts } = await anna.json<{ conflicts: Conflict[] }>('conflicts')
  return conflicts.find(({ path }) => path === name)!
}

test('pausing holds changes back, and shows as such', { timeout: 60_000 }, async () => {
  await ben.ok('folder', 'pause', 'notes')
  expect((await ben.json<{ folders: { state: string }[] }>('status')).folders[0]!.state).toBe('paused')
  expect(await kindOf(ben, 'folder', 'wait', 'notes')).toBe('folder-paused')
  await put(join(here, 'while-paused.txt'), 'p')
  const waited = await anna.run('folder', 'wait', 'notes', '--timeout', '1')
  expect(waited.stderr).toMatch(/^lattice: notes is not level after 1 s: ben /)
  expect((await readTree(there))['while-paused.txt']).toBeUndefined()
  await ben.ok('folder', 'resume', 'notes')
  await settle()
  expect((await readTree(there))['while-paused.txt']).toBe('p')
})

test(
  'two files made under one name are told apart by size, and taking one settles it',
  { timeout: 60_000 },
  async () => {
    await ben.ok('folder', 'pause', 'notes')
    await put(join(there, 'new.txt'), 'by ben')
    await put(join(here, 'new.txt'), 'by anna')
    await anna.ok('folder', 'rescan', 'notes')
    await ben.ok('folder', 'resume', 'notes')
    await settle()
    const { conflicts } = await anna.json<{ conflicts: Conflict[] }>('conflicts')
    const conflict = conflicts.find(({ path }) => path === 'new.txt')!
    expect(conflict.heads.map(({ size, deviceName }) => [deviceName, size]).sort()).toEqual([
      ['anna', 7],
      ['ben', 6],
    ])
    await anna.ok('conflict', 'resolve', conflict.id, '--take', 'ben')
    await settle()
    expect((await anna.json<{ conflicts: unknown[] }>('conflicts')).conflicts).toEqual([])
    expect(await readFile(join(here, 'new.txt'), 'utf8')).toBe('by ben')
  },
)

test('keeping both sides of a conflict makes a file of each', { timeout: 60_000 }, async () => {
  const conflict = await quarrel('both.txt')
  expect(conflict.heads).toHaveLength(2)
  await anna.ok('conflict', 'resolve', conflict.id, '--both')
  await settle()
  expect((await anna.json<{ conflicts: unknown[] }>('conflicts')).conflicts).toEqual([])
  const tree = await readTree(here)
  expect(tree).toEqual(await readTree(there))
  const sides = Object.entries(tree).filter(([name]) => name.startsWith('both'))
  expect(sides.map(([, text]) => text.slice(-7)).sort()).toEqual(['by anna', ' by ben'].sort())
})

test('a merged file replaces both sides', { timeout: 60_000 }, async () => {
  const conflict = await quarrel('merge.txt')
  const merged = join(world.root, 'merged.txt')
  await writeFile(merged, `${long('m')} by both`)
  await ben.ok('conflict', 'resolve', conflict.path, '--merged', merged)
  await settle()
  for (const root of [here, there]) {
    const names = (await readdir(root)).filter((name) => name.startsWith('merge'))
    expect(names).toEqual(['merge.txt'])
    expect(await readFile(join(root, 'merge.txt'), 'utf8')).toBe(`${long('m')} by both`)
  }
})

test('restore asks the peers, and says so when nobody has the content any more', { timeout: 60_000 }, async () => {
  const path = join(here, 'merge.txt')
  await put(path, long('n'))
  await settle()
  for (const root of [here, there]) await rm(join(root, '.lattice', 'trash'), { recursive: true, force: true })
  const [, merged] = await versions(anna, path)
  // Overwritten here by its own user; ben keeps what he merged.
  await anna.ok('restore', path, '--at', merged!.hash)
  await settle()
  expect(await readFile(path, 'utf8')).toBe(`${long('m')} by both`)
  for (const root of [here, there]) await rm(join(root, '.lattice', 'trash'), { recursive: true, force: true })
  const [, lost] = await versions(anna, path)
  expect(await kindOf(anna, 'restore', path, '--at', lost!.hash)).toBe('content-unavailable')
})

test('the log is told by author and time, and as S-expressions', { timeout: 60_000 }, async () => {
  const lines = async (...args: string[]): Promise<{ authorName: string; timeMs: number; sexpr: string }[]> =>
    (await anna.ok('store', 'log', 'notes', ...args, '--json'))
      .split('\n')
      .filter((line) => line !== '')
      .map((line) => JSON.parse(line) as { authorName: string; timeMs: number; sexpr: string })
  const all = await lines('--sexpr')
  expect(all.every(({ sexpr }) => sexpr.startsWith('('))).toBe(true)
  const bens = await lines('--author', 'ben')
  expect(bens.length).toBeGreaterThan(0)
  expect(bens.every(({ authorName }) => authorName === 'ben')).toBe(true)
  const middle = all[all.length >> 1]!.timeMs
  const before = await lines('--to', `${middle}`)
  const after = await lines('--from', `${middle}`)
  expect(before.every(({ timeMs }) => timeMs < middle)).toBe(true)
  expect(after.every(({ timeMs }) => timeMs >= middle)).toBe(true)
  expect(before.length + after.length).toBe(all.length)
})

test('branches of a key show where its heads part', { timeout: 60_000 }, async () => {
  const conflict = await quarrel('branch.txt')
  expect(await kindOf(anna, 'store', 'branch', 'notes', '0x632f')).toBe('key-not-found')
  const key = `0x632f${conflict.id}` // c/<inode>
  const branching = await anna.json<Branching>('store', 'branch', 'notes', key)
  expect(branching.fork).toHaveLength(1)
  expect(branching.branches.map(({ head }) => head.hash).sort()).toEqual(conflict.heads.map(({ hash }) => hash).sort())
  // Ben had heard of anna’s edit when his was recorded: hers lies in his past, and only his side has a way to show.
  expect(branching.branches.map(({ path }) => path.length).sort()).toEqual([0, 1])
  const ends = (of: Branching): string[] => of.branches.map(({ head }) => head.hash).sort()
  const look = (): Promise<Branching> => ben.json<Branching>('store', 'branch', 'notes', key)
  const { undo } = await anna.json<{ undo: string }>('conflict', 'resolve', conflict.id, '--take', 'anna')
  await settle()
  const taken = await look()
  expect([taken.fork, ends(taken)]).toEqual([branching.fork, ends(branching)])
  expect(taken).toMatchObject({ joined: [{ authorName: 'anna' }], heads: [taken.taken] })
  await anna.ok('conflict', 'undo', undo)
  await settle()
  const undone = await look()
  expect([undone.fork, ends(undone), undone.taken]).toEqual([taken.fork, ends(taken), taken.taken])
  expect(undone.heads).toHaveLength(2)
  expect(
    undone.joined
      .slice(1)
      .map(({ hash }) => hash)
      .sort(),
  ).toEqual([...undone.heads].sort())
  await anna.ok('conflict', 'resolve', conflict.id, '--take', undone.heads[1]!)
  await settle()
})

test('a rescan and the doctor find nothing wrong', { timeout: 60_000 }, async () => {
  expect(await anna.ok('folder', 'rescan', 'notes')).toContain('was compared with the index')
  const { checks } = await anna.json<{ checks: { name: string; verdict: string }[] }>('doctor')
  expect(checks.filter(({ verdict }) => verdict === 'failed')).toEqual([])
  expect(checks.map(({ name }) => name)).toContain('folder notes')
})

test('what was settled in a folder that is no longer here comes back once that is', { timeout: 90_000 }, async () => {
  const conflict = await quarrel('kept.txt')
  const { undo } = await ben.json<{ undo: string }>('conflict', 'resolve', conflict.id, '--take', 'anna')
  await settle()
  expect(await kindOf(ben, 'conflict', 'undo', 'f00d')).toBe('undo-not-found')
  await ben.ok('folder', 'remove', 'notes')
  const { code, stderr } = await ben.run('conflict', 'undo', undo)
  expect([code, stderr]).toEqual([1, 'lattice: notes is kept nowhere on this device\n'])
  await ben.ok('folder', 'keep', 'notes')
  await settle()
  await ben.ok('conflict', 'undo', undo)
  const { conflicts } = await ben.json<{ conflicts: Conflict[] }>('conflicts')
  expect(conflicts).toMatchObject([{ id: conflict.id }])
  await ben.ok('conflict', 'resolve', conflict.id, '--take', conflicts[0]!.heads[0]!.hash)
  await settle()
})

test('a folder that was removed is offered, and kept here again without an invite', { timeout: 90_000 }, async () => {
  expect(await ben.ok('folder', 'remove', 'notes')).toContain('“lattice folder keep notes” takes it up again')
  const away = { name: 'notes', state: 'available', path: '', formerPath: there, files: 0 }
  expect((await ben.json<{ folders: unknown[] }>('folder', 'list')).folders).toMatchObject([away])
  expect(await kindOf(ben, 'folder', 'rescan', 'notes')).toBe('folder-not-here')
  expect(await kindOf(ben, 'folder', 'keep', 'notebook')).toBe('folder-not-found')
  expect(await kindOf(ben, 'folder', 'keep', 'notes', ben.home)).toBe('folder-holds-home')
  // It is remembered over a restart; and what was done here meanwhile is kept.
  await ben.stop()
  await put(join(there, 'alone.txt'), 'on no other device')
  await put(join(here, 'elsewhere.txt'), 'on the other device')
  await ben.up()
  expect(await ben.ok('folder', 'keep', 'notes')).toBe(`notes syncs here again (${there})`)
  await level('notes', anna, ben, 60)
  expect(await readTree(there)).toMatchObject({
    'alone.txt': 'on no other device',
    'elsewhere.txt': 'on the other device',
  })
  expect(await readTree(there)).toEqual(await readTree(here))
  expect(await kindOf(ben, 'folder', 'keep', 'notes')).toBe('folder-here')
})

test('… elsewhere too; where no device has it in reach all stays as it was', { timeout: 120_000 }, async () => {
  await ben.ok('folder', 'remove', 'notes')
  await anna.stop()
  const elsewhere = join(world.root, 'b', 'elsewhere')
  expect(await kindOf(ben, 'folder', 'keep', 'notes', elsewhere, '--timeout', '1')).toBe('not-reachable')
  const { folders } = await ben.json<{ folders: unknown[] }>('folder', 'list')
  expect(folders).toMatchObject([{ name: 'notes', state: 'available', formerPath: there }])
  await anna.up()
  await ben.ok('folder', 'keep', 'notes', elsewhere)
  await level('notes', anna, ben, 60)
  expect(await readTree(elsewhere)).toEqual(await readTree(here))
  expect((await readTree(there))['alone.txt']).toBe('on no other device')
})

test(
  'a folder that was removed can be joined again, in place; removed twice, it is offered no more',
  { timeout: 60_000 },
  async () => {
    expect(await ben.ok('folder', 'remove', 'notes')).toContain('its files are untouched')
    await ben.ok('folder', 'remove', 'notes')
    expect((await ben.json<{ folders: unknown[] }>('folder', 'list')).folders).toEqual([])
    expect(await kindOf(ben, 'folder', 'keep', 'notes')).toBe('folder-not-found')
    const before = await readTree(there)
    expect(Object.keys(before).length).toBeGreaterThan(0)
    await put(join(there, 'meanwhile.txt'), 'm')
    await ben.ok('join', await anna.ok('invite', 'notes'), there)
    await settle()
    expect(await readTree(here)).toEqual({ ...before, 'meanwhile.txt': 'm' })
    expect(await readTree(there)).toEqual(await readTree(here))
  },
)

test('… or become a folder of its own', { timeout: 60_000 }, async () => {
  await ben.ok('folder', 'remove', 'notes')
  await ben.ok('folder', 'add', there, '--name', 'bens')
  await ben.ok('folder', 'wait', 'bens', '--timeout', '60')
  await put(join(there, 'bens-own.txt'), 'b')
  await ben.ok('folder', 'wait', 'bens', '--timeout', '60')
  await anna.ok('folder', 'rescan', 'notes')
  expect((await readTree(here))['bens-own.txt']).toBeUndefined()
  const { folders } = await ben.json<{ folders: { name: string; files: number }[] }>('status')
  expect(folders.find(({ name }) => name === 'bens')!.files).toBeGreaterThan(1)
})

test('after all of it the nodes have nothing to report', () => {
  for (const node of [anna, ben]) expect(node.stderr).not.toContain('lattice:')
})

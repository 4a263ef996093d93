/** The files of a folder as a person sees them on the command line: listing, the past, trash, activity, a tree restored. */
import { execFileSync } from 'node:child_process'
import { mkdir, rename, rm, writeFile } from 'node:fs/promises'
import { join } from 'node:path'
import { afterAll, beforeAll, expect, test } from 'vitest'
import { level, TestWorld, type Pair } from './support/world.ts'
import { readTree } from './support/trees.ts'

interface Row {
  readonly name: string
  readonly kind: string
  readonly state: string
  readonly why: string
}
interface Activity {
  readonly change: string
  readonly path: string
  readonly fromPath: string
  readonly device: string
  readonly timeMs: number
}

let world: TestWorld
let pair: Pair
/** When the tree was as `wholeTree` says. */
let whole: number
let wholeTree: Readonly<Record<string, string>>

const long = (letter: string): string => letter.repeat(3000)
const settle = (): Promise<void> => level('f', pair.a, pair.b)
const activity = async (...args: readonly string[]): Promise<readonly Activity[]> =>
  (await pair.a.json<{ entries: Activity[] }>('activity', 'f', ...args)).entries
const list = async (...args: readonly string[]): Promise<readonly Row[]> =>
  (await pair.b.json<{ rows: Row[] }>('ls', 'f', ...args)).rows

beforeAll(async () => {
  world = await TestWorld.create()
  pair = await world.pair()
  const { dirA } = pair
  await mkdir(join(dirA, 'plans'))
  await writeFile(join(dirA, 'plans', 'a.txt'), long('a'))
  await writeFile(join(dirA, 'plans', 'b.txt'), long('b'))
  await writeFile(join(dirA, '.latticeignore'), '*.tmp\n')
  await settle()
  whole = (await activity('--limit', '1'))[0]!.timeMs
  wholeTree = await readTree(dirA)
}, 240_000)
afterAll(() => world[Symbol.asyncDispose]())

test('ls tells what is there and how it is, with the reason', async () => {
  const { b, dirB } = pair
  await writeFile(join(dirB, 'plans', 'draft.tmp'), 'd')
  execFileSync('mkfifo', [join(dirB, 'pipe')])
  await b.ok('folder', 'rescan', 'f')
  const rows = await list('plans')
  expect(rows.map(({ name, kind, state }) => [name, kind, state])).toEqual([
    ['a.txt', 'file', 'synced'],
    ['b.txt', 'file', 'synced'],
    ['draft.tmp', 'file', 'ignored'],
  ])
  expect(rows[2]!.why).toBe('it does not sync because of the rule "*.tmp" in .latticeignore')
  expect((await list()).find(({ name }) => name === 'pipe')).toMatchObject({ kind: 'other', state: 'problem' })
  expect(await b.ok('ls', 'f')).toMatch(/^ *SIZE +CHANGED +NAME +STATE/)
  await rm(join(dirB, 'pipe'))
  const { folders } = await b.json<{ folders: { changedMs: number; changedPath: string; changedBy: string }[] }>(
    'status',
  )
  expect(folders[0]).toMatchObject({ bytesIn: 0, changedMs: whole, changedBy: pair.a.ready.device })
  expect(folders[0]!.changedPath).not.toBe('')
})

test('activity tells who did what', async () => {
  const { a, b, dirB } = pair
  await writeFile(join(dirB, 'plans', 'a.txt'), long('x'))
  await settle()
  await rename(join(dirB, 'plans', 'b.txt'), join(dirB, 'b.txt'))
  await settle()
  const [latest, before] = await activity('--device', 'b')
  expect(latest).toMatchObject({ change: 'renamed', fromPath: 'plans/b.txt', path: 'b.txt', device: b.ready.device })
  expect(before).toMatchObject({ change: 'edited', path: 'plans/a.txt' })
  const inPlans = await activity('--path', 'plans')
  expect(inPlans.map(({ change, path }) => `${change} ${path}`)).toContain('created plans/b.txt')
  expect(await activity('--to', String(whole))).not.toContainEqual(expect.objectContaining({ change: 'renamed' }))
  expect(await a.ok('activity')).toContain('plans/b.txt → b.txt')
})

test('what was deleted comes back out of the trash', async () => {
  const { a, dirA, dirB } = pair
  await rm(join(dirB, 'b.txt'))
  await settle()
  const { files } = await a.json<{ files: { id: string; path: string; deletedBy: string }[] }>('trash', 'list', 'f')
  expect(files).toMatchObject([{ path: 'b.txt', deletedBy: pair.b.ready.device }])
  expect(await a.ok('trash', 'list', 'f')).toContain('b.txt')
  expect(await a.ok('trash', 'restore', 'f', files[0]!.id.slice(0, 12))).toBe('1 entry brought back')
  await settle()
  for (const dir of [dirA, dirB]) expect((await readTree(dir))['b.txt']).toBe(long('b'))
  expect((await activity('--limit', '1'))[0]).toMatchObject({ change: 'restored', path: 'b.txt' })
  const none = await a.run('trash', 'restore', 'f', 'ffffffff')
  expect(none).toMatchObject({ code: 1, stderr: 'lattice: nothing in trash has the id “ffffffff”\n' })
})

test('the folder is seen, and made, as it was at a time', async () => {
  const { a, dirA, dirB } = pair
  await writeFile(join(dirA, 'plans', 'late.txt'), 'late')
  await settle()
  expect((await list('plans', '--at', String(whole))).map(({ name }) => name)).toEqual(['a.txt', 'b.txt'])
  const now = await readTree(dirA)
  const when = String(whole)
  const preview = await a.json<object>('restore', dirA, '--at', when, '--dry-run')
  const expected = { restored: 0, reverted: 1, moved: 1, removed: 1, missing: [] }
  expect(preview).toMatchObject(expected)
  expect(await readTree(dirA)).toEqual(now)
  expect(await a.ok('restore', dirA, '--at', when)).toContain(
    '1 entry with older content, 1 entry moved back, 1 entry put to trash',
  )
  await settle()
  expect(await readTree(dirA)).toEqual(wholeTree)
  expect(await readTree(dirB)).toEqual({ ...wholeTree, 'plans/draft.tmp': 'd' })
  expect(await a.ok('restore', dirA, '--at', when)).toContain('is as it was')
})

test('a directory that is gone as a whole comes back by its path', async () => {
  const { b, dirA, dirB } = pair
  const then = (await activity('--limit', '1'))[0]!.timeMs
  await rm(join(dirA, 'plans'), { recursive: true })
  await settle()
  expect(Object.keys(await readTree(dirB)).filter((path) => path.endsWith('.txt'))).toEqual([])
  expect(await b.ok('restore', join(dirB, 'plans'), '--at', String(then))).toMatch(/entries brought back$/)
  await settle()
  expect(await readTree(dirA)).toEqual(wholeTree)
})

test('after all of it the nodes have nothing to report', () => {
  for (const node of [pair.a, pair.b]) expect(node.stderr).not.toContain('lattice:')
})

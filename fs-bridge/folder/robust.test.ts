import { randomBytes } from 'node:crypto'
import fs from 'node:fs'
import { join } from 'node:path'
import { afterEach, expect, test, vi } from 'vitest'
import { level, openPair, shown } from './testing.ts'

const within = (): AbortSignal => AbortSignal.timeout(8000)
afterEach(() => vi.restoreAllMocks())

test("a reader's edits stay here as problems, and what others write still comes", async () => {
  await using pair = await openPair(undefined, 'reader')
  const { a, b } = pair
  await a.open()
  await b.open()
  fs.writeFileSync(join(a.root, 'shared'), 'one')
  await a.folder.settled(within())
  await b.pull(a)
  await b.folder.settled(within())
  fs.writeFileSync(join(b.root, 'shared'), 'edited by a reader')
  fs.writeFileSync(join(b.root, 'own'), 'made by a reader')
  await b.folder.settled(within())
  expect(b.folder.status()).toMatchObject({ state: 'idle', error: undefined })
  expect(
    b.folder
      .status()
      .problems.map(({ path, kind }) => [path, kind])
      .sort(),
  ).toEqual([
    ['own', 'rejected'],
    ['shared', 'rejected'],
  ])
  fs.writeFileSync(join(a.root, 'other'), 'comes')
  fs.writeFileSync(join(a.root, 'shared'), 'two')
  await a.folder.settled(within())
  await b.pull(a)
  await b.folder.settled(within())
  expect(fs.readFileSync(join(b.root, 'other'), 'utf8')).toBe('comes')
  expect(fs.readFileSync(join(b.root, 'shared'), 'utf8')).toBe('edited by a reader')
})

test('a long file whose download broke goes on where it was, also after a restart', async () => {
  await using pair = await openPair()
  const { a, b } = pair
  await a.open()
  await b.open()
  const bytes = randomBytes(6 * 1024 * 1024)
  fs.writeFileSync(join(a.root, 'long'), bytes)
  await a.folder.settled(within())
  let asked = 0
  b.serves = () => asked++ < 8
  const stalled = new Promise<void>((resolve) =>
    b.folder.onStatus(({ problems }) => {
      if (problems.some(({ kind }) => kind === 'missing-content')) resolve()
    }),
  )
  await b.pull(a)
  await stalled
  const before = b.fetched
  expect(before).toBeGreaterThan(0)
  expect(before).toBeLessThan(bytes.length)
  await b.folder.stop()
  b.serves = () => true
  await b.open()
  await b.folder.settled(within())
  expect(fs.readFileSync(join(b.root, 'long')).equals(bytes)).toBe(true)
  expect(b.fetched).toBe(bytes.length)
  expect(fs.readdirSync(join(b.root, '.lattice/partial'))).toEqual([])
})

test('a write that slips in between the look and the rename is kept as a conflict', async () => {
  await using pair = await openPair()
  const { a, b } = pair
  await a.open()
  await b.open()
  fs.writeFileSync(join(a.root, 'f'), 'one')
  await a.folder.settled(within())
  await b.pull(a)
  await b.folder.settled(within())
  fs.writeFileSync(join(a.root, 'f'), 'two')
  await a.folder.settled(within())
  const target = join(b.root, 'f')
  const real = fs.renameSync
  const spy = vi.spyOn(fs, 'renameSync').mockImplementation((from, to) => {
    if (from === target) {
      spy.mockRestore()
      fs.writeFileSync(target, 'slipped in')
    }
    real(from, to)
  })
  await b.pull(a)
  await b.folder.settled(within())
  const shown = fs.readdirSync(b.root).filter((name) => name !== '.lattice')
  expect(shown.map((name) => fs.readFileSync(join(b.root, name), 'utf8')).sort()).toEqual(['slipped in', 'two'])
})

test('a write that slips in just after a file or a directory was put in place is an edit', async () => {
  await using pair = await openPair()
  const { a, b } = pair
  await a.open()
  await b.open()
  fs.writeFileSync(join(a.root, 'f'), 'one')
  fs.mkdirSync(join(a.root, 'd'))
  await a.folder.settled(within())
  const [unlink, mkdir] = [fs.unlinkSync, fs.mkdirSync]
  const unlinking = vi.spyOn(fs, 'unlinkSync').mockImplementation((path) => {
    unlink(path) // of the name that the file was made under
    if (!fs.existsSync(join(b.root, 'f'))) return
    unlinking.mockRestore()
    fs.writeFileSync(join(b.root, 'f'), 'slipped in')
  })
  const making = vi.spyOn(fs, 'mkdirSync').mockImplementation(((path, options) => {
    const made = mkdir(path, options)
    if (path !== join(b.root, 'd')) return made
    making.mockRestore()
    fs.writeFileSync(join(b.root, 'd/inside'), 'slipped in too')
    return made
  }) as typeof fs.mkdirSync)
  await b.pull(a)
  await level(pair)
  expect(shown(a)).toEqual({ f: 'slipped in', 'd/': '', 'd/inside': 'slipped in too' })
  expect(shown(b)).toEqual(shown(a))
})

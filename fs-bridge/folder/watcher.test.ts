/** What the watcher follows when directories go, come back, and take each other's names. */
import fs from 'node:fs'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { afterEach, beforeEach, expect, test } from 'vitest'
import { look } from './disk.ts'
import { watchFolder, type FolderWatcher } from './watcher.ts'

let root: string
let watcher: FolderWatcher
let ends = 0
let told: (path: string) => void
const at = (path: string): string => join(root, path)

beforeEach(() => {
  root = fs.mkdtempSync(join(fs.realpathSync(tmpdir()), 'lattice-watcher-'))
  fs.mkdirSync(at('cookies'))
  watcher = watchFolder(root, at('cookies'), {
    touched: (spot) => told(spot.path()),
    exhausted: (reason) => expect.unreachable(reason),
    overflowed: () => expect.unreachable(),
  })
})
afterEach(() => {
  watcher.close()
  fs.rmSync(root, { recursive: true })
})

const make = (path: string): void => {
  fs.mkdirSync(at(path))
  watcher.follow(path, look(at(path))!)
}

/** Every path told of while this is done: the events of all watches come in one queue, so a cookie ends them. */
const toldOf = async (act: () => void): Promise<readonly string[]> => {
  const paths: string[] = []
  told = (path) => paths.push(path)
  act()
  const end = `end-${++ends}`
  await new Promise<void>((resolve) => {
    watcher.onCookie(end, resolve)
    fs.writeFileSync(at(`cookies/${end}`), '')
  })
  return paths
}

test('a directory that took the name of one that was deleted is followed', async () => {
  make('d')
  fs.rmdirSync(at('d'))
  make('d')
  expect(await toldOf(() => fs.writeFileSync(at('d/f'), ''))).toContain('d/f')
})

test('of two directories of which one took the name of the other, each is told under its own', async () => {
  make('d')
  const first = look(at('d'))!
  fs.renameSync(at('d'), at('e'))
  make('d')
  watcher.moved('d', 'e', first)
  watcher.follow('e', first)
  expect(await toldOf(() => fs.writeFileSync(at('d/f'), ''))).toContain('d/f')
  expect(await toldOf(() => fs.writeFileSync(at('e/g'), ''))).toContain('e/g')
})

test('a renamed directory keeps its watch', async () => {
  make('d')
  fs.renameSync(at('d'), at('e'))
  watcher.moved('d', 'e', look(at('e'))!)
  expect(await toldOf(() => fs.writeFileSync(at('e/f'), ''))).toContain('e/f')
})

test('what is not the directory that was meant is not followed', async () => {
  make('d')
  const gone = { ...look(at('d'))!, birthNs: 1n }
  watcher.follow('d', gone)
  expect(await toldOf(() => fs.writeFileSync(at('d/f'), ''))).toEqual([])
})

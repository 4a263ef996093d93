/** Two folders that are kept level: changes of files and of names, and both sides at once. */
import fs from 'node:fs'
import { afterEach, beforeEach, describe, expect, test, vi } from 'vitest'
import { fileKey } from './ingest.ts'
import { at, level, pairForEach, put, shown, within, type Device, type Pair } from './testing.ts'

const LONG = 'a long line\n'.repeat(100)
let pair: Pair
let a: Device
let b: Device

pairForEach({ beforeEach, afterEach }, (opened) => ({ a, b } = pair = opened))

describe('both ways', () => {
  beforeEach(async () => {
    await a.open()
    await b.open()
  })

  test('files, directories and symlinks appear, change, move and go', async () => {
    put(a, 'hello.txt', 'hello')
    put(a, 'docs/deep/long.txt', LONG)
    fs.symlinkSync('hello.txt', at(a, 'link'))
    await level(pair)
    expect(shown(b)).toEqual(shown(a))
    expect(Object.keys(shown(b))).toHaveLength(5)

    put(b, 'hello.txt', 'hello again')
    fs.renameSync(at(b, 'docs'), at(b, 'papers'))
    await level(pair)
    expect(shown(a)).toEqual({
      'hello.txt': 'hello again',
      'papers/': '',
      'papers/deep/': '',
      'papers/deep/long.txt': LONG,
      link: '-> hello.txt',
    })
    fs.rmSync(at(a, 'papers'), { recursive: true })
    fs.rmSync(at(a, 'link'))
    await level(pair)
    expect(shown(b)).toEqual({ 'hello.txt': 'hello again' })
    expect(a.folder.status()).toMatchObject({ state: 'idle', files: 1, pendingIn: 0, pendingOut: 0, problems: [] })
  })
})

test('where a deleted file lay is forgotten by both', async () => {
  await a.open()
  await b.open()
  put(a, 'long.txt', LONG)
  await level(pair)
  const key = fileKey(a.tree.resolve('long.txt')!.inode, 0)
  const known = () => [a, b].map(({ cas, store }) => cas.inplace.knows(store.id, key))
  expect(known()).toEqual([true, true])
  fs.rmSync(at(a, 'long.txt'))
  await level(pair)
  expect(known()).toEqual([false, false])
})

test('a name that begins with U+FEFF is a name like any other', async () => {
  await a.open()
  await b.open()
  put(a, '\uFEFFnotes.txt', 'marked')
  put(a, 'notes.txt', 'plain')
  put(a, '\uFEFFdocs/in', 'inside')
  await level(pair)
  expect(shown(b)).toEqual(shown(a))
  await a.folder.stop()
  await a.open()
  fs.renameSync(at(b, '\uFEFFdocs'), at(b, '\uFEFFpapers'))
  put(b, '\uFEFFnotes.txt', 'marked again')
  fs.rmSync(at(b, 'notes.txt'))
  await level(pair)
  const expected = { '\uFEFFnotes.txt': 'marked again', '\uFEFFpapers/': '', '\uFEFFpapers/in': 'inside' }
  expect(shown(a)).toEqual(expected)
  expect(shown(b)).toEqual(expected)
})

describe('changes of names', () => {
  beforeEach(async () => {
    await a.open()
    await b.open()
    put(a, 'one', 'first')
    put(a, 'two', 'second')
    put(a, 'dir/in', 'inside')
    await level(pair)
  })

  test('two files swap their names', async () => {
    fs.renameSync(at(a, 'one'), at(a, 'x'))
    fs.renameSync(at(a, 'two'), at(a, 'one'))
    fs.renameSync(at(a, 'x'), at(a, 'two'))
    await level(pair)
    expect(shown(b)).toEqual({ one: 'second', two: 'first', 'dir/': '', 'dir/in': 'inside' })
    expect(shown(a)).toEqual(shown(b))
  })

  test('a case-only rename and a move into a new directory keep the inode', async () => {
    fs.renameSync(at(a, 'one'), at(a, 'One'))
    fs.mkdirSync(at(a, 'new'))
    fs.renameSync(at(a, 'two'), at(a, 'new/two'))
    const before = fs.statSync(at(b, 'two')).ino
    await level(pair)
    expect(shown(b)).toEqual({ One: 'first', 'new/': '', 'new/two': 'second', 'dir/': '', 'dir/in': 'inside' })
    expect(fs.statSync(at(b, 'new/two')).ino).toBe(before)
  })

  test('a renamed directory takes edits inside along', async () => {
    fs.renameSync(at(a, 'dir'), at(a, 'moved'))
    put(a, 'moved/in', 'edited after the move')
    put(a, 'moved/fresh', 'new')
    await level(pair)
    expect(shown(b)).toMatchObject({ 'moved/in': 'edited after the move', 'moved/fresh': 'new' })
    expect(shown(b)['dir/']).toBeUndefined()
    put(a, 'moved/fresh', 'watched under its new name')
    await level(pair)
    expect(shown(b)['moved/fresh']).toBe('watched under its new name')
  })

  test('a directory takes the name of one that moves away: each keeps what it holds', async () => {
    put(a, 'dir/in', 'edited just before')
    fs.renameSync(at(a, 'dir'), at(a, 'moved'))
    put(a, 'dir/in', 'another')
    put(a, 'dir/sub/in', 'yet another')
    await level(pair)
    expect(shown(b)).toMatchObject({
      'moved/in': 'edited just before',
      'dir/in': 'another',
      'dir/sub/in': 'yet another',
    })
    put(a, 'dir/sub/in', 'followed')
    put(a, 'moved/in', 'followed too')
    await level(pair)
    expect(shown(b)).toMatchObject({ 'moved/in': 'followed too', 'dir/sub/in': 'followed' })
    expect(shown(a)).toEqual(shown(b))
  })

  test('a remote directory rename is one rename here, and it is watched under its new name', async () => {
    const ino = fs.statSync(at(b, 'dir/in')).ino
    fs.renameSync(at(a, 'dir'), at(a, 'moved'))
    await level(pair)
    expect(fs.statSync(at(b, 'moved/in')).ino).toBe(ino)
    put(b, 'moved/in', 'from b')
    await level(pair)
    expect(shown(a)['moved/in']).toBe('from b')
  })

  test('what is done in a directory that waits between two names is not lost', async () => {
    put(a, 'other/in', 'inside the other')
    put(a, '.latticeignore', '*.log')
    await level(pair)
    fs.renameSync(at(a, 'dir'), at(a, 'aside'))
    fs.renameSync(at(a, 'other'), at(a, 'dir'))
    fs.renameSync(at(a, 'aside'), at(a, 'other'))
    await a.folder.settled(within())
    const parked = at(b, '.lattice/parked')
    const real = fs.renameSync
    const spy = vi.spyOn(fs, 'renameSync').mockImplementation((from, to) => {
      real(from, to)
      if (!String(from).startsWith(b.root) || !String(to).endsWith('/dir') || fs.readdirSync(parked).length === 0)
        return
      spy.mockRestore()
      fs.mkdirSync(from) // where the one that waits was to go
      const waiting = `.lattice/parked/${fs.readdirSync(parked)[0]!}`
      put(b, `${waiting}/in`, 'edited')
      put(b, `${waiting}/sub/new`, 'new')
      put(b, `${waiting}/x.log`, 'ignored')
    })
    await b.pull(a)
    await level(pair)
    expect(fs.readdirSync(parked)).toEqual([])
    expect(shown(a)).toEqual({
      '.latticeignore': '*.log',
      'dir/': '',
      'dir/in': 'inside the other',
      one: 'first',
      'other/': '',
      'other/in': 'edited',
      'other/sub/': '',
      'other/sub/new': 'new',
      two: 'second',
    })
    expect(shown(b)).toEqual(shown(a))
  })

  test('an editor that writes aside and renames over edits the same file', async () => {
    put(a, '.one.tmp', 'saved')
    fs.renameSync(at(a, '.one.tmp'), at(a, 'one'))
    await level(pair)
    fs.renameSync(at(a, 'two'), at(a, 'two~'))
    put(a, 'two', 'saved by vi')
    fs.rmSync(at(a, 'two~'))
    await level(pair)
    expect(shown(b)).toEqual({ one: 'saved', two: 'saved by vi', 'dir/': '', 'dir/in': 'inside' })
    expect([...a.tree.conflicts()]).toEqual([])
  })
})

describe('both sides at once', () => {
  beforeEach(async () => {
    await a.open()
    await b.open()
    put(a, 'note.txt', 'base')
    await level(pair)
    put(a, 'note.txt', 'from a')
    put(b, 'note.txt', 'from b!')
    await level(pair)
  })

  const conflictName = (): string => Object.keys(shown(a)).find((name) => name.includes('conflict'))!

  test('an edit on each side shows both, on both', () => {
    expect(shown(a)).toEqual(shown(b))
    expect(Object.values(shown(a)).sort()).toEqual(['from a', 'from b!'])
    expect(a.folder.status().conflicts).toBe(1)
  })

  test('deleting the conflict file resolves it', async () => {
    fs.rmSync(at(a, conflictName()))
    await level(pair)
    expect(Object.keys(shown(b))).toEqual(['note.txt'])
    expect(shown(a)).toEqual(shown(b))
    expect([...b.tree.conflicts()]).toEqual([])
    expect(b.folder.status().conflicts).toBe(0)
  })

  test('deleting the winner leaves the other', async () => {
    const other = shown(a)[conflictName()]
    fs.rmSync(at(b, 'note.txt'))
    await level(pair)
    expect(shown(a)).toEqual({ 'note.txt': other })
    expect(shown(b)).toEqual(shown(a))
  })

  test('a side that takes the name of one that was deleted just now does not hide that it was', async () => {
    put(a, conflictName(), 'the loser, edited, wins')
    await a.folder.settled(within())
    fs.rmSync(at(b, 'note.txt'))
    await b.pull(a)
    await b.folder.settled(within())
    await a.pull(b)
    await level(pair)
    expect(shown(a)).toEqual({ 'note.txt': 'the loser, edited, wins' })
    expect(shown(b)).toEqual(shown(a))
  })

  test('edits of both sides at once are both kept', async () => {
    put(b, 'note.txt', 'the one, edited')
    put(b, conflictName(), 'the other, edited')
    await level(pair)
    expect(Object.values(shown(a)).sort()).toEqual(['the one, edited', 'the other, edited'])
    expect(shown(b)).toEqual(shown(a))
  })

  test('one side is renamed and the other too: both are at their new names', async () => {
    const all = Object.values(shown(a)).sort()
    fs.renameSync(at(b, 'note.txt'), at(b, 'new.txt'))
    fs.renameSync(at(b, conflictName()), at(b, 'mine.txt'))
    await level(pair)
    expect(Object.keys(shown(a)).sort()).toEqual(['mine.txt', 'new.txt'])
    expect(Object.values(shown(a)).sort()).toEqual(all)
    expect(shown(b)).toEqual(shown(a))
  })

  test('renaming the conflict file makes it a file of its own', async () => {
    const all = Object.values(shown(a)).sort()
    fs.renameSync(at(b, conflictName()), at(b, 'mine.txt'))
    await level(pair)
    expect(Object.keys(shown(a)).sort()).toEqual(['mine.txt', 'note.txt'])
    expect(Object.values(shown(a)).sort()).toEqual(all)
    expect([...a.tree.conflicts()]).toEqual([])
    expect(shown(b)).toEqual(shown(a))
  })
})

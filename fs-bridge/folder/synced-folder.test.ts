import fs from 'node:fs'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { afterEach, beforeEach, describe, expect, test } from 'vitest'
import { World } from '../filestore/testing.ts'
import { Device } from './testing.ts'

const LONG = 'a long line\n'.repeat(100)
let base: string
let a: Device
let b: Device
const at = (device: Device, path: string): string => join(device.root, path)
const write = (device: Device, path: string, text: string): void => {
  fs.mkdirSync(join(at(device, path), '..'), { recursive: true })
  fs.writeFileSync(at(device, path), text)
}

/** Every path below the root but `.lattice`, files with their content. */
const shown = (device: Device): Record<string, string> => {
  const out: Record<string, string> = {}
  const walk = (dir: string): void => {
    for (const item of fs.readdirSync(join(device.root, dir), { withFileTypes: true })) {
      const path = dir === '' ? item.name : `${dir}/${item.name}`
      if (path === '.lattice') continue
      if (item.isDirectory()) {
        out[`${path}/`] = ''
        walk(path)
      } else if (item.isSymbolicLink()) out[path] = `-> ${fs.readlinkSync(join(device.root, path))}`
      else out[path] = fs.readFileSync(join(device.root, path), 'utf8')
    }
  }
  walk('')
  return out
}

const within = () => AbortSignal.timeout(8000)
/** Both have seen all, and their disks show it. */
const level = async (): Promise<void> => {
  for (let round = 0; round < 4; round++) {
    await Promise.all([a.folder.settled(within()), b.folder.settled(within())])
    a.store.receive(b.store)
    b.store.receive(a.store)
  }
  await Promise.all([a.folder.settled(within()), b.folder.settled(within())])
}

beforeEach(async () => {
  base = fs.mkdtempSync(join(fs.realpathSync(tmpdir()), 'lattice-disks-'))
  const world = new World()
  for (const name of ['a', 'b']) fs.mkdirSync(join(base, name))
  a = new Device(world, 0, join(base, 'a'))
  b = new Device(world, 1, join(base, 'b'))
  a.peers = [b]
  b.peers = [a]
})
afterEach(async () => {
  await a[Symbol.asyncDispose]()
  await b[Symbol.asyncDispose]()
  fs.rmSync(base, { recursive: true, force: true })
})

describe('both ways', () => {
  beforeEach(async () => {
    await a.open()
    await b.open()
  })

  test('files, directories and symlinks appear, change, move and go', async () => {
    write(a, 'hello.txt', 'hello')
    write(a, 'docs/deep/long.txt', LONG)
    fs.symlinkSync('hello.txt', at(a, 'link'))
    await level()
    expect(shown(b)).toEqual(shown(a))
    expect(Object.keys(shown(b))).toHaveLength(5)

    write(b, 'hello.txt', 'hello again')
    fs.renameSync(at(b, 'docs'), at(b, 'papers'))
    await level()
    expect(shown(a)).toEqual({
      'hello.txt': 'hello again',
      'papers/': '',
      'papers/deep/': '',
      'papers/deep/long.txt': LONG,
      link: '-> hello.txt',
    })
    fs.rmSync(at(a, 'papers'), { recursive: true })
    fs.rmSync(at(a, 'link'))
    await level()
    expect(shown(b)).toEqual({ 'hello.txt': 'hello again' })
    expect(a.folder.status()).toMatchObject({ state: 'idle', files: 1, pendingIn: 0, pendingOut: 0, problems: [] })
  })
})

describe('changes of names', () => {
  beforeEach(async () => {
    await a.open()
    await b.open()
    write(a, 'one', 'first')
    write(a, 'two', 'second')
    write(a, 'dir/in', 'inside')
    await level()
  })

  test('two files swap their names', async () => {
    fs.renameSync(at(a, 'one'), at(a, 'x'))
    fs.renameSync(at(a, 'two'), at(a, 'one'))
    fs.renameSync(at(a, 'x'), at(a, 'two'))
    await level()
    expect(shown(b)).toEqual({ one: 'second', two: 'first', 'dir/': '', 'dir/in': 'inside' })
    expect(shown(a)).toEqual(shown(b))
  })

  test('a case-only rename and a move into a new directory keep the inode', async () => {
    fs.renameSync(at(a, 'one'), at(a, 'One'))
    fs.mkdirSync(at(a, 'new'))
    fs.renameSync(at(a, 'two'), at(a, 'new/two'))
    const before = fs.statSync(at(b, 'two')).ino
    await level()
    expect(shown(b)).toEqual({ One: 'first', 'new/': '', 'new/two': 'second', 'dir/': '', 'dir/in': 'inside' })
    expect(fs.statSync(at(b, 'new/two')).ino).toBe(before)
  })

  test('a renamed directory takes edits inside along', async () => {
    fs.renameSync(at(a, 'dir'), at(a, 'moved'))
    write(a, 'moved/in', 'edited after the move')
    write(a, 'moved/fresh', 'new')
    await level()
    expect(shown(b)).toMatchObject({ 'moved/in': 'edited after the move', 'moved/fresh': 'new' })
    expect(shown(b)['dir/']).toBeUndefined()
    write(a, 'moved/fresh', 'watched under its new name')
    await level()
    expect(shown(b)['moved/fresh']).toBe('watched under its new name')
  })

  test('a remote directory rename is one rename here, and it is watched under its new name', async () => {
    const ino = fs.statSync(at(b, 'dir/in')).ino
    fs.renameSync(at(a, 'dir'), at(a, 'moved'))
    await level()
    expect(fs.statSync(at(b, 'moved/in')).ino).toBe(ino)
    write(b, 'moved/in', 'from b')
    await level()
    expect(shown(a)['moved/in']).toBe('from b')
  })

  test('an editor that writes aside and renames over edits the same file', async () => {
    write(a, '.one.tmp', 'saved')
    fs.renameSync(at(a, '.one.tmp'), at(a, 'one'))
    await level()
    fs.renameSync(at(a, 'two'), at(a, 'two~'))
    write(a, 'two', 'saved by vi')
    fs.rmSync(at(a, 'two~'))
    await level()
    expect(shown(b)).toEqual({ one: 'saved', two: 'saved by vi', 'dir/': '', 'dir/in': 'inside' })
    expect([...a.store.replica.tree.conflicts()]).toEqual([])
  })
})

describe('both sides at once', () => {
  beforeEach(async () => {
    await a.open()
    await b.open()
    write(a, 'note.txt', 'base')
    await level()
    write(a, 'note.txt', 'from a')
    write(b, 'note.txt', 'from b!')
    await level()
  })

  const conflictName = (): string => Object.keys(shown(a)).find((name) => name.includes('conflict'))!

  test('an edit on each side shows both, on both', () => {
    expect(shown(a)).toEqual(shown(b))
    expect(Object.values(shown(a)).sort()).toEqual(['from a', 'from b!'])
    expect(a.folder.status().conflicts).toBe(1)
  })

  test('deleting the conflict file resolves it', async () => {
    fs.rmSync(at(a, conflictName()))
    await level()
    expect(Object.keys(shown(b))).toEqual(['note.txt'])
    expect(shown(a)).toEqual(shown(b))
    expect([...b.store.replica.tree.conflicts()]).toEqual([])
    expect(b.folder.status().conflicts).toBe(0)
  })

  test('deleting the winner leaves the other', async () => {
    const other = shown(a)[conflictName()]
    fs.rmSync(at(b, 'note.txt'))
    await level()
    expect(shown(a)).toEqual({ 'note.txt': other })
    expect(shown(b)).toEqual(shown(a))
  })

  test('renaming the conflict file makes it a file of its own', async () => {
    const all = Object.values(shown(a)).sort()
    fs.renameSync(at(b, conflictName()), at(b, 'mine.txt'))
    await level()
    expect(Object.keys(shown(a)).sort()).toEqual(['mine.txt', 'note.txt'])
    expect(Object.values(shown(a)).sort()).toEqual(all)
    expect([...a.store.replica.tree.conflicts()]).toEqual([])
    expect(shown(b)).toEqual(shown(a))
  })
})

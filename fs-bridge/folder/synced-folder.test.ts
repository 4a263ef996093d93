import fs from 'node:fs'
import { join } from 'node:path'
import { afterEach, beforeEach, describe, expect, test, vi } from 'vitest'
import { PoolHasher } from '#kernel/cas/hasher.ts'
import { look } from './disk.ts'
import { FolderIndex } from './folder-index.ts'
import { FOLDER_TABLES } from './index-codec.ts'
import { openPair, type Device, type Pair } from './testing.ts'

const LONG = 'a long line\n'.repeat(100)
let pair: Pair
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
    await a.pull(b)
    await b.pull(a)
  }
  await Promise.all([a.folder.settled(within()), b.folder.settled(within())])
}

beforeEach(async () => {
  pair = await openPair()
  ;({ a, b } = pair)
})
afterEach(() => pair[Symbol.asyncDispose]())

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

test('a name that begins with U+FEFF is a name like any other', async () => {
  await a.open()
  await b.open()
  write(a, '\uFEFFnotes.txt', 'marked')
  write(a, 'notes.txt', 'plain')
  write(a, '\uFEFFdocs/in', 'inside')
  await level()
  expect(shown(b)).toEqual(shown(a))
  await a.folder.stop()
  await a.open()
  fs.renameSync(at(b, '\uFEFFdocs'), at(b, '\uFEFFpapers'))
  write(b, '\uFEFFnotes.txt', 'marked again')
  fs.rmSync(at(b, 'notes.txt'))
  await level()
  const expected = { '\uFEFFnotes.txt': 'marked again', '\uFEFFpapers/': '', '\uFEFFpapers/in': 'inside' }
  expect(shown(a)).toEqual(expected)
  expect(shown(b)).toEqual(expected)
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

  test('a directory takes the name of one that moves away: each keeps what it holds', async () => {
    write(a, 'dir/in', 'edited just before')
    fs.renameSync(at(a, 'dir'), at(a, 'moved'))
    write(a, 'dir/in', 'another')
    write(a, 'dir/sub/in', 'yet another')
    await level()
    expect(shown(b)).toMatchObject({
      'moved/in': 'edited just before',
      'dir/in': 'another',
      'dir/sub/in': 'yet another',
    })
    write(a, 'dir/sub/in', 'followed')
    write(a, 'moved/in', 'followed too')
    await level()
    expect(shown(b)).toMatchObject({ 'moved/in': 'followed too', 'dir/sub/in': 'followed' })
    expect(shown(a)).toEqual(shown(b))
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

  test('what is done in a directory that waits between two names is not lost', async () => {
    write(a, 'other/in', 'inside the other')
    write(a, '.latticeignore', '*.log')
    await level()
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
      write(b, `${waiting}/in`, 'edited')
      write(b, `${waiting}/sub/new`, 'new')
      write(b, `${waiting}/x.log`, 'ignored')
    })
    await b.pull(a)
    await level()
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
    write(a, '.one.tmp', 'saved')
    fs.renameSync(at(a, '.one.tmp'), at(a, 'one'))
    await level()
    fs.renameSync(at(a, 'two'), at(a, 'two~'))
    write(a, 'two', 'saved by vi')
    fs.rmSync(at(a, 'two~'))
    await level()
    expect(shown(b)).toEqual({ one: 'saved', two: 'saved by vi', 'dir/': '', 'dir/in': 'inside' })
    expect([...a.tree.conflicts()]).toEqual([])
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
    expect([...b.tree.conflicts()]).toEqual([])
    expect(b.folder.status().conflicts).toBe(0)
  })

  test('deleting the winner leaves the other', async () => {
    const other = shown(a)[conflictName()]
    fs.rmSync(at(b, 'note.txt'))
    await level()
    expect(shown(a)).toEqual({ 'note.txt': other })
    expect(shown(b)).toEqual(shown(a))
  })

  test('a side that takes the name of one that was deleted just now does not hide that it was', async () => {
    write(a, conflictName(), 'the loser, edited, wins')
    await a.folder.settled(within())
    fs.rmSync(at(b, 'note.txt'))
    await b.pull(a)
    await b.folder.settled(within())
    await a.pull(b)
    await level()
    expect(shown(a)).toEqual({ 'note.txt': 'the loser, edited, wins' })
    expect(shown(b)).toEqual(shown(a))
  })

  test('edits of both sides at once are both kept', async () => {
    write(b, 'note.txt', 'the one, edited')
    write(b, conflictName(), 'the other, edited')
    await level()
    expect(Object.values(shown(a)).sort()).toEqual(['the one, edited', 'the other, edited'])
    expect(shown(b)).toEqual(shown(a))
  })

  test('one side is renamed and the other too: both are at their new names', async () => {
    const all = Object.values(shown(a)).sort()
    fs.renameSync(at(b, 'note.txt'), at(b, 'new.txt'))
    fs.renameSync(at(b, conflictName()), at(b, 'mine.txt'))
    await level()
    expect(Object.keys(shown(a)).sort()).toEqual(['mine.txt', 'new.txt'])
    expect(Object.values(shown(a)).sort()).toEqual(all)
    expect(shown(b)).toEqual(shown(a))
  })

  test('renaming the conflict file makes it a file of its own', async () => {
    const all = Object.values(shown(a)).sort()
    fs.renameSync(at(b, conflictName()), at(b, 'mine.txt'))
    await level()
    expect(Object.keys(shown(a)).sort()).toEqual(['mine.txt', 'note.txt'])
    expect(Object.values(shown(a)).sort()).toEqual(all)
    expect([...a.tree.conflicts()]).toEqual([])
    expect(shown(b)).toEqual(shown(a))
  })
})

describe('starting', () => {
  test('joining merges: equal files are taken as they are, different ones show both', async () => {
    write(a, 'same', LONG)
    write(a, 'other', 'a says')
    write(a, 'sub/only-a', '1')
    write(b, 'same', LONG)
    write(b, 'other', 'b says')
    write(b, 'sub/only-b', '2')
    const ino = fs.statSync(at(b, 'same')).ino
    await a.open()
    await a.folder.settled(within())
    await b.pull(a)
    await b.open()
    await level()
    expect(shown(a)).toEqual(shown(b))
    expect(Object.keys(shown(a))).toHaveLength(6)
    expect(fs.statSync(at(b, 'same')).ino).toBe(ino)
    expect(b.fetched).toBe(0)
  })

  test('a directory that everyone has is the same one here, though it moves before what is in it was said', async () => {
    write(a, 'both/deep/of-a', '1')
    fs.mkdirSync(at(b, 'both/deep'), { recursive: true })
    await a.open()
    await a.folder.settled(within())
    await b.pull(a)
    let count = b.store.dag.count
    await b.open()
    await b.folder.settled(within())
    expect([b.store.dag.count, shown(b)]).toEqual([count, shown(a)])

    write(a, 'later/deep/of-a', '2')
    await a.folder.settled(within())
    await b.folder.stop()
    write(b, 'later/deep/of-b', LONG)
    await b.pull(a)
    count = b.store.dag.count
    const real = PoolHasher.prototype.hashFiles
    const spy = vi.spyOn(PoolHasher.prototype, 'hashFiles').mockImplementation(async function (
      this: PoolHasher,
      ...rest
    ) {
      spy.mockRestore() // b has looked, and reads
      fs.renameSync(at(a, 'later'), at(a, 'renamed'))
      await a.folder.settled(within())
      await b.pull(a)
      return real.apply(this, rest)
    })
    await b.open()
    await level()
    expect(shown(b)).toMatchObject({ 'renamed/deep/of-a': '2', 'renamed/deep/of-b': LONG })
    expect(Object.keys(shown(b)).filter((path) => path.startsWith('later'))).toEqual([])
    expect(shown(a)).toEqual(shown(b))
  })

  test('what changed while the node was down is found', async () => {
    for (const name of ['stays', 'edited', 'renamed', 'deleted', 'dir/in']) write(a, name, name)
    await a.open()
    await b.open()
    await level()
    await a.folder.stop()
    write(a, 'edited', 'while away')
    fs.renameSync(at(a, 'renamed'), at(a, 'other'))
    fs.renameSync(at(a, 'dir'), at(a, 'dir2'))
    fs.rmSync(at(a, 'deleted'))
    const before = a.store.dag.count
    await a.open()
    await level()
    expect(shown(b)).toEqual({
      stays: 'stays',
      edited: 'while away',
      other: 'renamed',
      'dir2/': '',
      'dir2/in': 'dir/in',
    })
    expect(a.store.dag.count - before).toBeLessThanOrEqual(2)
    const count = a.store.dag.count
    await a.folder.stop()
    await a.open()
    await a.folder.settled(within())
    expect(a.store.dag.count).toBe(count)
  })

  test('a write that was witnessed but is not on disk yet becomes a conflict with the edit', async () => {
    write(a, 'f', 'base')
    await a.open()
    await b.open()
    await level()
    await b.folder.stop()
    write(a, 'f', 'a knows')
    await a.folder.settled(within())
    await b.pull(a)
    write(b, 'f', 'b did not see that')
    await b.open()
    await level()
    expect(Object.values(shown(a)).sort()).toEqual(['a knows', 'b did not see that'])
    expect(shown(a)).toEqual(shown(b))
  })

  test.for([
    ['edited', { f: 'a knows' }],
    ['deleted', {}],
  ] as const)('what was %s elsewhere is no conflict with a file of which only the ctime is new', async ([how, all]) => {
    write(a, 'f', LONG)
    await a.open()
    await b.open()
    await level()
    await b.folder.stop()
    if (how === 'edited') write(a, 'f', 'a knows')
    else fs.rmSync(at(a, 'f'))
    await a.folder.settled(within())
    await b.pull(a)
    const count = b.store.dag.count
    fs.chmodSync(at(b, 'f'), 0o600)
    fs.chmodSync(at(b, 'f'), 0o644)
    fs.linkSync(at(b, 'f'), join(b.home, 'linked'))
    await b.open()
    await level()
    expect([shown(a), shown(b)]).toEqual([all, all])
    expect(b.store.dag.count).toBe(count)
  })

  test('a file moved here, edited and deleted there, stays as it is here', async () => {
    write(a, 'f', LONG)
    await a.open()
    await b.open()
    await level()
    write(b, 'f', `edited ${LONG}`)
    await b.folder.settled(within())
    fs.rmSync(at(b, 'f'))
    fs.renameSync(at(a, 'f'), at(a, 'moved'))
    await Promise.all([a.folder.settled(within()), b.folder.settled(within())])
    await a.pull(b)
    await a.folder.settled(within())
    await level()
    expect(shown(a)).toEqual({ moved: LONG })
    expect(shown(b)).toEqual(shown(a))
  })

  test('a file moved here, of which only what was edited and deleted there is left, is gone', async () => {
    write(a, 'f', LONG)
    await a.open()
    await b.open()
    await level()
    write(b, 'f', `edited there ${LONG}`)
    await b.folder.settled(within())
    fs.renameSync(at(a, 'f'), at(a, 'moved'))
    write(a, 'moved', `edited here ${LONG}`)
    await a.folder.settled(within())
    a.serves = () => false
    await a.pull(b)
    const dropped = new Promise<void>((resolve) => {
      const before = a.store.dag.count
      a.folder.onStatus(({ pendingOut }) => pendingOut === 0 && a.store.dag.count > before && resolve())
    })
    for (const name of fs.readdirSync(a.root)) if (name !== '.lattice') fs.rmSync(at(a, name))
    await dropped
    fs.rmSync(at(b, 'f'))
    await b.folder.settled(within())
    await a.pull(b)
    await a.folder.settled(within())
    await level()
    expect(shown(a)).toEqual({})
    expect(shown(b)).toEqual({})
  })

  test('an edit lives although the file was deleted meanwhile, and so does its directory', async () => {
    write(a, 'd/f', 'base')
    await a.open()
    await b.open()
    await level()
    await b.folder.stop()
    fs.rmSync(at(a, 'd'), { recursive: true })
    await a.folder.settled(within())
    await b.pull(a)
    write(b, 'd/f', 'edited')
    write(b, 'd/g', 'new')
    await b.open()
    await level()
    expect(shown(a)).toEqual({ 'd/': '', 'd/f': 'edited', 'd/g': 'new' })
    expect(shown(b)).toEqual(shown(a))
  })

  test('a folder whose marker is gone deletes nothing', async () => {
    write(a, 'f', 'kept')
    await a.open()
    await b.open()
    await level()
    fs.renameSync(a.root, `${a.root}-unmounted`)
    fs.mkdirSync(a.root)
    const errors = new Promise<string>((resolve) =>
      a.folder.onStatus(({ state, error }) => state === 'error' && resolve(error!.kind)),
    )
    a.folder.rescan()
    expect(await errors).toBe('folder-gone')
    await b.pull(a)
    expect(a.tree.resolve('f')).toBeDefined()
  })
})

describe('what does not sync', () => {
  beforeEach(async () => {
    await a.open()
    await b.open()
  })

  test('ignored files stay here, and say why', async () => {
    write(a, '.latticeignore', '*.log\n/build/\n!keep.log\n')
    write(a, 'x.log', '1')
    write(a, 'keep.log', '2')
    write(a, 'build/out', '3')
    write(a, 'src/.latticeignore', 'secret\n')
    write(a, 'src/secret', '4')
    await level()
    expect(Object.keys(shown(b)).sort()).toEqual(['.latticeignore', 'keep.log', 'src/', 'src/.latticeignore'])
    expect(a.folder.explain('x.log')).toContain('*.log')
    expect(a.folder.explain('build/out')).toContain('/build/')
    expect(a.folder.explain('keep.log')).toBeUndefined()
    write(b, '.latticeignore', '')
    await level()
    expect(shown(b)['build/out']).toBe('3')
  })

  test('a rule too long for the regular expressions says nothing, the others hold', async () => {
    write(a, '.latticeignore', `${'*?'.repeat(20_000)}\n*.log\n`)
    write(a, 'kept.txt', 'kept')
    write(a, 'noise.log', 'noise')
    await level()
    expect(Object.keys(shown(b)).sort()).toEqual(['.latticeignore', 'kept.txt'])
    expect(a.folder.explain('noise.log')).toContain('*.log')
  })

  test('special files and names that are no text are reported', async () => {
    const { execFileSync } = await import('node:child_process')
    execFileSync('mkfifo', [at(a, 'pipe')])
    fs.writeFileSync(Buffer.concat([Buffer.from(a.root + '/'), Buffer.from([0x66, 0xff, 0x6f])]), 'x')
    write(a, 'fine', 'x')
    await level()
    expect(shown(b)).toEqual({ fine: 'x' })
    expect(
      a.folder
        .status()
        .problems.map(({ kind }) => kind)
        .sort(),
    ).toEqual(['bad-name', 'special-file'])
  })

  test('a symlink put in place of a directory redirects no write', async () => {
    const outside = join(pair.base, 'outside')
    fs.mkdirSync(outside)
    write(a, 'd/one', '1')
    await level()
    await b.folder.stop()
    fs.rmSync(at(b, 'd'), { recursive: true })
    fs.symlinkSync(outside, at(b, 'd'))
    write(a, 'd/two', '2')
    await a.folder.settled(within())
    await b.pull(a)
    await b.open()
    await level()
    expect(fs.readdirSync(outside)).toEqual([])
    expect(shown(a)).toEqual(shown(b))
  })

  test('modes and times arrive, and what a peer deletes is in the trash', async () => {
    write(a, 'run.sh', '#!')
    fs.chmodSync(at(a, 'run.sh'), 0o755)
    fs.utimesSync(at(a, 'run.sh'), 1_000_000_000, 1_000_000_000.25)
    await level()
    const st = fs.statSync(at(b, 'run.sh'))
    expect(st.mode & 0o777).toBe(0o755)
    expect(st.mtimeMs).toBe(1_000_000_000_250)
    fs.chmodSync(at(b, 'run.sh'), 0o644)
    await level()
    expect(fs.statSync(at(a, 'run.sh')).mode & 0o777).toBe(0o644)
    expect(fs.statSync(at(a, 'run.sh')).mtimeMs).toBe(1_000_000_000_250)
    fs.rmSync(at(a, 'run.sh'))
    await level()
    const [day] = fs.readdirSync(at(b, '.lattice/trash'))
    expect(fs.readFileSync(at(b, `.lattice/trash/${day}/run.sh`), 'utf8')).toBe('#!')
  })

  test('directories change places: what was above is now far below', async () => {
    write(a, 'x/a/b/f', 'text')
    await level()
    // Renamed once more, so that the outer one is the first that the other device hears of.
    for (const [from, to] of [
      ['x', 'y'],
      ['y/a', 't'],
      ['y', 't/b/x'],
    ] as const) {
      fs.renameSync(at(a, from), at(a, to))
      await a.folder.settled(within())
    }
    await level()
    expect(shown(b)).toEqual({ 't/': '', 't/b/': '', 't/b/f': 'text', 't/b/x/': '' })
  })

  test('files renamed, written anew and swapped at once can all be served', async () => {
    const each = Array.from({ length: 6 }, (_, i) => i)
    for (const i of each) for (const name of ['f', 'g', 'h']) write(a, `d${i}/${name}`, `${name}${i}${LONG}`)
    await level()
    for (const i of each) {
      fs.renameSync(at(a, `d${i}/f`), at(a, `moved-f${i}`))
      fs.appendFileSync(at(a, `moved-f${i}`), 'and more')
      fs.renameSync(at(a, `d${i}/g`), at(a, `d${i}/f`))
      fs.renameSync(at(a, `d${i}/h`), at(a, `d${i}/g`))
      write(a, `d${i}/h`, `new${i}${LONG}`)
      fs.renameSync(at(a, `d${i}`), at(a, `e${i}`))
      fs.appendFileSync(at(a, `e${i}/g`), 'and more')
    }
    await level()
    expect(shown(b)).toEqual(shown(a))
  })

  test('a long file with a little inserted fetches only what is new', async () => {
    const bytes = Buffer.alloc(24 * 1024 * 1024)
    for (let i = 0, x = 1; i < bytes.length; i += 4)
      bytes.writeUInt32LE((x = (Math.imul(x, 1664525) + 1013904223) >>> 0), i)
    fs.writeFileSync(at(a, 'big'), bytes)
    await level()
    expect(fs.readFileSync(at(b, 'big')).equals(bytes)).toBe(true)
    const edited = Buffer.concat([bytes.subarray(0, 9_000_000), Buffer.from('inserted'), bytes.subarray(9_000_000)])
    fs.writeFileSync(at(a, 'big'), edited)
    b.fetched = 0
    await level()
    expect(fs.readFileSync(at(b, 'big')).equals(edited)).toBe(true)
    expect(b.fetched).toBeLessThan(4 * 1024 * 1024)
  })
})

describe('a crash', () => {
  beforeEach(async () => {
    write(a, 'f', LONG)
    write(a, 'd/g', 'inside')
    await a.open()
    await b.open()
    await level()
  })

  /** Puts the index back to what it was, as if the commits since had been lost: the disk is ahead of it. */
  const indexLost = async (work: () => Promise<void>): Promise<void> => {
    await b.folder.stop()
    const saved = FOLDER_TABLES.map((table) => [table, [...b.backend.range(table)]] as const)
    await b.open()
    await work()
    await b.folder.stop()
    await b.backend.write((tx) => {
      for (const [table, rows] of saved) {
        for (const [key] of [...tx.range(table)]) tx.delete(table, key)
        for (const [key, value] of rows) tx.put(table, key, value)
      }
    })
    await b.open()
  }

  test('after files were written, moved and removed, before the index was: nothing is said about it', async () => {
    await indexLost(async () => {
      write(a, 'f', 'replaced')
      write(a, 'new', 'created')
      fs.renameSync(at(a, 'd'), at(a, 'moved'))
      await level()
      fs.rmSync(at(a, 'new'))
      await level()
    })
    const count = b.store.dag.count
    await level()
    expect(b.store.dag.count).toBe(count)
    expect(shown(b)).toEqual({ f: 'replaced', 'moved/': '', 'moved/g': 'inside' })
    expect([...b.tree.conflicts()]).toEqual([])
  })

  test('with a file on its way between two names: it is found though its directory was renamed meanwhile', async () => {
    await b.folder.stop()
    const key = [...b.backend.range('folder-entry')][0]![0]
    const { entry } = new FolderIndex(b.backend, key.slice(0, 8)).at('d/g')
    const parked = `.lattice/parked/${Buffer.from(entry!.inode).toString('hex')}-${entry!.slot}`
    fs.renameSync(at(b, 'd/g'), at(b, parked))
    fs.renameSync(at(b, 'd'), at(b, 'e'))
    await b.open()
    await level()
    expect(shown(b)).toEqual({ f: LONG, 'e/': '', 'e/g': 'inside' })
    expect(shown(a)).toEqual(shown(b))
  })

  test('after a local edit was submitted, before the index was written: it is not said twice', async () => {
    await indexLost(async () => {
      write(b, 'f', 'edited here')
      await level()
    })
    const count = b.store.dag.count
    await level()
    expect(b.store.dag.count).toBe(count)
    expect(shown(a)).toEqual(shown(b))
  })

  test('bytes that a power loss took come back from a peer', async () => {
    await b.folder.stop()
    const key = [...b.backend.range('folder-meta')].find(([name]) =>
      Buffer.from(name).toString('latin1').endsWith('boot'),
    )!
    const boot = JSON.parse(Buffer.from(key[1]).toString()) as object
    const text = JSON.stringify({ ...boot, id: 'another boot', synced: 0 })
    await b.backend.write((tx) => tx.put('folder-meta', key[0], Buffer.from(text)))
    fs.writeFileSync(at(b, 'f'), LONG.replaceAll('a', '\0'))
    const index = new FolderIndex(b.backend, key[0].slice(0, 8))
    const { entry } = index.at('f')
    index.put({ ...entry!, stat: look(at(b, 'f'))! }) // what was journalled; the bytes were not
    await index.flush()
    await b.open()
    await level()
    expect(shown(b)['f']).toBe(LONG)
    expect(shown(a)).toEqual(shown(b))
  })
})

/** What a folder finds when it starts: joining, what changed while it was down, and what a crash left behind. */
import fs from 'node:fs'
import { join } from 'node:path'
import { afterEach, beforeEach, describe, expect, test, vi } from 'vitest'
import { PoolHasher } from '#kernel/cas/hasher.ts'
import { look } from './disk.ts'
import { awayName, FolderIndex, PARKED_INODE } from './folder-index.ts'
import { FOLDER_TABLES } from './index-codec.ts'
import { fileKey } from './ingest.ts'
import { nextTurn, SLICE_MS } from './slices.ts'
import { at, level, pairForEach, put, shown, within, type Device, type Pair } from './testing.ts'

const LONG = 'a long line\n'.repeat(100)
let pair: Pair
let a: Device
let b: Device

pairForEach({ beforeEach, afterEach }, (opened) => ({ a, b } = pair = opened))

describe('starting', () => {
  test('joining merges: equal files are taken as they are, different ones show both', async () => {
    put(a, 'same', LONG)
    put(a, 'other', 'a says')
    put(a, 'sub/only-a', '1')
    put(b, 'same', LONG)
    put(b, 'other', 'b says')
    put(b, 'sub/only-b', '2')
    const ino = fs.statSync(at(b, 'same')).ino
    await a.open()
    await a.folder.settled(within())
    await b.pull(a)
    await b.open()
    await level(pair)
    expect(shown(a)).toEqual(shown(b))
    expect(Object.keys(shown(a))).toHaveLength(6)
    expect(fs.statSync(at(b, 'same')).ino).toBe(ino)
    expect(b.fetched).toBe(0)
  })

  test('a directory that everyone has is the same one here, though it moves before what is in it was said', async () => {
    put(a, 'both/deep/of-a', '1')
    fs.mkdirSync(at(b, 'both/deep'), { recursive: true })
    await a.open()
    await a.folder.settled(within())
    await b.pull(a)
    let count = b.store.dag.count
    await b.open()
    await b.folder.settled(within())
    expect([b.store.dag.count, shown(b)]).toEqual([count, shown(a)])

    put(a, 'later/deep/of-a', '2')
    await a.folder.settled(within())
    await b.folder.stop()
    put(b, 'later/deep/of-b', LONG)
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
    await level(pair)
    expect(shown(b)).toMatchObject({ 'renamed/deep/of-a': '2', 'renamed/deep/of-b': LONG })
    expect(Object.keys(shown(b)).filter((path) => path.startsWith('later'))).toEqual([])
    expect(shown(a)).toEqual(shown(b))
  })

  test('a look at everything waits for more urgent work after its first slice, which is all of a small folder', async () => {
    const urgent = Promise.withResolvers<void>()
    a.urgentUntil = urgent.promise
    const names = ['1/in', '2/in', '3/in']
    for (const name of names) put(a, name, name)
    const clock = vi.spyOn(performance, 'now').mockReturnValue(0)
    const disk = vi.spyOn(fs, 'lstatSync')
    try {
      await a.open()
      await a.folder.settled(within())
      await a.folder.stop()

      // From now on each thing that is looked at takes a whole slice.
      let slices = 0
      clock.mockImplementation(() => SLICE_MS * ++slices)
      disk.mockClear()
      const looked = () => names.filter((name) => disk.mock.calls.some(([path]) => path === at(a, name)))
      await a.open()
      for (let turn = 0; turn < 100; turn++) await nextTurn()
      expect(looked().length).toBeLessThan(names.length)
      await a.folder.stop() // which does not wait for it
      await a.open()
      urgent.resolve()
      await a.folder.settled(within())
      expect(looked()).toEqual(names)
    } finally {
      clock.mockRestore()
      disk.mockRestore()
    }
  })

  test('a file that a crash left without a word of where its chunks lie is served again', async () => {
    put(a, 'f', LONG)
    await a.open()
    await a.folder.settled(within())
    await a.folder.stop()
    const { count } = a.store.dag
    await a.cas.inplace.forget(a.store.id, [fileKey(a.tree.resolve('f')!.inode, 0)])
    await a.open()
    await b.open()
    await level(pair)
    expect(shown(b)).toEqual({ f: LONG })
    expect(a.store.dag.count).toBe(count)
  })

  test('what there was to know of where deleted files lay is removed once the folder is at rest', async () => {
    const kept = (): number => ['cas-at', 'cas-of', 'cas-gone'].reduce((sum, table) => sum + a.backend.count(table), 0)
    put(a, 'f', LONG)
    await a.open()
    await a.folder.settled(within())
    expect(kept()).toBeGreaterThan(0)
    fs.rmSync(at(a, 'f'))
    await a.folder.settled(within())
    await vi.waitFor(() => expect(kept()).toBe(0), { timeout: 20_000 })
  })

  test('and one that is edited before it is read is edited, not torn', async () => {
    put(a, 'f', LONG)
    await a.open()
    await a.folder.settled(within())
    await a.folder.stop()
    await a.cas.inplace.forget(a.store.id, [fileKey(a.tree.resolve('f')!.inode, 0)])
    const real = PoolHasher.prototype.hashFiles
    const spy = vi.spyOn(PoolHasher.prototype, 'hashFiles').mockImplementation(function (this: PoolHasher, ...rest) {
      spy.mockRestore()
      put(a, 'f', `${LONG}and more`)
      return real.apply(this, rest)
    })
    await a.open()
    await b.open()
    await level(pair)
    expect(shown(a)).toEqual({ f: `${LONG}and more` })
    expect(shown(b)).toEqual(shown(a))
    expect(fs.readdirSync(at(a, '.lattice/trash'))).toEqual([])
  })

  test('what changed while the node was down is found', async () => {
    for (const name of ['stays', 'edited', 'renamed', 'deleted', 'dir/in']) put(a, name, name)
    await a.open()
    await b.open()
    await level(pair)
    await a.folder.stop()
    put(a, 'edited', 'while away')
    fs.renameSync(at(a, 'renamed'), at(a, 'other'))
    fs.renameSync(at(a, 'dir'), at(a, 'dir2'))
    fs.rmSync(at(a, 'deleted'))
    const before = a.store.dag.count
    await a.open()
    await level(pair)
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
    put(a, 'f', 'base')
    await a.open()
    await b.open()
    await level(pair)
    await b.folder.stop()
    put(a, 'f', 'a knows')
    await a.folder.settled(within())
    await b.pull(a)
    put(b, 'f', 'b did not see that')
    await b.open()
    await level(pair)
    expect(Object.values(shown(a)).sort()).toEqual(['a knows', 'b did not see that'])
    expect(shown(a)).toEqual(shown(b))
  })

  test.for([
    ['edited', { f: 'a knows' }],
    ['deleted', {}],
  ] as const)('what was %s elsewhere is no conflict with a file of which only the ctime is new', async ([how, all]) => {
    put(a, 'f', LONG)
    await a.open()
    await b.open()
    await level(pair)
    await b.folder.stop()
    if (how === 'edited') put(a, 'f', 'a knows')
    else fs.rmSync(at(a, 'f'))
    await a.folder.settled(within())
    await b.pull(a)
    const count = b.store.dag.count
    fs.chmodSync(at(b, 'f'), 0o600)
    fs.chmodSync(at(b, 'f'), 0o644)
    fs.linkSync(at(b, 'f'), join(b.home, 'linked'))
    await b.open()
    await level(pair)
    expect([shown(a), shown(b)]).toEqual([all, all])
    expect(b.store.dag.count).toBe(count)
  })

  test('a file moved here, edited and deleted there, stays as it is here', async () => {
    put(a, 'f', LONG)
    await a.open()
    await b.open()
    await level(pair)
    put(b, 'f', `edited ${LONG}`)
    await b.folder.settled(within())
    fs.rmSync(at(b, 'f'))
    fs.renameSync(at(a, 'f'), at(a, 'moved'))
    await Promise.all([a.folder.settled(within()), b.folder.settled(within())])
    await a.pull(b)
    await a.folder.settled(within())
    await level(pair)
    expect(shown(a)).toEqual({ moved: LONG })
    expect(shown(b)).toEqual(shown(a))
  })

  test('a file moved here, of which only what was edited and deleted there is left, is gone', async () => {
    put(a, 'f', LONG)
    await a.open()
    await b.open()
    await level(pair)
    put(b, 'f', `edited there ${LONG}`)
    await b.folder.settled(within())
    fs.renameSync(at(a, 'f'), at(a, 'moved'))
    put(a, 'moved', `edited here ${LONG}`)
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
    await level(pair)
    expect(shown(a)).toEqual({})
    expect(shown(b)).toEqual({})
  })

  test('an edit lives although the file was deleted meanwhile, and so does its directory', async () => {
    put(a, 'd/f', 'base')
    await a.open()
    await b.open()
    await level(pair)
    await b.folder.stop()
    fs.rmSync(at(a, 'd'), { recursive: true })
    await a.folder.settled(within())
    await b.pull(a)
    put(b, 'd/f', 'edited')
    put(b, 'd/g', 'new')
    await b.open()
    await level(pair)
    expect(shown(a)).toEqual({ 'd/': '', 'd/f': 'edited', 'd/g': 'new' })
    expect(shown(b)).toEqual(shown(a))
  })

  test('a folder whose marker is gone deletes nothing', async () => {
    put(a, 'f', 'kept')
    await a.open()
    await b.open()
    await level(pair)
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

describe('a crash', () => {
  beforeEach(async () => {
    put(a, 'f', LONG)
    put(a, 'd/g', 'inside')
    await a.open()
    await b.open()
    await level(pair)
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
      put(a, 'f', 'replaced')
      put(a, 'new', 'created')
      fs.renameSync(at(a, 'd'), at(a, 'moved'))
      await level(pair)
      fs.rmSync(at(a, 'new'))
      await level(pair)
    })
    const count = b.store.dag.count
    await level(pair)
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
    await level(pair)
    expect(shown(b)).toEqual({ f: LONG, 'e/': '', 'e/g': 'inside' })
    expect(shown(a)).toEqual(shown(b))
  })

  test('with a parked file taken to trash, before the index was written: it comes again if it is wanted again', async () => {
    await b.folder.stop()
    const key = [...b.backend.range('folder-entry')][0]![0]
    const index = new FolderIndex(b.backend, key.slice(0, 8))
    const { entry } = index.at('d/g')
    const name = awayName(entry!)
    index.move(entry!, { ...entry!, parent: PARKED_INODE, name, visibleName: name })
    await index.flush()
    const trash = at(b, '.lattice/trash/2026-01-31/.lattice/parked')
    fs.mkdirSync(trash, { recursive: true })
    fs.renameSync(at(b, 'd/g'), join(trash, name))
    await b.open()
    await level(pair)
    expect(shown(b)).toEqual({ f: LONG, 'd/': '', 'd/g': 'inside' })
    expect(shown(a)).toEqual(shown(b))
  })

  test.each(['d/g', 'd'])(
    'with %s placed after it was parked, before the index was written: deleted is deleted',
    async (path) => {
      await b.folder.stop()
      const key = [...b.backend.range('folder-entry')][0]![0]
      const index = new FolderIndex(b.backend, key.slice(0, 8))
      const { entry } = index.at(path)
      const name = awayName(entry!)
      index.move(entry!, { ...entry!, parent: PARKED_INODE, name, visibleName: name })
      await index.flush()
      fs.rmSync(at(b, path), { recursive: true })
      await b.open()
      await level(pair)
      expect(shown(b)).toEqual(path === 'd' ? { f: LONG } : { f: LONG, 'd/': '' })
      expect(shown(a)).toEqual(shown(b))
    },
  )

  test('with a parked directory: what happened in it meanwhile is found', async () => {
    put(a, 'd/h', 'goes')
    await level(pair)
    await b.folder.stop()
    const key = [...b.backend.range('folder-entry')][0]![0]
    const index = new FolderIndex(b.backend, key.slice(0, 8))
    const { entry } = index.at('d')
    const name = awayName(entry!)
    index.move(entry!, { ...entry!, parent: PARKED_INODE, name, visibleName: name })
    await index.flush()
    fs.renameSync(at(b, 'd'), at(b, `.lattice/parked/${name}`))
    fs.rmSync(at(b, `.lattice/parked/${name}/h`))
    put(b, `.lattice/parked/${name}/g`, 'edited')
    await b.open()
    await level(pair)
    expect(shown(b)).toEqual({ f: LONG, 'd/': '', 'd/g': 'edited' })
    expect(shown(a)).toEqual(shown(b))
  })

  test('after a local edit was submitted, before the index was written: it is not said twice', async () => {
    await indexLost(async () => {
      put(b, 'f', 'edited here')
      await level(pair)
    })
    const count = b.store.dag.count
    await level(pair)
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
    await level(pair)
    expect(shown(b)['f']).toBe(LONG)
    expect(shown(a)).toEqual(shown(b))
  })
})

/** Renames whose two events come apart: the old name is looked at before anything is known of the new one. */
import fs from 'node:fs'
import { join } from 'node:path'
import { afterEach, beforeEach, expect, test, vi } from 'vitest'
import { PoolHasher } from '#kernel/cas/hasher.ts'
import type { Spot } from './dirty.ts'
import { systemTimers } from './status.ts'
import { openPair, type Device, type Pair } from './testing.ts'
import { watchFolder } from './watcher.ts'

let pair: Pair
let a: Device
/** What is told of these paths is held back until a cookie of later comes, as the queue would bring it. */
let isHeld: (path: string) => boolean
/** Barriers that were passed. */
let cookies: number

const at = (path: string): string => join(a.root, path)
const write = (path: string, text = path): void => {
  fs.mkdirSync(join(at(path), '..'), { recursive: true })
  fs.writeFileSync(at(path), text)
}
const within = (): AbortSignal => AbortSignal.timeout(20_000)
const settled = (): Promise<void> => a.folder.settled(within())
const inodeOf = (path: string): string | undefined => {
  const inode = a.tree.resolve(path)?.inode
  return inode && Buffer.from(inode).toString('hex')
}

const driven: typeof watchFolder = (root, dir, handlers) => {
  const held: Spot[] = []
  const real = watchFolder(root, dir, {
    ...handlers,
    touched: (spot) => (isHeld(spot.path()) ? void held.push(spot) : handlers.touched(spot)),
  })
  return {
    ...real,
    onCookie: (name, seen) =>
      real.onCookie(name, () => {
        cookies++
        for (const spot of held.splice(0)) handlers.touched(spot)
        seen()
      }),
  }
}

beforeEach(async () => {
  pair = await openPair()
  a = pair.a
  isHeld = () => false
  cookies = 0
  a.watch = driven
})
afterEach(async () => {
  vi.restoreAllMocks()
  await pair[Symbol.asyncDispose]()
})

/** Resolves once the folder said what it made of the first batch; then with how many intentions all of it took. */
const saidOf = async (act: () => void): Promise<number> => {
  const { count } = a.store.dag
  act()
  for await (const change of a.store.watch({ cursor: count, signal: within() })) if (change.cursor > count) break
  await settled()
  return a.store.dag.count - count
}

test('a file', async () => {
  write('one')
  write('dir/two')
  await a.open()
  await settled()
  const inodes = [inodeOf('one'), inodeOf('dir/two')]
  isHeld = (path) => path.endsWith('new')
  expect(await saidOf(() => fs.renameSync(at('one'), at('dir/new')))).toBe(1)
  expect(await saidOf(() => fs.renameSync(at('dir/two'), at('new')))).toBe(1)
  expect([inodeOf('dir/new'), inodeOf('new')]).toEqual(inodes)
  expect([inodeOf('one'), inodeOf('dir/two')]).toEqual([undefined, undefined])
})

test('a directory, and a file that was renamed and edited in it', async () => {
  write('dir/f')
  write('dir/sub/g')
  await a.open()
  await settled()
  const paths = ['dir', 'dir/f', 'dir/sub', 'dir/sub/g']
  const inodes = paths.map(inodeOf)
  isHeld = (path) => path === 'moved' || path.endsWith('/h')
  await saidOf(() => {
    fs.renameSync(at('dir'), at('moved'))
    fs.renameSync(at('moved/sub/g'), at('moved/h'))
    fs.appendFileSync(at('moved/h'), ', and more')
  })
  expect(['moved', 'moved/f', 'moved/sub', 'moved/h'].map(inodeOf)).toEqual(inodes)
  expect(paths.map(inodeOf)).toEqual([undefined, undefined, undefined, undefined])
  expect(a.tree.resolve('moved/h')?.content?.size).toBe('dir/sub/g, and more'.length)
})

test('a file into a directory made just now, and out of one that is deleted', async () => {
  write('one')
  write('dir/sub/two')
  await a.open()
  await settled()
  const inodes = [inodeOf('one'), inodeOf('dir/sub/two')]
  isHeld = (path) => path === 'made' || path === 'out'
  await saidOf(() => {
    fs.mkdirSync(at('made/deep'), { recursive: true })
    fs.renameSync(at('one'), at('made/deep/one'))
    fs.renameSync(at('dir/sub/two'), at('out'))
    fs.rmSync(at('dir'), { recursive: true })
  })
  expect([inodeOf('made/deep/one'), inodeOf('out'), inodeOf('dir')]).toEqual([...inodes, undefined])
})

/** Does something when the folder is about to put down the cookie of a barrier: by then it has looked. */
const beforeBarrier = (act: () => void): void => {
  const real = fs.writeFileSync
  const spy = vi.spyOn(fs, 'writeFileSync').mockImplementation((...args) => {
    spy.mockRestore()
    act()
    real(...args)
  })
}

test('a name that is there again is the one it was', async () => {
  write('one')
  write('dir/two')
  await a.open()
  await settled()
  const inodes = [inodeOf('one'), inodeOf('dir'), inodeOf('dir/two')]
  const aside = join(pair.base, 'aside')
  await saidOf(() => {
    fs.writeFileSync(at('dir/two'), 'edited')
    fs.renameSync(at('dir'), aside)
    fs.rmSync(at('one'))
    beforeBarrier(() => {
      fs.writeFileSync(at('one'), 'anew')
      fs.renameSync(aside, at('dir'))
    })
  })
  expect([inodeOf('one'), inodeOf('dir'), inodeOf('dir/two')]).toEqual(inodes)
  expect(['one', 'dir/two'].map((path) => a.tree.resolve(path)?.content?.size)).toEqual([4, 6])
})

test('a new directory that is looked at twice in one batch is one', async () => {
  write('one')
  await a.open()
  await settled()
  await saidOf(() => {
    fs.rmSync(at('one'))
    write('made/deep/f')
    fs.mkdirSync(at('made/short'))
    beforeBarrier(() => {
      write('made/deep/g')
      fs.rmdirSync(at('made/short'))
      fs.chmodSync(at('made'), 0o700)
    })
  })
  const paths = ['made', 'made/deep', 'made/deep/f', 'made/deep/g']
  expect(paths.map((path) => inodeOf(path) !== undefined)).toEqual([true, true, true, true])
  expect([...a.backend.range('folder-entry')]).toHaveLength(paths.length)
})

/** Does something when the folder is about to look at a path for the first time. */
const beforeLook = (path: string, act: () => void): void => {
  const real = fs.lstatSync
  const spy = vi.spyOn(fs, 'lstatSync').mockImplementation(((...args: Parameters<typeof fs.lstatSync>) => {
    if (args[0] === at(path)) {
      spy.mockRestore()
      act()
    }
    return real(...args)
  }) as typeof fs.lstatSync)
}

test('what moves behind the back of a scan', async () => {
  write('late/f')
  write('late/dir/g')
  await a.open()
  await settled()
  const inodes = [inodeOf('late/f'), inodeOf('late/dir/g')]
  isHeld = (path) => path === 'f' || path === 'dir'
  await saidOf(() => {
    beforeLook('late', () => {
      fs.renameSync(at('late/f'), at('f'))
      fs.renameSync(at('late/dir'), at('dir'))
    })
    a.folder.rescan()
  })
  expect([inodeOf('f'), inodeOf('dir/g')]).toEqual(inodes)
  expect([inodeOf('late/f'), inodeOf('late/dir')]).toEqual([undefined, undefined])
})

test('a directory that is away for a moment while it is scanned is looked at all the same', async () => {
  write('dir/deep/f', 'first')
  await a.open()
  await settled()
  await a.folder.stop()
  write('dir/deep/f', 'edited while nobody looked')
  const real = fs.readdirSync
  const spy = vi.spyOn(fs, 'readdirSync').mockImplementation(((...args: Parameters<typeof fs.readdirSync>) => {
    const names = real(...args)
    if (args[0] !== at('dir')) return names
    spy.mockRestore()
    fs.renameSync(at('dir'), at('away'))
    setImmediate(() => fs.renameSync(at('away'), at('dir')))
    return names
  }) as typeof fs.readdirSync)
  await a.open()
  await settled()
  expect(a.tree.resolve('dir/deep/f')?.content?.size).toBe(26)
})

test('a directory that moves once more after it was found, and what is deleted in it then', async () => {
  write('old/dir/f')
  write('old/dir/g')
  await a.open()
  await settled()
  const inode = inodeOf('old/dir/g')
  await a.folder.stop()
  fs.renameSync(at('old'), at('found'))
  const movedOn = Promise.withResolvers<void>()
  await a.open()
  // What the scan has walked by then changes once more.
  beforeBarrier(() => {
    fs.rmSync(at('found/dir/f'))
    fs.renameSync(at('found'), at('new'))
    movedOn.resolve()
  })
  await movedOn.promise
  await settled()
  expect([inodeOf('new/dir/g'), inodeOf('new/dir/f'), inodeOf('found')]).toEqual([inode, undefined, undefined])
})

test.for(['first', 'moved'])('a directory whose name another took keeps what it holds, found at %s', async (name) => {
  write('later/f')
  await a.open()
  await settled()
  const inode = inodeOf('later/f')
  await a.folder.stop()
  fs.renameSync(at('later'), at(name))
  write('later/other')
  const real = fs.readdirSync
  vi.spyOn(fs, 'readdirSync').mockImplementation(((...args: Parameters<typeof fs.readdirSync>) =>
    real(...args).sort()) as typeof fs.readdirSync)
  await a.open()
  await settled()
  expect([inodeOf(`${name}/f`), inodeOf('later/f')]).toEqual([inode, undefined])
})

test('a file that is deleted under its new name before it could be read', async () => {
  write('one')
  await a.open()
  await settled()
  const real = PoolHasher.prototype.hashFiles
  const spy = vi.spyOn(PoolHasher.prototype, 'hashFiles').mockImplementation(function (this: PoolHasher, ...args) {
    spy.mockRestore()
    fs.rmSync(at('two'))
    return real.apply(this, args)
  })
  await saidOf(() => {
    fs.appendFileSync(at('one'), 'edited')
    fs.renameSync(at('one'), at('two'))
  })
  expect([inodeOf('one'), inodeOf('two')]).toEqual([undefined, undefined])
})

test('one barrier for a batch, and none for one of which nothing is gone', async () => {
  await a.open()
  await settled()
  expect(cookies).toBe(1)
  await saidOf(() => ['one', 'two', 'three', 'dir/four'].forEach((path) => write(path)))
  expect(cookies).toBe(2)
  const before = a.store.dag.count
  isHeld = () => true
  for (const path of ['one', 'two', 'dir']) fs.rmSync(at(path), { recursive: true })
  await settled()
  expect([a.store.dag.count - before, cookies]).toEqual([1, 4])
  expect(['one', 'two', 'three', 'dir/four'].map((path) => inodeOf(path) !== undefined)).toEqual([
    false,
    false,
    true,
    false,
  ])
})

test('a watcher that does not answer: what is gone is gone, and the rest goes on', async () => {
  // The deadline of each cookie, which is set right after it was asked for, passes at once; all else takes its time.
  let isAsked = false
  a.watch = (root, dir, handlers) => ({
    ...watchFolder(root, dir, handlers),
    onCookie: () => {
      isAsked = true
      return () => undefined
    },
  })
  a.timers = {
    ...systemTimers,
    after: (ms, call) => {
      if (!isAsked) return systemTimers.after(ms, call)
      isAsked = false
      const passed = setImmediate(call)
      return () => clearImmediate(passed)
    },
  }
  write('one')
  write('two')
  await a.open()
  await settled()
  await saidOf(() => fs.rmSync(at('one')))
  expect([inodeOf('one'), inodeOf('two') !== undefined]).toEqual([undefined, true])
})

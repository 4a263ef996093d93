import fs from 'node:fs'
import { join } from 'node:path'
import { afterEach, expect, test, vi } from 'vitest'
import { at, level, openPair, put, shown, within, type Device } from './testing.ts'

const STEPS = ['renameSync', 'linkSync', 'unlinkSync', 'mkdirSync', 'rmdirSync', 'openSync', 'writeSync'] as const

afterEach(() => vi.restoreAllMocks())

/** Every call under the root that changes the disk counts as a step; the nth is not done, nor is any after it. */
const crashAt = (device: Device, n: number): { readonly done: Promise<void>; restore(): void } => {
  let left = n
  const { promise, resolve } = Promise.withResolvers<void>()
  const spies = STEPS.map((name) => {
    const real = fs[name] as (...args: unknown[]) => unknown
    return vi.spyOn(fs, name).mockImplementation(((...args: unknown[]) => {
      const ours = typeof args[0] === 'number' || String(args[0]).startsWith(device.root)
      if (ours && (device.crashed || --left === 0)) {
        device.crashed = true
        resolve()
        throw new Error('crashed')
      }
      return real.apply(fs, args)
    }) as never)
  })
  return { done: promise, restore: () => spies.forEach((spy) => spy.mockRestore()) }
}

const files = (dir: string): string[] =>
  fs
    .readdirSync(dir, { recursive: true, withFileTypes: true })
    .filter((item) => item.isFile())
    .map((item) => join(item.parentPath, item.name))

const contents = (device: Device, round: string): Record<string, string> =>
  Object.fromEntries(
    files(join(device.root, round)).map((path) => [path.slice(device.root.length), fs.readFileSync(path, 'utf8')]),
  )

test('a crash at any step of materialising: the next start ends where it should, and nothing is lost', async () => {
  await using pair = await openPair()
  const { a, b } = pair
  await a.open()
  await b.open()
  const signal = (): AbortSignal => AbortSignal.timeout(10_000)
  const toB = async (): Promise<void> => {
    await a.folder.settled(signal())
    await b.pull(a)
  }
  let crashes = 0
  for (let n = 1; crashes === n - 1; n++) {
    const at = (path: string): string => join(a.root, `r${n}`, path)
    fs.mkdirSync(at('kept/deep'), { recursive: true })
    fs.mkdirSync(at('gone'))
    for (const path of ['replaced', 'deleted', 'gone/inside', 'kept/deep/moved', 'one', 'two'])
      fs.writeFileSync(at(path), `old ${path} of ${n}`)
    await toB()
    await b.folder.settled(signal())
    await b.folder.stop()
    fs.writeFileSync(at('replaced'), `new of ${n}`)
    fs.writeFileSync(at('created'), `created in ${n}`)
    fs.rmSync(at('deleted'))
    fs.rmSync(at('gone'), { recursive: true })
    fs.renameSync(at('kept'), at('elsewhere'))
    fs.renameSync(at('one'), at('aside'))
    fs.renameSync(at('two'), at('one'))
    fs.renameSync(at('aside'), at('two'))
    await toB()
    const crash = crashAt(b, n)
    await b.open().then(
      () => Promise.race([crash.done, b.folder.settled(signal())]),
      () => undefined, // it died while it opened
    )
    await b.folder.stop().catch(() => undefined)
    crash.restore()
    if (b.crashed) crashes++
    b.crashed = false
    await b.open()
    await b.folder.settled(signal())
    await a.pull(b)
    await a.folder.settled(signal())
    expect(contents(b, `r${n}`), `after a crash at step ${n}`).toEqual(contents(a, `r${n}`))
    expect([...b.tree.conflicts()]).toEqual([])
    const trashed = files(join(b.root, '.lattice/trash')).map((path) => fs.readFileSync(path, 'utf8'))
    for (const path of ['replaced', 'deleted', 'gone/inside'])
      expect(trashed, `step ${n}`).toContain(`old ${path} of ${n}`)
  }
  expect(crashes).toBeGreaterThan(15)
}, 120_000)

test('a crash while a directory that is gone is looked at: what was written to it at that moment is an edit', async () => {
  await using pair = await openPair()
  const { a, b } = pair
  put(a, 'gone/inside', 'old')
  put(a, 'gone/deep/other', 'other')
  await a.open()
  await b.open()
  await level(pair)
  fs.rmSync(at(a, 'gone'), { recursive: true })
  await a.folder.settled(within())
  const { promise: crashed, resolve } = Promise.withResolvers<void>()
  const rename = fs.renameSync
  vi.spyOn(fs, 'renameSync').mockImplementation((from, to) => {
    if (b.crashed) throw new Error('crashed')
    if (from !== at(b, 'gone')) return rename(from, to)
    fs.writeFileSync(at(b, 'gone/inside'), 'written at that moment')
    rename(from, to)
    b.crashed = true
    resolve()
    throw new Error('crashed')
  })
  await b.pull(a)
  await crashed
  await b.folder.stop().catch(() => undefined)
  vi.restoreAllMocks()
  b.crashed = false
  await b.open()
  await level(pair)
  expect(shown(b)).toEqual({ 'gone/': '', 'gone/inside': 'written at that moment' })
  expect(shown(a)).toEqual(shown(b))
})

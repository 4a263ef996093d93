/** Files whose name another one took before it could be said where they went. */
import fs from 'node:fs'
import { afterEach, beforeEach, expect, test, vi } from 'vitest'
import { PoolHasher } from '#kernel/cas/hasher.ts'
import { systemTimers } from './status.ts'
import { at, level, pairForEach, put, shown, type Device, type Pair } from './testing.ts'

let pair: Pair
let a: Device
let b: Device
pairForEach({ beforeEach, afterEach }, (opened) => ({ a, b } = pair = opened))
afterEach(() => void vi.restoreAllMocks())

const inodeOf = (device: Device, path: string): string =>
  Buffer.from(device.tree.resolve(path)?.inode ?? []).toString('hex')

/** The first look at the file finds it being written to; then `meanwhile` happens. */
const unstableOnce = (path: string, meanwhile: () => void): void => {
  const real = PoolHasher.prototype.hashFiles
  const spy = vi.spyOn(PoolHasher.prototype, 'hashFiles').mockImplementation(async function (
    this: PoolHasher,
    ...[paths, signal]
  ) {
    const results = await real.call(this, paths, signal)
    if (!paths.includes(path)) return results
    spy.mockRestore()
    meanwhile()
    return results.map((one) => (one.path === path ? { kind: 'unstable', path, message: 'it changes' } : one))
  })
}

/** Both devices have `x` and `y`; while `a` is down, `x` is renamed to `z` and edited, and `y` takes its name. */
const displace = async (): Promise<{ readonly x: string; readonly y: string }> => {
  put(a, 'x', 'x'.repeat(1000))
  put(a, 'y', 'y'.repeat(1000))
  await a.open()
  await b.open()
  await level(pair)
  await a.folder.stop()
  const [x, y] = [inodeOf(a, 'x'), inodeOf(a, 'y')]
  fs.renameSync(at(a, 'x'), at(a, 'z'))
  put(a, 'z', 'z'.repeat(1000))
  fs.renameSync(at(a, 'y'), at(a, 'x'))
  return { x, y }
}

test('a file that could not be read yet is the one it was, though its name was taken', async () => {
  const { x, y } = await displace()
  unstableOnce(at(a, 'z'), () => undefined)
  await a.open()
  await level(pair)
  expect(shown(b)).toEqual({ x: 'y'.repeat(1000), z: 'z'.repeat(1000) })
  expect([inodeOf(b, 'x'), inodeOf(b, 'z')]).toEqual([y, x])
})

test('one that is gone by then is deleted', async () => {
  const { y } = await displace()
  unstableOnce(at(a, 'z'), () => fs.rmSync(at(a, 'z')))
  // It is looked for after five seconds: here sooner.
  a.timers = { ...systemTimers, after: (ms, callback) => systemTimers.after(ms === 5000 ? 1500 : ms, callback) }
  await a.open()
  await level(pair)
  expect(shown(b)).toEqual({ x: 'y'.repeat(1000) })
  expect(inodeOf(b, 'x')).toBe(y)
})

test('a crash between two intentions of a batch in which files changed places', async () => {
  const COUNT = 520 // an intention holds 500
  const name = (i: number): string => `f${i % COUNT}`
  for (let i = 0; i < COUNT; i++) put(a, name(i), `file ${i}`)
  await a.open()
  await b.open()
  await level(pair)
  const before = new Map(Array.from({ length: COUNT }, (_, i) => [i, inodeOf(a, name(i))]))
  await a.folder.stop()
  fs.renameSync(at(a, name(0)), at(a, 'aside'))
  for (let i = COUNT - 1; i > 0; i--) fs.renameSync(at(a, name(i)), at(a, name(i + 1)))
  fs.renameSync(at(a, 'aside'), at(a, name(1)))
  const count = a.store.dag.count
  const submit = a.store.submit.bind(a.store)
  const spy = vi.spyOn(a.store, 'submit').mockImplementation(async (...args) => {
    if (a.crashed) throw new Error('crashed')
    const result = await submit(...args)
    a.crashed = true
    return result
  })
  await a.open()
  await vi.waitUntil(() => spy.mock.calls.length > 1, { timeout: 8000 })
  await a.folder.stop().catch(() => undefined)
  spy.mockRestore()
  a.crashed = false
  expect(a.store.dag.count).toBe(count + 1)
  await a.open()
  await level(pair)
  for (let i = 0; i < COUNT; i++) expect(inodeOf(b, name(i + 1)), name(i + 1)).toBe(before.get(i))
  expect(shown(b)).toEqual(shown(a))
})

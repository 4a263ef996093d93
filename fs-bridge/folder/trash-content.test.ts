/** Content that only the trash has: it is found there, by the folder that needs it and for those who ask. */
import fs from 'node:fs'
import { join } from 'node:path'
import { afterEach, beforeEach, expect, test } from 'vitest'
import type { Inode } from '../filestore/port.ts'
import { packOps, placeOp } from '../filestore/ops.ts'
import { ROOT } from '../filestore/values.ts'
import { must } from '#kernel/store/testkit.ts'
import { at, level, pairForEach, put, shown, within, type Device, type Pair } from './testing.ts'

let pair: Pair
let a: Device
let b: Device
pairForEach({ beforeEach, afterEach }, (opened) => ({ a, b } = pair = opened))

const trashOf = (device: Device): string => join(device.root, '.lattice', 'trash')
const filesBelow = (dir: string): string[] =>
  fs
    .readdirSync(dir, { recursive: true, withFileTypes: true })
    .filter((item) => item.isFile())
    .map((item) => item.name)

const LONG = 'a long line\n'.repeat(100)
const FILES = {
  short: 'few bytes',
  long: LONG,
  'same size': LONG.replaceAll('a', 'b'),
  /** So many chunks that a list of them names it. */
  huge: Array.from({ length: 1_200_000 }, (_, i) => (i * 2654435761) >>> 0).join('\n'),
}
const NAMES = Object.keys(FILES)

/** `a` deletes them all, so that nothing but the trash of `b` has them. */
const trashAll = async (): Promise<Inode[]> => {
  for (const [name, text] of Object.entries(FILES)) put(a, name, text)
  await a.open()
  await b.open()
  await level(pair)
  const inodes = NAMES.map((name) => a.tree.at(ROOT, name)!.inode)
  for (const name of NAMES) fs.rmSync(at(a, name))
  await level(pair)
  expect([shown(a), shown(b)]).toEqual([{}, {}])
  expect(filesBelow(trashOf(b)).sort()).toEqual([...NAMES].sort())
  return inodes
}

/** Says that they hang in the root, as a move does whose author did not know of the deletion. */
const bringBack = async (device: Device, inodes: readonly Inode[]): Promise<void> => {
  const ops = inodes.map((inode, i) => placeOp(inode, 'file', { parent: ROOT, name: NAMES[i]! }))
  must(await device.store.submit(() => ({ app: packOps(ops)[0]! })))
}

/** Not `toEqual` with both: it would print a million lines. */
const expectAll = (device: Device): void => {
  const here = shown(device)
  expect(Object.keys(here).sort()).toEqual([...NAMES].sort())
  for (const [name, text] of Object.entries(FILES)) expect(here[name] === text, name).toBe(true)
}

test('what was deleted here and comes back is taken from the trash, and everyone gets it', async () => {
  const inodes = await trashAll()
  await a.folder.stop()
  await bringBack(a, inodes)
  await b.pull(a)
  await b.folder.settled(within())
  expectAll(b)
  await a.open()
  await level(pair)
  expectAll(a)
})

test('who brings it back himself looks into his trash before he lets go of it', async () => {
  await bringBack(b, await trashAll())
  await level(pair)
  expectAll(a)
  expectAll(b)
})

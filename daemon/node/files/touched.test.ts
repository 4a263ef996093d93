/** Whatever looks different in a directory after something happened is told of, and little else. */
import fs from 'node:fs'
import { afterEach, beforeEach, expect, test } from 'vitest'
import { create } from '@bufbuild/protobuf'
import { BrowseRequestSchema } from '#proto/file_api'
import { at, level, pairForEach, put, type Device, type Pair } from '#fs-bridge/folder/testing.ts'
import type { TouchedDirectories } from '#fs-bridge/folder/touched.ts'
import { serviceOf, within } from './testing.ts'

let pair: Pair
let a: Device
let b: Device
pairForEach({ beforeEach, afterEach }, (opened) => ({ a, b } = pair = opened))

/** The rows of every directory there is on the disk. */
const allRows = async (device: Device): Promise<ReadonlyMap<string, string>> => {
  const found = new Map<string, string>()
  for (const dirs = ['']; dirs.length > 0;) {
    const path = dirs.pop()!
    const reply = await serviceOf(device).browse(create(BrowseRequestSchema, { folder: 'f', path }), within())
    if (!reply.ok) throw new Error(reply.error.message)
    found.set(
      path,
      JSON.stringify(reply.value.rows, (_, value: unknown) => (typeof value === 'bigint' ? `${value}` : value)),
    )
    for (const entry of fs.readdirSync(at(device, path), { withFileTypes: true }))
      if (entry.isDirectory() && entry.name !== '.lattice')
        dirs.push(path === '' ? entry.name : `${path}/${entry.name}`)
  }
  return found
}

const covers = ({ directories, trees }: TouchedDirectories, path: string): boolean =>
  directories.includes(path) || trees.some((tree) => tree === '' || `${path}/`.startsWith(`${tree}/`))

/** What each device tells of what is done, which is all that looks different there. */
const toldOf = async (act: () => void | Promise<void>): Promise<(TouchedDirectories | undefined)[]> => {
  const before = await Promise.all(
    [a, b].map(async (device) => ({ rows: await allRows(device), time: device.touches })),
  )
  await act()
  await level(pair)
  const told: (TouchedDirectories | undefined)[] = []
  for (const [i, device] of [a, b].entries()) {
    const { rows, time } = before[i]!
    const after = await allRows(device)
    const touched = device.touched.since(time)
    told.push(touched)
    for (const path of new Set([...rows.keys(), ...after.keys()]))
      if (rows.get(path) !== after.get(path)) expect(touched && covers(touched, path), `"${path}"`).toBe(true)
  }
  return told
}

const sorted = (told: TouchedDirectories | undefined) =>
  told && { directories: told.directories.toSorted(), trees: told.trees.toSorted() }

beforeEach(async () => {
  await a.open()
  await b.open()
  for (const path of ['top', 'one/x', 'one/y', 'two/z', 'two/deep/w', 'three/v']) put(a, path, path)
  await level(pair)
  // As who follows the folder does: for those who do not, nothing is noted.
  for (const { touched, touches } of [a, b]) expect(touched.since(touches)).toBeUndefined()
})

test('a change of files names their directories, here and on the other device, whatever else there is', async () => {
  const both = async (act: () => void, directories: readonly string[]): Promise<void> => {
    for (const told of await toldOf(act)) expect(sorted(told)).toEqual({ directories, trees: [] })
  }
  await both(() => put(a, 'one/x', 'edited'), ['one'])
  await both(() => put(b, 'top', 'edited'), [''])
  await both(() => put(b, 'two/deep/new', 'new'), ['two/deep'])
  await both(() => fs.renameSync(at(a, 'one/y'), at(a, 'two/y')), ['one', 'two'])
  await both(() => fs.rmSync(at(b, 'two/deep/w')), ['two/deep'])
  for (let i = 0; i < 5; i++) await both(() => put(a, 'three/v', `again ${i}`), ['three'])
})

test('a directory that comes, moves or goes is told with all below it', async () => {
  await toldOf(() => put(a, 'four/five/f', 'new'))
  for (const told of await toldOf(() => fs.renameSync(at(a, 'two'), at(a, 'one/two')))) {
    expect(told!.trees).toEqual(expect.arrayContaining(['two', 'one/two']))
    expect(covers(told!, 'three')).toBe(false)
  }
  for (const told of await toldOf(() => fs.rmSync(at(b, 'one/two/deep'), { recursive: true })))
    expect(told!.trees).toContain('one/two/deep')
})

test('what is known by now is told of again when it is on the disk', async () => {
  for (const [from, to] of [
    ['one', 'two'],
    ['two', 'three'],
  ]) {
    fs.renameSync(at(a, `${from}/x`), at(a, `${to}/x`))
    await a.folder.settled(within())
  }
  put(a, 'two/deep/new', 'new')
  await a.folder.settled(within())
  let known: number | undefined
  const off = b.folder.onStatus(({ pendingIn }) => {
    if (pendingIn > 0) known ??= b.touches
  })
  await b.pull(a)
  await b.folder.settled(within())
  off()
  expect(b.touched.since(known!)!.directories).toEqual(expect.arrayContaining(['one', 'three', 'two/deep']))
})

test('conflicts, and what settles them, are told of', async () => {
  await toldOf(() => {
    put(a, 'one/x', 'by a')
    put(b, 'one/x', 'by b')
    put(a, 'two/twice', 'by a')
    put(b, 'two/twice', 'by b')
    fs.renameSync(at(a, 'three/v'), at(a, 'one/v'))
    fs.renameSync(at(b, 'three/v'), at(b, 'two/v'))
    fs.mkdirSync(at(a, 'same'))
    fs.mkdirSync(at(b, 'same'))
    put(a, 'same/mine', 'by a')
    put(b, 'same/theirs', 'by b')
  })
  expect(a.tree.conflictCount()).toBeGreaterThan(0)
  await toldOf(() => {
    for (const name of fs.readdirSync(at(b, 'one'))) if (name.includes('conflict')) fs.rmSync(at(b, `one/${name}`))
  })
})

test('what does not sync is told of', async () => {
  const [told] = await toldOf(() => {
    put(a, 'two/.latticeignore', '*.log\n')
    put(a, 'two/x.log', 'log')
  })
  expect(told!.trees).toEqual(['']) // other rules may mean anything
  const [ignored] = await toldOf(() => put(a, 'two/y.log', 'log'))
  expect(sorted(ignored)).toEqual({ directories: ['two'], trees: [] })
})

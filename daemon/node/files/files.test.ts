/** Reading, trash, going back in time, activity and the timeline, on real stores and disks. */
import fs from 'node:fs'
import { join } from 'node:path'
import { afterEach, beforeEach, expect, test } from 'vitest'
import { create } from '@bufbuild/protobuf'
import {
  GetTimelineRequestSchema,
  ListActivityRequestSchema,
  ListTrashRequestSchema,
  ReadFileRequestSchema,
  RestoreTrashRequestSchema,
  RestoreTreeRequestSchema,
} from '#proto/file_api'
import { bytesToHex } from '#kernel/core/bytes.ts'
import { noise } from '#kernel/cas/testing.ts'
import { must } from '#kernel/store/testkit.ts'
import { createOp, editOp, moveOp, placeOp, trashOp } from '#fs-bridge/filestore/ops.ts'
import type { Inode } from '#fs-bridge/filestore/port.ts'
import { ROOT } from '#fs-bridge/filestore/values.ts'
import { pairForEach, type Device, type Pair } from '#fs-bridge/folder/testing.ts'
import { LatestChanges } from './latest.ts'
import { PIECE_MAX } from './read-file.ts'
import { PastTrees } from './tree-at.ts'
import { freshInode, lastMs, make, serviceOf, textContent, within, write } from './testing.ts'

let pair: Pair
let a: Device
let b: Device
pairForEach({ beforeEach, afterEach }, (opened) => ({ a, b } = pair = opened))

const read = async (device: Device, path: string, hash = ''): Promise<Buffer | string> => {
  const pieces: Uint8Array[] = []
  const request = create(ReadFileRequestSchema, { folder: 'f', path, hash })
  for await (const piece of serviceOf(device).readFile(request, within())) {
    if (!piece.ok) return piece.error.kind
    expect(piece.value.data!.length).toBeLessThanOrEqual(PIECE_MAX)
    pieces.push(piece.value.data!)
  }
  return Buffer.concat(pieces)
}

const treeOf = (device: Device): string[] => {
  const { tree } = device
  const list = (dir: Inode, path: string): string[] =>
    [...tree.children(dir)].flatMap(({ kind, name, inode, content }) =>
      kind === 'dir'
        ? [`${path}${name}/`, ...list(inode, `${path}${name}/`)]
        : [`${path}${name}=${content?.data.kind === 'inline' ? Buffer.from(content.data.bytes).toString() : '…'}`],
    )
  return list(ROOT, '').sort()
}

const exchange = async (): Promise<void> => {
  await a.pull(b)
  await b.pull(a)
  for (const device of [a, b]) await device.folder.settled(within())
}

test('a long file is read from the disk, from what is known of it, and from a peer, in pieces', async () => {
  const bytes = noise(7, 3_000_000)
  fs.writeFileSync(join(a.root, 'long'), bytes)
  await a.open()
  await a.folder.settled(within())
  await b.pull(a)
  expect(bytes.equals((await read(a, 'long')) as Buffer)).toBe(true)
  expect(bytes.equals((await read(b, 'long')) as Buffer)).toBe(true) // its folder is not open: from the peer
  const { hash } = a.store.dag.get(a.tree.resolve('long')!.contentHead!)!
  await a.folder.settled(within())
  expect(bytes.equals((await read(a, 'long', bytesToHex(hash))) as Buffer)).toBe(true)
  b.serves = () => false
  expect(await read(b, 'long')).toBe('content-unavailable')
})

test('nothing is read through a symlink, nor what is no file', async () => {
  fs.mkdirSync(join(pair.base, 'outside'))
  fs.writeFileSync(join(pair.base, 'outside', 'secret'), 'secret')
  fs.symlinkSync(join(pair.base, 'outside'), join(a.root, 'dir'))
  fs.symlinkSync(join(pair.base, 'outside', 'secret'), join(a.root, 'link'))
  await a.open()
  await a.folder.settled(within())
  expect(await read(a, 'link')).toBe('not-a-file')
  expect(await read(a, 'dir/secret')).toBe('file-not-found')
  expect(await read(a, '../outside/secret')).toBe('bad-request')
  expect(await read(a, '.lattice/folder')).toBe('bad-request')
  expect(await read(a, 'nothing')).toBe('file-not-found')
})

test('an old version is read by the intention that wrote it, also where that wrote only its place', async () => {
  const inode = await make(a, 'file', ROOT, 'f', textContent('one'))
  const first = bytesToHex(a.store.dag.heads()[0]!)
  await write(a, [moveOp(inode, 'file', { parent: ROOT, name: 'f' }, { parent: ROOT, name: 'g' })])
  const moved = bytesToHex(a.store.dag.heads()[0]!)
  await write(a, [editOp(inode, textContent('two'))])
  expect(String(await read(a, 'g'))).toBe('two')
  expect(String(await read(a, 'g', first))).toBe('one')
  expect(String(await read(a, 'g', moved))).toBe('one')
  expect(await read(a, 'g', 'ab'.repeat(32))).toBe('version-not-found')
  expect(await read(a, 'other', moved)).toBe('version-not-found')
})

const listTrash = async (device: Device, after = '', limit = 0) =>
  must(await serviceOf(device).listTrash(create(ListTrashRequestSchema, { folder: 'f', after, limit }), within()))
const restoreTrash = async (device: Device, ...ids: string[]) =>
  serviceOf(device).restoreTrash(create(RestoreTrashRequestSchema, { folder: 'f', ids }), within())

test('trash lists the newest first, by pages, and gives back what its ids name', async () => {
  const dir = await make(a, 'dir', ROOT, 'dir')
  const inodes: Inode[] = []
  for (const name of ['one', 'two', 'three']) inodes.push(await make(a, 'file', dir, name, textContent(name)))
  for (const [i, name] of ['one', 'two', 'three'].entries())
    await write(a, [trashOp(inodes[i]!, 'file', { parent: dir, name }, textContent(name))])
  await write(a, [trashOp(dir, 'dir', { parent: ROOT, name: 'dir' }, undefined)])
  const all = await listTrash(a)
  expect(all.files!.map(({ path, size }) => [path, Number(size)])).toEqual([
    ['dir', 0],
    ['dir/three', 5],
    ['dir/two', 3],
    ['dir/one', 3],
  ])
  expect(all.files!.map(({ id }) => id)).toHaveLength(4)
  const first = await listTrash(a, '', 3)
  expect(first.more).toBe(true)
  const rest = await listTrash(a, first.files!.at(-1)!.id, 3)
  expect([...first.files!, ...rest.files!].map(({ id }) => id)).toEqual(all.files!.map(({ id }) => id))
  const two = all.files![2]!.id!
  expect(must(await restoreTrash(a, two, all.files![3]!.id!.slice(0, 32)))).toEqual({
    restored: 2,
    missing: [],
    notRestored: 0,
  })
  // The directory lives again with what is in it.
  expect(treeOf(a)).toEqual(['dir/', 'dir/one=one', 'dir/two=two'])
  expect(must(await restoreTrash(a, two))).toEqual({ restored: 0, missing: [], notRestored: 0 })
  expect(await restoreTrash(a, 'ffff')).toMatchObject({ ok: false, error: { kind: 'trashed-not-found' } })
  expect((await listTrash(a)).files!.map(({ path }) => path)).toEqual(['dir/three'])
})

test('what nobody has any more stays in trash and is named', async () => {
  fs.writeFileSync(join(a.root, 'lost'), 'x'.repeat(3000))
  fs.writeFileSync(join(a.root, 'kept'), 'y'.repeat(3000))
  await a.open()
  await b.open()
  await a.folder.settled(within())
  await exchange()
  for (const name of ['lost', 'kept']) fs.rmSync(join(a.root, name))
  await a.folder.settled(within())
  await exchange()
  const trashDir = join(b.root, '.lattice/trash')
  for (const day of fs.readdirSync(trashDir)) fs.rmSync(join(trashDir, day, 'lost'))
  const ids = (await listTrash(b)).files!.map(({ id }) => id!)
  expect(must(await restoreTrash(b, ...ids))).toEqual({ restored: 1, missing: ['lost'], notRestored: 1 })
  await exchange()
  expect(fs.readFileSync(join(a.root, 'kept'), 'utf8')).toBe('y'.repeat(3000))
  expect(fs.existsSync(join(a.root, 'lost'))).toBe(false)
})

test('a directory comes back with what was in it when it was deleted, and nothing else', async () => {
  const at = (path: string): string => join(a.root, path)
  for (const dir of ['dir', 'dir/sub', 'dir/sub/empty', 'other']) fs.mkdirSync(at(dir))
  const big = noise(3, 700_000)
  const files = { 'dir/top': 't', 'dir/sub/big': big, 'dir/sub/lost': 'l'.repeat(3000), 'dir/old': 'o', 'other/o': 'x' }
  for (const [path, data] of Object.entries(files)) fs.writeFileSync(at(path), data)
  await a.open()
  await b.open()
  await a.folder.settled(within())
  await exchange()
  fs.rmSync(at('dir/old'))
  await a.folder.settled(within())
  pair.clock.ms += 60_000
  for (const path of ['dir', 'other']) fs.rmSync(at(path), { recursive: true })
  await a.folder.settled(within())
  await exchange()
  expect(fs.existsSync(join(b.root, 'dir'))).toBe(false)
  const trashDir = join(b.root, '.lattice/trash')
  for (const day of fs.readdirSync(trashDir)) fs.rmSync(join(trashDir, day, 'dir/sub/lost'))
  const { id } = (await listTrash(b)).files!.find(({ path }) => path === 'dir')!
  expect(must(await restoreTrash(b, id!))).toEqual({ restored: 5, missing: ['dir/sub/lost'], notRestored: 1 })
  await exchange()
  await a.folder.settled(within())
  expect(fs.readFileSync(at('dir/sub/big')).equals(big)).toBe(true)
  expect(fs.readdirSync(at('dir/sub')).sort()).toEqual(['big', 'empty'])
  expect(fs.readdirSync(at('dir')).sort()).toEqual(['sub', 'top'])
  expect(fs.existsSync(at('other'))).toBe(false)
  const left = (await listTrash(b)).files!.map(({ path }) => path)
  expect(left.sort()).toEqual(['dir/old', 'dir/sub/lost', 'other', 'other/o'])
})

test('a directory whose deletion took many intentions comes back whole; what others deleted from it stays', async () => {
  const dir = await make(a, 'dir', ROOT, 'dir')
  const names = Array.from({ length: 3000 }, (_, i) => `f${i}`)
  const inodes = names.map(() => freshInode())
  await write(
    a,
    names.map((name, i) => createOp(inodes[i]!, 'file', { parent: dir, name }, textContent(name))),
  )
  const theirs = await make(a, 'file', dir, 'theirs', textContent('theirs'))
  await b.pull(a)
  await write(b, [trashOp(theirs, 'file', { parent: dir, name: 'theirs' }, textContent('theirs'))])
  await a.pull(b)
  const gone = names.map((name, i) => trashOp(inodes[i]!, 'file', { parent: dir, name }, textContent(name)))
  for (const from of [0, 1000, 2000]) {
    await write(a, gone.slice(from, from + 1000))
    pair.clock.ms += 9_000
  }
  await write(a, [trashOp(dir, 'dir', { parent: ROOT, name: 'dir' }, undefined)])
  const { id } = (await listTrash(a)).files![0]!
  expect(must(await restoreTrash(a, id!))).toEqual({ restored: 3001, missing: [], notRestored: 0 })
  expect(treeOf(a)).toHaveLength(3001)
  expect((await listTrash(a)).files!.map(({ path }) => path)).toEqual(['dir/theirs'])
})

test('two directories that were seen as one come back as one, with what was in either', async () => {
  const dirs = [await make(a, 'dir', ROOT, 'dir'), await make(b, 'dir', ROOT, 'dir')]
  const inodes = [
    await make(a, 'file', dirs[0]!, 'one', textContent('one')),
    await make(b, 'file', dirs[1]!, 'two', textContent('two')),
  ]
  await a.pull(b)
  expect(treeOf(a)).toEqual(['dir/', 'dir/one=one', 'dir/two=two'])
  await write(a, [
    trashOp(inodes[0]!, 'file', { parent: dirs[0]!, name: 'one' }, textContent('one')),
    trashOp(inodes[1]!, 'file', { parent: dirs[1]!, name: 'two' }, textContent('two')),
    ...dirs.map((dir) => trashOp(dir, 'dir', { parent: ROOT, name: 'dir' }, undefined)),
  ])
  expect(treeOf(a)).toEqual([])
  const { id } = (await listTrash(a)).files!.find(({ path }) => path === 'dir')!
  expect(must(await restoreTrash(a, id!))).toEqual({ restored: 4, missing: [], notRestored: 0 })
  expect(treeOf(a)).toEqual(['dir/', 'dir/one=one', 'dir/two=two'])
})

const restoreTree = async (device: Device, atMs: number, path = '', preview = false) =>
  serviceOf(device).restoreTree(
    create(RestoreTreeRequestSchema, { folder: 'f', path, atMs: BigInt(atMs), preview }),
    within(),
  )

test('a folder becomes what it was: deleted, edited, moved and new things alike; and can be taken back', async () => {
  const dir = await make(a, 'dir', ROOT, 'dir')
  const inner = await make(a, 'dir', dir, 'inner')
  const edited = await make(a, 'file', dir, 'edited', textContent('old'))
  const gone = await make(a, 'file', inner, 'gone', textContent('gone'))
  const moved = await make(a, 'file', dir, 'moved', textContent('moved'))
  await make(a, 'file', ROOT, 'other', textContent('other'))
  const then = lastMs(a)
  const was = treeOf(a)
  await write(a, [
    editOp(edited, textContent('new')),
    moveOp(moved, 'file', { parent: dir, name: 'moved' }, { parent: ROOT, name: 'elsewhere' }),
    trashOp(gone, 'file', { parent: inner, name: 'gone' }, textContent('gone')),
    trashOp(inner, 'dir', { parent: dir, name: 'inner' }, undefined),
    createOp(freshInode(), 'file', { parent: dir, name: 'late' }, textContent('late')),
  ])
  const changed = lastMs(a)
  const is = treeOf(a)
  const expected = { restored: 2, reverted: 1, moved: 1, removed: 1, missing: [] }
  const preview = must(await restoreTree(a, then, 'dir', true))
  expect(preview).toMatchObject(expected)
  expect([...preview.sample!].sort()).toEqual(['dir/edited', 'dir/inner', 'dir/inner/gone', 'dir/late', 'dir/moved'])
  expect(treeOf(a)).toEqual(is)
  expect(must(await restoreTree(a, then, 'dir'))).toMatchObject(expected)
  expect(treeOf(a)).toEqual(was)
  expect(must(await restoreTree(a, then, ''))).toMatchObject({ restored: 0, reverted: 0, moved: 0, removed: 0 })
  must(await restoreTree(a, changed, ''))
  expect(treeOf(a)).toEqual(is)
  expect(await restoreTree(a, 1, 'dir')).toMatchObject({ ok: false, error: { kind: 'file-not-found' } })
  await b.pull(a)
  expect(treeOf(b)).toEqual(is)
})

test('a directory that was deleted and made anew is mended, not doubled', async () => {
  const dir = await make(a, 'dir', ROOT, 'dir')
  const same = await make(a, 'file', dir, 'same', textContent('same'))
  const lost = await make(a, 'file', dir, 'lost', textContent('lost'))
  const then = lastMs(a)
  const was = treeOf(a)
  await write(a, [
    trashOp(same, 'file', { parent: dir, name: 'same' }, textContent('same')),
    trashOp(lost, 'file', { parent: dir, name: 'lost' }, textContent('lost')),
    trashOp(dir, 'dir', { parent: ROOT, name: 'dir' }, undefined),
  ])
  const anew = await make(a, 'dir', ROOT, 'dir')
  await make(a, 'file', anew, 'same', textContent('same'))
  expect(must(await restoreTree(a, then, 'dir'))).toMatchObject({ restored: 1, reverted: 0, moved: 0, removed: 0 })
  expect(treeOf(a)).toEqual(was)
})

test('two devices that went different ways: what is not compared is not written over', async () => {
  const file = await make(a, 'file', ROOT, 'f', textContent('old'))
  await b.pull(a)
  const then = lastMs(a)
  await write(a, [editOp(file, textContent('by a'))])
  await write(b, [editOp(file, textContent('by b'))])
  must(await restoreTree(a, then))
  await a.pull(b)
  await b.pull(a)
  expect(treeOf(a)).toHaveLength(2)
  expect(
    treeOf(a)
      .map((line) => line.split('=')[1])
      .sort(),
  ).toEqual(['by b', 'old'])
  expect(treeOf(b).map((line) => line.split('=')[1])).toEqual(treeOf(a).map((line) => line.split('=')[1]))
})

test('a tree is restored onto the disks, what nobody has is reported and left', async () => {
  for (const name of ['one', 'two']) fs.writeFileSync(join(a.root, name), name.repeat(1000))
  await a.open()
  await b.open()
  await a.folder.settled(within())
  await exchange()
  const then = lastMs(a)
  for (const name of ['one', 'two']) fs.writeFileSync(join(a.root, name), `${name} edited`)
  await a.folder.settled(within())
  await exchange()
  const trashDir = join(b.root, '.lattice/trash')
  for (const day of fs.readdirSync(trashDir)) fs.rmSync(join(trashDir, day, 'two'))
  expect(must(await restoreTree(b, then))).toMatchObject({ reverted: 1, missing: ['two'] })
  await exchange()
  for (const { root } of [a, b]) {
    expect(fs.readFileSync(join(root, 'one'), 'utf8')).toBe('one'.repeat(1000))
    expect(fs.readFileSync(join(root, 'two'), 'utf8')).toBe('two edited')
  }
})

test('a past goes on to a later one as if it were worked out anew, and a larger one than memory takes is refused', async () => {
  const times: number[] = []
  const inodes: Inode[] = []
  for (let i = 0; i < 20; i++) {
    inodes.push(await make(a, 'file', ROOT, `f${i}`, textContent(`${i}`)))
    if (i % 3 === 0) await write(a, [editOp(inodes[i >> 1]!, textContent(`edited ${i}`))])
    times.push(lastMs(a))
  }
  const { manager: stores } = a
  const look = async (pasts: PastTrees, atMs: number): Promise<string[]> => {
    const seen = await pasts.use(a.store, atMs, within(), async (tree) => ({
      ok: true as const,
      value: [...tree.children(ROOT)].map(({ name, contentHead }) => `${name} ${bytesToHex(contentHead!)}`),
    }))
    return must(seen)
  }
  using going = new PastTrees(stores)
  for (const atMs of times) {
    using anew = new PastTrees(stores)
    expect(await look(going, atMs)).toEqual(await look(anew, atMs))
  }
  await make(a, 'file', ROOT, 'more', textContent('m'))
  expect(await look(going, lastMs(a))).toHaveLength(21)
  expect(await look(going, times[0]!)).toHaveLength(1)
  using small = new PastTrees(stores, 10)
  const refused = await small.use(a.store, lastMs(a), within(), async () => ({ ok: true as const, value: 0 }))
  expect(refused).toMatchObject({ ok: false, error: { kind: 'past-too-large' } })
})

const activity = async (device: Device, options: object = {}) =>
  must(await serviceOf(device).listActivity(create(ListActivityRequestSchema, { folder: 'f', ...options }), within()))
const told = async (device: Device, options: object = {}) =>
  (await activity(device, options)).entries!.map(({ change, path, fromPath }) =>
    [change, ...(fromPath ? [fromPath] : []), path].join(' '),
  )

test('activity tells what was done, newest first, under the names of that time', async () => {
  const dir = await make(a, 'dir', ROOT, 'dir')
  const file = await make(a, 'file', dir, 'f', textContent('1'))
  await write(a, [editOp(file, textContent('2'))])
  const middle = lastMs(a)
  await write(a, [moveOp(dir, 'dir', { parent: ROOT, name: 'dir' }, { parent: ROOT, name: 'new' })])
  await b.pull(a)
  await write(b, [moveOp(file, 'file', { parent: dir, name: 'f' }, { parent: dir, name: 'g' })])
  await a.pull(b)
  await write(a, [trashOp(file, 'file', { parent: dir, name: 'g' }, textContent('2'))])
  const [{ id } = { id: '' }] = (await listTrash(a)).files!
  must(await restoreTrash(a, id!))
  const all = [
    'restored new/g',
    'deleted new/g',
    'renamed new/f new/g',
    'renamed dir new',
    'edited dir/f',
    'created dir/f',
    'created dir',
  ]
  expect(await told(a)).toEqual(all)
  expect(await told(a, { path: 'dir' })).toEqual(all.slice(3))
  expect(await told(a, { device: bytesToHex(b.signer.publicKey) })).toEqual(['renamed new/f new/g'])
  expect(await told(a, { toMs: BigInt(middle + 1) })).toEqual(all.slice(4))
  expect(await told(a, { fromMs: BigInt(middle + 1) })).toEqual(all.slice(0, 4))
  const paged: string[] = []
  for (let after = ''; ;) {
    const page = await activity(a, { after, limit: 2 })
    paged.push(...page.entries!.map(({ hash }) => bytesToHex(hash!)))
    after = page.next!
    if (after === '') break
  }
  expect(paged).toEqual((await activity(a)).entries!.map(({ hash }) => bytesToHex(hash!)))
  const bad = create(ListActivityRequestSchema, { folder: 'f', after: 'nonsense' })
  expect(await serviceOf(a).listActivity(bad, within())).toMatchObject({ ok: false, error: { kind: 'bad-request' } })
})

test('activity in directories that were moved into each other has the paths that everyone sees', async () => {
  const [x, y] = [await make(a, 'dir', ROOT, 'x'), await make(a, 'dir', ROOT, 'y')]
  const file = await make(a, 'file', x, 'f', textContent('1'))
  await b.pull(a)
  await write(a, [moveOp(x, 'dir', { parent: ROOT, name: 'x' }, { parent: y, name: 'x' })])
  await write(b, [moveOp(y, 'dir', { parent: ROOT, name: 'y' }, { parent: x, name: 'y' })])
  await a.pull(b)
  await write(a, [editOp(file, textContent('2'))])
  const shown = ['x/f', 'y/x/f'].find((path) => a.tree.resolve(path))!
  const paths = (await activity(a)).entries!.map(({ change, path }) => `${change} ${path}`)
  expect(paths[0]).toBe(`edited ${shown}`)
  expect(paths.filter((path) => /x.*x|y.*y/.test(path))).toEqual([])
})

test('a page of activity may end within an intention of many files', async () => {
  const ops = Array.from({ length: 25 }, (_, i) =>
    placeOp(freshInode(), 'file', { parent: ROOT, name: `f${i}` }, textContent('')),
  )
  await write(a, ops)
  const paths: string[] = []
  for (let after = ''; ;) {
    const page = await activity(a, { after, limit: 4 })
    paths.push(...page.entries!.map(({ path }) => path!))
    after = page.next!
    if (after === '') break
  }
  expect(paths).toEqual(Array.from({ length: 25 }, (_, i) => `f${24 - i}`))
})

test('the latest change is the latest in time, whenever it came', async () => {
  const latest = new LatestChanges()
  expect(latest.of(a.store)).toBeUndefined()
  await make(b, 'file', ROOT, 'early', textContent('e'))
  await make(a, 'file', ROOT, 'late', textContent('l'))
  expect(latest.of(a.store)).toMatchObject({ path: 'late', device: a.signer.publicKey })
  await a.pull(b)
  expect(latest.of(a.store)).toMatchObject({ path: 'late' })
  await b.pull(a)
  await make(b, 'file', ROOT, 'last', textContent('l'))
  await a.pull(b)
  expect(latest.of(a.store)).toMatchObject({ path: 'last', device: b.signer.publicKey })
})

test('the timeline counts every change once', async () => {
  for (let i = 0; i < 10; i++) await make(a, 'file', ROOT, `f${i}`, textContent(''))
  for (const buckets of [1, 3, 0, 1000]) {
    const request = create(GetTimelineRequestSchema, { folder: 'f', buckets })
    const { changes, fromMs, toMs } = must(await serviceOf(a).getTimeline(request, within()))
    expect(changes).toHaveLength(buckets || 200)
    expect(changes!.reduce((sum, n) => sum + n, 0)).toBe(a.store.dag.count)
    expect(Number(fromMs)).toBeLessThan(lastMs(a))
    expect(Number(toMs)).toBeGreaterThan(lastMs(a))
  }
})

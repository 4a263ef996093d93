/** What a batch of observations means, for files that changed places while their directory moved. */
import { expect, test } from 'vitest'
import type { Inode } from '../filestore/port.ts'
import type { Looked } from './disk.ts'
import { Findings } from './findings.ts'
import { ROOT_INODE } from './folder-index.ts'
import type { Entry } from './index-codec.ts'
import type { Present, Seen } from './observe.ts'
import { planChanges } from './plan.ts'

const inode = (n: number): Inode => new Uint8Array(16).fill(n) as Inode
const DIR = inode(1)
const stat = (ino: number) => ({
  size: 9,
  mtimeNs: 1n,
  ctimeNs: 1n,
  ino: BigInt(ino),
  mode: 0o644,
  birthNs: BigInt(ino),
})

/** A file of the index in DIR; its inode and its number on disk are the same. */
const entryOf = (name: string, n: number): Entry => ({
  parent: DIR,
  name,
  visibleName: name,
  inode: inode(n),
  slot: 0,
  kind: 'file',
  conflict: false,
  stat: stat(n),
  contentHead: undefined,
  linkHead: undefined,
  epoch: 1,
})
const present = (name: string, ino: number, entry: Entry | undefined): Present => {
  const looked: Looked = { ...stat(ino), kind: 'file', dev: 1n }
  return {
    what: 'present',
    path: `e/${name}`,
    parent: DIR,
    name,
    looked,
    entry,
    movedFrom: undefined,
    inode: inode(200),
  }
}
const plan = (known: readonly Entry[], seen: readonly Seen[]) =>
  planChanges(seen, {
    byIno: (ino) => known.filter((entry) => entry.stat.ino === ino),
    children: () => [],
    pathOf: (entry) => `d/${entry.name}`,
    look: () => undefined, // the directory is not where the index has it
  })

test('an inode that went on to another name is not what stands at its old name as well', () => {
  const [f, g, h] = [entryOf('f', 11), entryOf('g', 12), entryOf('h', 13)]
  const seen = [present('moved', 11, undefined), present('f', 12, f), present('g', 13, g), present('h', 99, h)]
  const changes = plan([f, g, h], seen).map(({ path, inode: [id] }) => [path, id])
  expect(changes).toEqual([
    ['e/moved', 11],
    ['e/f', 12],
    ['e/g', 13],
    ['e/h', 200],
  ])
})

test('a directory that took the name of one that moved is a new one, with what it holds', () => {
  const dir: Entry = { ...entryOf('d', 21), kind: 'dir', parent: ROOT_INODE }
  const inside: Entry = { ...entryOf('f', 22), parent: dir.inode }
  const asDir = (one: Present): Present => ({ ...one, looked: { ...one.looked, kind: 'dir' }, parent: ROOT_INODE })
  const other = { ...asDir(present('d', 31, dir)), path: 'd', inode: dir.inode }
  const otherInside = { ...present('f', 32, inside), path: 'd/f', parent: dir.inode }
  const moved = { ...asDir(present('m', 21, undefined)), path: 'm', inode: dir.inode, movedFrom: dir }
  const gone: Seen = { what: 'gone', entry: inside }
  for (const seen of [
    [other, gone, otherInside, moved, { what: 'same', entry: inside }],
    [moved, { what: 'same', entry: inside }, other, gone, otherInside],
  ] as const) {
    const changes = plan([dir, inside], seen)
    expect(changes.map(({ path, before, place }) => [path, before?.name, place?.name]).sort()).toEqual([
      ['d', undefined, 'd'],
      ['d/f', undefined, 'f'],
      ['m', 'd', 'm'],
    ])
    const [d, f, m] = ['d', 'd/f', 'm'].map((path) => changes.find((change) => change.path === path)!)
    expect(m!.inode).toEqual(dir.inode)
    expect(d!.inode).not.toEqual(dir.inode)
    expect(f!.place!.parent).toEqual(d!.inode)
  }
})

test('what was found in its directory is gone once it is missed there, not where another directory has its name', () => {
  const inside = entryOf('f', 22)
  const [same, gone]: [Seen, Seen] = [
    { what: 'same', entry: inside },
    { what: 'gone', entry: inside },
  ]
  const elsewhere: Seen = { what: 'gone', entry: inside, inAnother: true }
  const told = (...seen: readonly Seen[]): readonly Seen[] => {
    const found = new Findings()
    for (const one of seen) found.add(one)
    return found.all()
  }
  expect(told(same, gone)).toEqual([gone])
  expect(told(gone, same)).toEqual([same])
  expect(told(same, elsewhere)).toEqual([same])
  expect(told(elsewhere, same)).toEqual([same])
  expect(told(elsewhere)).toEqual([elsewhere])
})

test('what was missed at its old path and found in its directory is not deleted', () => {
  const f = entryOf('f', 11)
  const gone: Seen = { what: 'gone', entry: f }
  expect(plan([f], [gone])).toMatchObject([{ place: undefined }])
  expect(plan([f], [gone, { what: 'same', entry: f }])).toEqual([])
})

test('a directory that moved while the folder was walked is only where it was seen last', () => {
  const dir: Entry = { ...entryOf('d', 21), kind: 'dir', parent: ROOT_INODE }
  const found = new Findings()
  const seeDir = (path: string, parent: Inode, ino: number, id: Inode, movedFrom?: Entry): void => {
    const looked: Looked = { ...stat(ino), kind: 'dir', dev: 1n }
    const name = path.slice(path.lastIndexOf('/') + 1)
    found.add({ what: 'present', path, parent, name, looked, entry: undefined, movedFrom, inode: id })
  }
  // Both the new directory around it and itself are met twice, what they hold once more only.
  seeDir('old', ROOT_INODE, 31, inode(201))
  seeDir('old/d', inode(201), 21, dir.inode, dir)
  found.add({ ...present('f', 41, undefined), path: 'old/d/f', parent: dir.inode })
  seeDir('new', ROOT_INODE, 31, inode(202))
  seeDir('new/d', inode(202), 21, dir.inode, dir)
  found.add({ ...present('f', 41, undefined), path: 'new/d/f', parent: dir.inode })
  const changes = plan([dir], found.all())
  expect(changes.map(({ path, inode: [id], before }) => [path, id, before?.name])).toEqual([
    ['new', 202, undefined],
    ['new/d', 21, 'd'],
    ['new/d/f', 200, undefined],
  ])
})

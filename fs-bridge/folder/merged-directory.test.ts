/** A directory that is one with another of its name: what is put into it writes the file alone. */
import { afterEach, beforeEach, expect, test } from 'vitest'
import { bytesToHex } from '#kernel/core/bytes.ts'
import { inodeState } from '../filestore/inode.ts'
import { level, pairForEach, put, shown, within, type Device, type Pair } from './testing.ts'

let pair: Pair
let a: Device
let b: Device

pairForEach({ beforeEach, afterEach }, (opened) => ({ a, b } = pair = opened))

/** The last write of the link of each directory that is seen as `path`, in hex. */
const linkWrites = ({ tree }: Device, path: string): readonly string[] =>
  tree.merged(tree.resolve(path)!.inode).map((dir) => bytesToHex(inodeState(tree.state.cells, dir)!.head.hash))

test('also on the device whose own lost to the other, before its disk has followed', async () => {
  // Made by each on its own; then both hear of the other's while their folders rest.
  await a.open()
  await b.open()
  put(a, 'docs/from-a', 'a')
  put(b, 'docs/from-b', 'b')
  await Promise.all([a.folder.settled(within()), b.folder.settled(within())])
  await Promise.all([a.folder.stop(), b.folder.stop()])
  await a.pull(b)
  await b.pull(a)
  const before = linkWrites(a, 'docs')
  expect(before).toHaveLength(2)

  put(a, 'docs/of-a', 'a')
  put(b, 'docs/of-b', 'b')
  await a.open()
  await b.open()
  await level(pair)
  expect(linkWrites(a, 'docs')).toEqual(before)
  expect(Object.keys(shown(a)).sort()).toEqual(['docs/', 'docs/from-a', 'docs/from-b', 'docs/of-a', 'docs/of-b'])
  expect(shown(b)).toEqual(shown(a))
})

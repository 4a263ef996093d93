import { expect, test } from 'vitest'
import { equalBytes, type Hash } from '#kernel/core/bytes.ts'
import { packOps } from './ops.ts'
import { resolveBoth, resolveMerged, resolveTake } from './intents.ts'
import type { Conflict } from './port.ts'
import type { FileOp } from '#proto/file'
import { scene, text } from './scene.ts'
import { isUntouchedSince, rememberTouched, stillMeant, undoSteps, type Remembered } from './undo.ts'

type Scene = ReturnType<typeof scene>

/** The first device settles the only conflict. */
const settle = (s: Scene, ops: (conflict: Conflict) => FileOp[]): { remembered: Remembered; settling: Hash } => {
  const [conflict] = s.conflicts()
  const made = ops(conflict!)
  const remembered = rememberTouched(s.a.tree.state, conflict!, made)
  s.world.write(s.a, made)
  const settling = [...s.world.events.values()].at(-1)!.hash
  s.meet()
  expect(s.conflicts()).toEqual([])
  return { remembered, settling }
}

const undo = (s: Scene, { remembered, settling }: { remembered: Remembered; settling: Hash }): string[] => {
  expect(isUntouchedSince(s.a.tree.state, remembered, [settling])).toBe(true)
  for (const step of undoSteps(remembered, [settling]))
    for (const batch of packOps(step(s.a.tree))) s.world.writeBytes(s.a, batch)
  return s.meet()
}

/** Without who lost and when, which the undo writes anew. */
const plain = (list: readonly string[]): string[] =>
  list.map((line) => line.replace(/ \(conflict, [^)]*\)/, ' (conflict)')).sort()

const contentScene = (): { s: Scene; seen: string[] } => {
  const s = scene()
  s.put(s.a, 'x.txt', 'old')
  s.meet()
  s.edit(s.a, 'x.txt', 'one')
  s.edit(s.b, 'x.txt', 'two')
  s.edit(s.c, 'x.txt', 'three')
  return { s, seen: plain(s.meet()) }
}

const nameScene = (): { s: Scene; seen: string[] } => {
  const s = scene()
  s.put(s.a, 'x.txt', 'one')
  s.put(s.b, 'x.txt', 'two')
  return { s, seen: plain(s.meet()) }
}

const kindScene = (): { s: Scene; seen: string[] } => {
  const s = scene()
  s.put(s.a, 'x', 'a file')
  s.mkdir(s.b, 'x')
  s.mkdir(s.b, 'x/deep')
  s.put(s.b, 'x/deep/er.txt', 'below')
  return { s, seen: plain(s.meet()) }
}

const linkScene = (): { s: Scene; seen: string[] } => {
  const s = scene()
  s.put(s.a, 'x.txt', 'old')
  s.meet()
  s.move(s.a, 'x.txt', 'y.txt')
  s.move(s.b, 'x.txt', 'z.txt')
  return { s, seen: plain(s.meet()) }
}

const take = (s: Scene, head: number) => (conflict: Conflict) =>
  resolveTake(s.a.tree, conflict, conflict.heads.at(head)!.hash)
const both = (s: Scene) => (conflict: Conflict) => resolveBoth(s.a.tree, conflict, s.fresh)
const merged = (s: Scene) => (conflict: Conflict) => resolveMerged(s.a.tree, conflict, text('merged'))

test.each([
  ['contents, the winner taken', contentScene, (s: Scene) => take(s, 0)],
  ['contents, a loser taken', contentScene, (s: Scene) => take(s, -1)],
  ['contents, all kept', contentScene, both],
  ['contents, merged', contentScene, merged],
  ['a name, the winner taken', nameScene, (s: Scene) => take(s, 0)],
  ['a name, the loser taken', nameScene, (s: Scene) => take(s, 1)],
  ['a name, both kept', nameScene, both],
  ['a name, merged', nameScene, merged],
  ['a file and a directory, the file taken', kindScene, (s: Scene) => take(s, 1)],
  ['a file and a directory, the directory taken', kindScene, (s: Scene) => take(s, 0)],
  ['a file and a directory, both kept', kindScene, both],
  ['two places, the first taken', linkScene, (s: Scene) => take(s, 0)],
  ['two places, the second taken', linkScene, (s: Scene) => take(s, 1)],
])('an undo brings back the conflict of %s', (_, make, how) => {
  const { s, seen } = make()
  const before = s.conflicts()
  const settled = settle(s, how(s))
  expect(plain(undo(s, settled))).toEqual(seen)
  const after = s.conflicts()
  expect(after.map(({ id, kind, path }) => ({ id, kind, path }))).toEqual(
    before.map(({ id, kind, path }) => ({ id, kind, path })),
  )
  expect(after[0]!.heads.map(({ name }) => plain([name]))).toEqual(before[0]!.heads.map(({ name }) => plain([name])))
})

test('what someone changed since is seen', () => {
  const { s } = contentScene()
  const { remembered, settling } = settle(s, take(s, 0))
  s.edit(s.b, 'x.txt', 'later')
  s.meet()
  expect(isUntouchedSince(s.a.tree.state, remembered, [settling])).toBe(false)
})

test('a rename is a change as well, and so is an edit of what was made', () => {
  const renamed = contentScene().s
  const first = settle(renamed, merged(renamed))
  renamed.move(renamed.b, 'x.txt', 'y.txt')
  renamed.meet()
  expect(isUntouchedSince(renamed.a.tree.state, first.remembered, [first.settling])).toBe(false)

  const kept = nameScene().s
  const second = settle(kept, both(kept))
  const made = [...kept.b.tree.children(kept.see(kept.b, '').inode)].find(({ name }) => name !== 'x.txt')!
  kept.edit(kept.b, made.name, 'later')
  kept.meet()
  expect(isUntouchedSince(kept.a.tree.state, second.remembered, [second.settling])).toBe(false)
})

test('what arrives while an undo is written stays', () => {
  const { s } = contentScene()
  const settled = settle(s, merged(s))
  const [first, ...rest] = undoSteps(settled.remembered, [settled.settling])
  s.edit(s.b, 'x.txt', 'at the same time')
  s.world.write(s.a, first!(s.a.tree))
  s.world.sync(s.b, s.a)
  for (const step of rest) s.world.write(s.a, step(s.a.tree))
  expect(
    s
      .meet()
      .map((line) => line.split('=')[1])
      .sort(),
  ).toEqual(['at the same time', 'one', 'three', 'two'])
})

test('what is still to be written of a long settling leaves alone what changed meanwhile', () => {
  const { s } = kindScene()
  const [conflict] = s.conflicts()
  const ops = resolveTake(s.a.tree, conflict!, conflict!.heads[1]!.hash)
  const remembered = rememberTouched(s.a.tree.state, conflict!, ops)
  expect(stillMeant(s.a.tree.state, remembered, [], ops)).toEqual(ops)
  s.edit(s.b, 'x/deep/er.txt', 'meanwhile')
  s.world.sync(s.b, s.a)
  const { inode } = s.see(s.a, 'x/deep/er.txt')
  expect(stillMeant(s.a.tree.state, remembered, [], ops)).toEqual(ops.filter((op) => !equalBytes(op.inode, inode)))
})

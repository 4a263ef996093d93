/** Whoever looks different because another left a name: what a random history seldom comes to. */
import { expect, test } from 'vitest'
import { trashAppearances } from './intents.ts'
import { moveOp, placeOp } from './ops.ts'
import { scene } from './scene.ts'
import { ROOT } from './values.ts'

test('a file that bears the name of what lost a conflict goes: the loser, which gets the name, is affected', () => {
  const s = scene()
  s.put(s.a, 'x.txt', 'A')
  s.put(s.b, 'x.txt', 'B')
  const loser = s
    .meet()
    .find((line) => line.includes('conflict'))!
    .split('=')[0]!
  const { inode } = s.see(s.a, loser)
  s.put(s.a, loser, 'C')
  expect(s.see(s.a, loser).inode).not.toEqual(inode)
  const changes = s.world.write(s.a, trashAppearances(s.a.tree, [s.see(s.a, loser)]))
  expect(s.see(s.a, loser).inode).toEqual(inode)
  expect(s.a.tree.affected(changes)).toContainEqual({ inode, isGone: false })
})

test('directories of one name go apart at once: what hangs in either is affected', () => {
  const s = scene()
  const files = [s.a, s.b].map((replica, i) => {
    s.mkdir(replica, 'd')
    s.put(replica, `d/f${i}`, 'data')
    return s.see(replica, `d/f${i}`).inode
  })
  const dirs = [s.a, s.b].map((replica) => s.see(replica, 'd').inode)
  s.meet()
  const moves = dirs.map((dir, i) => moveOp(dir, 'dir', { parent: ROOT, name: 'd' }, { parent: ROOT, name: `d${i}` }))
  const changes = s.world.write(s.a, moves)
  expect(s.meet()).toEqual(['d0/', 'd0/f0=data', 'd1/', 'd1/f1=data'])
  expect(s.a.tree.affected(changes).map(({ inode }) => inode)).toEqual(expect.arrayContaining([...dirs, ...files]))
})

test('a file that goes, and leaves nothing behind, is known to be gone; one that comes back is not', () => {
  const s = scene()
  s.put(s.a, 'x.txt', 'A')
  const { inode } = s.see(s.a, 'x.txt')
  const gone = s.world.write(s.a, trashAppearances(s.a.tree, [s.see(s.a, 'x.txt')]))
  expect(s.a.tree.affected(gone)).toEqual([{ inode, isGone: true }])
  const back = s.world.write(s.a, [placeOp(inode, 'file', { parent: ROOT, name: 'x.txt' })])
  expect(s.a.tree.affected(back)).toEqual([{ inode, isGone: false }])
  expect(s.a.tree.affected([...gone, ...back])).toEqual([{ inode, isGone: false }])
  expect(s.a.tree.affected([...back, ...gone])).toEqual([{ inode, isGone: false }])
})

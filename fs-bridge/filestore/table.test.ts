/** Every row of the table of what everyone sees, and what follows from several rows at once. */
import { describe, expect, test } from 'vitest'
import { equalBytes } from '#kernel/core/bytes.ts'
import {
  editAppearance,
  resolveBoth,
  resolveMerged,
  resolveTake,
  restoreOps,
  trashAppearance,
  trashAppearances,
  trashed,
} from './intents.ts'
import { createOp, moveOp, xattrOp } from './ops.ts'
import { scene, text } from './scene.ts'
import { inode } from './testing.ts'
import { ROOT, xattrKey } from './values.ts'

const LOST = (device: number) => ` (conflict, dev${device}, 2026-01-02 03.04)`

describe('files', () => {
  test('edited on both sides: the winner keeps the name, the loser stands beside it', () => {
    const s = scene()
    s.put(s.a, 'f.txt', '0')
    s.meet()
    s.edit(s.a, 'f.txt', 'A')
    s.edit(s.b, 'f.txt', 'B')
    expect(s.meet()).toEqual([`f${LOST(0)}.txt=A`, 'f.txt=B'])
    expect(s.conflicts()).toMatchObject([
      { kind: 'content', path: 'f.txt', heads: [{ name: 'f.txt', device: 'dev1' }, { name: `f${LOST(0)}.txt` }] },
    ])
  })

  test('edited on three sides: two losers', () => {
    const s = scene()
    s.put(s.a, 'f', '0')
    s.meet()
    for (const [r, data] of [
      [s.a, 'A'],
      [s.b, 'B'],
      [s.c, 'C'],
    ] as const)
      s.edit(r, 'f', data)
    expect(s.meet()).toEqual([`f${LOST(0)}=A`, `f${LOST(1)}=B`, 'f=C'])
  })

  test('edited on both sides to the same: no conflict', () => {
    const s = scene()
    s.put(s.a, 'f', '0')
    s.meet()
    s.edit(s.a, 'f', 'same')
    s.edit(s.b, 'f', 'same')
    expect(s.meet()).toEqual(['f=same'])
    expect(s.conflicts()).toEqual([])
    s.edit(s.a, 'f', 'next')
    expect(s.meet()).toEqual(['f=next'])
  })

  test('edit and delete: the edit lives, at its place, and can be deleted afterwards', () => {
    const s = scene()
    s.mkdir(s.a, 'd')
    s.put(s.a, 'd/f', '0')
    s.meet()
    s.edit(s.a, 'd/f', 'A')
    s.remove(s.b, 'd/f')
    expect(s.meet()).toEqual(['d/', 'd/f=A'])
    s.remove(s.b, 'd/f')
    expect(s.meet()).toEqual(['d/'])
    expect([...trashed(s.a.tree)]).toMatchObject([{ kind: 'file', from: { name: 'f' } }])
  })

  test('rename and edit: both apply', () => {
    const s = scene()
    s.put(s.a, 'f', '0')
    s.meet()
    s.move(s.a, 'f', 'g')
    s.edit(s.b, 'f', 'B')
    expect(s.meet()).toEqual(['g=B'])
  })

  test('move and delete: the move lives, whichever is later', () => {
    for (const mover of [0, 1]) {
      const s = scene()
      s.mkdir(s.a, 'd')
      s.put(s.a, 'd/f', '0')
      s.meet()
      s.move(mover === 0 ? s.a : s.b, 'd/f', 'saved')
      s.remove(mover === 0 ? s.b : s.a, 'd')
      expect(s.meet()).toEqual(['saved=0'])
    }
  })

  test('delete twice, restore', () => {
    const s = scene()
    s.put(s.a, 'f', '0')
    s.meet()
    s.remove(s.a, 'f')
    s.remove(s.b, 'f')
    expect(s.meet()).toEqual([])
    const [gone] = [...trashed(s.a.tree)]
    s.world.write(s.a, restoreOps(s.a.tree, gone!.inode))
    expect(s.meet()).toEqual(['f=0'])
    expect([...trashed(s.b.tree)]).toEqual([])
  })

  test('what arrived but was not seen yet survives an edit and a delete', () => {
    const s = scene()
    s.put(s.a, 'f', '0')
    s.meet()
    const old = s.see(s.a, 'f')
    s.edit(s.b, 'f', 'B')
    s.world.sync(s.b, s.a)
    s.world.write(s.a, editAppearance(s.a.tree, old, text('A')))
    expect(s.meet()).toEqual([`f${LOST(1)}=B`, 'f=A'])
    const g = scene()
    g.put(g.a, 'f', '0')
    g.meet()
    const before = g.see(g.a, 'f')
    g.edit(g.b, 'f', 'B')
    g.world.sync(g.b, g.a)
    g.world.write(g.a, trashAppearance(g.a.tree, before))
    expect(g.meet()).toEqual(['f=B'])
  })

  test('created with one name: same content is one file, and stays one when edited or deleted', () => {
    const s = scene()
    s.put(s.a, 'f', 'x')
    s.put(s.b, 'f', 'x')
    expect(s.meet()).toEqual(['f=x'])
    expect(s.conflicts()).toEqual([])
    s.edit(s.a, 'f', 'y')
    expect(s.meet()).toEqual(['f=y'])
    const g = scene()
    g.put(g.a, 'f', 'x')
    g.put(g.b, 'f', 'x')
    g.meet()
    g.remove(g.a, 'f')
    expect(g.meet()).toEqual([])
  })

  test('created with one name, different content: winner keeps it', () => {
    const s = scene()
    s.put(s.a, 'f.tar', 'A')
    s.put(s.b, 'f.tar', 'B')
    expect(s.meet()).toEqual([`f${LOST(0)}.tar=A`, 'f.tar=B'])
    expect(s.conflicts()).toMatchObject([{ kind: 'name', path: 'f.tar', heads: [{ name: 'f.tar' }, {}] }])
    s.remove(s.b, 'f.tar')
    expect(s.meet()).toEqual(['f.tar=A'])
  })

  test('a conflict name that is taken gets a number', () => {
    const s = scene()
    s.put(s.a, 'f', '0')
    s.put(s.a, `f${LOST(0)}`, 'mine')
    s.meet()
    s.edit(s.a, 'f', 'A')
    s.edit(s.b, 'f', 'B')
    expect(s.meet()).toEqual([`f${LOST(0)}=mine`, 'f (conflict, dev0, 2026-01-02 03.04, 2)=A', 'f=B'])
  })

  test('a long name stays within 255 bytes, and is found again', () => {
    const s = scene()
    const name = `${'é'.repeat(125)}.txt`
    s.put(s.a, name, 'A')
    s.put(s.b, name, 'B')
    s.meet()
    const loser = [...s.a.tree.children(ROOT)].find(({ conflict }) => conflict === 'name')!
    expect(new TextEncoder().encode(loser.name).length).toBeLessThanOrEqual(255)
    expect(loser.name.endsWith(`${LOST(0)}.txt`)).toBe(true)
    expect(s.a.tree.resolve(loser.name)).toEqual(loser)
  })

  test('names that differ only in case are two; a case-only rename is a rename', () => {
    const s = scene()
    s.put(s.a, 'README', 'A')
    s.put(s.b, 'readme', 'B')
    expect(s.meet()).toEqual(['README=A', 'readme=B'])
    s.move(s.a, 'README', 'ReadMe')
    expect(s.meet()).toEqual(['ReadMe=A', 'readme=B'])
  })

  test('the same moved to two places: later move wins, and the conflict says so until resolved', () => {
    const s = scene()
    s.put(s.a, 'f', '0')
    s.meet()
    s.move(s.a, 'f', 'here')
    s.move(s.b, 'f', 'there')
    expect(s.meet()).toEqual(['there=0'])
    const [conflict] = s.conflicts()
    expect(conflict).toMatchObject({ kind: 'link', heads: [{ name: 'there' }, { name: 'here' }] })
    s.world.write(s.a, resolveTake(s.a.tree, conflict!, conflict!.heads[1]!.hash))
    expect(s.meet()).toEqual(['here=0'])
    expect(s.conflicts()).toEqual([])
  })

  test('attributes are cells of their own', () => {
    const s = scene()
    s.put(s.a, 'f', '0')
    const { inode: id } = s.see(s.a, 'f')
    s.world.write(s.a, [xattrOp(id, 'user.tag', Uint8Array.of(7))])
    expect(s.a.tables.cells.value(xattrKey(id, 'user.tag'))).toEqual(Uint8Array.of(7))
    s.world.write(s.a, [xattrOp(id, 'user.tag', undefined)])
    expect(s.a.tables.cells.value(xattrKey(id, 'user.tag'))).toBeUndefined()
  })

  test('a symlink is content by its target', () => {
    const s = scene()
    s.link(s.a, 'l', 'target')
    s.link(s.b, 'l', 'elsewhere')
    expect(s.meet()).toEqual([`l${LOST(0)}=target`, 'l=elsewhere'])
  })
})

describe('directories', () => {
  test('create inside and delete of the directory: it stays, with the new child only', () => {
    const s = scene()
    s.mkdir(s.a, 'd')
    s.mkdir(s.a, 'd/e')
    s.put(s.a, 'd/e/old', '0')
    s.meet()
    s.put(s.a, 'd/e/new', 'A')
    s.remove(s.b, 'd')
    expect(s.meet()).toEqual(['d/', 'd/e/', 'd/e/new=A'])
    s.remove(s.a, 'd/e/new')
    expect(s.meet()).toEqual([])
  })

  test('a directory brought back by its child can be deleted with it', () => {
    const s = scene()
    s.mkdir(s.a, 'd')
    s.meet()
    s.put(s.a, 'd/new', 'A')
    s.remove(s.b, 'd')
    s.meet()
    s.remove(s.a, 'd')
    expect(s.meet()).toEqual([])
  })

  test('edit inside and delete of the directory', () => {
    const s = scene()
    s.mkdir(s.a, 'd')
    s.put(s.a, 'd/f', '0')
    s.put(s.a, 'd/g', '0')
    s.meet()
    s.edit(s.a, 'd/f', 'A')
    s.remove(s.b, 'd')
    expect(s.meet()).toEqual(['d/', 'd/f=A'])
  })

  test('rename of a directory and create inside', () => {
    const s = scene()
    s.mkdir(s.a, 'd')
    s.meet()
    s.move(s.a, 'd', 'e')
    s.put(s.b, 'd/f', 'B')
    expect(s.meet()).toEqual(['e/', 'e/f=B'])
  })

  test('created with one name: merged, recursively, and clashes inside are conflicts', () => {
    const s = scene()
    for (const [r, data] of [
      [s.a, 'A'],
      [s.b, 'B'],
    ] as const) {
      s.mkdir(r, 'd')
      s.mkdir(r, 'd/e')
      s.put(r, `d/e/own${data}`, data)
      s.put(r, 'd/e/both', data)
      s.put(r, 'd/e/same', 'x')
    }
    expect(s.meet()).toEqual([
      'd/',
      'd/e/',
      `d/e/both${LOST(0)}=A`,
      'd/e/both=B',
      'd/e/ownA=A',
      'd/e/ownB=B',
      'd/e/same=x',
    ])
    expect(s.conflicts()).toMatchObject([{ kind: 'name', path: 'd/e/both' }])
    s.move(s.a, 'd', 'moved')
    expect(s.meet()).toHaveLength(7)
    s.put(s.b, 'moved/e/more', 'M')
    s.remove(s.a, 'moved')
    expect(s.meet()).toEqual(['moved/', 'moved/e/', 'moved/e/more=M'])
  })

  test('file and directory of one name: the directory keeps it', () => {
    const s = scene()
    s.mkdir(s.a, 'x')
    s.put(s.b, 'x', 'B')
    expect(s.meet()).toEqual([`x${LOST(1)}=B`, 'x/'])
    expect(s.conflicts()).toMatchObject([{ kind: 'kind', path: 'x' }])
    s.move(s.a, 'x', 'y')
    expect(s.meet()).toEqual(['x=B', 'y/'])
  })

  test('A under B and B under A: the earlier move reverts', () => {
    const s = scene()
    s.mkdir(s.a, 'A')
    s.mkdir(s.a, 'B')
    s.put(s.a, 'A/in', '1')
    s.meet()
    s.move(s.a, 'A', 'B/A')
    s.move(s.b, 'B', 'A/B')
    expect(s.meet()).toEqual(['A/', 'A/B/', 'A/in=1'])
    s.move(s.a, 'A/B', 'B')
    expect(s.meet()).toContain('B/')
  })

  test('a cycle of three', () => {
    const s = scene()
    for (const name of ['A', 'B', 'C']) s.mkdir(s.a, name)
    s.meet()
    s.move(s.a, 'A', 'B/A')
    s.move(s.b, 'B', 'C/B')
    s.move(s.c, 'C', 'A/C')
    expect(s.meet()).toEqual(['A/', 'A/C/', 'A/C/B/'])
  })

  test('full directories that become one, and part again: names clash below as long as they are one', () => {
    const s = scene()
    for (const [dir, data] of [
      ['x', 'A'],
      ['y', 'B'],
    ] as const) {
      s.mkdir(s.a, dir)
      s.mkdir(s.a, `${dir}/e`)
      s.put(s.a, `${dir}/e/f`, data)
    }
    s.meet()
    const y = s.see(s.b, 'y').inode
    s.move(s.a, 'x', 'z')
    s.move(s.b, 'y', 'z')
    s.meet()
    expect(s.conflicts()).toMatchObject([{ kind: 'name', path: 'z/e/f' }])
    expect(s.b.tree.conflictCount()).toBe(1)
    s.world.write(s.a, [moveOp(y, 'dir', { parent: ROOT, name: 'z' }, { parent: ROOT, name: 'y' })])
    expect(s.meet()).toEqual(['y/', 'y/e/', 'y/e/f=B', 'z/', 'z/e/', 'z/e/f=A'])
    expect(s.conflicts()).toEqual([])
    expect(s.b.tree.conflictCount()).toBe(0)
  })

  test('a directory moved into its own child of the same name: the child comes out', () => {
    const s = scene()
    s.mkdir(s.a, 'd')
    s.mkdir(s.a, 'd/d')
    const [outer, inner] = [s.see(s.a, 'd').inode, s.see(s.a, 'd/d').inode]
    const changes = s.world.write(s.a, [
      moveOp(outer, 'dir', { parent: ROOT, name: 'd' }, { parent: inner, name: 'd' }),
    ])
    expect(s.a.tree.affected(changes).map(({ inode }) => inode)).toEqual(expect.arrayContaining([outer, inner]))
    expect(s.meet()).toEqual(['d/', 'd/d/'])
    expect(s.a.tree.conflictCount()).toBe(0)
  })

  test('an edit conflict inside a directory that moves', () => {
    const s = scene()
    s.mkdir(s.a, 'd')
    s.put(s.a, 'd/f', '0')
    s.meet()
    s.edit(s.a, 'd/f', 'A')
    s.edit(s.b, 'd/f', 'B')
    s.move(s.c, 'd', 'e')
    expect(s.meet()).toEqual(['e/', `e/f${LOST(0)}=A`, 'e/f=B'])
  })
})

describe('resolving', () => {
  const conflicted = () => {
    const s = scene()
    s.put(s.a, 'f', '0')
    s.meet()
    s.edit(s.a, 'f', 'A')
    s.edit(s.b, 'f', 'B')
    s.meet()
    return { ...s, conflict: s.conflicts()[0]!, loser: s.see(s.a, `f${LOST(0)}`) }
  }

  test('take the loser', () => {
    const s = conflicted()
    s.world.write(s.a, resolveTake(s.a.tree, s.conflict, s.conflict.heads[1]!.hash))
    expect(s.meet()).toEqual(['f=A'])
    expect(s.conflicts()).toEqual([])
  })

  test('both: the loser becomes a file of its own', () => {
    const s = conflicted()
    s.world.write(s.a, resolveBoth(s.a.tree, s.conflict, s.fresh))
    expect(s.meet()).toEqual([`f${LOST(0)}=A`, 'f=B'])
    expect(s.conflicts()).toEqual([])
    expect(s.see(s.a, `f${LOST(0)}`).conflict).toBe('none')
  })

  test('merged', () => {
    const s = conflicted()
    s.world.write(s.a, resolveMerged(s.a.tree, s.conflict, text('AB')))
    expect(s.meet()).toEqual(['f=AB'])
  })

  test('deleting the conflict file, or the plain one', () => {
    const s = conflicted()
    s.remove(s.a, `f${LOST(0)}`)
    expect(s.meet()).toEqual(['f=B'])
    const t = conflicted()
    t.remove(t.a, 'f')
    expect(t.meet()).toEqual(['f=A'])
    const both = conflicted()
    both.world.write(both.a, trashAppearances(both.a.tree, [...both.a.tree.children(ROOT)]))
    expect(both.meet()).toEqual([])
  })

  test('who lets go of one side announces nothing of the other', () => {
    const s = conflicted()
    const kept = s.see(s.a, 'f').contentHead!
    s.remove(s.a, `f${LOST(0)}`)
    s.meet()
    expect(equalBytes(s.see(s.b, 'f').contentHead!, kept)).toBe(true)
  })

  test('each side deleted by another: none is left', () => {
    const s = conflicted()
    s.remove(s.a, `f${LOST(0)}`)
    s.remove(s.b, 'f')
    expect(s.meet()).toEqual([])
    expect(s.conflicts()).toEqual([])
  })

  test('renaming the conflict file, or the plain one', () => {
    const s = conflicted()
    s.move(s.a, `f${LOST(0)}`, 'mine')
    expect(s.meet()).toEqual(['f=B', 'mine=A'])
    expect(s.conflicts()).toEqual([])
    const t = conflicted()
    t.move(t.a, 'f', 'g')
    expect(t.meet()).toEqual([`g${LOST(0)}=A`, 'g=B'])
  })

  test('editing one side leaves the other standing', () => {
    const s = conflicted()
    s.edit(s.b, `f${LOST(0)}`, 'A2')
    expect(s.meet()).toEqual([`f${LOST(1)}=B`, 'f=A2'])
  })

  test('a clash of names: take one, or both', () => {
    for (const take of [true, false]) {
      const s = scene()
      s.put(s.a, 'f', 'A')
      s.put(s.b, 'f', 'B')
      s.meet()
      const [conflict] = s.conflicts()
      const ops = take
        ? resolveTake(s.a.tree, conflict!, conflict!.heads[1]!.hash)
        : resolveBoth(s.a.tree, conflict!, s.fresh)
      s.world.write(s.a, ops)
      expect(s.meet()).toEqual(take ? ['f=A'] : [`f${LOST(0)}=A`, 'f=B'])
      expect(s.conflicts()).toEqual([])
    }
  })
})

describe('what no honest peer writes', () => {
  test('a parent nobody created: invisible, until it comes', () => {
    const s = scene()
    s.world.write(s.a, [createOp(inode(900), 'file', { parent: inode(901), name: 'f' }, text('x'))])
    expect(s.meet()).toEqual([])
    expect(s.a.tree.appearances(inode(900))).toEqual([])
    s.world.write(s.a, [createOp(inode(901), 'dir', { parent: ROOT, name: 'late' })])
    expect(s.meet()).toEqual(['late/', 'late/f=x'])
  })

  test('a file for a parent, and a cycle made knowingly', () => {
    const s = scene()
    s.put(s.a, 'f', '0')
    const file = s.see(s.a, 'f').inode
    s.world.write(s.a, [
      createOp(inode(900), 'file', { parent: file, name: 'in' }, text('x')),
      createOp(inode(901), 'dir', { parent: inode(902), name: 'x' }),
      createOp(inode(902), 'dir', { parent: inode(901), name: 'y' }),
      moveOp(inode(903), 'dir', { parent: inode(901), name: 'z' }, { parent: inode(902), name: 'z' }),
    ])
    const all = s.meet()
    expect(all).toContain('f=0')
    expect(all.filter((path) => path.endsWith('/')).length).toBe(3)
    expect(equalBytes(s.a.tree.resolve('')!.inode, ROOT)).toBe(true)
  })
})

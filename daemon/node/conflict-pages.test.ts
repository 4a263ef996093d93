import { afterEach, beforeEach, expect, test } from 'vitest'
import { must } from '#kernel/store/testkit.ts'
import { createOp, editOp, moveOp, trashOp } from '#fs-bridge/filestore/ops.ts'
import { ROOT } from '#fs-bridge/filestore/values.ts'
import { pairForEach, type Device } from '#fs-bridge/folder/testing.ts'
import { firstConflicts, listConflicts, treeOf } from './conflict-pages.ts'
import { freshInode, make, textContent, write } from './files/testing.ts'

let a: Device
let b: Device
pairForEach({ beforeEach, afterEach }, (opened) => ({ a, b } = opened))

const EACH = 12

/** Contents, places and names in conflict, `EACH` of each, some of them two at once. */
const disagree = async (): Promise<void> => {
  const files = []
  for (let i = 0; i < EACH; i++) files.push(await make(a, 'file', ROOT, `file ${i}`, textContent('before')))
  await b.pull(a)
  for (const [n, device] of [a, b].entries()) {
    for (const [i, inode] of files.entries()) {
      await write(device, [editOp(inode, textContent(`${n} edits ${i}`))])
      const from = { parent: ROOT, name: `file ${i}` }
      await write(device, [moveOp(inode, 'file', from, { parent: ROOT, name: `file ${i} of ${n}` })])
      const name = { parent: ROOT, name: `both made ${i}` }
      await write(device, [createOp(freshInode(), 'file', name, textContent(`${n}`))])
    }
  }
  await a.pull(b)
}

const page = (after = '', limit = 500) => must(listConflicts([a.store], after, limit))
const idsOf = ({ conflicts }: ReturnType<typeof page>): string[] => conflicts!.map(({ id }) => id!)

test('pages of any size are the whole list, each conflict once, and each page tells how many there are', async () => {
  await disagree()
  const all = page()
  expect(all).toMatchObject({ next: '', total: BigInt(3 * EACH) })
  expect(new Set(idsOf(all)).size).toBe(3 * EACH)
  for (const limit of [1, 5, 3 * EACH - 1, 3 * EACH]) {
    const found: string[] = []
    let next: string | undefined
    do {
      const one = page(next, limit)
      expect(one.conflicts!.length).toBeLessThanOrEqual(limit)
      expect(one.total).toBe(BigInt(3 * EACH))
      found.push(...idsOf(one))
      next = one.next
    } while (next !== '')
    expect(found).toEqual(idsOf(all))
  }
  for (const id of idsOf(all)) expect(treeOf(a.store).conflict(id)?.id).toBe(id)
  for (const id of ['', 'x', 'ff'.repeat(16), `link-${'ff'.repeat(16)}`, `${'ff'.repeat(16)}-${'ee'.repeat(16)}`])
    expect(treeOf(a.store).conflict(id)).toBeUndefined()
})

test('what is settled between two pages, the last of the first among it, moves nothing', async () => {
  await disagree()
  for (const at of [4, EACH + 16]) {
    const all = idsOf(page())
    const first = page('', at)
    for (const id of [all[at - 1]!, all[1]!]) {
      const settled = treeOf(a.store).conflict(id)
      const [head] = settled?.heads ?? []
      if (head) await write(a, [trashOp(head.inode, 'file', { parent: ROOT, name: 'gone' }, textContent('gone'))])
    }
    const left = new Set(idsOf(page()))
    expect(left.size).toBeLessThan(all.length)
    expect(idsOf(page(first.next, 500))).toEqual(all.slice(at).filter((id) => left.has(id)))
  }
})

test('several folders follow each other; one that was left meanwhile is passed over', async () => {
  await disagree()
  const { next } = page('', 3)
  const [low, high] = [`${'00'.repeat(32)}/k`, `${'ff'.repeat(32)}/k`]
  expect(idsOf(page(low))).toHaveLength(3 * EACH)
  expect(idsOf(page(high))).toEqual([])
  expect(must(listConflicts([], next!, 5))).toEqual({ conflicts: [], next: '', total: 0n })
})

test.each(['x', '/', 'ff/i', `${'ff'.repeat(32)}/../..`])('“%s” is no place to go on from', async (after) => {
  expect(listConflicts([a.store], after, 5)).toMatchObject({ ok: false, error: { kind: 'bad-request' } })
})

test('a page is cut where it would grow too large, and goes on after it', async () => {
  await disagree()
  const first = firstConflicts(a.store, 500, 4000)
  expect(first.conflicts.length).toBeGreaterThan(0)
  expect(first.conflicts.length).toBeLessThan(3 * EACH)
  expect(firstConflicts(a.store, 500, 1).conflicts).toHaveLength(1)
  expect(idsOf(page(first.next))).toHaveLength(3 * EACH - first.conflicts.length)
})

test('a side without bytes is told by what it has: what it points to, where it hangs', async () => {
  const pointer = await make(a, 'symlink', ROOT, 'latest', textContent('2024'))
  const moved = await make(a, 'file', ROOT, 'plan', textContent('p'))
  const [left, right] = [await make(a, 'dir', ROOT, 'left'), await make(a, 'dir', ROOT, 'right')]
  await b.pull(a)
  await write(a, [editOp(pointer, textContent('2025'))])
  await write(b, [editOp(pointer, textContent('../über 2025'))])
  await write(a, [moveOp(moved, 'file', { parent: ROOT, name: 'plan' }, { parent: left, name: 'plan' })])
  await write(b, [moveOp(moved, 'file', { parent: ROOT, name: 'plan' }, { parent: right, name: 'plan b' })])
  await write(a, [createOp(freshInode(), 'file', { parent: ROOT, name: 'both' }, textContent('both'))])
  await write(b, [createOp(freshInode(), 'dir', { parent: ROOT, name: 'both' })])
  await a.pull(b)
  const sides = (wanted: string) => page().conflicts!.find(({ kind }) => kind === wanted)!.heads!
  expect(
    sides('content')
      .map(({ target }) => target)
      .toSorted(),
  ).toEqual(['../über 2025', '2025'])
  expect(
    sides('link')
      .map(({ place }) => place)
      .toSorted(),
  ).toEqual(['left/plan', 'right/plan b'])
  expect(sides('kind')).toMatchObject([{ directory: true }, { directory: false, target: '' }])
})

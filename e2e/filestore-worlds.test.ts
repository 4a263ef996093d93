/** Random lives of the simulated world with folders in it, as ops without a disk. `SIM_SEEDS` for more of them. */
import { expect, test } from 'vitest'
import { equalBytes } from '#kernel/core/bytes.ts'
import type { StoreKind } from '#sync/sim/kinds.ts'
import { live } from '#sync/sim/schedule.ts'
import { filestoreType } from '#fs-bridge/filestore/machine.ts'
import { createOp, editOp, encodeOps, moveOp, trashOp } from '#fs-bridge/filestore/ops.ts'
import type { ContentValue, Inode, Visible } from '#fs-bridge/filestore/port.ts'
import { openTree, type Tree } from '#fs-bridge/filestore/tree.ts'
import { ROOT } from '#fs-bridge/filestore/values.ts'

const contentOf = (text: string): ContentValue => {
  const bytes = new TextEncoder().encode(text)
  return { size: bytes.length, mtimeNs: 0n, mode: 0o644, data: { kind: 'inline', bytes } }
}

const everything = (tree: Tree, dir: Inode): Visible[] =>
  [...tree.children(dir)].flatMap((seen) => [seen, ...(seen.kind === 'dir' ? everything(tree, seen.inode) : [])])

/** Creates, edits, moves and trashes under few names, so that devices meet at the same places. */
const filestoreKind: StoreKind = {
  type: filestoreType.name,
  register: filestoreType as NonNullable<StoreKind['register']>,
  write: (author, random, state) => {
    const tree = openTree(state, () => 'device')
    const pickOf = <T>(items: readonly T[]): T => items[Math.floor(random() * items.length)]!
    const all = everything(tree, ROOT)
    const dirs = [ROOT, ...all.filter(({ kind }) => kind === 'dir').map(({ inode }) => inode)]
    const place = { parent: pickOf(dirs), name: `n${Math.floor(random() * 6)}` }
    const dice = random()
    if (all.length === 0 || dice < 0.4) {
      const inode = Uint8Array.from({ length: 16 }, () => Math.floor(random() * 256)) as Inode
      const isDir = random() < 0.3
      return encodeOps([createOp(inode, isDir ? 'dir' : 'file', place, isDir ? undefined : contentOf(author))])
    }
    const { inode, kind, parent, name, content } = pickOf(all)
    if (dice < 0.6 && kind === 'file') return encodeOps([editOp(inode, contentOf(`${author} ${random()}`))])
    // Into itself nobody can move a directory, not even for a moment; into one of its own it may go.
    const to = equalBytes(place.parent, inode) ? { ...place, parent: ROOT } : place
    if (dice < 0.85) return encodeOps([moveOp(inode, kind, { parent, name }, to)])
    return encodeOps([trashOp(inode, kind, { parent, name }, content)])
  },
}

const seeds = Number(process.env['SIM_SEEDS'] ?? 10)

test(`folders in worlds 0 to ${seeds - 1} come to the same tree everywhere`, async () => {
  const bad: string[] = []
  for (let seed = 0; seed < seeds; seed++)
    await live(seed, [filestoreKind]).catch((error: unknown) => bad.push(String(error)))
  expect(bad).toEqual([])
})

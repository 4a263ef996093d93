/** For tests: a few devices that write apart, by path, and then meet. */
import { expect } from 'vitest'
import { editAppearance, renameAppearance, trashAppearances } from './intents.ts'
import { createOp } from './ops.ts'
import type { ContentValue, Inode, Visible } from './port.ts'
import { dumpTables, inode, World, type Replica } from './testing.ts'
import { ROOT } from './values.ts'

export const text = (data: string, mtimeNs = 0n): ContentValue => {
  const bytes = new TextEncoder().encode(data)
  return { size: bytes.length, mtimeNs, mode: 0o644, data: { kind: 'inline', bytes } }
}

const read = ({ content }: Visible): string =>
  content?.data.kind === 'inline' ? new TextDecoder().decode(content.data.bytes) : ''

/** `path=content` for files, `path/` for directories, sorted. */
export const list = ({ tree }: Replica): string[] => {
  const all = (dir: Inode, path: string): string[] =>
    [...tree.children(dir)].flatMap((seen) =>
      seen.kind === 'dir'
        ? [`${path}${seen.name}/`, ...all(seen.inode, `${path}${seen.name}/`)]
        : [`${path}${seen.name}=${read(seen)}`],
    )
  return all(ROOT, '').sort()
}

/** Two devices (three where a third is asked for) that write apart and then meet. */
export const scene = () => {
  const world = new World()
  const [a, b, c] = [world.replica(0), world.replica(1), world.replica(2)] as const
  let next = 1
  const fresh = () => inode(next++)
  const see = (replica: Replica, path: string): Visible => {
    const visible = replica.tree.resolve(path)
    if (visible === undefined) throw new Error(`${path} is not seen`)
    return visible
  }
  const split = (path: string) => ({ dir: path.split('/').slice(0, -1).join('/'), name: path.split('/').at(-1)! })
  const placed = (replica: Replica, path: string) => {
    const { dir, name } = split(path)
    return { parent: see(replica, dir).inode, name }
  }
  const below = (replica: Replica, dir: Visible): Visible[] =>
    [...replica.tree.children(dir.inode)].flatMap((seen) =>
      seen.kind === 'dir' ? [seen, ...below(replica, seen)] : [seen],
    )
  return {
    a,
    b,
    c,
    world,
    fresh,
    see,
    mkdir: (r: Replica, path: string) => world.write(r, [createOp(fresh(), 'dir', placed(r, path))]),
    put: (r: Replica, path: string, data: string) =>
      world.write(r, [createOp(fresh(), 'file', placed(r, path), text(data))]),
    link: (r: Replica, path: string, to: string) =>
      world.write(r, [createOp(fresh(), 'symlink', placed(r, path), text(to))]),
    edit: (r: Replica, path: string, data: string) => world.write(r, editAppearance(r.tree, see(r, path), text(data))),
    move: (r: Replica, from: string, to: string) =>
      world.write(r, renameAppearance(r.tree, see(r, from), placed(r, to), fresh())),
    remove: (r: Replica, path: string) => {
      const visible = see(r, path)
      world.write(r, trashAppearances(r.tree, [visible, ...(visible.kind === 'dir' ? below(r, visible) : [])]))
    },
    /** Everyone gets everything; all must see and hold the same, which is returned. */
    meet: (): string[] => {
      for (let round = 0; round < 2; round++)
        for (const [from, to] of [
          [a, b],
          [b, c],
          [c, a],
          [a, b],
        ] as const)
          world.sync(from, to)
      expect(dumpTables(b.tables)).toEqual(dumpTables(a.tables))
      expect(dumpTables(world.replay((n) => n - 1).tables)).toEqual(dumpTables(a.tables))
      expect(list(b)).toEqual(list(a))
      return list(a)
    },
    conflicts: () => [...a.tree.conflicts()],
  }
}

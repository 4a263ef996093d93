/** Everything that is not on disk as everyone sees it: the store's tree and the index compared from end to end. */
import type { Inode } from '../filestore/port.ts'
import type { Tree } from '../filestore/tree.ts'
import { settled, stepsOf } from './appearances.ts'
import { ROOT_INODE, type FolderIndex } from './folder-index.ts'

/** Yields `undefined` between steps to pause. */
export function* unsettledInodes(tree: Tree, index: FolderIndex): Generator<Inode | undefined> {
  const dirs: Inode[] = [ROOT_INODE]
  for (let dir = dirs.pop(); dir; dir = dirs.pop()) {
    for (const visible of tree.children(dir)) {
      if (visible.kind === 'dir') dirs.push(visible.inode)
      const steps = stepsOf(tree.appearances(visible.inode), index.placesOf(visible.inode))
      yield steps.every(settled) ? undefined : visible.inode
    }
    for (const entry of index.children(dir)) yield tree.appearances(entry.inode).length === 0 ? entry.inode : undefined
  }
}

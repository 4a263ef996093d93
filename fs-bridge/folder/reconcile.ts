/** Everything that is not on disk as everyone sees it: the store's tree and the index compared from end to end. */
import { inodeState } from '../filestore/inode.ts'
import type { Inode } from '../filestore/port.ts'
import type { Tree } from '../filestore/tree.ts'
import { settled, stepsOf } from './appearances.ts'
import { ROOT_INODE, type FolderIndex } from './folder-index.ts'

/**
 * One walk through the whole tree, which goes on changing meanwhile. Whatever is written from its beginning on is to be
 * told with `changed` until it is over: a directory may go from where the walk has not been to where it has.
 */
export class TreeWalk {
  readonly #dirs: Inode[] = [ROOT_INODE]

  get isAtEnd(): boolean {
    return this.#dirs.length === 0
  }

  /** What hangs below is walked once more. */
  changed(tree: Tree, inode: Inode): void {
    if (inodeState(tree.state.cells, inode)?.kind === 'dir') this.#dirs.push(inode)
  }

  /** Goes on to the end, as far as it is known by then. Yields `undefined` between steps to pause. */
  *unsettled(tree: Tree, index: FolderIndex): Generator<Inode | undefined> {
    for (let dir = this.#dirs.pop(); dir; dir = this.#dirs.pop()) {
      for (const visible of tree.children(dir)) {
        if (visible.kind === 'dir') this.#dirs.push(visible.inode)
        const steps = stepsOf(tree.appearances(visible.inode), index.placesOf(visible.inode))
        yield steps.every(settled) ? undefined : visible.inode
      }
      for (const entry of index.children(dir))
        yield tree.appearances(entry.inode).length === 0 ? entry.inode : undefined
    }
  }
}

/**
 * Where in a folder something may look different than before: the directories, the latest only, so that whoever shows
 * one of them need not look again because of all the others. Never fewer than truly changed.
 */
import { inodeState } from '../filestore/inode.ts'
import { livingPlace } from '../filestore/placement.ts'
import type { Inode } from '../filestore/port.ts'
import type { Tree } from '../filestore/tree.ts'
import { inodeKey, isTrash } from '../filestore/values.ts'
import { PARKED_PATH, type FolderIndex } from './folder-index.ts'
import type { Seen } from './observe.ts'

/** More at once than anybody tells one by one. */
export const DIRECTORIES_MAX = 64

/** Paths relative to the folder, in NFC; '' is the folder itself. */
export interface TouchedDirectories {
  /** What lies in them was touched. */
  readonly directories: readonly string[]
  /** They came, went or moved themselves: all below them was touched. */
  readonly trees: readonly string[]
}

const ANYWHERE: TouchedDirectories = { directories: [], trees: [''] }

/** The journal of one folder. Times are those of a clock that all who ask share, and that only goes on. */
export class Touched {
  readonly #now: () => number
  /** Path → when it was touched last, the earliest first. */
  readonly #directories = new Map<string, number>()
  readonly #trees = new Map<string, number>()
  /** What was touched until then is not known one by one. */
  #forgotten = 0
  #isAsked = false

  constructor(now: () => number) {
    this.#now = now
  }

  directory(path: string): void {
    this.#touch(this.#directories, path.normalize('NFC'))
  }

  tree(path: string): void {
    if (path === '') this.anywhere()
    else this.#touch(this.#trees, path.normalize('NFC'))
  }

  anywhere(): void {
    this.#directories.clear()
    this.#trees.clear()
    this.#forgotten = this.#now()
    this.#isAsked = false
  }

  /** Nobody has asked since it was anywhere: where more was touched need not be found out. */
  get isAnywhere(): boolean {
    return !this.#isAsked
  }

  /** What was touched after that time; undefined: nothing. */
  since(time: number): TouchedDirectories | undefined {
    this.#isAsked = true
    if (this.#forgotten > time) return ANYWHERE
    const after = (times: ReadonlyMap<string, number>): string[] =>
      [...times].flatMap(([path, at]) => (at > time ? [path] : []))
    const [directories, trees] = [after(this.#directories), after(this.#trees)]
    return directories.length + trees.length === 0 ? undefined : { directories, trees }
  }

  #touch(times: Map<string, number>, path: string): void {
    times.delete(path)
    times.set(path, this.#now())
    if (times.size <= DIRECTORIES_MAX) return
    const [oldest, at] = times.entries().next().value!
    times.delete(oldest)
    this.#forgotten = Math.max(this.#forgotten, at)
  }
}

/** Touches what something that happened to the folder is about. */
export class Touching {
  readonly #index: FolderIndex
  readonly #tree: Tree
  readonly #touched: Touched

  constructor(index: FolderIndex, tree: Tree, touched: Touched) {
    this.#index = index
    this.#tree = tree
    this.#touched = touched
  }

  anywhere(): void {
    this.#touched.anywhere()
  }

  /** Something at this path. */
  path(path: string): void {
    if (this.#touched.isAnywhere) return this.#touched.anywhere()
    this.#touched.directory(path.slice(0, Math.max(0, path.lastIndexOf('/'))))
  }

  /** What was found on disk. */
  seen(seen: Seen): void {
    if (this.#touched.isAnywhere) return this.#touched.anywhere()
    const { entry } = seen
    const [path, old] = [seen.what === 'present' ? seen.path : undefined, entry && this.#index.pathOf(entry)]
    const from = seen.what === 'present' && seen.movedFrom ? this.#index.pathOf(seen.movedFrom) : undefined
    const isDir = entry?.kind === 'dir' || (seen.what === 'present' && seen.looked.kind === 'dir')
    for (const each of new Set([path, old, from])) {
      if (each === undefined) continue
      this.path(each)
      if (isDir) this.#touched.tree(each)
    }
  }

  /** Where these are on this disk. */
  onDisk(inodes: readonly Inode[]): void {
    if (this.#touched.isAnywhere) return this.#touched.anywhere()
    this.#directories(this.#tree, this.#parentsOnDisk(inodes))
  }

  /** Where these are on this disk, and where everyone sees them or, until their latest moves, saw them. */
  inodes(tree: Tree, inodes: readonly Inode[]): void {
    if (this.#touched.isAnywhere) return this.#touched.anywhere()
    const parents = this.#parentsOnDisk(inodes)
    for (const inode of inodes) {
      const found = inodeState(tree.state.cells, inode)
      if (found === undefined) continue
      const places = [livingPlace(tree.state, found), ...found.links.flatMap(({ link }) => [link, link.replaced])]
      for (const place of places) if (place && !isTrash(place.parent)) parents.set(inodeKey(place.parent), place.parent)
      if (found.kind === 'dir') for (const path of this.#pathsOf(tree, inode)) this.#touched.tree(path)
    }
    this.#directories(tree, parents)
  }

  #parentsOnDisk(inodes: readonly Inode[]): Map<string, Inode> {
    const entries = inodes.flatMap((inode) => this.#index.placesOf(inode))
    return new Map(entries.map(({ parent }) => [inodeKey(parent), parent]))
  }

  #directories(tree: Tree, parents: ReadonlyMap<string, Inode>): void {
    for (const parent of parents.values())
      for (const path of this.#pathsOf(tree, parent)) if (path !== PARKED_PATH) this.#touched.directory(path)
  }

  /** Of a directory: here, and for everyone. */
  #pathsOf(tree: Tree, dir: Inode): ReadonlySet<string> {
    const [visible] = tree.appearances(dir)
    const paths = [this.#index.pathOfDir(dir), visible && tree.pathOf(visible)]
    return new Set(paths.filter((path) => path !== undefined))
  }
}

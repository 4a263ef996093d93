/**
 * Notices that something happened in a directory. An event only says "look at this entry": the index decides what it
 * means. Bare `fs.watch` per directory: on Linux all of them share one inotify queue, so events come in the order in
 * which things happened, and a cookie file that is seen proves that everything before it was seen too.
 *
 * Directories are nodes of a tree, so that a renamed one keeps its watch and finds its new path in O(1).
 */
import fs from 'node:fs'
import { join } from 'node:path'
import { errnoOf, look } from './disk.ts'
import { fixedSpot, type Spot } from './dirty.ts'
import { joinPath } from './folder-index.ts'

export interface WatchHandlers {
  /** Something happened to this entry. */
  touched(spot: Spot): void
  /** Watches ran out or broke: look at everything from time to time instead. */
  exhausted(reason: string): void
  /** More came at once than the system may have kept: look at everything once. */
  overflowed(): void
}

/** What tells a directory from another one that takes its name: numbers are reused, birth times are not. */
export interface DirIdentity {
  readonly ino: bigint
  readonly birthNs: bigint
}

const isSame = (a: DirIdentity | undefined, b: DirIdentity | undefined): boolean =>
  a?.ino === b?.ino && a?.birthNs === b?.birthNs

export interface FolderWatcher {
  /**
   * From now on changes of the own entries of this directory, the one that `is` describes, are told. Already followed:
   * nothing happens. Another one that was followed under its path is so no more: it went, or will be found elsewhere.
   */
  follow(dir: string, is: DirIdentity): void
  /** The directory now has another path; what lies below moves along. */
  moved(from: string, to: string, is: DirIdentity): void
  unfollow(dir: string): void
  /** The entry at a path ('/'-separated, relative to the root), which from now on moves along with its directory. */
  spot(path: string): Spot
  /** Calls back when the cookie file of this name in `.lattice/watch` was noticed. */
  onCookie(name: string, seen: () => void): () => void
  close(): void
}

interface Node {
  readonly id: number
  parent: Node | undefined
  name: string
  watch: fs.FSWatcher | undefined
  /** Which directory is watched. */
  is: DirIdentity | undefined
  readonly children: Map<string, Node>
}

/** Half of Linux's default queue (16,384 events): as many in one turn of the loop means that some may be lost. */
const BURST_MAX = 8192

let nodes = 0
const newNode = (parent: Node | undefined, name: string): Node => ({
  id: nodes++,
  parent,
  name,
  watch: undefined,
  is: undefined,
  children: new Map(),
})

const spotIn = (node: Node, name: string): Spot => ({
  key: `${node.id}/${name}`,
  path: () => joinPath(pathOf(node), name),
})

const pathOf = (node: Node): string => (node.parent ? joinPath(pathOf(node.parent), node.name) : '')

/** The node of a path below `top`; `make` makes it, and those between, where they are missing. */
const find = (top: Node, path: string, make: boolean): Node | undefined => {
  let node = top
  if (path === '') return node
  for (const name of path.split('/')) {
    let next = node.children.get(name)
    if (!next) {
      if (!make) return undefined
      next = newNode(node, name)
      node.children.set(name, next)
    }
    node = next
  }
  return node
}

const identityAt = (path: string): DirIdentity | undefined => {
  try {
    return look(path)
  } catch (error) {
    errnoOf(error)
    return undefined
  }
}

/** Ends the watches of a node and of all below it. */
const drop = (node: Node): void => {
  node.watch?.close()
  node.watch = undefined
  node.is = undefined
  for (const child of node.children.values()) drop(child)
  node.children.clear()
}

export const watchFolder = (root: string, cookieDir: string, handlers: WatchHandlers): FolderWatcher => {
  const top = newNode(undefined, '')
  const cookies = new Map<string, () => void>()
  let closed = false
  let burst = 0

  const count = (): void => {
    if (burst++ === 0) setImmediate(() => (burst = 0))
    if (burst === BURST_MAX) handlers.overflowed()
  }

  const open = (path: string, heard: (name: string) => void): fs.FSWatcher | undefined => {
    try {
      const watch = fs.watch(path, { persistent: false, encoding: 'utf8' }, (_event, name) => {
        count()
        if (!closed && name !== null) heard(name)
      })
      watch.on('error', (error) => handlers.exhausted(error.message))
      return watch
    } catch (error) {
      const code = errnoOf(error)
      if (code === 'ENOSPC' || code === 'EMFILE' || code === 'ENFILE')
        handlers.exhausted(`the system's limit of watched directories is reached (${code})`)
      return undefined // gone or unreadable meanwhile: its parent's event or the scan says so
    }
  }

  const cookieWatch = open(cookieDir, (name) => cookies.get(name)?.())

  return {
    follow: (dir, is) => {
      const node = find(top, dir, true)!
      if (closed || (node.watch && isSame(node.is, is))) return
      if (node.watch) drop(node)
      const path = join(root, dir)
      node.watch = open(path, (name) => handlers.touched(spotIn(node, name)))
      node.is = is
      // Renamed before the watch was there: what is watched now is another one.
      if (!isSame(identityAt(path), is)) drop(node)
    },
    moved: (from, to, is) => {
      const node = find(top, from, false)
      if (!node?.parent || !isSame(node.is, is)) return
      node.parent.children.delete(node.name)
      const slash = to.lastIndexOf('/')
      const parent = find(top, slash < 0 ? '' : to.slice(0, slash), true)!
      const name = to.slice(slash + 1)
      const there = parent.children.get(name)
      if (there && there !== node) drop(there)
      node.parent = parent
      node.name = name
      parent.children.set(name, node)
    },
    unfollow: (dir) => {
      const node = find(top, dir, false)
      if (!node) return
      drop(node)
      node.parent?.children.delete(node.name)
    },
    spot: (path) => {
      const slash = path.lastIndexOf('/')
      const node = find(top, slash < 0 ? '' : path.slice(0, slash), false)
      return node ? spotIn(node, path.slice(slash + 1)) : fixedSpot(path)
    },
    onCookie: (name, seen) => {
      cookies.set(name, seen)
      return () => cookies.delete(name)
    },
    close: () => {
      closed = true
      drop(top)
      cookieWatch?.close()
    },
  }
}

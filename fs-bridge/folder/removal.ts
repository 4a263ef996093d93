/**
 * Takes from the disk what everyone let go of. All of it goes to trash by rename, and is looked at once it is out of
 * everyone's reach: what a program wrote between our look and the rename comes back to where it was, and is then taken
 * for the edit it is.
 */
import fs from 'node:fs'
import { equalBytes } from '#kernel/core/bytes.ts'
import { inodeKey } from '../filestore/values.ts'
import type { Inode } from '../filestore/port.ts'
import type { Batch } from './batch.ts'
import { errnoOf, isGone, look, putBack, sameIdentity, stillAs, unchanged } from './disk.ts'
import { joinPath, PARKED_INODE, ROOT_INODE } from './folder-index.ts'
import type { Entry } from './index-codec.ts'

/** The path below a directory, and its entry; undefined for what is ignored. */
type Taken = readonly [path: string, entry: Entry | undefined]

export class Remover {
  readonly #batch: Batch
  /** Directories (hex) that were found not to be free of what must stay. */
  readonly #mixed = new Set<string>()

  constructor(batch: Batch) {
    this.#batch = batch
  }

  /** A directory that goes as a whole takes its children along, so the highest are tried first. */
  async removeAll(entries: readonly Entry[]): Promise<void> {
    const { index } = this.#batch.deps
    const byDepth = entries.map((entry) => ({ entry, depth: index.pathOf(entry)?.split('/').length ?? 0 }))
    for (const { entry } of byDepth.sort((a, b) => a.depth - b.depth)) {
      if (!this.#isKnown(entry)) continue
      const top = this.#highestGone(entry)
      if (top) await this.#remove(top)
      if (top !== entry && this.#isKnown(entry)) await this.#remove(entry)
      await this.#batch.breathe()
    }
  }

  /** What the system refuses hinders no other. */
  async #remove(entry: Entry): Promise<void> {
    const path = this.#batch.deps.index.pathOf(entry) ?? entry.name
    try {
      if (entry.kind === 'dir') await this.#removeDir(entry)
      else this.removeFile(entry)
      if (!this.#isKnown(entry)) this.#batch.deps.fine(path)
    } catch (error) {
      this.#batch.fail({ from: entry, to: undefined }, path, errnoOf(error))
    }
  }

  /** A file or symlink. */
  removeFile(entry: Entry): void {
    const { deps, touched } = this.#batch
    const path = deps.index.pathOf(entry)
    if (path === undefined) return deps.index.delete(entry)
    const target = this.#batch.absolute(path)
    const now = look(target)
    if (!now) return this.#missing(entry, path)
    const isParked = equalBytes(entry.parent, PARKED_INODE)
    if (!isParked && !unchanged(entry, now)) return void touched.add(path)
    const trash = this.#batch.trash(path)
    fs.renameSync(target, trash)
    if (isParked || stillAs(entry, look(trash))) return this.#batch.forget(entry)
    putBack(trash, target)
    touched.add(path)
  }

  /** Gone already, or elsewhere with its directory: then it goes from there. */
  #missing(entry: Entry, path: string): void {
    const { touched, again } = this.#batch
    if (entry.kind !== 'dir' && this.#batch.isInPlace(entry.parent)) return this.#batch.forget(entry)
    touched.add(path)
    again.set(inodeKey(entry.inode), entry.inode)
  }

  #isKnown(entry: Entry): boolean {
    const current = this.#batch.deps.index.get(entry.parent, entry.name)
    return current !== undefined && current.slot === entry.slot && equalBytes(current.inode, entry.inode)
  }

  /** The highest directory above an entry, or itself, that is gone for everyone; one found to be mixed does not count. */
  #highestGone(entry: Entry): Entry | undefined {
    const { tree, deps } = this.#batch
    let top = entry.kind === 'dir' ? entry : undefined
    for (let dir = entry.parent; !equalBytes(dir, ROOT_INODE);) {
      const above = deps.index.placesOf(dir)[0]
      if (!above || this.#mixed.has(inodeKey(dir)) || tree.appearances(dir).length > 0) break
      top = above
      dir = above.parent
    }
    return top
  }

  async #removeDir(entry: Entry): Promise<void> {
    const { deps, touched, again, more } = this.#batch
    const path = deps.index.pathOf(entry)
    if (path === undefined) return deps.index.delete(entry)
    const target = this.#batch.absolute(path)
    const now = look(target)
    if (!now) return this.#missing(entry, path)
    if (!sameIdentity(entry, now)) return void touched.add(path)
    const below = await this.#whole(entry, path)
    if (below) return this.#takeWhole(entry, path, below)
    this.#mixed.add(inodeKey(entry.inode))
    // The index keeps it for as long as it holds anything: what is not there any more was not said to be gone yet.
    const left = deps.index.children(entry.inode)
    if (left.length === 0 && this.#rmdir(target)) {
      deps.watcher?.unfollow(path)
      return this.#batch.forget(entry)
    }
    again.set(inodeKey(entry.inode), entry.inode)
    for (const child of left) more.push(child.inode)
  }

  /** False: it is not empty. */
  #rmdir(target: string): boolean {
    try {
      fs.rmdirSync(target)
      return true
    } catch (error) {
      const code = errnoOf(error)
      if (code !== 'ENOTEMPTY' && code !== 'EEXIST' && !isGone(code)) throw error
      return false
    }
  }

  /**
   * While it is looked at, which takes long if it is large, it waits where a crash leaves it for the next start to put
   * back: an edit of that moment would be in the trash alone.
   */
  async #takeWhole(entry: Entry, path: string, below: readonly Taken[]): Promise<void> {
    const { deps, touched, again } = this.#batch
    const target = this.#batch.absolute(path)
    const aside = this.#batch.aside(entry)
    if (aside !== target) fs.renameSync(target, aside)
    let changed: readonly string[] | undefined
    try {
      changed = await this.#changedSince(aside, below)
    } finally {
      if (changed?.length === 0) fs.renameSync(aside, this.#batch.trash(path))
      else if (aside !== target) putBack(aside, target)
    }
    if (changed.length > 0) {
      for (const name of changed) touched.add(joinPath(path, name))
      again.set(inodeKey(entry.inode), entry.inode)
      return
    }
    deps.watcher?.unfollow(path)
    for (const [, one] of below) if (one) this.#batch.forget(one)
    this.#batch.forget(entry)
  }

  /** Which of the taken entries were written to, or came, before the directory was out of everyone's reach. */
  async #changedSince(aside: string, below: readonly Taken[]): Promise<string[]> {
    const changed: string[] = []
    const counts = new Map<string, number>([['', 0]])
    for (const [name, entry] of below) {
      const dir = name.slice(0, Math.max(0, name.lastIndexOf('/')))
      counts.set(dir, (counts.get(dir) ?? 0) + 1)
      if (!entry) continue
      if (entry.kind === 'dir' && !counts.has(name)) counts.set(name, 0)
      const now = look(`${aside}/${name}`)
      if (entry.kind === 'dir' ? !now || !sameIdentity(entry, now) : !now || !unchanged(entry, now)) changed.push(name)
      await this.#batch.breathe()
    }
    for (const [dir, count] of counts) {
      const names = fs.readdirSync(dir === '' ? aside : `${aside}/${dir}`)
      if (names.length > count) changed.push(...names.map((name) => joinPath(dir, name)))
      await this.#batch.breathe()
    }
    return changed
  }

  /** All it holds, by path below it, if that is just what the index says and none of it is wanted any more. */
  async #whole(dir: Entry, path: string): Promise<Taken[] | undefined> {
    const { deps, tree, touched, more } = this.#batch
    const all: Taken[] = []
    const dirs: { readonly inode: Inode; readonly below: string }[] = [{ inode: dir.inode, below: '' }]
    let clean = true
    for (let next = dirs.pop(); next; next = dirs.pop()) {
      const known = new Map(deps.index.children(next.inode).map((e) => [e.name, e]))
      const here = this.#batch.absolute(joinPath(path, next.below))
      for (const name of fs.readdirSync(here)) {
        const entry = known.get(name)
        known.delete(name)
        const below = joinPath(next.below, name)
        const child = joinPath(path, below)
        const now = look(`${here}/${name}`)
        if (!entry && now && deps.rules.explain(child, now.kind === 'dir')) {
          all.push([below, undefined]) // ignored: it goes along
          continue
        }
        const wanted = entry !== undefined && tree.appearances(entry.inode).length > 0
        const same = entry && now && (entry.kind === 'dir' ? sameIdentity(entry, now) : unchanged(entry, now))
        if (!same) touched.add(child)
        if (wanted) more.push(entry.inode)
        if (!same || wanted) clean = false
        else {
          all.push([below, entry])
          if (entry.kind === 'dir') dirs.push({ inode: entry.inode, below })
        }
        await this.#batch.breathe()
      }
      for (const { name } of known.values()) touched.add(joinPath(path, joinPath(next.below, name)))
      if (known.size > 0) clean = false
    }
    return clean ? all : undefined
  }
}

/**
 * Makes the disk follow the store: new and changed files, moves, deletions. A batch at a time, in an order that is
 * safe: what stands in the way steps aside, directories come before what they hold, deletions last.
 *
 * Nothing of the user's is overwritten: just before a name is touched it must look as the index says. If it does not,
 * it is left alone and reported as touched; it will be ingested, and the store then says what to do about both.
 */
import fs from 'node:fs'
import { equalBytes } from '#kernel/core/bytes.ts'
import { inodeKey } from '../filestore/values.ts'
import type { Inode, Visible } from '../filestore/port.ts'
import { isMove, sameAttributes, sameContentHead, settled, stepsOf, type Step } from './appearances.ts'
import { Batch, DiskFullError, type MaterialiseDeps, type Materialised } from './batch.ts'
import { errnoOf, fitsDisk, isFull, isRealDir, isSafeName, look, placeNew, stillAs } from './disk.ts'
import { FileWriter, type Job } from './file-writer.ts'
import { awayName, DISPLACED_INODE, joinPath, PARKED_INODE, PARKED_PATH, ROOT_INODE } from './folder-index.ts'
import type { Entry } from './index-codec.ts'
import { CONTROL_DIR } from './marker.ts'
import { Remover } from './removal.ts'

/** Brings these inodes to what everyone sees. Throws DiskFullError. */
export const materialise = async (
  deps: MaterialiseDeps,
  inodes: readonly Inode[],
  signal: AbortSignal,
): Promise<Materialised> => {
  await deps.index.flush()
  const batch = new Batch(deps)
  try {
    await new Materialiser(batch).apply(inodes, signal)
  } catch (error) {
    if (error instanceof Error && isFull((error as NodeJS.ErrnoException).code ?? ''))
      throw new DiskFullError('the disk is full', { cause: error })
    throw error
  } finally {
    await batch.commit()
  }
  const { missing, touched, again, outlived, abandoned, more } = batch
  return { missing, touched: [...touched], again: [...again.values()], outlived, abandoned, more }
}

class Materialiser {
  readonly #batch: Batch
  readonly #remover: Remover
  readonly #jobs: Job[] = []
  readonly #seen = new Set<string>()

  constructor(batch: Batch) {
    this.#batch = batch
    this.#remover = new Remover(batch)
  }

  async apply(inodes: readonly Inode[], signal: AbortSignal): Promise<void> {
    const removals: Entry[] = []
    for (const inode of inodes) {
      for (const step of this.#stepsFor(inode)) {
        if (step.to) this.#arrange(step, this.#jobs)
        else removals.push(step.from!)
      }
      await this.#batch.breathe()
    }
    const writer = new FileWriter(this.#batch, (to) => this.#dirFor(to) !== undefined)
    await writer.write(this.#jobs, signal)
    await this.#remover.removeAll(removals)
  }

  #stepsFor(inode: Inode): Step[] {
    const key = inodeKey(inode)
    if (this.#seen.has(key)) return []
    this.#seen.add(key)
    const { tree, deps, again } = this.#batch
    const places = deps.index.placesOf(inode)
    if (places.some(({ parent }) => equalBytes(parent, DISPLACED_INODE))) {
      again.set(key, inode) // once it is known where the file is
      return []
    }
    return stepsOf(tree.appearances(inode), places).filter((step) => !settled(step))
  }

  /** Moves and directories are done at once; what needs bytes becomes a job. What the system refuses hinders no other. */
  #arrange(step: Step, jobs: Job[]): void {
    try {
      this.#place(step, step.to!, jobs)
    } catch (error) {
      this.#batch.fail(step, this.#batch.pathFor(step.to!), errnoOf(error))
    }
  }

  #place(step: Step, to: Visible, jobs: Job[]): void {
    const dir = this.#dirFor(to)
    if (dir === undefined) return this.#batch.defer(step)
    const path = joinPath(dir, to.name)
    if (!this.#allowed(path, to, dir)) return
    let from = step.from && this.#fresh(step.from)
    if (!from || isMove(step)) {
      if (!this.#vacate(to, path, step)) return
      if (from) {
        from = this.#move(from, to, path, step)
        if (!from) return
      }
    }
    if (to.kind === 'dir') {
      if (!from) this.#makeDir(to, path, step)
      else this.#batch.note(from, to)
    } else if (from && sameContentHead(from, to) && sameAttributes(from, to)) this.#batch.note(from, to)
    else jobs.push({ step, to, from })
  }

  /** Where the entry is by now: another one of this batch may have made it step aside. */
  #fresh(entry: Entry): Entry | undefined {
    return this.#batch.deps.index.current(entry)
  }

  /**
   * The path of the directory it belongs in, made and moved to where it belongs if needed, as are those above it: else
   * a directory could have to go below itself. Undefined: it cannot be had now.
   */
  #dirFor(to: Visible): string | undefined {
    const { index } = this.#batch.deps
    const ready = this.#batch.dirPaths.get(inodeKey(to.parent))
    if (ready !== undefined) return ready
    if (!equalBytes(to.parent, ROOT_INODE)) {
      const entry = index.placesOf(to.parent)[0]
      const visible = this.#batch.tree.appearances(to.parent)[0]
      const step = entry || visible ? { from: entry, to: visible } : undefined
      if (step?.to && !settled(step)) this.#arrange(step, [])
      else if (step?.to && this.#dirFor(step.to) === undefined) return undefined
    }
    const path = index.pathOfDir(to.parent)
    if (path === undefined) return undefined
    if (!isRealDir(this.#batch.absolute(path)) || !this.#batch.isInPlace(to.parent)) {
      this.#batch.touched.add(path)
      return undefined
    }
    this.#batch.dirPaths.set(inodeKey(to.parent), path)
    return path
  }

  #allowed(path: string, to: Visible, dir: string): boolean {
    const { problem, rules } = this.#batch.deps
    if (!isSafeName(to.name) || (dir === '' && to.name === CONTROL_DIR)) {
      problem(path, 'bad-name', 'a name that another device gave it cannot be used here')
      return false
    }
    if (!fitsDisk(to.name)) {
      problem(path, 'name-too-long', 'the name is longer than 255 bytes')
      return false
    }
    return rules.explain(path, to.kind === 'dir') === undefined
  }

  /** Makes a name free: what the index has there steps aside or goes to trash. False: something unknown is there. */
  #vacate(to: Visible, path: string, step: Step): boolean {
    const { index } = this.#batch.deps
    const occupant = index.get(to.parent, to.name)
    if (occupant) {
      const shown = this.#batch.tree.appearances(occupant.inode)
      if (
        stepsOf(shown, [occupant]).some(
          (one) => one.from && one.to && !isMove(one) && sameContentHead(one.from, one.to),
        )
      ) {
        this.#batch.defer(step)
        return false
      }
      if (shown.length === 0 && occupant.kind !== 'dir') this.#remover.removeFile(occupant)
      else this.#park(occupant)
    }
    // A name that the index has is not free, though nothing is there any more: that it is gone was not said yet.
    if (!index.get(to.parent, to.name) && !look(this.#batch.absolute(path))) return true
    this.#batch.defer(step, path)
    return false
  }

  #park(entry: Entry): void {
    const { index } = this.#batch.deps
    const path = index.pathOf(entry)
    if (path === undefined || !this.#batch.untouched(entry, path)) return
    const name = awayName(entry)
    this.#batch.again.set(inodeKey(entry.inode), entry.inode)
    this.#rename(entry, path, joinPath(PARKED_PATH, name), { parent: PARKED_INODE, name })
  }

  #move(from: Entry, to: Visible, path: string, step: Step): Entry | undefined {
    const { index } = this.#batch.deps
    const old = index.pathOf(from)
    const isParked = equalBytes(from.parent, PARKED_INODE)
    const belowItself = old !== undefined && path.startsWith(`${old}/`)
    if (isParked && old !== undefined && !look(this.#batch.absolute(old))) {
      // A crash came after it had gone to trash, and before the index knew. Nobody else takes anything from there.
      for (const one of from.kind === 'dir' ? index.descendants(from.inode) : []) this.#batch.forget(one)
      this.#batch.forget(from)
      this.#batch.defer(step)
      return undefined
    }
    if (old === undefined || belowItself || !(isParked || this.#batch.untouched(from, old))) {
      this.#batch.defer(step, old)
      return undefined
    }
    const moved = this.#rename(from, old, path, { parent: to.parent, name: to.name })
    if (moved) this.#batch.deps.fine(path)
    else this.#batch.defer(step, path)
    return moved
  }

  #rename(entry: Entry, from: string, to: string, place: { parent: Inode; name: string }): Entry | undefined {
    const { index, watcher } = this.#batch.deps
    const target = this.#batch.absolute(to)
    if (entry.kind === 'dir') {
      if (look(target)) return undefined
      fs.renameSync(this.#batch.absolute(from), target)
      watcher?.moved(from, to, entry.stat)
      this.#batch.dirPaths.clear()
    } else if (!placeNew(this.#batch.absolute(from), target)) return undefined
    const looked = look(target)
    if (!looked) return undefined
    // What a program wrote to it on the way is found by the next look, which the old stat asks for.
    const isEdited = entry.kind !== 'dir' && !stillAs(entry, looked)
    if (isEdited) this.#batch.touched.add(to)
    const stat = isEdited ? entry.stat : looked
    const moved: Entry = { ...entry, ...place, visibleName: place.name, stat, epoch: index.epoch }
    index.move(entry, moved)
    return moved
  }

  #makeDir(to: Visible, path: string, step: Step): void {
    const { watcher } = this.#batch.deps
    const target = this.#batch.absolute(path)
    try {
      fs.mkdirSync(target, { mode: 0o777 })
    } catch (error) {
      const code = errnoOf(error)
      if (code === 'EEXIST') return this.#batch.defer(step, path)
      return this.#batch.fail(step, path, code)
    }
    this.#batch.record(to, undefined, path, [])
    const made = this.#batch.deps.index.get(to.parent, to.name)
    if (made) watcher?.follow(path, made.stat)
    // What came before it was followed is told by nobody.
    for (const name of fs.readdirSync(target)) this.#batch.touched.add(joinPath(path, name))
    for (const child of this.#batch.tree.children(to.inode)) this.#batch.more.push(child.inode)
  }
}

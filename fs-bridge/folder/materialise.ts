/**
 * Makes the disk follow the store: new and changed files, moves, deletions. A batch at a time, in an order that is
 * safe: what stands in the way steps aside, directories come before what they hold, deletions last.
 *
 * Nothing of the user's is overwritten: just before a name is touched it must look as the index says. If it does not,
 * it is left alone and reported as touched; it will be ingested, and the store then says what to do about both.
 */
import fs from 'node:fs'
import { join } from 'node:path'
import { equalBytes } from '#kernel/core/bytes.ts'
import type { ChunkRef, InplaceBackend } from '#kernel/cas/port.ts'
import type { Inode, Visible } from '../filestore/port.ts'
import type { Tree } from '../filestore/tree.ts'
import { isMove, sameAttributes, sameContentHead, settled, stepsOf, type Step } from './appearances.ts'
import { gather, type ContentSources, type Gathered } from './contents.ts'
import {
  errnoOf,
  fitsDisk,
  isFull,
  isGone,
  isRealDir,
  isSafeName,
  look,
  placeNew,
  sameIdentity,
  setAttributes,
  touchFile,
  trashPath,
  unchanged,
  writeFileNew,
} from './disk.ts'
import { joinPath, PARKED_INODE, ROOT_INODE, type FolderIndex } from './folder-index.ts'
import type { IgnoreRules } from './ignore-rules.ts'
import { fileKey } from './ingest.ts'
import type { Entry } from './index-codec.ts'
import { CONTROL_DIR, type ControlPaths } from './marker.ts'
import { inodeKey } from './observe.ts'
import type { ProblemKind } from './status.ts'
import type { FolderWatcher } from './watcher.ts'

export interface MaterialiseDeps {
  readonly paths: ControlPaths
  readonly tree: Tree
  readonly index: FolderIndex
  readonly rules: IgnoreRules
  readonly inplace: InplaceBackend
  readonly sources: ContentSources
  readonly watcher: FolderWatcher | undefined
  nowMs(): number
  problem(path: string, kind: ProblemKind, message: string): void
  fine(path: string): void
}

export interface Materialised {
  /** Content that no connected peer had. */
  readonly missing: readonly Inode[]
  /** Paths that are not what the index says: to be ingested first; their inodes come again. */
  readonly touched: readonly string[]
  readonly again: readonly Inode[]
  /** What must be looked at because of this batch: children of a directory that came into sight. */
  readonly more: readonly Inode[]
}

/** The disk is full: thrown, caught by the folder, which waits for room. */
export class DiskFullError extends Error {
  override readonly name = 'DiskFullError'
}

/** Work between two turns of the event loop. */
const SLICE_MS = 8

interface Job {
  readonly step: Step
  readonly to: Visible
  readonly from: Entry | undefined
}

export class Materialiser {
  readonly #deps: MaterialiseDeps
  #tmpCount = 0
  #sliceStart = 0
  /** Inode (hex) of parents found to be real directories in this slice of work, and their paths. */
  readonly #dirPaths = new Map<string, string>()
  #missing: Inode[] = []
  #touched = new Set<string>()
  #again = new Map<string, Inode>()
  #more: Inode[] = []
  #registered: { file: Uint8Array; chunks: readonly ChunkRef[] }[] = []
  #forgotten: Uint8Array[] = []

  constructor(deps: MaterialiseDeps) {
    this.#deps = deps
  }

  async apply(inodes: readonly Inode[], signal: AbortSignal): Promise<Materialised> {
    this.#begin()
    const { index } = this.#deps
    await index.flush()
    const jobs: Job[] = []
    const removals: Entry[] = []
    const seen = new Set<string>()
    try {
      for (const inode of inodes) {
        for (const step of this.#stepsFor(inode, seen)) {
          if (step.to) this.#arrange(step, jobs)
          else removals.push(step.from!)
        }
        await this.#breathe()
      }
      await this.#fillFiles(jobs, signal)
      // Deepest last: a directory that goes as a whole takes its children along.
      for (const entry of removals.sort((a, b) => this.#depth(a) - this.#depth(b))) {
        this.#remove(entry)
        await this.#breathe()
      }
    } catch (error) {
      if (error instanceof Error && isFull((error as NodeJS.ErrnoException).code ?? ''))
        throw new DiskFullError('the disk is full', { cause: error })
      throw error
    } finally {
      await this.#commit()
    }
    return {
      missing: this.#missing,
      touched: [...this.#touched],
      again: [...this.#again.values()],
      more: this.#more,
    }
  }

  #begin(): void {
    this.#dirPaths.clear()
    this.#missing = []
    this.#touched = new Set()
    this.#again = new Map()
    this.#more = []
    this.#sliceStart = performance.now()
  }

  async #breathe(): Promise<void> {
    if (performance.now() - this.#sliceStart < SLICE_MS) return
    await new Promise((resolve) => setImmediate(resolve))
    this.#sliceStart = performance.now()
    this.#dirPaths.clear()
  }

  async #commit(): Promise<void> {
    const { index, inplace, sources } = this.#deps
    const registered = this.#registered
    const forgotten = this.#forgotten
    this.#registered = []
    this.#forgotten = []
    await Promise.all([
      index.flush(),
      registered.length > 0 ? inplace.register(sources.storeId, registered) : undefined,
      forgotten.length > 0 ? inplace.forget(sources.storeId, forgotten) : undefined,
    ])
  }

  #stepsFor(inode: Inode, seen: Set<string>): Step[] {
    const key = inodeKey(inode)
    if (seen.has(key)) return []
    seen.add(key)
    const { tree, index } = this.#deps
    const visible = tree.appearances(inode)
    return stepsOf(visible, index.placesOf(inode)).filter((step) => !settled(step))
  }

  #defer(step: Step, touched?: string): void {
    const inode = (step.to ?? step.from!).inode
    this.#again.set(inodeKey(inode), inode)
    if (touched !== undefined) this.#touched.add(touched)
  }

  /** Moves and directories are done at once; what needs bytes becomes a job. */
  #arrange(step: Step, jobs: Job[]): void {
    const to = step.to!
    const dir = this.#dirFor(to)
    if (dir === undefined) return this.#defer(step)
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
      else this.#note(from, to)
    } else if (from && sameContentHead(from, to) && sameAttributes(from, to)) this.#note(from, to)
    else jobs.push({ step, to, from })
  }

  /** Where the entry is by now: another one of this batch may have made it step aside. */
  #fresh(entry: Entry): Entry | undefined {
    return this.#deps.index.placesOf(entry.inode).find((e) => e.slot === entry.slot)
  }

  /** The path of the directory it belongs in, made if needed; undefined: it cannot be had now. */
  #dirFor(to: Visible): string | undefined {
    const { index, tree } = this.#deps
    const ready = this.#dirPaths.get(inodeKey(to.parent))
    if (ready !== undefined) return ready
    if (!equalBytes(to.parent, ROOT_INODE)) {
      const entry = index.placesOf(to.parent)[0]
      const visible = tree.appearances(to.parent)[0]
      const step = entry || visible ? { from: entry, to: visible } : undefined
      if (step?.to && !settled(step)) this.#arrange(step, [])
    }
    const path = index.pathOfDir(to.parent)
    if (path === undefined) return undefined
    if (!isRealDir(join(this.#deps.paths.root, path))) {
      this.#touched.add(path)
      return undefined
    }
    this.#dirPaths.set(inodeKey(to.parent), path)
    return path
  }

  #allowed(path: string, to: Visible, dir: string): boolean {
    const { problem, rules } = this.#deps
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
    const { index, tree, paths } = this.#deps
    const occupant = index.get(to.parent, to.name)
    if (occupant) {
      const shown = tree.appearances(occupant.inode)
      if (
        stepsOf(shown, [occupant]).some(
          (one) => one.from && one.to && !isMove(one) && sameContentHead(one.from, one.to),
        )
      ) {
        this.#defer(step)
        return false
      }
      if (shown.length === 0) this.#remove(occupant)
      else this.#park(occupant)
    }
    if (!look(join(paths.root, path))) return true
    this.#defer(step, path)
    return false
  }

  #park(entry: Entry): void {
    const { index } = this.#deps
    const path = index.pathOf(entry)
    if (path === undefined || !this.#untouched(entry, path)) return
    const name = `${inodeKey(entry.inode)}-${entry.slot}`
    this.#again.set(inodeKey(entry.inode), entry.inode)
    this.#rename(entry, path, joinPath('.lattice/parked', name), { parent: PARKED_INODE, name })
  }

  #move(from: Entry, to: Visible, path: string, step: Step): Entry | undefined {
    const { index } = this.#deps
    const old = index.pathOf(from)
    if (old === undefined || !this.#untouched(from, old)) {
      this.#defer(step, old)
      return undefined
    }
    const moved = this.#rename(from, old, path, { parent: to.parent, name: to.name })
    if (!moved) this.#defer(step, path)
    return moved
  }

  #rename(entry: Entry, from: string, to: string, place: { parent: Inode; name: string }): Entry | undefined {
    const { index, paths, watcher } = this.#deps
    const target = join(paths.root, to)
    if (entry.kind === 'dir') {
      if (look(target)) return undefined
      fs.renameSync(join(paths.root, from), target)
      watcher?.moved(from, to)
      this.#dirPaths.clear()
    } else if (!placeNew(join(paths.root, from), target)) return undefined
    const looked = look(target)
    if (!looked) return undefined
    const moved: Entry = { ...entry, ...place, visibleName: place.name, stat: looked, epoch: index.epoch }
    index.move(entry, moved)
    return moved
  }

  /** The disk still shows what the index says; otherwise the path is to be looked at first. */
  #untouched(entry: Entry, path: string): boolean {
    const now = look(join(this.#deps.paths.root, path))
    const same = now && (entry.kind === 'dir' ? sameIdentity(entry, now) : unchanged(entry, now))
    if (!same) this.#touched.add(path)
    return same === true
  }

  #makeDir(to: Visible, path: string, step: Step): void {
    const { paths, watcher, tree } = this.#deps
    const target = join(paths.root, path)
    try {
      fs.mkdirSync(target, { mode: 0o777 })
    } catch (error) {
      const code = errnoOf(error)
      if (code === 'EEXIST') return this.#defer(step, path)
      return this.#fail(step, path, code)
    }
    watcher?.follow(path)
    this.#record(to, undefined, path, [])
    for (const child of tree.children(to.inode)) this.#more.push(child.inode)
  }

  #note(entry: Entry, to: Visible): void {
    const { index } = this.#deps
    index.put({ ...entry, contentHead: to.contentHead, linkHead: to.linkHead, conflict: to.conflict !== 'none' })
  }

  #record(to: Visible, from: Entry | undefined, path: string, chunks: readonly ChunkRef[]): void {
    const { index, paths, fine } = this.#deps
    const looked = look(join(paths.root, path))
    if (!looked) return this.#defer({ from, to }, path)
    const entry: Entry = {
      parent: to.parent,
      name: from?.name ?? to.name,
      visibleName: to.name,
      inode: to.inode,
      slot: from?.slot ?? index.freeSlot(to.inode),
      kind: to.kind,
      conflict: to.conflict !== 'none',
      stat: looked,
      contentHead: to.contentHead,
      linkHead: to.linkHead,
      epoch: index.epoch,
    }
    index.put(entry)
    if (to.kind === 'file' && (chunks.length > 0 || from)) {
      this.#registered.push({ file: fileKey(entry.inode, entry.slot), chunks })
    }
    fine(path)
  }

  async #fillFiles(jobs: readonly Job[], signal: AbortSignal): Promise<void> {
    const { problem, paths } = this.#deps
    const items: { item: Job & { tmp: string }; wanted: { content: NonNullable<Visible['content']>; tmp: string } }[] =
      []
    for (const job of jobs) {
      const content = job.to.content
      if (!content) continue
      if (job.from && (await this.#holds(job.from, content))) this.#retouch(job, job.from)
      else {
        const tmp = join(paths.tmp, `${(this.#tmpCount++).toString(36)}`)
        items.push({ item: { ...job, tmp }, wanted: { content, tmp } })
      }
    }
    const done = async (job: Job & { tmp: string }, gathered: Gathered): Promise<void> => {
      this.#finish(job, gathered)
      await this.#breathe()
    }
    const { missing, bad } = await gather(this.#deps.sources, items, done, signal)
    for (const job of missing) {
      fs.rmSync(job.tmp, { force: true })
      this.#missing.push(job.to.inode)
      problem(this.#pathFor(job.to), 'missing-content', 'no connected device has its content yet')
    }
    for (const job of bad) problem(this.#pathFor(job.to), 'bad-content', 'its content is not what its author announced')
  }

  /** The file on disk has these very bytes already: only its attributes changed. */
  async #holds(entry: Entry, content: NonNullable<Visible['content']>): Promise<boolean> {
    const { inplace, sources, index, paths } = this.#deps
    if (entry.kind !== 'file' || entry.stat.size !== content.size) return false
    const path = index.pathOf(entry)
    if (path === undefined) return false
    if (content.data.kind === 'inline') {
      const bytes = fs.readFileSync(join(paths.root, path))
      return equalBytes(bytes, content.data.bytes)
    }
    if (content.data.kind !== 'chunks') return false
    const file = fileKey(entry.inode, entry.slot)
    let offset = 0
    for (const { cid, length } of content.data.chunks) {
      const found = inplace.locate(sources.storeId, cid)
      if (!found || found.offset !== offset || !equalBytes(found.file, file)) return false
      offset += length
    }
    return true
  }

  #retouch(job: Job, entry: Entry): void {
    const { index, paths } = this.#deps
    const path = index.pathOf(entry)
    if (path === undefined || !this.#untouched(entry, path)) return this.#defer(job.step, path)
    const target = join(paths.root, path)
    try {
      if (!touchFile(target, job.to.content!, entry)) return this.#defer(job.step, path)
    } catch (error) {
      return this.#fail(job.step, path, errnoOf(error))
    }
    const looked = look(target)
    if (!looked) return this.#defer(job.step, path)
    this.#note({ ...entry, stat: looked, epoch: index.epoch }, job.to)
  }

  #finish(job: Job & { tmp: string }, gathered: Gathered): void {
    const { index, paths } = this.#deps
    const { to, from } = job
    const path = from ? index.pathOf(from) : this.#pathFor(to)
    try {
      if (path === undefined || this.#dirFor(to) === undefined) return this.#drop(job, path)
      if (to.kind === 'symlink') {
        if (gathered.kind !== 'bytes') return this.#drop(job, path)
        fs.symlinkSync(Buffer.from(gathered.bytes), job.tmp)
      } else if (gathered.kind === 'bytes') writeFileNew(job.tmp, gathered.bytes, to.content!)
      else this.#complete(job)
      if (!from) {
        if (!placeNew(job.tmp, join(paths.root, path))) return this.#drop(job, path)
      } else if (!this.#replace(job, from, path)) return this.#drop(job, path)
      this.#record(to, from, path, gathered.chunks)
    } catch (error) {
      fs.rmSync(job.tmp, { force: true })
      this.#fail(job.step, path ?? to.name, errnoOf(error))
    }
  }

  #complete(job: Job & { tmp: string }): void {
    const fd = fs.openSync(job.tmp, fs.constants.O_WRONLY | (fs.constants.O_NOFOLLOW ?? 0))
    try {
      setAttributes(fd, job.to.content!)
    } finally {
      fs.closeSync(fd)
    }
  }

  #drop(job: Job & { tmp: string }, path: string | undefined): void {
    fs.rmSync(job.tmp, { force: true })
    this.#defer(job.step, path)
  }

  /** The old content stays in the trash; the name never lacks a file. */
  #replace(job: Job & { tmp: string }, from: Entry, path: string): boolean {
    const target = join(this.#deps.paths.root, path)
    if (!this.#untouched(from, path)) return false
    const trash = this.#trash(path)
    if (from.kind === 'file') {
      try {
        fs.linkSync(target, trash)
      } catch (error) {
        const code = errnoOf(error)
        if (code === 'ENOENT' || isFull(code)) throw error
        fs.copyFileSync(target, trash, fs.constants.COPYFILE_EXCL) // no hard links here
      }
    }
    const now = look(target)
    if (!now || now.size !== from.stat.size || now.mtimeNs !== from.stat.mtimeNs || now.ino !== from.stat.ino) {
      this.#touched.add(path)
      return false
    }
    fs.renameSync(job.tmp, target)
    return true
  }

  #trash(path: string): string {
    const { paths, nowMs } = this.#deps
    return trashPath(paths.control, new Date(nowMs()).toISOString().slice(0, 10), path)
  }

  #remove(entry: Entry): void {
    const { index, paths } = this.#deps
    const current = index.get(entry.parent, entry.name)
    if (!current || !equalBytes(current.inode, entry.inode)) return
    const path = index.pathOf(entry)
    if (path === undefined) return index.delete(entry)
    const now = look(join(paths.root, path))
    if (!now) return this.#forget(entry)
    if (entry.kind !== 'dir') {
      if (!unchanged(entry, now)) return void this.#touched.add(path)
      fs.renameSync(join(paths.root, path), this.#trash(path))
      return this.#forget(entry)
    }
    if (!sameIdentity(entry, now)) return void this.#touched.add(path)
    this.#removeDir(entry, path)
  }

  #removeDir(entry: Entry, path: string): void {
    const { paths, watcher } = this.#deps
    const below = this.#whole(entry, path)
    if (below) {
      fs.renameSync(join(paths.root, path), this.#trash(path))
      watcher?.unfollow(path)
      for (const one of [...below, entry]) this.#forget(one)
      return
    }
    try {
      fs.rmdirSync(join(paths.root, path))
      watcher?.unfollow(path)
      this.#forget(entry)
    } catch (error) {
      const code = errnoOf(error)
      if (code !== 'ENOTEMPTY' && code !== 'EEXIST' && !isGone(code)) throw error
      this.#again.set(inodeKey(entry.inode), entry.inode)
      for (const child of this.#deps.index.children(entry.inode)) this.#more.push(child.inode)
    }
  }

  /** All it holds, if that is just what the index says and none of it is wanted any more. */
  #whole(dir: Entry, path: string): Entry[] | undefined {
    const { index, paths, rules, tree } = this.#deps
    const all: Entry[] = []
    let clean = true
    const walk = (inode: Inode, at: string): void => {
      const known = new Map(index.children(inode).map((e) => [e.name, e]))
      for (const name of fs.readdirSync(join(paths.root, at))) {
        const entry = known.get(name)
        const child = joinPath(at, name)
        const now = look(join(paths.root, child))
        if (!entry && now && rules.explain(child, now.kind === 'dir')) continue
        const wanted = entry && tree.appearances(entry.inode).length > 0
        const same = entry && now && (entry.kind === 'dir' ? sameIdentity(entry, now) : unchanged(entry, now))
        if (!entry || !same) this.#touched.add(child)
        if (!entry || !same || wanted) {
          clean = false
          if (entry && wanted) this.#more.push(entry.inode)
        } else {
          all.push(entry)
          if (entry.kind === 'dir') walk(entry.inode, child)
        }
      }
    }
    walk(dir.inode, path)
    return clean ? all : undefined
  }

  #forget(entry: Entry): void {
    this.#deps.index.delete(entry)
    if (entry.kind === 'file') this.#forgotten.push(fileKey(entry.inode, entry.slot))
  }

  #fail(step: Step, path: string, code: string): void {
    if (isFull(code)) throw new DiskFullError('the disk is full')
    if (isGone(code) || code === 'EEXIST' || code === 'ENOTEMPTY') return this.#defer(step, path)
    this.#deps.problem(path, 'unwritable', `it cannot be written (${code})`)
    this.#missing.push((step.to ?? step.from!).inode)
  }

  #pathFor(to: Visible): string {
    const dir = this.#deps.index.pathOfDir(to.parent)
    return dir === undefined ? to.name : joinPath(dir, to.name)
  }

  #depth(entry: Entry): number {
    return this.#deps.index.pathOf(entry)?.split('/').length ?? 0
  }
}

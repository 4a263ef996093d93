/**
 * Puts files and symlinks in place. New ones are linked under their name, which fails rather than overwrite. An old one
 * is first moved aside and looked at there: if a program wrote to it just now, it goes back and is ingested.
 */
import fs from 'node:fs'
import { createHash } from 'node:crypto'
import { join } from 'node:path'
import { bytesToHex, equalBytes } from '#kernel/core/bytes.ts'
import { inodeKey } from '../filestore/values.ts'
import { contentHeads, inodeState, type InodeState } from '../filestore/inode.ts'
import type { ContentValue, Visible } from '../filestore/port.ts'
import type { Step } from './appearances.ts'
import type { Batch } from './batch.ts'
import { gather, SMALL_MAX, type Gathered, type Wanted } from './contents.ts'
import {
  errnoOf,
  look,
  placeNew,
  putBack,
  setAttributes,
  stillAs,
  touchFile,
  writeFileNew,
  type Looked,
} from './disk.ts'
import { fileKey } from './ingest.ts'
import type { Entry } from './index-codec.ts'

export interface Job {
  readonly step: Step
  readonly to: Visible
  readonly from: Entry | undefined
}

type Placing = Job & { readonly tmp: string }

export class FileWriter {
  readonly #batch: Batch
  /** The directory for it is there, or is made. */
  readonly #hasDir: (to: Visible) => boolean
  #tmpCount = 0

  constructor(batch: Batch, hasDir: (to: Visible) => boolean) {
    this.#batch = batch
    this.#hasDir = hasDir
  }

  async write(jobs: readonly Job[], signal: AbortSignal): Promise<void> {
    const { problem, sources, device } = this.#batch.deps
    const items: { item: Placing; wanted: Wanted }[] = []
    for (const job of jobs) {
      const { content } = job.to
      if (!content) continue
      if (job.from && this.#holds(job.from, content)) this.#retouch(job, job.from)
      else {
        const tmp = this.#tmpFor(job.to, content)
        items.push({ item: { ...job, tmp }, wanted: { content, tmp } })
      }
      await this.#batch.breathe()
    }
    const done = async (job: Placing, gathered: Gathered): Promise<void> => {
      this.#finish(job, gathered)
      await this.#batch.breathe()
    }
    const { missing, bad } = await gather(sources, items, done, signal)
    for (const { to, from } of missing) {
      this.#batch.missing.push(to.inode)
      const moved = this.#movedButDeleted(to)
      if (moved && from) this.#batch.outlived.push(from)
      else if (moved && equalBytes(moved.head.author, device)) this.#batch.abandoned.push(to)
      problem(this.#batch.pathFor(to), 'missing-content', 'no connected device has its content yet')
    }
    for (const { to } of bad)
      problem(this.#batch.pathFor(to), 'bad-content', 'its content is not what its author announced')
  }

  /** The move for whose sake alone something is in sight: who deleted what it shows did not know of it. */
  #movedButDeleted({ inode, contentHead }: Visible): InodeState | undefined {
    const { cells } = this.#batch.tree.state
    const state = inodeState(cells, inode)
    const head = state && contentHeads(cells, state).find((h) => contentHead && equalBytes(h.head.hash, contentHead))
    return head?.trashed && !state?.trashed ? state : undefined
  }

  /** What is long comes under the name of its content, so that a later try finds what this one fetched. */
  #tmpFor(to: Visible, content: ContentValue): string {
    const { paths } = this.#batch.deps
    if (content.size <= SMALL_MAX) return join(paths.tmp, (this.#tmpCount++).toString(36))
    return join(paths.partial, `${contentName(content)}-${inodeKey(to.inode)}`)
  }

  /** The file on disk has these very bytes already: only its attributes changed. */
  #holds(entry: Entry, content: ContentValue): boolean {
    const { inplace, sources, index } = this.#batch.deps
    if (entry.kind !== 'file' || entry.stat.size !== content.size) return false
    const path = index.pathOf(entry)
    if (path === undefined) return false
    if (content.data.kind === 'inline') {
      const target = this.#batch.absolute(path)
      return look(target)?.kind === 'file' && equalBytes(fs.readFileSync(target), content.data.bytes)
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
    const { index } = this.#batch.deps
    const path = index.pathOf(entry)
    if (path === undefined || !this.#batch.untouched(entry, path)) return this.#batch.defer(job.step, path)
    let looked: Looked | undefined
    try {
      looked = touchFile(this.#batch.absolute(path), job.to.content!, entry)
    } catch (error) {
      return this.#batch.fail(job.step, path, errnoOf(error))
    }
    if (!looked) return this.#batch.defer(job.step, path)
    this.#batch.note({ ...entry, stat: looked, epoch: index.epoch }, job.to)
  }

  #finish(job: Placing, gathered: Gathered): void {
    const { to, from } = job
    const path = from ? this.#batch.deps.index.pathOf(from) : this.#batch.pathFor(to)
    try {
      if (path === undefined || !this.#hasDir(to)) return this.#drop(job, path)
      if (to.kind === 'symlink') {
        if (gathered.kind !== 'bytes') return this.#drop(job, path)
        fs.symlinkSync(Buffer.from(gathered.bytes), job.tmp)
      } else if (gathered.kind === 'bytes') writeFileNew(job.tmp, gathered.bytes, to.content!)
      else complete(job.tmp, to.content!)
      const made = look(job.tmp)
      const placed = from ? this.#replace(job.tmp, from, path) : placeNew(job.tmp, this.#batch.absolute(path))
      if (placed) this.#batch.record(to, from, path, gathered.chunks, made)
      else this.#drop(job, path)
    } catch (error) {
      fs.rmSync(job.tmp, { force: true })
      this.#batch.fail(job.step, path ?? to.name, errnoOf(error))
    }
  }

  #drop(job: Placing, path: string | undefined): void {
    fs.rmSync(job.tmp, { force: true })
    this.#batch.defer(job.step, path)
  }

  /**
   * The old content ends in the trash. On its way it waits where a crash leaves it for the next start to put back: it
   * must not count as deleted.
   */
  #replace(tmp: string, from: Entry, path: string): boolean {
    if (!this.#batch.untouched(from, path)) return false
    const target = this.#batch.absolute(path)
    const aside = this.#batch.aside(from)
    fs.renameSync(target, aside)
    let placed = false
    try {
      placed = stillAs(from, look(aside)) && placeNew(tmp, target)
    } finally {
      if (placed) fs.renameSync(aside, this.#batch.trash(path))
      else putBack(aside, target)
    }
    if (!placed) this.#batch.touched.add(path)
    return placed
  }
}

const complete = (tmp: string, content: ContentValue): void => {
  const fd = fs.openSync(tmp, fs.constants.O_WRONLY | (fs.constants.O_NOFOLLOW ?? 0))
  try {
    setAttributes(fd, content)
  } finally {
    fs.closeSync(fd)
  }
}

const contentName = ({ data }: ContentValue): string => {
  if (data.kind === 'manifest') return bytesToHex(data.cid)
  const hash = createHash('sha256')
  if (data.kind === 'inline') hash.update(data.bytes)
  else for (const { cid } of data.chunks) hash.update(cid)
  return hash.digest('hex')
}

/**
 * `ContentHasher` on the worker pool. Small files go in batches; a large file is hashed by all workers at once: each
 * segment is searched for cut candidates, the cuts are planned in order, and the chunks of the segment are hashed
 * while the next segments are searched. A few small files never leave the main thread: a worker would cost more.
 */
import { setImmediate } from 'node:timers/promises'
import { HASH_FILES, HASH_SEGMENT, SCAN_SEGMENT } from './content-jobs.ts'
import { CutPlanner, type Candidates } from './cuts.ts'
import { unstable } from './files.ts'
import { hashShortFile, SHORT_BUFFER_BYTES, tooManyChunks, unpackChunks } from './hashing.ts'
import { encodeManifests } from './manifest-parts.ts'
import type { WorkerPool } from './pool.ts'
import { OP_CHUNKS_MAX, type ChunkRef, type ContentHasher, type FileContent, type HashedFile } from './port.ts'
import { readRecords, type FileRecord, type LargeFile } from './records.ts'

/** Up to this many paths are tried on the main thread: 8 files of 64 KiB take well under a millisecond. */
const DIRECT_MAX = 8
const BATCH_PATHS = 128
const SEGMENT_BYTES = 8 * 1024 * 1024
/** Segments searched ahead of the one being planned: enough for two workers, few enough to stay in the page cache. */
const SEGMENTS_AHEAD = 4

/** Borrows the pool: closing the hasher leaves it running for others. */
export class PoolHasher implements ContentHasher {
  readonly #pool: WorkerPool

  constructor(pool: WorkerPool) {
    this.#pool = pool
  }

  async hashFiles(paths: readonly string[], signal?: AbortSignal): Promise<readonly HashedFile[]> {
    signal?.throwIfAborted()
    const records: (FileRecord | undefined)[] =
      paths.length <= DIRECT_MAX ? hashDirectly(paths) : paths.map(() => undefined)
    const results: HashedFile[] = []
    for (const [i, record] of records.entries())
      if (record !== undefined) results[i] = await this.#hashed(record, signal)
    const rest = [...records.keys()].filter((i) => records[i] === undefined)
    const batches: number[][] = []
    for (let i = 0; i < rest.length; i += BATCH_PATHS) batches.push(rest.slice(i, i + BATCH_PATHS))
    let next = 0
    const lane = async (): Promise<void> => {
      for (let batch = batches[next++]; batch !== undefined; batch = batches[next++]) {
        signal?.throwIfAborted()
        const records = await this.#hashBatch(batch.map((i) => paths[i]!))
        for (const [k, record] of records.entries()) results[batch[k]!] = await this.#hashed(record, signal)
      }
    }
    // One batch at work and one waiting for each worker.
    await Promise.all(Array.from({ length: 2 * this.#pool.workers }, lane))
    return results
  }

  async #hashed(record: FileRecord, signal: AbortSignal | undefined): Promise<HashedFile> {
    return record.kind === 'large' ? this.#hashLarge(record, signal) : record
  }

  async #hashBatch(paths: readonly string[]): Promise<FileRecord[]> {
    return readRecords(await this.#pool.run(HASH_FILES, paths), paths)
  }

  async #hashLarge(file: LargeFile, signal: AbortSignal | undefined): Promise<HashedFile> {
    const scans: Promise<Candidates | undefined>[] = []
    const hashing: Promise<readonly ChunkRef[] | undefined>[] = []
    try {
      return await this.#hashSegments(file, signal, scans, hashing)
    } finally {
      // Whatever ended it early: jobs under way finish first, and a failure of theirs is not left unseen.
      await Promise.allSettled([...scans, ...hashing])
    }
  }

  async #hashSegments(
    { path, stat }: LargeFile,
    signal: AbortSignal | undefined,
    scans: Promise<Candidates | undefined>[],
    hashing: Promise<readonly ChunkRef[] | undefined>[],
  ): Promise<HashedFile> {
    const planner = new CutPlanner(stat.size)
    const segments = Math.ceil(stat.size / SEGMENT_BYTES)
    const endOf = (segment: number): number => Math.min((segment + 1) * SEGMENT_BYTES, stat.size)
    let start = 0
    for (let segment = 0; segment < segments; segment++) {
      signal?.throwIfAborted()
      while (scans.length < Math.min(segment + SEGMENTS_AHEAD, segments)) {
        const from = scans.length * SEGMENT_BYTES
        scans.push(this.#pool.run(SCAN_SEGMENT, { path, stat, from, to: endOf(scans.length) }))
      }
      const candidates = await scans[segment]
      if (candidates === undefined) return unstable(path)
      const ends = planner.push(candidates, endOf(segment))
      const lengths = Uint32Array.from(ends, (end, i) => end - (ends[i - 1] ?? start))
      hashing.push(this.#hashSegment(path, stat, start, lengths))
      start = ends.at(-1) ?? start
    }
    const chunks: ChunkRef[] = []
    for (const part of await Promise.all(hashing)) {
      if (part === undefined) return unstable(path)
      chunks.push(...part)
    }
    const content = await contentOf(chunks)
    return content === undefined ? tooManyChunks(path) : { kind: 'hashed', path, stat, content }
  }

  async #hashSegment(path: string, stat: LargeFile['stat'], from: number, lengths: Uint32Array) {
    const cids = await this.#pool.run(HASH_SEGMENT, { path, stat, from, lengths })
    return cids === undefined ? undefined : unpackChunks(cids, lengths)
  }

  async [Symbol.asyncDispose](): Promise<void> {}
}

const hashDirectly = (paths: readonly string[]): (FileRecord | undefined)[] => {
  const buffer = new Uint8Array(SHORT_BUFFER_BYTES)
  return paths.map((path) => hashShortFile(path, buffer))
}

/** Content as an op names it. Undefined: more chunks than manifests hold. Other work gets in between two manifests. */
const contentOf = async (chunks: readonly ChunkRef[]): Promise<FileContent | undefined> => {
  if (chunks.length <= OP_CHUNKS_MAX) return { kind: 'chunks', chunks }
  let content: FileContent | undefined
  for (const manifest of encodeManifests(chunks) ?? []) {
    content = { kind: 'manifest', cid: manifest.cid, chunks }
    await setImmediate()
  }
  return content
}

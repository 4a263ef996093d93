/**
 * Brings together the bytes of files to be written: chunks that lie here already are read here, the others come from
 * peers in one request. Small files are gathered in memory and written at once; long ones are written as they come.
 */
import { bytesToHex, type Cid, type Hash, type StoreId } from '#kernel/core/bytes.ts'
import { err, latticeError, ok, type LatticeError, type Result } from '#kernel/core/result.ts'
import { hashesTo } from '#kernel/cas/digest.ts'
import { resolveManifest } from '#kernel/cas/manifest-parts.ts'
import type { BlobSource, CasBackend, ChunkRef, StoringBackend } from '#kernel/cas/port.ts'
import type { ContentValue } from '../filestore/port.ts'
import { ArrivingFile } from './arriving-file.ts'

/** Up to this size a file is gathered in memory. */
export const SMALL_MAX = 1024 * 1024
const LOCAL_READS_AT_ONCE = 8
const MANIFESTS_AT_ONCE = 8

export interface Wanted {
  readonly content: ContentValue
  /** A name of our own for a long file while it grows; what lies there from an earlier try is used. */
  readonly tmp: string
}

/** The bytes themselves, or the temporary file that holds them (complete, not yet given its attributes). */
export type Gathered =
  | { readonly kind: 'bytes'; readonly bytes: Uint8Array; readonly chunks: readonly ChunkRef[] }
  | { readonly kind: 'file'; readonly chunks: readonly ChunkRef[] }

export interface ContentSources {
  readonly storeId: StoreId
  /** Everything that lies on this device. */
  readonly local: CasBackend
  readonly keep: StoringBackend
  readonly blobs: BlobSource
}

export interface GatherResult<T> {
  /** No connected peer had all of it. */
  readonly missing: readonly T[]
  /** What its author wrote makes no sense: the manifest is malformed, or is not of that size. */
  readonly bad: readonly T[]
}

interface Part {
  readonly job: Job
  readonly offset: number
}

interface Job {
  readonly item: unknown
  readonly chunks: readonly ChunkRef[]
  readonly bytes: Uint8Array | undefined
  readonly file: ArrivingFile | undefined
  left: number
}

/** `done` is called once for every item whose bytes are complete; its promise is the back-pressure. */
export const gather = async <T>(
  sources: ContentSources,
  items: readonly { readonly item: T; readonly wanted: Wanted }[],
  done: (item: T, gathered: Gathered) => Promise<void>,
  signal: AbortSignal,
): Promise<GatherResult<T>> => {
  const bad: T[] = []
  const missing: T[] = []
  const jobs: Job[] = []
  const parts = new Map<string, { readonly ref: ChunkRef; readonly parts: Part[] }>()
  const manifests = await readManifests(
    sources,
    items.map(({ wanted }) => wanted.content),
    signal,
  )
  try {
    for (const { item, wanted } of items) {
      const chunks = chunksOf(wanted.content, manifests)
      if (chunks === 'missing') missing.push(item)
      else if (chunks === 'bad') bad.push(item)
      else if (wanted.content.data.kind === 'inline')
        await done(item, { kind: 'bytes', bytes: wanted.content.data.bytes, chunks: [] })
      else jobs.push(await startJob(item, wanted, chunks, parts))
    }
    const finished = async (job: Job): Promise<void> => {
      await job.file?.close()
      const { chunks, bytes } = job
      await done(job.item as T, bytes ? { kind: 'bytes', bytes, chunks } : { kind: 'file', chunks })
    }
    for (const job of jobs) if (job.left === 0) await finished(job)
    await fill(sources, parts, finished, signal)
    for (const job of jobs) if (job.left > 0) missing.push(job.item as T)
  } finally {
    // What came is used by a later try. That it could not be written, the next look at it says.
    await Promise.allSettled(jobs.flatMap(({ left, file }) => (left > 0 && file ? [file.close()] : [])))
  }
  return { missing, bad }
}

const startJob = async (
  item: unknown,
  wanted: Wanted,
  chunks: readonly ChunkRef[],
  parts: Map<string, { readonly ref: ChunkRef; readonly parts: Part[] }>,
): Promise<Job> => {
  const small = wanted.content.size <= SMALL_MAX
  const job: Job = {
    item,
    chunks,
    bytes: small ? new Uint8Array(wanted.content.size) : undefined,
    file: small ? undefined : await ArrivingFile.open(wanted.tmp, wanted.content.size),
    left: chunks.length,
  }
  const had = job.file ? await chunksHad(job.file, chunks) : undefined
  let offset = 0
  for (const [i, ref] of chunks.entries()) {
    if (had?.[i]) {
      job.left--
      offset += ref.length
      continue
    }
    const key = bytesToHex(ref.cid)
    let known = parts.get(key)
    if (!known) parts.set(key, (known = { ref, parts: [] }))
    known.parts.push({ job, offset })
    offset += ref.length
  }
  return job
}

/** Which chunks an earlier try has brought already; only what hashes to its name counts. */
const chunksHad = async (file: ArrivingFile, chunks: readonly ChunkRef[]): Promise<boolean[]> => {
  const size = await file.size()
  const had: boolean[] = []
  let offset = 0
  for (const { cid, length } of chunks) {
    const bytes = offset + length <= size ? await file.read(offset, length) : undefined
    had.push(bytes !== undefined && hashesTo(cid, bytes))
    offset += length
  }
  return had
}

const fill = async (
  { storeId, local, blobs }: ContentSources,
  parts: Map<string, { readonly ref: ChunkRef; readonly parts: Part[] }>,
  finished: (job: Job) => Promise<void>,
  signal: AbortSignal,
): Promise<void> => {
  const place = async (key: string, bytes: Uint8Array): Promise<void> => {
    const waiting = parts.get(key)
    if (!waiting || bytes.length !== waiting.ref.length) return
    parts.delete(key)
    for (const { job, offset } of waiting.parts) {
      if (job.bytes) job.bytes.set(bytes, offset)
      else await job.file!.write(bytes, offset)
      if (--job.left === 0) await finished(job)
    }
  }
  const here = [...parts].filter(([, { ref }]) => local.has(storeId, ref.cid))
  await inLanes(here, LOCAL_READS_AT_ONCE, async ([key, { ref }]) => {
    const read = await local.read(storeId, ref.cid)
    if (read.ok) await place(key, read.value) // a damaged one is asked for like a missing one
  })
  if (parts.size === 0) return
  const wanted = [...parts.values()].map(({ ref }) => ref)
  await blobs.fetch(storeId, wanted, (cid, bytes) => place(bytesToHex(cid), bytes), { signal })
}

const inLanes = async <T>(items: readonly T[], lanes: number, work: (item: T) => Promise<void>): Promise<void> => {
  let next = 0
  const lane = async (): Promise<void> => {
    while (next < items.length) await work(items[next++]!)
  }
  await Promise.all(Array.from({ length: Math.min(lanes, items.length) }, lane))
}

/** The chunks of long files, by the CID that names them. What was fetched for it is kept: who has a file serves its list. */
const readManifests = async (
  { storeId, local, keep, blobs }: ContentSources,
  contents: readonly ContentValue[],
  signal: AbortSignal,
): Promise<Map<string, readonly ChunkRef[] | 'missing' | 'bad'>> => {
  const found = new Map<string, readonly ChunkRef[] | 'missing' | 'bad'>()
  const read = async (cid: Cid): Promise<Result<Uint8Array, LatticeError>> => {
    const here = local.has(storeId, cid) ? await local.read(storeId, cid) : undefined
    if (here?.ok) return here
    let bytes: Uint8Array | undefined
    const take = async (_cid: Cid, got: Uint8Array): Promise<void> => void (bytes = got.slice())
    // How long a manifest is, nothing says beforehand: 0.
    await blobs.fetch(storeId, [{ cid, length: 0 }], take, { signal })
    if (!bytes) return err(latticeError('chunk-missing', 'retryable', 'no connected device has the list of its chunks'))
    const kept = await keep.write(storeId, [{ cid, bytes }])
    return kept.ok ? ok(bytes) : kept
  }
  const one = async ({ data, size }: ContentValue): Promise<void> => {
    if (data.kind !== 'manifest') return
    const resolved = await resolveManifest(data.cid as Hash as Cid, size, read)
    const chunks = resolved.ok ? resolved.value : resolved.error.kind === 'bad-manifest' ? 'bad' : 'missing'
    found.set(bytesToHex(data.cid), chunks)
  }
  await inLanes(contents, MANIFESTS_AT_ONCE, one)
  return found
}

const chunksOf = (
  { data }: ContentValue,
  manifests: ReadonlyMap<string, readonly ChunkRef[] | 'missing' | 'bad'>,
): readonly ChunkRef[] | 'missing' | 'bad' =>
  data.kind === 'inline' ? [] : data.kind === 'chunks' ? data.chunks : manifests.get(bytesToHex(data.cid))!

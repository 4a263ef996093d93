/**
 * Brings together the bytes of files to be written: chunks that lie here already are read here, the others come from
 * peers in one request. Small files are gathered in memory and written at once; long ones are written as they come.
 */
import { type FileHandle, open } from 'node:fs/promises'
import { bytesToHex, type Cid, type Hash, type StoreId } from '#kernel/core/bytes.ts'
import { parseManifest } from '#kernel/cas/manifest.ts'
import type { BlobSource, CasBackend, ChunkRef, StoringBackend } from '#kernel/cas/port.ts'
import type { ContentValue } from '../filestore/port.ts'

/** Up to this size a file is gathered in memory. */
export const SMALL_MAX = 1024 * 1024
const LOCAL_READS_AT_ONCE = 8

export interface Wanted {
  readonly content: ContentValue
  /** A name of our own for a long file while it grows. */
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
  readonly file: FileHandle | undefined
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
    await fill(sources, parts, finished, signal)
    for (const job of jobs) if (job.left > 0) missing.push(job.item as T)
  } finally {
    for (const job of jobs) if (job.left > 0) await job.file?.close()
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
    file: small ? undefined : await open(wanted.tmp, 'wx', 0o600),
    left: chunks.length,
  }
  let offset = 0
  for (const ref of chunks) {
    const key = bytesToHex(ref.cid)
    let known = parts.get(key)
    if (!known) parts.set(key, (known = { ref, parts: [] }))
    known.parts.push({ job, offset })
    offset += ref.length
  }
  return job
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
      else await writeAll(job.file!, bytes, offset)
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

const writeAll = async (file: FileHandle, bytes: Uint8Array, offset: number): Promise<void> => {
  for (let at = 0; at < bytes.length;) at += (await file.write(bytes, at, bytes.length - at, offset + at)).bytesWritten
}

const inLanes = async <T>(items: readonly T[], lanes: number, work: (item: T) => Promise<void>): Promise<void> => {
  let next = 0
  const lane = async (): Promise<void> => {
    while (next < items.length) await work(items[next++]!)
  }
  await Promise.all(Array.from({ length: Math.min(lanes, items.length) }, lane))
}

/** The chunk lists of long files, kept here from then on: whoever has the file can serve its list. */
const readManifests = async (
  { storeId, local, keep, blobs }: ContentSources,
  contents: readonly ContentValue[],
  signal: AbortSignal,
): Promise<Map<string, Uint8Array>> => {
  const found = new Map<string, Uint8Array>()
  const wanted: ChunkRef[] = []
  for (const { data, size } of contents) {
    if (data.kind !== 'manifest') continue
    const read = local.has(storeId, data.cid) ? await local.read(storeId, data.cid) : undefined
    if (read?.ok) found.set(bytesToHex(data.cid), read.value)
    else wanted.push({ cid: data.cid as Hash as Cid, length: manifestLength(size) })
  }
  if (wanted.length === 0) return found
  const fetched: { cid: Cid; bytes: Uint8Array }[] = []
  await blobs.fetch(
    storeId,
    wanted,
    async (cid, bytes) => {
      found.set(bytesToHex(cid), bytes)
      fetched.push({ cid, bytes })
    },
    { signal },
  )
  if (fetched.length > 0) await keep.write(storeId, fetched)
  return found
}

/** The op does not tell a manifest's length; this is about what one of a file of `size` takes. */
const manifestLength = (size: number): number => Math.min(CHUNK_LENGTH_MAX, Math.ceil(size / 65_536) * 40)
const CHUNK_LENGTH_MAX = 1024 * 1024

const chunksOf = (
  content: ContentValue,
  manifests: ReadonlyMap<string, Uint8Array>,
): readonly ChunkRef[] | 'missing' | 'bad' => {
  const { data, size } = content
  if (data.kind === 'inline') return []
  if (data.kind === 'chunks') return data.chunks
  const bytes = manifests.get(bytesToHex(data.cid))
  if (!bytes) return 'missing'
  const parsed = parseManifest(bytes)
  if (!parsed.ok) return 'bad'
  return parsed.value.reduce((sum, { length }) => sum + length, 0) === size ? parsed.value : 'bad'
}

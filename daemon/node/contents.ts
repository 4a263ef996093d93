/** Content of files for the services: taken from a file of the user's, or made sure to be here before it is needed. */
import { open } from 'node:fs/promises'
import type { Cas } from '#kernel/cas/cas.ts'
import { encodeManifest, parseManifest } from '#kernel/cas/manifest.ts'
import { CHUNK_MAX, type BlobSource, type ChunkRef, type ContentHasher } from '#kernel/cas/port.ts'
import type { Cid, StoreId } from '#kernel/core/bytes.ts'
import { err, latticeError, ok, type LatticeError, type Result } from '#kernel/core/result.ts'
import type { ContentValue } from '#fs-bridge/filestore/port.ts'
import type { FileContents } from './parts.ts'

const unavailable = latticeError(
  'content-unavailable',
  'retryable',
  'neither this device nor one that is connected still has that content',
)

export const createFileContents = (cas: Cas, hasher: ContentHasher, blobs: BlobSource): FileContents => {
  const fetchMissing = async (
    store: StoreId,
    chunks: readonly ChunkRef[],
    signal: AbortSignal,
  ): Promise<Result<void, LatticeError>> => {
    const wanted = chunks.filter(({ cid }) => !cas.has(store, cid))
    if (wanted.length === 0) return ok(undefined)
    let failure: LatticeError | undefined
    const keep = async (cid: Cid, bytes: Uint8Array): Promise<void> => {
      const written = await cas.write(store, [{ cid, bytes }])
      if (!written.ok) failure ??= written.error
    }
    const { missing } = await blobs.fetch(store, wanted, keep, { urgent: true, signal })
    if (failure) return err(failure)
    return missing.length === 0 ? ok(undefined) : err(unavailable)
  }

  const chunksOf = async (
    store: StoreId,
    { data }: ContentValue,
    signal: AbortSignal,
  ): Promise<Result<readonly ChunkRef[], LatticeError>> => {
    if (data.kind === 'inline') return ok([])
    if (data.kind === 'chunks') return ok(data.chunks)
    const here = await fetchMissing(store, [{ cid: data.cid, length: CHUNK_MAX }], signal)
    if (!here.ok) return here
    const manifest = await cas.read(store, data.cid)
    return manifest.ok ? parseManifest(manifest.value) : manifest
  }

  return {
    async take({ id }, path) {
      const [hashed] = await hasher.hashFiles([path])
      if (hashed?.kind !== 'hashed')
        return err(latticeError('file-unreadable', 'permanent', hashed?.message ?? `cannot read ${path}`))
      const { content, stat } = hashed
      const value = { size: stat.size, mtimeNs: stat.mtimeNs, mode: stat.mode & 0o7777 }
      if (content.kind === 'inline') return ok({ ...value, data: content })
      const copied = await copyChunks(cas, id, path, content.chunks)
      if (!copied.ok) return copied
      if (content.kind === 'chunks') return ok({ ...value, data: content })
      const manifest = await cas.write(id, [{ cid: content.cid, bytes: encodeManifest(content.chunks) }])
      return manifest.ok ? ok({ ...value, data: { kind: 'manifest', cid: content.cid } }) : manifest
    },

    async secure({ id }, content, signal) {
      const chunks = await chunksOf(id, content, signal)
      return chunks.ok ? fetchMissing(id, chunks.value, signal) : chunks
    },
  }
}

/** One chunk in memory at a time. A file that changes meanwhile fails the check of its next chunk. */
const copyChunks = async (
  cas: Cas,
  store: StoreId,
  path: string,
  chunks: readonly ChunkRef[],
): Promise<Result<void, LatticeError>> => {
  await using file = await open(path)
  let offset = 0
  for (const { cid, length } of chunks) {
    const bytes = new Uint8Array(length)
    await file.read(bytes, 0, length, offset)
    const written = await cas.write(store, [{ cid, bytes }])
    if (!written.ok) return written
    offset += length
  }
  return ok(undefined)
}

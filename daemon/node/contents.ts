/**
 * Content of files for the services: taken from a file of the user's, or made sure to be here before it is needed.
 * An old version may lie in a live file, among the chunks kept outside the folder, in the folder's trash, or at a peer.
 */
import type { Cas } from '#kernel/cas/cas.ts'
import { encodeManifests, resolveManifest } from '#kernel/cas/manifest-parts.ts'
import type { BlobSource, ChunkRef, ContentHasher, FileContent } from '#kernel/cas/port.ts'
import { equalBytes, type Cid, type StoreId } from '#kernel/core/bytes.ts'
import { err, latticeError, ok, type LatticeError, type Result } from '#kernel/core/result.ts'
import type { ContentValue } from '#fs-bridge/filestore/port.ts'
import { keepChunks } from './keep-chunks.ts'
import type { FileContents, FolderEntry, Secured } from './parts.ts'
import { trashedFiles } from './trashed-files.ts'

const unavailable = latticeError(
  'content-unavailable',
  'retryable',
  'neither this device nor one that is connected still has that content',
)

const sameContent = (a: FileContent, b: ContentValue['data']): boolean => {
  if (a.kind === 'chunks' && b.kind === 'chunks')
    return a.chunks.length === b.chunks.length && a.chunks.every(({ cid }, i) => equalBytes(cid, b.chunks[i]!.cid))
  return a.kind === 'manifest' && b.kind === 'manifest' && equalBytes(a.cid, b.cid)
}

/** The chunks of a file of the user's, and what names them, become chunks of our own. */
const keepFile = async (
  cas: Cas,
  store: StoreId,
  path: string,
  content: FileContent,
): Promise<Result<void, LatticeError>> => {
  if (content.kind === 'inline') return ok(undefined)
  const kept = await keepChunks(cas, store, path, content.chunks)
  if (!kept.ok || content.kind === 'chunks') return kept
  for (const manifest of encodeManifests(content.chunks) ?? []) {
    const written = await cas.write(store, [manifest])
    if (!written.ok) return written
  }
  return ok(undefined)
}

/** One content on its way to being here; what it pins stays until it is released. */
class Securing {
  readonly #cas: Cas
  readonly #blobs: BlobSource
  readonly #store: StoreId
  readonly #signal: AbortSignal
  readonly #pins: (() => void)[] = []

  constructor(cas: Cas, blobs: BlobSource, store: StoreId, signal: AbortSignal) {
    this.#cas = cas
    this.#blobs = blobs
    this.#store = store
    this.#signal = signal
  }

  pin(cids: readonly Cid[]): void {
    this.#pins.push(this.#cas.pin(this.#store, cids))
  }

  release(): void {
    for (const unpin of this.#pins.splice(0)) unpin()
  }

  async chunksOf({ data, size }: ContentValue, remote: boolean): Promise<Result<readonly ChunkRef[], LatticeError>> {
    if (data.kind === 'inline') return ok([])
    if (data.kind === 'chunks') return ok(data.chunks)
    return resolveManifest(data.cid, size, async (cid) => {
      this.pin([cid])
      const here = await this.fetch([{ cid, length: 0 }], remote)
      return here.ok ? this.#cas.read(this.#store, cid) : here
    })
  }

  /** `remote`: from peers what is not here; else what is not here is an error. */
  async fetch(chunks: readonly ChunkRef[], remote: boolean): Promise<Result<void, LatticeError>> {
    const wanted: ChunkRef[] = []
    // Read, not looked up: a file of the user's may have changed since it was known to hold a chunk.
    for (const chunk of chunks) if (!(await this.#cas.read(this.#store, chunk.cid)).ok) wanted.push(chunk)
    if (wanted.length === 0) return ok(undefined)
    if (!remote) return err(unavailable)
    let failure: LatticeError | undefined
    const keep = async (cid: Cid, bytes: Uint8Array): Promise<void> => {
      const written = await this.#cas.write(this.#store, [{ cid, bytes }])
      if (!written.ok) failure ??= written.error
    }
    const { missing } = await this.#blobs.fetch(this.#store, wanted, keep, { urgent: true, signal: this.#signal })
    if (failure) return err(failure)
    return missing.length === 0 ? ok(undefined) : err(unavailable)
  }

  async all(content: ContentValue, remote: boolean): Promise<Result<void, LatticeError>> {
    const chunks = await this.chunksOf(content, remote)
    if (!chunks.ok) return chunks
    this.pin(chunks.value.map(({ cid }) => cid))
    return this.fetch(chunks.value, remote)
  }
}

export const createFileContents = (cas: Cas, hasher: ContentHasher, blobs: BlobSource): FileContents => {
  /** True: the trash of the folder had it, and its chunks are kept now. */
  const takeFromTrash = async (
    { store, path: root }: FolderEntry,
    content: ContentValue,
    signal: AbortSignal,
  ): Promise<Result<boolean, LatticeError>> => {
    for await (const path of trashedFiles(root, content.size, signal)) {
      const [hashed] = await hasher.hashFiles([path], signal)
      if (hashed?.kind !== 'hashed' || !sameContent(hashed.content, content.data)) continue
      const kept = await keepFile(cas, store.id, path, hashed.content)
      return kept.ok ? ok(true) : kept
    }
    return ok(false)
  }

  return {
    async take({ id }, path) {
      const [hashed] = await hasher.hashFiles([path])
      if (hashed?.kind !== 'hashed')
        return err(latticeError('file-unreadable', 'permanent', hashed?.message ?? `cannot read ${path}`))
      const { content, stat } = hashed
      const kept = await keepFile(cas, id, path, content)
      if (!kept.ok) return kept
      const data = content.kind === 'manifest' ? ({ kind: 'manifest', cid: content.cid } as const) : content
      return ok({ size: stat.size, mtimeNs: stat.mtimeNs, mode: stat.mode & 0o7777, data })
    },

    async secure(entry, content, signal): Promise<Result<Secured, LatticeError>> {
      const securing = new Securing(cas, blobs, entry.store.id, signal)
      const secured = { [Symbol.dispose]: () => securing.release() }
      if ((await securing.all(content, false)).ok) return ok(secured)
      const found = await takeFromTrash(entry, content, signal)
      const here = found.ok ? await securing.all(content, !found.value) : found
      if (here.ok) return ok(secured)
      securing.release()
      return here
    },
  }
}

/**
 * Content of files for the services: taken from a file of the user's, or made sure to be here before it is needed.
 * An old version may lie in a live file, among the chunks kept outside the folder, in the folder's trash, or at a peer.
 */
import type { Cas } from '#kernel/cas/cas.ts'
import { cutBytes } from '#kernel/cas/bytes.ts'
import { keepFile } from '#kernel/cas/keep-file.ts'
import type { BlobSource, ContentHasher } from '#kernel/cas/port.ts'
import { err, latticeError, ok, type LatticeError, type Result } from '#kernel/core/result.ts'
import type { Store } from '#kernel/store/port.ts'
import { fileContentToData } from '#fs-bridge/filestore/inode.ts'
import type { ContentValue } from '#fs-bridge/filestore/port.ts'
import { controlPaths } from '#fs-bridge/folder/marker.ts'
import { takeFromTrash } from '#fs-bridge/folder/trash-content.ts'
import type { FileContents, FolderEntry, Secured } from './parts.ts'
import { Securing, unavailable } from './securing.ts'

/** What is read ahead of the reader, and how long that may take. */
const STRETCH_CHUNKS = 4
const STRETCH_MS_MAX = 60_000
const PIECE_BYTES = 256 * 1024

function* inPieces(bytes: Uint8Array): Generator<Result<Uint8Array, LatticeError>> {
  for (let at = 0; at < bytes.length; at += PIECE_BYTES) yield ok(bytes.subarray(at, at + PIECE_BYTES))
}

export const createFileContents = (cas: Cas, hasher: ContentHasher, blobs: BlobSource): FileContents =>
  new NodeContents(cas, hasher, blobs)

class NodeContents implements FileContents {
  readonly #cas: Cas
  readonly #hasher: ContentHasher
  readonly #blobs: BlobSource

  constructor(cas: Cas, hasher: ContentHasher, blobs: BlobSource) {
    this.#cas = cas
    this.#hasher = hasher
    this.#blobs = blobs
  }

  async take({ id }: Store, path: string): Promise<Result<ContentValue, LatticeError>> {
    const [hashed] = await this.#hasher.hashFiles([path])
    if (hashed?.kind !== 'hashed')
      return err(latticeError('file-unreadable', 'permanent', hashed?.message ?? `cannot read ${path}`))
    const { content, stat } = hashed
    const kept = await keepFile(this.#cas, id, path, content)
    if (!kept.ok) return kept
    return ok({ size: stat.size, mtimeNs: stat.mtimeNs, mode: stat.mode & 0o7777, data: fileContentToData(content) })
  }

  async takeBytes({ id }: Store, bytes: Uint8Array, mode: number): Promise<Result<ContentValue, LatticeError>> {
    const { content, chunks } = cutBytes(bytes)
    const kept = await this.#cas.write(id, chunks)
    if (!kept.ok) return kept
    return ok({ size: bytes.length, mtimeNs: BigInt(Date.now()) * 1_000_000n, mode, data: fileContentToData(content) })
  }

  async secure(entry: FolderEntry, content: ContentValue, signal: AbortSignal): Promise<Result<Secured, LatticeError>> {
    return this.#secured(entry, content, signal, (securing, remote) => securing.all(content, remote))
  }

  async hold(entry: FolderEntry, content: ContentValue, signal: AbortSignal): Promise<Result<Secured, LatticeError>> {
    return this.#secured(entry, content, signal, async (securing, remote) => {
      const all = await securing.all(content, remote)
      const chunks = all.ok ? await securing.chunksOf(content, false) : all
      return chunks.ok ? securing.copy(chunks.value) : chunks
    })
  }

  async probe(entry: FolderEntry, content: ContentValue, signal: AbortSignal): Promise<Uint8Array | undefined> {
    const { data } = content
    if (data.kind === 'inline') return data.bytes
    const { id } = entry.store
    using securing = new Securing(this.#cas, this.#blobs, id, signal)
    const found = await this.#reach(entry, content, signal, async (remote) => {
      const chunks = await securing.chunksOf(content, remote)
      if (!chunks.ok) return chunks
      const first = chunks.value[0]!
      // Who has the first that is not here is taken to have the others.
      const absent = chunks.value.find(({ cid }) => !this.#cas.has(id, cid))
      const fetched = await securing.fetch(absent && absent !== first ? [first, absent] : [first], remote)
      return fetched.ok ? this.#cas.read(id, first.cid) : fetched
    })
    return found.ok ? found.value : undefined
  }

  async *read(
    entry: FolderEntry,
    content: ContentValue,
    gone: AbortSignal,
  ): AsyncGenerator<Result<Uint8Array, LatticeError>> {
    const { data } = content
    if (data.kind === 'inline') return yield* inPieces(data.bytes)
    const { id } = entry.store
    const signal = AbortSignal.any([gone, AbortSignal.timeout(STRETCH_MS_MAX)])
    using listing = new Securing(this.#cas, this.#blobs, id, signal)
    const chunks = await this.#reach(entry, content, signal, (remote) => listing.chunksOf(content, remote))
    if (!chunks.ok) return yield chunks
    for (let from = 0; from < chunks.value.length; from += STRETCH_CHUNKS) {
      const stretch = chunks.value.slice(from, from + STRETCH_CHUNKS)
      const signal = AbortSignal.any([gone, AbortSignal.timeout(STRETCH_MS_MAX)])
      using securing = new Securing(this.#cas, this.#blobs, id, signal)
      securing.pin(stretch.map(({ cid }) => cid))
      const here = await this.#reach(entry, content, signal, (remote) => securing.fetch(stretch, remote))
      if (!here.ok) return yield here
      for (const { cid } of stretch) {
        const bytes = await this.#cas.read(id, cid)
        if (!bytes.ok) return yield bytes
        yield* inPieces(bytes.value)
      }
    }
  }

  async #secured(
    entry: FolderEntry,
    content: ContentValue,
    signal: AbortSignal,
    attempt: (securing: Securing, remote: boolean) => Promise<Result<void, LatticeError>>,
  ): Promise<Result<Secured, LatticeError>> {
    const securing = new Securing(this.#cas, this.#blobs, entry.store.id, signal)
    const here = await this.#reach(entry, content, signal, (remote) => attempt(securing, remote))
    if (here.ok) return ok(securing)
    securing[Symbol.dispose]()
    return here
  }

  /** Here first, then in the trash, then at peers. */
  async #reach<T>(
    entry: FolderEntry,
    content: ContentValue,
    signal: AbortSignal,
    attempt: (remote: boolean) => Promise<Result<T, LatticeError>>,
  ): Promise<Result<T, LatticeError>> {
    const here = await attempt(false)
    if (here.ok) return here
    const found = await this.#takeFromTrash(entry, content, signal)
    if (!found.ok) return found
    return signal.aborted ? err(unavailable) : attempt(!found.value)
  }

  /** True: the trash of the folder had it, and its chunks are kept now. */
  async #takeFromTrash(
    { store, path: root }: FolderEntry,
    content: ContentValue,
    signal: AbortSignal,
  ): Promise<Result<boolean, LatticeError>> {
    if (root === '') return ok(false)
    const { stored } = this.#cas
    const sources = { trash: controlPaths(root).trash, storeId: store.id, chunks: stored, hasher: this.#hasher }
    const missing = await takeFromTrash(sources, [content], signal)
    return missing.ok ? ok(missing.value.length === 0) : missing
  }
}

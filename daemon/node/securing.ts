/** Getting one content here: what is looked for where, and what must not be collected meanwhile. */
import type { Cas } from '#kernel/cas/cas.ts'
import { resolveManifest } from '#kernel/cas/manifest-parts.ts'
import type { BlobSource, ChunkRef } from '#kernel/cas/port.ts'
import type { Cid, StoreId } from '#kernel/core/bytes.ts'
import { err, latticeError, ok, type LatticeError, type Result } from '#kernel/core/result.ts'
import type { ContentValue } from '#fs-bridge/filestore/port.ts'

export const unavailable = latticeError(
  'content-unavailable',
  'retryable',
  'neither this device nor one that is connected still has that content',
)

/** One content on its way to being here; what it pins stays until it is released. */
export class Securing implements Disposable {
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

  [Symbol.dispose](): void {
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
    try {
      const { missing } = await this.#blobs.fetch(this.#store, wanted, keep, { urgent: true, signal: this.#signal })
      if (failure) return err(failure)
      return missing.length === 0 ? ok(undefined) : err(unavailable)
    } catch (cause) {
      if (this.#signal.aborted) return err(unavailable)
      throw cause
    }
  }

  async all(content: ContentValue, remote: boolean): Promise<Result<void, LatticeError>> {
    const chunks = await this.chunksOf(content, remote)
    if (!chunks.ok) return chunks
    this.pin(chunks.value.map(({ cid }) => cid))
    return this.fetch(chunks.value, remote)
  }

  /** Makes chunks of our own of those that lie in files of the user's, which the folder is about to move away. */
  async copy(chunks: readonly ChunkRef[]): Promise<Result<void, LatticeError>> {
    for (const { cid } of chunks) {
      if (this.#cas.stored.has(this.#store, cid)) continue
      const bytes = await this.#cas.read(this.#store, cid)
      const written = bytes.ok ? await this.#cas.write(this.#store, [{ cid, bytes: bytes.value }]) : bytes
      if (!written.ok) return written
    }
    return ok(undefined)
  }
}

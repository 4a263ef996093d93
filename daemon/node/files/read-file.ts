/**
 * The bytes of a file, in pieces as fast as the caller takes them. As it is now: from the disk, but never through a
 * symlink, so that nothing outside the folder is read. As one intention left it: chunk by chunk from where each still
 * is, here or at a peer.
 */
import { constants } from 'node:fs'
import { open, type FileHandle } from 'node:fs/promises'
import { dirname } from 'node:path'
import type { Cas } from '#kernel/cas/cas.ts'
import { manifestChunks } from '#kernel/cas/manifest-parts.ts'
import type { BlobSource, ChunkRef } from '#kernel/cas/port.ts'
import { equalBytes, hexToBytes, type Cid, type Hash } from '#kernel/core/bytes.ts'
import { err, latticeError, ok, type LatticeError, type Result } from '#kernel/core/result.ts'
import { contentOf, linkOf } from '#fs-bridge/filestore/ops.ts'
import type { ContentValue, Inode } from '#fs-bridge/filestore/port.ts'
import type { Tree } from '#fs-bridge/filestore/tree.ts'
import { errnoOf, isRealDir } from '#fs-bridge/folder/disk.ts'
import { decodeFileOps, versionsOf } from '../history.ts'
import type { FileContents, FolderEntry } from '../parts.ts'
import { noSuchFile, pathOfPlace, type Located } from './places.ts'
import { lookSafely } from './row-state.ts'

/** The longest piece, in bytes. */
export const PIECE_MAX = 256 * 1024
const READ_FLAGS = constants.O_RDONLY | (constants.O_NOFOLLOW ?? 0) | (constants.O_NONBLOCK ?? 0)

type Piece = Result<Uint8Array, LatticeError>

export interface ContentSources {
  readonly cas: Cas
  readonly blobs: BlobSource
  readonly contents: FileContents
}

const notAFile = (path: string): LatticeError => latticeError('not-a-file', 'permanent', `${path} is not a file`)

/** The file as it is on this disk; undefined: there is none there that may be read. */
const openOnDisk = async (root: string, path: string): Promise<FileHandle | undefined> => {
  const full = `${root}/${path}`
  if (root === '' || !isRealDir(dirname(full)) || lookSafely(full)?.kind !== 'file') return undefined
  let file: FileHandle
  try {
    file = await open(full, READ_FLAGS)
  } catch (cause) {
    errnoOf(cause)
    return undefined
  }
  // What was opened is what stands there, in the same directory still: none of it was exchanged for a symlink.
  const stat = await file.stat({ bigint: true })
  const looked = isRealDir(dirname(full)) ? lookSafely(full) : undefined
  if (stat.isFile() && looked?.ino === stat.ino && looked.dev === stat.dev) return file
  await file.close()
  return undefined
}

async function* piecesOnDisk(file: FileHandle, path: string): AsyncGenerator<Piece> {
  try {
    for (;;) {
      const piece = new Uint8Array(PIECE_MAX)
      const { bytesRead } = await file.read(piece, 0, PIECE_MAX)
      if (bytesRead === 0) return
      yield ok(piece.subarray(0, bytesRead))
    }
  } catch (cause) {
    yield err(latticeError('file-unreadable', 'permanent', `${path} cannot be read (${errnoOf(cause)})`))
  } finally {
    await file.close()
  }
}

/** What a file holds now: on this disk; else as it is known. */
export async function* readNow(
  sources: ContentSources,
  tree: Tree,
  { entry, path }: Located,
  signal: AbortSignal,
): AsyncGenerator<Piece> {
  const file = await openOnDisk(entry.path, path)
  if (file) return yield* piecesOnDisk(file, path)
  const visible = tree.resolve(path)
  if (visible === undefined) return yield err(noSuchFile(entry.store.name, path))
  if (visible.kind !== 'file' || !visible.content) return yield err(notAFile(path))
  yield* piecesOf(sources, entry, visible.content, signal)
}

/** What a file held after an intention, which wrote its content or its place. */
export async function* readVersion(
  sources: ContentSources,
  tree: Tree,
  { entry, path }: Located,
  hash: string,
  signal: AbortSignal,
): AsyncGenerator<Piece> {
  const content = await contentLeftBy(tree, entry, path, hash, signal)
  if (!content.ok) return yield content
  yield* piecesOf(sources, entry, content.value, signal)
}

const contentLeftBy = async (
  tree: Tree,
  { store }: FolderEntry,
  path: string,
  hash: string,
  signal: AbortSignal,
): Promise<Result<ContentValue, LatticeError>> => {
  const bytes = hexToBytes(hash)
  const written = bytes.ok && bytes.value.length === 32 ? store.dag.get(bytes.value as Hash) : undefined
  const none = err(latticeError('version-not-found', 'permanent', `no version of ${path} is called ${hash}`))
  if (!written || written.excluded) return none
  const seen = tree.resolve(path)?.inode
  const isIt = (inode: Uint8Array, at: ReturnType<typeof linkOf> | undefined): boolean =>
    (seen !== undefined && equalBytes(seen, inode)) ||
    (at !== undefined && [at, at.replaced].some((place) => place && pathOfPlace(tree.state, place) === path))
  const op = decodeFileOps(written.ops).find(({ inode, link }) => isIt(inode, link && linkOf(link)))
  if (!op) return none
  if (op.content) return ok(contentOf(op.content))
  const versions = await versionsOf(store, op.inode as Inode, path, signal)
  const content = versions.find((version) => equalBytes(version.written.hash, written.hash))?.content
  return content ? ok(content) : none
}

async function* piecesOf(
  sources: ContentSources,
  entry: FolderEntry,
  content: ContentValue,
  signal: AbortSignal,
): AsyncGenerator<Piece> {
  if (content.data.kind === 'inline') return yield ok(content.data.bytes)
  const reading = new Reading(sources, entry, content, signal)
  try {
    for await (const chunks of reading.chunks()) {
      if (!chunks.ok) return yield chunks
      for (const { cid, length } of chunks.value) {
        const bytes = await reading.read(cid, length)
        if (!bytes.ok) return yield bytes
        for (let at = 0; at < bytes.value.length; at += PIECE_MAX) yield ok(bytes.value.subarray(at, at + PIECE_MAX))
      }
    }
  } finally {
    reading.end()
  }
}

/** One content being read. */
class Reading {
  readonly #sources: ContentSources
  readonly #entry: FolderEntry
  readonly #content: ContentValue
  readonly #signal: AbortSignal
  #secured: Disposable | undefined

  constructor(sources: ContentSources, entry: FolderEntry, content: ContentValue, signal: AbortSignal) {
    this.#sources = sources
    this.#entry = entry
    this.#content = content
    this.#signal = signal
  }

  async *chunks(): AsyncGenerator<Result<readonly ChunkRef[], LatticeError>> {
    const { data, size } = this.#content
    if (data.kind === 'chunks') yield ok(data.chunks)
    if (data.kind === 'manifest') yield* manifestChunks(data.cid, size, (cid) => this.read(cid, 0))
  }

  /** From here, from a peer, or at last from wherever content is looked for when it is to be restored. */
  async read(cid: Cid, length: number): Promise<Result<Uint8Array, LatticeError>> {
    const { cas, blobs, contents } = this.#sources
    const { store } = this.#entry
    const here = await cas.read(store.id, cid)
    if (here.ok) return here
    let fetched: Uint8Array | undefined
    const take = async (_: Cid, bytes: Uint8Array): Promise<void> => {
      fetched = bytes.slice()
    }
    await blobs.fetch(store.id, [{ cid, length }], take, { urgent: true, signal: this.#signal })
    if (fetched) return ok(fetched)
    if (this.#secured) return here
    const secured = await contents.secure(this.#entry, this.#content, this.#signal)
    if (!secured.ok) return secured
    this.#secured = secured.value
    return cas.read(store.id, cid)
  }

  end(): void {
    this.#secured?.[Symbol.dispose]()
  }
}

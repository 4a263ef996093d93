/** Copies the content of a file of the user's to where chunks of our own lie. */
import { open, type FileHandle } from 'node:fs/promises'
import type { Cid, StoreId } from '../core/bytes.ts'
import { err, latticeError, ok, type LatticeError, type Result } from '../core/result.ts'
import { encodeManifests } from './manifest-parts.ts'
import type { ChunkRef, FileContent, StoringBackend } from './port.ts'

/** Written, and made durable, together: what is in memory at a time. */
const BATCH_BYTES = 4 * 1024 * 1024

/** Fewer bytes than asked for where the file ends. */
const readFully = async (file: FileHandle, offset: number, length: number): Promise<Uint8Array> => {
  const bytes = new Uint8Array(length)
  let at = 0
  while (at < length) {
    const { bytesRead } = await file.read(bytes, at, length - at, offset + at)
    if (bytesRead === 0) break
    at += bytesRead
  }
  return bytes.subarray(0, at)
}

/**
 * The chunks of a file of the user's, and what names them, become chunks of our own; `content` is what hashing it found.
 * A file that has changed since fails the check of a chunk; `file-unreadable` if the system refuses it.
 */
export const keepFile = async (
  chunks: Pick<StoringBackend, 'write'>,
  store: StoreId,
  path: string,
  content: FileContent,
): Promise<Result<void, LatticeError>> => {
  if (content.kind === 'inline') return ok(undefined)
  const kept = await keepChunks(chunks, store, path, content.chunks)
  if (!kept.ok || content.kind === 'chunks') return kept
  for (const manifest of encodeManifests(content.chunks) ?? []) {
    const written = await chunks.write(store, [manifest])
    if (!written.ok) return written
  }
  return ok(undefined)
}

/** `chunks` lie end to end from the file's beginning. A file that has changed fails the check of a chunk. */
const keepChunks = async (
  own: Pick<StoringBackend, 'write'>,
  store: StoreId,
  path: string,
  chunks: readonly ChunkRef[],
): Promise<Result<void, LatticeError>> => {
  try {
    await using file = await open(path)
    let batch: { readonly cid: Cid; readonly bytes: Uint8Array }[] = []
    let held = 0
    let offset = 0
    for (const [i, { cid, length }] of chunks.entries()) {
      batch.push({ cid, bytes: await readFully(file, offset, length) })
      offset += length
      held += length
      if (held < BATCH_BYTES && i < chunks.length - 1) continue
      const written = await own.write(store, batch)
      if (!written.ok) return written
      batch = []
      held = 0
    }
    return ok(undefined)
  } catch (cause) {
    const { code } = cause as NodeJS.ErrnoException
    if (code === undefined) throw cause
    return err(latticeError('file-unreadable', 'permanent', `cannot read ${path} (${code})`))
  }
}

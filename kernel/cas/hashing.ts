/**
 * Turning a file on disk into content: read, cut, hash. Synchronous: runs in a worker thread, and on the main thread
 * for a few files of one chunk. Five system calls for a small file: open, fstat, read, fstat, close.
 */
import type { Cid } from '../core/bytes.ts'
import { cutSequential, findCandidates, type Candidates } from './cuts.ts'
import { cidOf } from './digest.ts'
import { readFully, unreadable, unstable, withFile } from './files.ts'
import { Gear, GEAR_WINDOW } from './gear.ts'
import { encodeManifest } from './manifest.ts'
import { FILE_CHUNKS_MAX } from './manifest-parts.ts'
import {
  CHUNK_MAX,
  CHUNK_MIN,
  INLINE_MAX,
  OP_CHUNKS_MAX,
  type ChunkRef,
  type FileContent,
  type FileStat,
  type HashedFile,
} from './port.ts'
import type { FileRecord } from './records.ts'

/** Files longer than this are read by all workers at once, in segments. */
export const LARGE_FILE_MIN = 16 * 1024 * 1024
const BUFFER_BYTES = 4 * CHUNK_MAX

/** Content of a file of up to LARGE_FILE_MIN bytes as an op names it. */
const contentOf = (chunks: readonly ChunkRef[]): FileContent =>
  chunks.length <= OP_CHUNKS_MAX
    ? { kind: 'chunks', chunks }
    : { kind: 'manifest', cid: cidOf(encodeManifest(chunks)), chunks }

export const tooManyChunks = (path: string): HashedFile =>
  unreadable(path, `the file needs more than ${FILE_CHUNKS_MAX} chunks: it is too large to sync`)

const hashed = (path: string, stat: FileStat, content: FileContent): HashedFile => ({
  kind: 'hashed',
  path,
  stat,
  content,
})

/** Up to CHUNK_MIN bytes: nothing to cut. `buffer` must hold them all and one byte more. */
const hashShort = (path: string, fd: number, stat: FileStat, buffer: Uint8Array): HashedFile => {
  const length = readFully(fd, buffer.subarray(0, stat.size + 1), 0)
  if (length !== stat.size) return unstable(path)
  const bytes = buffer.subarray(0, length)
  if (length <= INLINE_MAX) return hashed(path, stat, { kind: 'inline', bytes: new Uint8Array(bytes) })
  return hashed(path, stat, { kind: 'chunks', chunks: [{ cid: cidOf(bytes), length }] })
}

/** Hashes a file of up to CHUNK_MIN bytes, knows a large one; undefined: it is between these, ask a worker. */
export const hashShortFile = (path: string, buffer: Uint8Array): FileRecord | undefined => {
  const result = withFile(path, (fd, stat) => {
    if (stat.size <= CHUNK_MIN) return hashShort(path, fd, stat, buffer)
    return stat.size > LARGE_FILE_MIN ? ({ kind: 'large', path, stat } as const) : ({ kind: 'longer' } as const)
  })
  return result.kind === 'longer' ? undefined : result
}

/** Bytes a buffer for `hashShortFile` must have. */
export const SHORT_BUFFER_BYTES = CHUNK_MIN + 1

/** What a worker does. Holds the one large buffer of the thread, in wasm memory. */
export class FileHasher {
  readonly #gear = new Gear(BUFFER_BYTES + GEAR_WINDOW)

  hashFile(path: string): FileRecord {
    return withFile(path, (fd, stat): FileRecord => {
      if (stat.size <= CHUNK_MIN) return hashShort(path, fd, stat, this.#gear.content)
      if (stat.size > LARGE_FILE_MIN) return { kind: 'large', path, stat }
      const chunks = this.#hashChunks(fd, stat.size)
      return chunks === undefined ? unstable(path) : hashed(path, stat, contentOf(chunks))
    })
  }

  /** Undefined: the file ended early. */
  #hashChunks(fd: number, size: number): ChunkRef[] | undefined {
    const buffer = this.#gear.content
    const chunks: ChunkRef[] = []
    let [start, filled, position] = [0, 0, 0]
    for (;;) {
      if (filled - start < CHUNK_MAX && position < size) {
        buffer.copyWithin(0, start, filled)
        filled -= start
        start = 0
        const wanted = Math.min(BUFFER_BYTES - filled, size - position)
        if (readFully(fd, buffer.subarray(filled, filled + wanted), position) < wanted) return undefined
        filled += wanted
        position += wanted
      }
      if (start === filled) return chunks
      const end = cutSequential(this.#gear, start, filled)
      chunks.push({ cid: cidOf(buffer.subarray(start, end)), length: end - start })
      start = end
    }
  }

  /** The cut candidates of a large file in (from, to]; undefined: the file is not as `stat` says. */
  scanSegment(path: string, stat: FileStat, from: number, to: number): Candidates | undefined {
    const result = withFile(
      path,
      (fd) => {
        const parts: Candidates[] = []
        for (let at = from; at < to;) {
          const end = Math.min(at + BUFFER_BYTES, to)
          const base = Math.max(at + 1 - GEAR_WINDOW, 0)
          const content = this.#gear.content.subarray(0, end - base)
          if (readFully(fd, content, base) < content.length) return unstable(path)
          parts.push(findCandidates(this.#gear, Math.max(at + 1 - base, GEAR_WINDOW), end - base, base))
          at = end
        }
        return { kind: 'scanned', parts } as const
      },
      stat,
    )
    if (result.kind !== 'scanned') return undefined
    const { parts } = result
    return {
      at: Float64Array.from(parts.flatMap((part) => [...part.at])),
      strong: Uint8Array.from(parts.flatMap((part) => [...part.strong])),
    }
  }

  /** The CIDs of consecutive chunks of a large file, one after the other; undefined: the file is not as `stat` says. */
  hashSegment(path: string, stat: FileStat, from: number, lengths: Uint32Array): Uint8Array<ArrayBuffer> | undefined {
    const cids = new Uint8Array(32 * lengths.length)
    const result = withFile(
      path,
      (fd) => {
        let position = from
        for (const [i, length] of lengths.entries()) {
          const content = this.#gear.content.subarray(0, length)
          if (readFully(fd, content, position) < length) return unstable(path)
          cids.set(cidOf(content), 32 * i)
          position += length
        }
        return { kind: 'hashed' } as const
      },
      stat,
    )
    return result.kind === 'hashed' && !('message' in result) ? cids : undefined
  }
}

/** Chunk references out of packed CIDs. */
export const unpackChunks = (cids: Uint8Array, lengths: Uint32Array): ChunkRef[] =>
  Array.from(lengths, (length, i) => ({ cid: cids.slice(32 * i, 32 * i + 32) as Cid, length }))

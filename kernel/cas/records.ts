/**
 * What hashing found, packed into one buffer for the way from a worker to the main thread: cloning an object per file
 * would cost the main thread more than a batch of small files costs the worker. Private to this process; not a format.
 */
import type { Cid } from '../core/bytes.ts'
import { InvariantError } from '../core/result.ts'
import type { ChunkRef, FileContent, FileStat, HashedFile } from './port.ts'

/** A file too large for one worker: its stat only; it is hashed in segments. */
export interface LargeFile {
  readonly kind: 'large'
  readonly path: string
  readonly stat: FileStat
}
export type FileRecord = HashedFile | LargeFile

const KINDS = ['unstable', 'gone', 'unreadable', 'large', 'inline', 'chunks', 'manifest'] as const

export class RecordWriter {
  #bytes = Buffer.allocUnsafeSlow(16 * 1024)
  #at = 0

  write(record: FileRecord): void {
    const kind = record.kind === 'hashed' ? record.content.kind : record.kind
    this.#reserve(64)
    this.#at = this.#bytes.writeUInt8(KINDS.indexOf(kind), this.#at)
    if (record.kind !== 'hashed' && record.kind !== 'large') return this.#blob(Buffer.from(record.message))
    const { size, mtimeNs, ctimeNs, ino, dev, mode } = record.stat
    this.#at = this.#bytes.writeDoubleLE(size, this.#at)
    this.#at = this.#bytes.writeBigInt64LE(mtimeNs, this.#at)
    this.#at = this.#bytes.writeBigInt64LE(ctimeNs, this.#at)
    this.#at = this.#bytes.writeBigUInt64LE(ino, this.#at)
    this.#at = this.#bytes.writeBigUInt64LE(dev, this.#at)
    this.#at = this.#bytes.writeUInt32LE(mode, this.#at)
    if (record.kind === 'hashed') this.#content(record.content)
  }

  /** The bytes written, in a buffer of their own that may be transferred. */
  finish(): Uint8Array<ArrayBuffer> {
    return new Uint8Array(this.#bytes.subarray(0, this.#at))
  }

  #content(content: FileContent): void {
    if (content.kind === 'inline') return this.#blob(content.bytes)
    if (content.kind === 'manifest') this.#blob(content.cid)
    this.#reserve(4 + 36 * content.chunks.length)
    this.#at = this.#bytes.writeUInt32LE(content.chunks.length, this.#at)
    for (const { cid, length } of content.chunks) {
      this.#bytes.set(cid, this.#at)
      this.#at = this.#bytes.writeUInt32LE(length, this.#at + 32)
    }
  }

  #blob(bytes: Uint8Array): void {
    this.#reserve(4 + bytes.length)
    this.#at = this.#bytes.writeUInt32LE(bytes.length, this.#at)
    this.#bytes.set(bytes, this.#at)
    this.#at += bytes.length
  }

  #reserve(bytes: number): void {
    if (this.#at + bytes <= this.#bytes.length) return
    const larger = Buffer.allocUnsafeSlow(2 * (this.#bytes.length + bytes))
    larger.set(this.#bytes.subarray(0, this.#at))
    this.#bytes = larger
  }
}

/** Reads back the records of `paths`, in order. Small values are copied: the packed buffer can go. */
export const readRecords = (packed: Uint8Array, paths: readonly string[]): FileRecord[] => {
  const bytes = Buffer.from(packed.buffer, packed.byteOffset, packed.length)
  let at = 0
  const blob = (): Uint8Array => {
    const length = bytes.readUInt32LE(at)
    at += 4 + length
    return new Uint8Array(bytes.subarray(at - length, at))
  }
  const readStat = (): FileStat => {
    const stat = {
      size: bytes.readDoubleLE(at),
      mtimeNs: bytes.readBigInt64LE(at + 8),
      ctimeNs: bytes.readBigInt64LE(at + 16),
      ino: bytes.readBigUInt64LE(at + 24),
      dev: bytes.readBigUInt64LE(at + 32),
      mode: bytes.readUInt32LE(at + 40),
    }
    at += 44
    return stat
  }
  const readChunks = (): ChunkRef[] => {
    const count = bytes.readUInt32LE(at)
    at += 4
    return Array.from({ length: count }, () => {
      const ref = { cid: new Uint8Array(bytes.subarray(at, at + 32)) as Cid, length: bytes.readUInt32LE(at + 32) }
      at += 36
      return ref
    })
  }
  return paths.map((path): FileRecord => {
    const kind = KINDS[bytes.readUInt8(at++)]
    switch (kind) {
      case 'unstable':
      case 'gone':
      case 'unreadable':
        return { kind, path, message: Buffer.from(blob()).toString() }
      case 'large':
        return { kind, path, stat: readStat() }
      case 'inline':
        return { kind: 'hashed', path, stat: readStat(), content: { kind, bytes: blob() } }
      case 'chunks':
        return { kind: 'hashed', path, stat: readStat(), content: { kind, chunks: readChunks() } }
      case 'manifest':
        return { kind: 'hashed', path, stat: readStat(), content: { kind, cid: blob() as Cid, chunks: readChunks() } }
      case undefined:
        break
    }
    throw new InvariantError('a worker packed a record of no known kind')
  })
}

/**
 * The stored form of a cell: compact, canonical, self-contained (docs/spec/state.md).
 *
 *   cell = version 0x01, count varint, head × count      heads in winning order, count ≥ 1
 *   head = hash[32] author[32] hlc[8, big-endian] seq varint, size varint, value[size - 1]     size 0: a tombstone
 *
 * The winner comes first, so reading its value touches nothing of the losers. Cells are written by this device only:
 * a cell that does not decode means a damaged disk, and throws `CorruptCellError`.
 */
import { allocate, compareBytes, type Hash, type PublicKey } from '../core/bytes.ts'
import type { Dot } from '../dag/port.ts'
import { StorageError } from '../storage/errors.ts'
import type { Cell, Head } from './port.ts'

const VERSION = 1
const FIXED = 32 + 32 + 8

/** The bytes of a cell are damaged. State can be deleted and folded again. */
export class CorruptCellError extends StorageError {
  override readonly name = 'CorruptCellError'

  constructor(message: string, options: ErrorOptions = {}) {
    super('store-corrupt', message, options.cause)
  }
}

/** Descending (hlc, author, hash): negative if `a` wins over `b`. */
export const compareHeads = (a: Dot, b: Dot): number => {
  if (a.hlc !== b.hlc) return a.hlc > b.hlc ? -1 : 1
  return compareBytes(b.author, a.author) || compareBytes(b.hash, a.hash)
}

const varintLength = (n: number): number => {
  let length = 1
  for (; n >= 128; n = Math.floor(n / 128)) length++
  return length
}

const sizeOf = (value: Uint8Array | undefined): number => (value === undefined ? 0 : value.length + 1)

/** Cells are read by the ten thousand: a view of its own for each would cost more than the reading. */
const LONG = new DataView(new ArrayBuffer(8))
const LONG_BYTES = new Uint8Array(LONG.buffer)

class Cursor {
  at = 0
  readonly bytes: Uint8Array
  constructor(bytes: Uint8Array) {
    this.bytes = bytes
  }

  putLong(n: bigint): void {
    LONG.setBigUint64(0, n)
    this.putBytes(LONG_BYTES)
  }

  putVarint(n: number): void {
    for (; n >= 128; n = Math.floor(n / 128)) this.bytes[this.at++] = (n % 128) | 128
    this.bytes[this.at++] = n
  }

  putBytes(bytes: Uint8Array): void {
    this.bytes.set(bytes, this.at)
    this.at += bytes.length
  }

  /** Shortest form only, at most 2^53 - 1. */
  varint(): number {
    let n = 0
    for (let scale = 1; ; scale *= 128) {
      const byte = this.bytes[this.at++]
      if (byte === undefined || scale > 2 ** 49) throw new CorruptCellError('a number in a cell is cut short')
      n += (byte & 127) * scale
      if (byte < 128) {
        if ((byte === 0 && scale > 1) || n > Number.MAX_SAFE_INTEGER)
          throw new CorruptCellError('a number in a cell is not canonical')
        return n
      }
    }
  }

  /** Eight bytes, big-endian. */
  long(): bigint {
    this.at += 8
    if (this.at > this.bytes.length) throw new CorruptCellError('a cell is cut short')
    for (let i = 0; i < 8; i++) LONG_BYTES[i] = this.bytes[this.at - 8 + i]!
    return LONG.getBigUint64(0)
  }

  take(length: number): Uint8Array {
    const end = this.at + length
    if (end > this.bytes.length) throw new CorruptCellError('a cell is cut short')
    const part = this.bytes.subarray(this.at, end)
    this.at = end
    return part
  }
}

/** `heads` must be in winning order and not empty. */
export const encodeCell = (heads: readonly Head[]): Uint8Array => {
  let length = 1 + varintLength(heads.length)
  for (const head of heads) {
    const size = sizeOf(head.value)
    length += FIXED + varintLength(head.seq) + varintLength(size) + Math.max(0, size - 1)
  }
  const out = new Cursor(allocate(length))
  out.bytes[out.at++] = VERSION
  out.putVarint(heads.length)
  for (const head of heads) {
    out.putBytes(head.hash)
    out.putBytes(head.author)
    out.putLong(head.hlc)
    out.putVarint(head.seq)
    out.putVarint(sizeOf(head.value))
    if (head.value !== undefined) out.putBytes(head.value)
  }
  return out.bytes
}

const openCell = (bytes: Uint8Array): { cursor: Cursor; count: number } => {
  const cursor = new Cursor(bytes)
  if (cursor.varint() !== VERSION) throw new CorruptCellError('a cell has an unknown version')
  const count = cursor.varint()
  if (count < 1 || count > bytes.length / FIXED) throw new CorruptCellError('a cell has an impossible number of heads')
  return { cursor, count }
}

const takeHead = (cursor: Cursor): Head => {
  const hash = cursor.take(32) as Hash
  const author = cursor.take(32) as PublicKey
  const hlc = cursor.long()
  const seq = cursor.varint()
  const size = cursor.varint()
  return { hash, author, hlc, seq, value: size === 0 ? undefined : cursor.take(size - 1) }
}

/** All heads. The parts are views of `bytes`. Throws `CorruptCellError`. */
export const decodeCell = (bytes: Uint8Array): Cell => {
  const { cursor, count } = openCell(bytes)
  const heads: Head[] = []
  for (let i = 0; i < count; i++) {
    const head = takeHead(cursor)
    const previous = i > 0 ? heads[i - 1] : undefined
    if (previous !== undefined && compareHeads(previous, head) >= 0)
      throw new CorruptCellError('the heads of a cell are out of order')
    heads.push(head)
  }
  if (cursor.at !== bytes.length) throw new CorruptCellError('a cell has bytes after its end')
  return { heads }
}

/** The winner's value alone, without a look at the losers; undefined: a tombstone. */
export const decodeWinner = (bytes: Uint8Array): Uint8Array | undefined => takeHead(openCell(bytes).cursor).value

/** Whether a stored cell has more than one head. */
export const isConflicted = (bytes: Uint8Array): boolean => openCell(bytes).count > 1

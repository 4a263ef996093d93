/**
 * The witness record: what causality needs to know of an intention, without its content.
 * Packed by hand because the fold reads several per intention. docs/spec/dag.md fixes the bytes.
 */
import { concatBytes, type Hash } from '../core/bytes.ts'
import { sha256 } from '../core/hash.ts'
import { ByteReader, MalformedError, varintBytes } from '../core/wire.ts'
import { StorageError } from '../storage/errors.ts'

/** author number → highest seq, as pairs in one array, ascending by author: [a0, s0, a1, s1, …]. */
export type PackedVector = readonly number[]

export interface WitnessRecord {
  readonly position: number
  readonly hash: Hash
  readonly chain: Hash
  readonly wallMs: number
  readonly excluded: boolean
  readonly author: number
  readonly seq: number
  readonly hlc: bigint
  readonly generation: number
  /** Positions of prev (first, if any) and deps. All smaller than `position`. */
  readonly parents: readonly number[]
  readonly vector: PackedVector
}

const VERSION = 1
const EXCLUDED = 1

export const GENESIS_CHAIN = new Uint8Array(32) as Hash

/** The witness log is a hash chain: `SHA-256(previous chain ‖ hash)`. */
export const nextChain = (chain: Uint8Array, hash: Hash): Hash => sha256(concatBytes(chain, hash))

export const encodeRecord = (record: WitnessRecord): Uint8Array => {
  const hlc = new Uint8Array(8)
  new DataView(hlc.buffer).setBigUint64(0, record.hlc)
  const numbers: number[] = [
    record.wallMs,
    record.excluded ? EXCLUDED : 0,
    record.author,
    record.seq,
    record.generation,
    record.parents.length,
    ...record.parents.map((parent) => record.position - parent),
    record.vector.length / 2,
  ]
  for (let i = 0, last = 0; i < record.vector.length; i += 2) {
    numbers.push(record.vector[i]! - last, record.vector[i + 1]!)
    last = record.vector[i]!
  }
  return concatBytes(Uint8Array.of(VERSION), record.hash, record.chain, hlc, packVarints(numbers))
}

/** Throws `StorageError` `store-corrupt`. */
export const decodeRecord = (position: number, bytes: Uint8Array): WitnessRecord => {
  try {
    const reader = new ByteReader(bytes)
    if (reader.raw(1)[0] !== VERSION) throw new MalformedError('unknown version')
    const hash = reader.raw(32) as Hash
    const chain = reader.raw(32) as Hash
    const hlcBytes = reader.raw(8)
    const hlc = new DataView(hlcBytes.buffer, hlcBytes.byteOffset, 8).getBigUint64(0)
    const wallMs = reader.varint()
    const excluded = (reader.varint() & EXCLUDED) !== 0
    const author = reader.varint()
    const seq = reader.varint()
    const generation = reader.varint()
    const parents: number[] = []
    for (let left = reader.varint(); left > 0; left--) {
      const back = reader.varint()
      if (back < 1 || back > position) throw new MalformedError('a parent is not before its child')
      parents.push(position - back)
    }
    const vector: number[] = []
    let last = 0
    for (let left = reader.varint(); left > 0; left--) {
      last += reader.varint()
      vector.push(last, reader.varint())
    }
    reader.end()
    return { position, hash, chain, wallMs, excluded, author, seq, hlc, generation, parents, vector }
  } catch (error) {
    if (error instanceof MalformedError)
      throw new StorageError('store-corrupt', `witness record ${position} is damaged: ${error.message}`)
    throw error
  }
}

const packVarints = (numbers: readonly number[]): Uint8Array => {
  const out = new Uint8Array(numbers.length * 8)
  let at = 0
  for (const number of numbers) {
    if (number < 0x80) out[at++] = number
    else {
      const bytes = varintBytes(number)
      out.set(bytes, at)
      at += bytes.length
    }
  }
  return out.subarray(0, at)
}

/** The seq that `vector` knows of `author`; 0: none. Binary search over the pairs. */
export const seqIn = (vector: PackedVector, author: number): number => {
  let low = 0
  let high = vector.length >> 1
  while (low < high) {
    const mid = (low + high) >>> 1
    if (vector[2 * mid]! < author) low = mid + 1
    else high = mid
  }
  return vector[2 * low] === author ? vector[2 * low + 1]! : 0
}

/** The larger seq of each author. */
export const mergeVectors = (a: PackedVector, b: PackedVector): PackedVector => {
  if (a.length === 0 || a === b) return b
  if (b.length === 0) return a
  const out: number[] = []
  let i = 0
  let j = 0
  while (i < a.length || j < b.length) {
    const x = i < a.length ? a[i]! : Infinity
    const y = j < b.length ? b[j]! : Infinity
    out.push(Math.min(x, y), Math.max(x <= y ? a[i + 1]! : 0, y <= x ? b[j + 1]! : 0))
    if (x <= y) i += 2
    if (y <= x) j += 2
  }
  return out
}

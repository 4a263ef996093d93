/**
 * An ordered map from byte keys to byte values, in memory: sorted chunks under one sorted list of chunks.
 * Lookup is O(log n); an insertion moves at most one chunk's worth of entries. Keys are held as Latin-1 strings, whose
 * order is the byte-wise order, because strings compare natively.
 */
import type { KeyRange } from './port.ts'

const CHUNK_MAX = 128

interface Chunk {
  readonly keys: string[]
  readonly values: Uint8Array[]
}

export const bytesToKey = (bytes: Uint8Array): string =>
  Buffer.from(bytes.buffer, bytes.byteOffset, bytes.length).toString('latin1')
export const keyToBytes = (key: string): Uint8Array => new Uint8Array(Buffer.from(key, 'latin1'))

/** First position in `sorted` whose item is not less than `key`. */
const lowerBound = (length: number, at: (i: number) => string, key: string): number => {
  let low = 0
  let high = length
  while (low < high) {
    const mid = (low + high) >>> 1
    if (at(mid) < key) low = mid + 1
    else high = mid
  }
  return low
}

export class SortedMap {
  #chunks: Chunk[] = []
  #size = 0

  get size(): number {
    return this.#size
  }

  get(key: string): Uint8Array | undefined {
    const chunk = this.#chunks[this.#chunkOf(key)]
    if (!chunk) return undefined
    const i = lowerBound(chunk.keys.length, (j) => chunk.keys[j]!, key)
    return chunk.keys[i] === key ? chunk.values[i] : undefined
  }

  /** Returns the value that was there before. */
  set(key: string, value: Uint8Array): Uint8Array | undefined {
    const c = this.#chunkOf(key)
    const chunk = this.#chunks[c]
    if (!chunk) {
      this.#chunks.push({ keys: [key], values: [value] })
      this.#size++
      return undefined
    }
    const i = lowerBound(chunk.keys.length, (j) => chunk.keys[j]!, key)
    if (chunk.keys[i] === key) {
      const old = chunk.values[i]
      chunk.values[i] = value
      return old
    }
    chunk.keys.splice(i, 0, key)
    chunk.values.splice(i, 0, value)
    this.#size++
    if (chunk.keys.length > CHUNK_MAX) this.#split(c, chunk, i)
    return undefined
  }

  delete(key: string): Uint8Array | undefined {
    const c = this.#chunkOf(key)
    const chunk = this.#chunks[c]
    if (!chunk) return undefined
    const i = lowerBound(chunk.keys.length, (j) => chunk.keys[j]!, key)
    if (chunk.keys[i] !== key) return undefined
    const old = chunk.values[i]
    chunk.keys.splice(i, 1)
    chunk.values.splice(i, 1)
    if (chunk.keys.length === 0) this.#chunks.splice(c, 1)
    this.#size--
    return old
  }

  /** Up to `limit` entries of the range, in the order it asks for. */
  slice(range: KeyRange, limit: number): [key: string, value: Uint8Array][] {
    const from = range.gte ? bytesToKey(range.gte) : ''
    const to = range.lt ? bytesToKey(range.lt) : undefined
    const out: [string, Uint8Array][] = []
    if (range.reverse) {
      for (let [c, i] = this.#before(to); c >= 0 && out.length < limit; i--) {
        if (i < 0) {
          if (--c < 0) break
          i = this.#chunks[c]!.keys.length
          continue
        }
        const key = this.#chunks[c]!.keys[i]!
        if (key < from) break
        out.push([key, this.#chunks[c]!.values[i]!])
      }
      return out
    }
    let [c, i] = this.#position(from)
    for (; c < this.#chunks.length && out.length < limit; c++, i = 0) {
      const { keys, values } = this.#chunks[c]!
      for (; i < keys.length && out.length < limit; i++) {
        if (to !== undefined && keys[i]! >= to) return out
        out.push([keys[i]!, values[i]!])
      }
    }
    return out
  }

  count(range: KeyRange): number {
    const [c, i] = this.#position(range.gte ? bytesToKey(range.gte) : '')
    const [endC, endI] = range.lt ? this.#position(bytesToKey(range.lt)) : [this.#chunks.length, 0]
    if (endC < c || (endC === c && endI <= i)) return 0
    let n = endI - i
    for (let k = c; k < endC; k++) n += this.#chunks[k]!.keys.length
    return n
  }

  /** An independent copy; values are shared, for nobody writes into them. */
  clone(): SortedMap {
    const copy = new SortedMap()
    copy.#chunks = this.#chunks.map(({ keys, values }) => ({ keys: keys.slice(), values: values.slice() }))
    copy.#size = this.#size
    return copy
  }

  /** The chunk that holds `key` or would. */
  #chunkOf(key: string): number {
    const after = lowerBound(this.#chunks.length, (i) => this.#chunks[i]!.keys[0]!, key)
    if (after < this.#chunks.length && this.#chunks[after]!.keys[0] === key) return after
    return Math.max(0, after - 1)
  }

  /** Where the first key not less than `key` is: chunk and index; the index may be one past the chunk's end. */
  #position(key: string): [chunk: number, index: number] {
    const c = this.#chunkOf(key)
    const chunk = this.#chunks[c]
    return chunk ? [c, lowerBound(chunk.keys.length, (j) => chunk.keys[j]!, key)] : [0, 0]
  }

  /** Where the last key less than `key` is (absent: the last key of all). */
  #before(key: string | undefined): [chunk: number, index: number] {
    if (key === undefined) {
      const c = this.#chunks.length - 1
      return [c, (this.#chunks[c]?.keys.length ?? 0) - 1]
    }
    const [c, i] = this.#position(key)
    return this.#chunks.length === 0 ? [-1, -1] : [c, i - 1]
  }

  #split(c: number, chunk: Chunk, insertedAt: number): void {
    // Appending splits off only the new entry: ascending inserts leave full chunks behind.
    const at = insertedAt === chunk.keys.length - 1 ? CHUNK_MAX : CHUNK_MAX >> 1
    this.#chunks.splice(c + 1, 0, { keys: chunk.keys.splice(at), values: chunk.values.splice(at) })
  }
}

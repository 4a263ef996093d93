/**
 * Tables that remember what they read while one batch is applied: its ops ask for the same parents, and for what they
 * have just written, again and again. Writes go straight through; nothing outlives the batch.
 */
import type { Hash } from '#kernel/core/bytes.ts'
import type { AppliedAt, Cell, CellWriter, DerivedWriter, StateTables } from '#kernel/state/port.ts'
import type { KeyRange } from '#kernel/storage/port.ts'

/** One character for each byte: made faster than hex is. */
export const bytesToKey = (bytes: Uint8Array): string =>
  Buffer.from(bytes.buffer, bytes.byteOffset, bytes.byteLength).toString('latin1')

class CachedCells implements CellWriter {
  readonly #inner: CellWriter
  readonly #read = new Map<string, Cell | undefined>()

  constructor(inner: CellWriter) {
    this.#inner = inner
  }

  cell(key: Uint8Array): Cell | undefined {
    const id = bytesToKey(key)
    const known = this.#read.get(id)
    if (known !== undefined || this.#read.has(id)) return known
    const cell = this.#inner.cell(key)
    this.#read.set(id, cell)
    return cell
  }

  value(key: Uint8Array): Uint8Array | undefined {
    return this.cell(key)?.heads[0]?.value
  }

  write(key: Uint8Array, value: Uint8Array | undefined, at: AppliedAt, keep?: readonly Hash[]): void {
    this.#read.delete(bytesToKey(key))
    this.#inner.write(key, value, at, keep)
  }

  cells(range?: KeyRange) {
    return this.#inner.cells(range)
  }

  conflicts(range?: KeyRange) {
    return this.#inner.conflicts(range)
  }
}

class CachedRows implements DerivedWriter {
  readonly #inner: DerivedWriter
  readonly #read = new Map<string, Uint8Array | undefined>()

  constructor(inner: DerivedWriter) {
    this.#inner = inner
  }

  get(key: Uint8Array): Uint8Array | undefined {
    const id = bytesToKey(key)
    const known = this.#read.get(id)
    if (known !== undefined || this.#read.has(id)) return known
    const value = this.#inner.get(key)
    this.#read.set(id, value)
    return value
  }

  put(key: Uint8Array, value: Uint8Array): void {
    this.#read.set(bytesToKey(key), value)
    this.#inner.put(key, value)
  }

  delete(key: Uint8Array): void {
    this.#read.set(bytesToKey(key), undefined)
    this.#inner.delete(key)
  }

  range(range?: KeyRange) {
    return this.#inner.range(range)
  }
}

export const cachedTables = ({ cells, derived }: StateTables): StateTables => ({
  cells: new CachedCells(cells),
  derived: new CachedRows(derived),
})

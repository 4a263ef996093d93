/**
 * State as it is at one moment, each row read and decoded once: for those who look at many things that have much in
 * common, such as the files of one directory. Right for as long as nobody writes; whoever holds it says `forget`
 * before the next turn of the event loop.
 */
import type { Entry, KeyRange } from '../storage/port.ts'
import type { Cell, CellReader, DerivedReader, StateReader } from './port.ts'
import { ByteMap } from '../core/byte-map.ts'

class Known<T> extends ByteMap<T | 'absent'> {
  look(key: Uint8Array, read: (key: Uint8Array) => T | undefined): T | undefined {
    const known = this.get(key)
    if (known !== undefined) return known === 'absent' ? undefined : known
    const value = read(key)
    this.set(key, value ?? 'absent')
    return value
  }
}

export class StateSnapshot implements StateReader {
  readonly cells: CellReader
  readonly derived: DerivedReader
  /** What its readers worked out, by names of their own. */
  readonly worked = new Map<string, unknown>()
  readonly #cells = new Known<Cell>()
  readonly #rows = new Known<Uint8Array>()

  constructor(state: StateReader) {
    const cell = (key: Uint8Array): Cell | undefined => state.cells.cell(key)
    const row = (key: Uint8Array): Uint8Array | undefined => state.derived.get(key)
    this.cells = {
      cell: (key) => this.#cells.look(key, cell),
      value: (key) => this.#cells.look(key, cell)?.heads[0]!.value,
      cells: (range?: KeyRange) => state.cells.cells(range),
      conflicts: (range?: KeyRange) => state.cells.conflicts(range),
    }
    this.derived = {
      get: (key) => this.#rows.look(key, row),
      range: (range?: KeyRange): Iterable<Entry> => state.derived.range(range),
    }
  }

  forget(): void {
    this.#cells.clear()
    this.#rows.clear()
    this.worked.clear()
  }
}

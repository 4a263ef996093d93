/** Shared by the test and the fuzz campaign: the cell decoder on arbitrary bytes. */
import fc from 'fast-check'
import { expect } from 'vitest'
import type { Hash, PublicKey } from '../core/bytes.ts'
import { compareHeads, CorruptCellError, decodeCell, decodeWinner, encodeCell } from './cell.ts'
import type { Head } from './port.ts'

const bytes32 = fc.uint8Array({ minLength: 32, maxLength: 32 })

const head: fc.Arbitrary<Head> = fc.record({
  hash: bytes32 as fc.Arbitrary<Uint8Array> as fc.Arbitrary<Hash>,
  author: bytes32 as fc.Arbitrary<Uint8Array> as fc.Arbitrary<PublicKey>,
  seq: fc.maxSafeNat(),
  hlc: fc.bigInt({ min: 0n, max: 2n ** 64n - 1n }),
  value: fc.option(fc.uint8Array({ maxLength: 300 }), { nil: undefined }),
})

/** In winning order. */
export const headsArbitrary = fc
  .uniqueArray(head, { minLength: 1, maxLength: 5, comparator: (a, b) => compareHeads(a, b) === 0 })
  .map((heads) => heads.sort(compareHeads))

/** Valid cells with a few bytes changed, and plain noise. */
const damaged = fc.oneof(
  fc.uint8Array({ maxLength: 400 }),
  fc
    .tuple(headsArbitrary, fc.array(fc.tuple(fc.nat(2_000), fc.nat(255)), { maxLength: 3 }), fc.nat(3))
    .map(([heads, edits, cut]) => {
      const bytes = encodeCell(heads)
      for (const [at, byte] of edits) bytes[at % bytes.length] = byte
      return bytes.subarray(0, bytes.length - cut)
    }),
)

const orCorrupt = <T>(decode: () => T): T | 'corrupt' => {
  try {
    return decode()
  } catch (error) {
    expect(error).toBeInstanceOf(CorruptCellError)
    return 'corrupt'
  }
}

/** Either refused by name, or exactly what the encoder would write. */
export const cellProperty = fc.property(damaged, (bytes) => {
  const winner = orCorrupt(() => decodeWinner(bytes))
  const cell = orCorrupt(() => decodeCell(bytes))
  if (cell === 'corrupt') return
  expect(encodeCell(cell.heads)).toEqual(new Uint8Array(bytes))
  expect(winner).toEqual(cell.heads[0]!.value)
})

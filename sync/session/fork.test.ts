/** A restored backup reuses sequence numbers: vectors agree, sets do not. */
import { describe, expect, test } from 'vitest'
import { bytesToHex, type Hash } from '#kernel/core/bytes.ts'
import { chainsBetween, type Standing } from './machine.ts'

const standing = (vector: Record<string, number> | undefined, reconcile = false): Standing => ({
  count: 1,
  fingerprint: new Uint8Array(32),
  vector:
    vector && new Map(Object.entries(vector).map(([key, seq]) => [bytesToHex(Uint8Array.of(key.charCodeAt(0))), seq])),
  reconcile,
})
const key = (name: string) => bytesToHex(Uint8Array.of(name.charCodeAt(0)) as Hash)

describe('what two vectors show', () => {
  test.each([
    ['equal vectors of different sets', standing({ a: 3 }), standing({ a: 3 })],
    ['a vector that was not told', standing({ a: 3 }), standing(undefined)],
    ['a side that distrusts vectors', standing({ a: 3 }), standing({ a: 4 }, true)],
  ])('nothing sure: %s', (_, mine, theirs) => {
    expect(chainsBetween(mine, theirs)).toBeUndefined()
    expect(chainsBetween(theirs, mine)).toBeUndefined()
  })

  test('exactly the ranges that each side lacks', () => {
    const [mine, theirs] = [standing({ a: 5, b: 2 }), standing({ a: 3, c: 4 })]
    expect(chainsBetween(mine, theirs)).toEqual({
      owed: new Map([
        [key('a'), [4, 5]],
        [key('b'), [1, 2]],
      ]),
      due: 4,
    })
    expect(chainsBetween(theirs, mine)).toEqual({ owed: new Map([[key('c'), [1, 4]]]), due: 4 })
  })
})

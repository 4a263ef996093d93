import fc from 'fast-check'
import { expect, test } from 'vitest'
import { ByteMap, hashOf } from './byte-map.ts'
import { bytesToHex, concatBytes } from './bytes.ts'

const keyArb = fc.oneof(fc.uint8Array({ maxLength: 2 }), fc.uint8Array({ maxLength: 40 }))

test('a byte map is a map by what its keys hold', () => {
  fc.assert(
    fc.property(fc.array(fc.tuple(keyArb, fc.nat()), { maxLength: 300 }), fc.array(keyArb), (entries, others) => {
      const map = new ByteMap<number>()
      const model = new Map<string, number>()
      for (const [key, value] of entries) {
        map.set(key, value)
        model.set(bytesToHex(key), value)
      }
      expect(map.size).toBe(model.size)
      expect(map.values()).toEqual([...model.values()])
      for (const key of [...entries.map(([each]) => each.slice()), ...others]) {
        expect(map.get(key)).toBe(model.get(bytesToHex(key)))
        expect(map.has(key)).toBe(model.has(bytesToHex(key)))
      }
      map.clear()
      expect([map.size, map.get(entries[0]?.[0] ?? new Uint8Array())]).toEqual([0, undefined])
    }),
  )
})

/** Two ways to go on from `start`, 4 bytes each, that end in one hash. */
const collisionAfter = (start: Uint8Array): readonly Uint8Array[] => {
  const byHash = new Map<number, Uint8Array>()
  for (let n = 0; ; n++) {
    const key = concatBytes(start, new Uint8Array(Uint32Array.of(Math.imul(n, 0x9e3779b1)).buffer))
    const other = byHash.get(hashOf(key))
    if (other) return [other, key].map((each) => each.subarray(start.length))
    byHash.set(hashOf(key), key)
  }
}

test('keys of one hash are told apart, be they ever so many', () => {
  // Whatever follows keys of one hash, the whole has one hash too: each step doubles them.
  let keys: readonly Uint8Array[] = [new Uint8Array()]
  while (keys.length < 32) {
    const ends = collisionAfter(keys[0]!)
    keys = keys.flatMap((key) => ends.map((end) => concatBytes(key, end)))
  }
  expect(new Set(keys.map(hashOf)).size).toBe(1)
  const map = new ByteMap<number>()
  keys.forEach((key, i) => {
    expect([map.has(key), map.get(key)]).toEqual([false, undefined])
    map.set(key, i)
  })
  keys.forEach((key, i) => map.set(key, map.get(key)! + i))
  expect(map.size).toBe(32)
  expect(map.values()).toEqual(keys.map((_, i) => 2 * i))
  expect(keys.map((key) => map.get(key))).toEqual(keys.map((_, i) => 2 * i))
  map.clear()
  expect(keys.filter((key) => map.has(key))).toEqual([])
})

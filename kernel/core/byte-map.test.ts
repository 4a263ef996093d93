import fc from 'fast-check'
import { expect, test } from 'vitest'
import { ByteMap } from './byte-map.ts'
import { bytesToHex } from './bytes.ts'

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
      expect([...map.values()]).toEqual([...model.values()])
      for (const key of [...entries.map(([each]) => each.slice()), ...others]) {
        expect(map.get(key)).toBe(model.get(bytesToHex(key)))
        expect(map.has(key)).toBe(model.has(bytesToHex(key)))
      }
      map.clear()
      expect([map.size, map.get(entries[0]?.[0] ?? new Uint8Array())]).toEqual([0, undefined])
    }),
  )
})

test('keys of one hash are told apart', () => {
  const byHash = new Map<number, Uint8Array>()
  const hash = (key: Uint8Array): number => key.reduce((h, byte) => Math.imul(h ^ byte, 0x01000193), 0x811c9dc5)
  const key = new Uint8Array(4)
  const view = new DataView(key.buffer)
  for (let n = 0; ; n++) {
    view.setUint32(0, Math.imul(n, 0x9e3779b1))
    const other = byHash.get(hash(key))
    if (other) {
      const map = new ByteMap<string>()
      map.set(other, 'first')
      expect(map.get(key)).toBeUndefined()
      map.set(key, 'second')
      expect([map.get(other), map.get(key)]).toEqual(['first', 'second'])
      return
    }
    byHash.set(hash(key), key.slice())
  }
})

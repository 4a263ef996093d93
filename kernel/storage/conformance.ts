/** What every storage backend must do. Run for LMDB and for memory by storage.test.ts. */
import fc from 'fast-check'
import { afterEach, beforeEach, describe, expect, test } from 'vitest'
import { compareBytes } from '../core/bytes.ts'
import type { Entry, KeyRange, StorageBackend } from './port.ts'

export const CONFORMANCE_TABLES = ['a', 'b']

const bytes = (...values: number[]) => Uint8Array.from(values)
const keysOf = (entries: Iterable<Entry>) => [...entries].map(([key]) => [...key])

/** `open` gives an empty backend with the tables above; `cleanUp` removes it after it was disposed. */
export const storageConformance = (name: string, open: () => StorageBackend, cleanUp: () => void = () => {}): void => {
  describe(`storage: ${name}`, () => {
    let backend: StorageBackend
    beforeEach(() => {
      backend = open()
    })
    afterEach(async () => {
      await backend[Symbol.asyncDispose]()
      cleanUp()
    })
    readsAndRanges(() => backend)
    transactions(() => backend)
    model(() => backend)
  })
}

const readsAndRanges = (backend: () => StorageBackend): void => {
  test('values come back as copies, per table, whatever their size', async () => {
    const large = new Uint8Array(200_000).map((_, i) => i)
    await backend().write((tx) => {
      tx.put('a', bytes(1), bytes())
      tx.put('a', bytes(2), large)
      tx.put('b', bytes(1), bytes(9))
      tx.put('b', new Uint8Array(1_900).fill(0xff), bytes(8))
    })
    expect(backend().get('a', bytes(1))).toEqual(bytes())
    expect(backend().get('a', bytes(2))).toEqual(large)
    expect(backend().get('b', bytes(1))).toEqual(bytes(9))
    expect(backend().get('b', new Uint8Array(1_900).fill(0xff))).toEqual(bytes(8))
    expect(backend().get('b', bytes(2))).toBeUndefined()
    backend().get('b', bytes(1))!.fill(0)
    expect(backend().get('b', bytes(1))).toEqual(bytes(9))
  })

  test('ranges are ordered byte-wise, half-open, limited, reversible', async () => {
    const keys = [[0], [0, 0], [0, 1], [1], [1, 255], [2], [255], [255, 255]]
    await backend().write((tx) => keys.toReversed().forEach((key) => tx.put('a', bytes(...key), bytes(key.length))))
    const range = (r?: KeyRange) => keysOf(backend().range('a', r))
    expect(range()).toEqual(keys)
    expect(range({ reverse: true })).toEqual(keys.toReversed())
    expect(range({ gte: bytes(0, 1), lt: bytes(2) })).toEqual([[0, 1], [1], [1, 255]])
    expect(range({ gte: bytes(0, 1), lt: bytes(2), reverse: true })).toEqual([[1, 255], [1], [0, 1]])
    expect(range({ gte: bytes(1, 0), limit: 2 })).toEqual([[1, 255], [2]])
    expect(range({ lt: bytes(1), limit: 1, reverse: true })).toEqual([[0, 1]])
    expect(range({ gte: bytes(3), lt: bytes(3) })).toEqual([])
    expect(range({ gte: bytes(9), lt: bytes(3) })).toEqual([])
    expect(backend().count('a')).toBe(8)
    expect(backend().count('a', { gte: bytes(1), lt: bytes(255) })).toBe(3)
    expect(backend().count('a', { gte: bytes(1), limit: 2 })).toBe(2)
    expect(backend().count('b')).toBe(0)
  })

  test('a range can be left early and written into while it is read', async () => {
    await backend().write((tx) => {
      for (let i = 0; i < 1_000; i++) tx.put('a', bytes(i >> 8, i), bytes(1))
    })
    const seen = await backend().write((tx) => {
      let n = 0
      for (const [key] of tx.range('a')) {
        tx.delete('a', key)
        if (++n === 700) break
      }
      return n
    })
    expect(seen).toBe(700)
    expect(backend().count('a')).toBe(300)
  })
}

const transactions = (backend: () => StorageBackend): void => {
  test('a body sees its own writes and those queued before it; readers see whole bodies', async () => {
    const first = backend().write((tx) => {
      tx.put('a', bytes(1), bytes(1))
      expect(tx.get('a', bytes(1))).toEqual(bytes(1))
      expect(keysOf(tx.range('a'))).toEqual([[1]])
    })
    const second = backend().write((tx) => tx.get('a', bytes(1)))
    expect(backend().get('a', bytes(1))).toBeUndefined()
    await first
    expect(await second).toEqual(bytes(1))
    expect(backend().get('a', bytes(1))).toEqual(bytes(1))
  })

  test('a throwing body undoes its own writes alone', async () => {
    await backend().write((tx) => tx.put('a', bytes(5), bytes(5)))
    const good = backend().write((tx) => tx.put('a', bytes(1), bytes(1)))
    const bad = backend().write((tx) => {
      tx.put('a', bytes(1), bytes(2))
      tx.put('a', bytes(2), bytes(2))
      tx.delete('a', bytes(5))
      throw new RangeError('no')
    })
    const after = backend().write((tx) => keysOf(tx.range('a')))
    await expect(bad).rejects.toThrow(RangeError)
    await good
    expect(await after).toEqual([[1], [5]])
    expect(backend().get('a', bytes(1))).toEqual(bytes(1))
  })

  test('keys out of bounds and unknown tables are bugs, and spoil nothing else', async () => {
    await expect(backend().write((tx) => tx.put('a', bytes(), bytes(1)))).rejects.toThrow(/key/)
    await expect(backend().write((tx) => tx.put('a', new Uint8Array(1_901), bytes(1)))).rejects.toThrow(/key/)
    await expect(backend().write((tx) => tx.put('zzz', bytes(1), bytes(1)))).rejects.toThrow(/table/)
    expect(() => backend().get('zzz', bytes(1))).toThrow(/table/)
    await backend().write((tx) => tx.put('a', bytes(1), bytes(1)))
    expect(backend().count('a')).toBe(1)
  })

  test('closing settles what is queued and refuses the rest', async () => {
    const queued = backend().write((tx) => tx.put('a', bytes(1), bytes(1)))
    await backend()[Symbol.asyncDispose]()
    await queued
    expect(() => backend().get('a', bytes(1))).toThrow(/closed/)
  })
}

const smallKey = fc.uint8Array({ minLength: 1, maxLength: 3, max: 5 })
const step = fc.record({
  fail: fc.boolean(),
  writes: fc.array(fc.record({ key: smallKey, value: fc.option(fc.uint8Array({ maxLength: 4 })) }), { maxLength: 20 }),
})

const model = (backend: () => StorageBackend): void => {
  test('random bodies and ranges agree with a plain map', { timeout: 60_000 }, async () => {
    const range = fc.record(
      { gte: smallKey, lt: smallKey, limit: fc.nat(8), reverse: fc.boolean() },
      { requiredKeys: [] },
    )
    const property = fc.asyncProperty(
      fc.array(step, { maxLength: 6 }),
      fc.array(range, { maxLength: 6 }),
      async (steps, ranges) => {
        await backend().write((tx) => [...tx.range('a')].forEach(([key]) => tx.delete('a', key)))
        const expected = new Map<string, Entry>()
        const done = steps.map(({ fail, writes }) => {
          if (!fail)
            for (const { key, value } of writes)
              if (value) expected.set(key.join(), [key, value])
              else expected.delete(key.join())
          return backend().write((tx) => {
            for (const { key, value } of writes)
              if (value) tx.put('a', key, value)
              else tx.delete('a', key)
            if (fail) throw new RangeError('undo')
          })
        })
        await Promise.allSettled(done)
        const sorted = [...expected.values()].sort(([a], [b]) => compareBytes(a, b))
        for (const r of [{}, ...ranges]) {
          const inside = sorted.filter(
            ([k]) => (!r.gte || compareBytes(k, r.gte) >= 0) && (!r.lt || compareBytes(k, r.lt) < 0),
          )
          const want = (r.reverse ? inside.toReversed() : inside).slice(0, r.limit)
          expect([...backend().range('a', r)]).toEqual(want)
          expect(backend().count('a', r)).toBe(want.length)
        }
      },
    )
    await fc.assert(property, { numRuns: 60 })
  })
}

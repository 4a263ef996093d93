import { getHeapStatistics } from 'node:v8'
import { afterEach, beforeEach, expect, test, vi } from 'vitest'
import { Changes } from './dirty.ts'
import { collectAtRest } from './rest.ts'

const MIB = 1024 * 1024

const collector = globalThis.gc

// What is waited for is a millisecond more than the time itself: time is a sum of fractions.
beforeEach(() => void vi.useFakeTimers())
afterEach(() => {
  vi.useRealTimers()
  globalThis.gc = collector
})

/** Rows of garbage that are all in use at one time, so that the young generation grows. */
const burst = (): number => {
  let rows: { readonly row: number; readonly of: readonly number[] }[] = []
  for (let round = 0; round < 60; round++) {
    rows = []
    for (let row = 0; row < 60_000; row++) rows.push({ row, of: [round] })
  }
  return rows.length
}

test('the room that a burst of work took is given back after a while without changes, and not before', () => {
  const changes = new Changes()
  const stop = collectAtRest(changes)
  const held = () => getHeapStatistics().total_physical_size
  changes.notify('level')
  expect(burst()).toBe(60_000)
  const busy = held()
  vi.advanceTimersByTime(2_000)
  changes.notify('level')
  vi.advanceTimersByTime(2_000)
  expect(held()).toBeGreaterThan(busy - 4 * MIB)
  vi.advanceTimersByTime(1_001)
  expect(held()).toBeLessThan(busy - 16 * MIB)
  stop()
})

test('what the first collection keeps of the young generation, a second one gives back, and then there is no more', () => {
  // As V8 does whose collection shrinks nothing: afterwards the young generation is as large as the burst made it.
  const collect = vi.fn(burst)
  globalThis.gc = collect as unknown as NonNullable<typeof globalThis.gc>
  const changes = new Changes()
  const stop = collectAtRest(changes)
  expect(burst()).toBe(60_000)
  changes.notify('level')
  vi.advanceTimersByTime(3_001)
  expect(collect).toHaveBeenCalledTimes(1)
  vi.advanceTimersByTime(8_001)
  expect(collect).toHaveBeenCalledTimes(2)
  vi.advanceTimersByTime(60_000)
  expect(collect).toHaveBeenCalledTimes(2)
  stop()
})

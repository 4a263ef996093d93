import { getHeapStatistics } from 'node:v8'
import { afterEach, expect, test, vi } from 'vitest'
import { Changes } from './dirty.ts'
import { collectAtRest } from './rest.ts'

const MIB = 1024 * 1024

afterEach(() => void vi.useRealTimers())

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
  vi.useFakeTimers()
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
  vi.advanceTimersByTime(1_000)
  expect(held()).toBeLessThan(busy - 16 * MIB)
  stop()
})

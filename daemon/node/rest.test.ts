import { afterEach, beforeEach, expect, test, vi } from 'vitest'
import { Changes } from './dirty.ts'
import { collectAtRest } from './rest.ts'

const collector = globalThis.gc

beforeEach(() => {
  vi.useFakeTimers()
  globalThis.gc = vi.fn(() => Promise.resolve()) as unknown as NonNullable<typeof globalThis.gc>
})
afterEach(() => {
  vi.useRealTimers()
  globalThis.gc = collector
})

test('collects when nothing changed for 3 s, once more 8 s later, and then no more', () => {
  const much = Buffer.alloc(32 * 1024 * 1024)
  const changes = new Changes()
  const stop = collectAtRest(changes)
  changes.notify('level')
  vi.advanceTimersByTime(2_000)
  changes.notify('level')
  vi.advanceTimersByTime(2_500)
  expect(globalThis.gc).toHaveBeenCalledTimes(0)
  vi.advanceTimersByTime(500)
  expect(globalThis.gc).toHaveBeenCalledTimes(1)
  vi.advanceTimersByTime(8_000)
  expect(globalThis.gc).toHaveBeenCalledTimes(2)
  vi.advanceTimersByTime(60_000)
  expect(globalThis.gc).toHaveBeenCalledTimes(2)
  stop()
  expect(much.length).toBeGreaterThan(0) // held until here
})

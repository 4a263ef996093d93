import { expect, test } from 'vitest'
import { BATCH_MS, DirtyPaths, FIRST_BATCH_MS, fixedSpot, QUIET_MS, REST_MS, RESTLESS_MS } from './dirty.ts'

test('a path is taken once it is quiet', () => {
  const dirty = new DirtyPaths()
  dirty.touch(fixedSpot('a'), 0)
  expect(dirty.take(QUIET_MS - 1)).toEqual({ paths: [], waitMs: 1 })
  expect(dirty.take(QUIET_MS)).toEqual({ paths: ['a'], waitMs: 0 })
  expect(dirty.take(QUIET_MS)).toEqual({ paths: [], waitMs: Infinity })
})

test('a stream of new files is taken in batches while it goes on, the first one soon', () => {
  const dirty = new DirtyPaths()
  const taken: number[] = []
  const stream = (from: number, to: number): void => {
    for (let now = from; now <= to; now += 5) {
      dirty.touch(fixedSpot(`f${now}`), now)
      if (dirty.take(now).paths.length > 0) taken.push(now)
    }
  }
  stream(0, 1000)
  const next = FIRST_BATCH_MS + BATCH_MS - QUIET_MS + 5 // what was not ready yet is the oldest of the next batch
  expect(taken.slice(0, 2)).toEqual([FIRST_BATCH_MS, next])
  expect(taken.length).toBeGreaterThanOrEqual(5)
  const again = 1000 + REST_MS + QUIET_MS
  dirty.take(1000 + QUIET_MS)
  stream(again, again + FIRST_BATCH_MS)
  expect(taken.at(-1)).toBe(again + FIRST_BATCH_MS)
})

test('a file that never rests is taken all the same', () => {
  const dirty = new DirtyPaths()
  let first = 0
  for (let now = 0; first === 0; now += 10) {
    dirty.touch(fixedSpot('log'), now)
    if (dirty.take(now).paths.length > 0) first = now
  }
  expect(first).toBe(RESTLESS_MS)
})

test('what happened in a directory is looked for where the directory is by then', () => {
  const dirty = new DirtyPaths()
  let dir = 'old'
  dirty.touch({ key: '7/f', path: () => `${dir}/f` }, 0)
  dir = 'new'
  dirty.touch({ key: '7/f', path: () => `${dir}/f` }, 1)
  expect(dirty.take(1 + QUIET_MS).paths).toEqual(['new/f'])
})

test.each([
  ['when the last of them is quiet', 10, { paths: [], waitMs: QUIET_MS - 10 }],
  ['when the oldest has waited long enough', FIRST_BATCH_MS - 5, { paths: [], waitMs: 5 }],
])('what is ready waits for the others: it is looked again %s', (_, otherMs, expected) => {
  const dirty = new DirtyPaths()
  dirty.touch(fixedSpot('a'), 0)
  dirty.touch(fixedSpot('b'), otherMs)
  expect(dirty.take(Math.max(otherMs, QUIET_MS))).toEqual(expected)
})

import { expect, test } from 'vitest'
import { DirtySet } from './dirty.ts'

test('a slow reader is told each key once', async () => {
  const dirty = new DirtySet()
  const { signal } = new AbortController()
  for (let i = 0; i < 1000; i++) dirty.add(i % 2 ? 'a' : 'b')
  expect([...(await dirty.take(signal))].sort()).toEqual(['a', 'b'])
  const next = dirty.take(signal)
  dirty.add('c')
  expect(await next).toEqual(['c'])
})

test('a reader that goes away is let go', async () => {
  const controller = new AbortController()
  const waiting = new DirtySet().take(controller.signal)
  controller.abort()
  expect(await waiting).toEqual([])
})

import { create } from '@bufbuild/protobuf'
import fc from 'fast-check'
import { describe, expect, it } from 'vitest'
import { BrowseResponseSchema, GetTimelineResponseSchema, RestoreTreeResponseSchema } from '#proto/file_api'
import { changesNothing, noFilter, noPages, requestOf, withRows } from './store.ts'
import { barsOf, changedPart, partOfTime, timelineOf, timeOfPart, type Timeline } from './timeline.ts'

const timeline = fc
  .record({
    fromMs: fc.nat(1e12),
    length: fc.integer({ min: 1000, max: 1e11 }),
    changes: fc.array(fc.nat(50), { minLength: 1, maxLength: 200 }),
  })
  .map(({ fromMs, length, changes }): Timeline => ({ fromMs, toMs: fromMs + length, changes }))

describe('a timeline', () => {
  it('finds the part again that a time was taken from, and goes only forward', () => {
    fc.assert(
      fc.property(timeline, (line) => {
        let before = line.fromMs - 1
        line.changes.forEach((_, part) => {
          const ms = timeOfPart(line, part)
          expect(partOfTime(line, ms)).toBe(part)
          expect(ms).toBeGreaterThan(before)
          before = ms
        })
        expect(timeOfPart(line, line.changes.length - 1)).toBe(line.toMs - 1)
      }),
    )
  })

  it('keeps times outside within it', () => {
    fc.assert(
      fc.property(timeline, (line) => {
        expect(partOfTime(line, line.fromMs - 1e6)).toBe(0)
        expect(partOfTime(line, line.toMs + 1e6)).toBe(line.changes.length - 1)
      }),
    )
  })

  it('steps over parts in which nothing changed', () => {
    const line: Timeline = { fromMs: 0, toMs: 5, changes: [1, 0, 0, 2, 0] }
    expect(changedPart(line, 0, 1)).toBe(3)
    expect(changedPart(line, 3, -1)).toBe(0)
    expect(changedPart(line, 3, 1)).toBe(3)
  })

  it('draws bars from nothing to full', () => {
    fc.assert(
      fc.property(timeline, (line) => {
        const bars = barsOf(line)
        bars.forEach((bar, at) => expect(bar > 0).toBe(line.changes[at]! > 0))
        expect(Math.max(...bars)).toBe(line.changes.some((count) => count > 0) ? 1 : 0)
      }),
    )
  })

  it('is none for a folder without changes', () => {
    expect(timelineOf(create(GetTimelineResponseSchema, {}))).toBeUndefined()
  })
})

it('pages follow each other, and the last has no cursor', () => {
  const page = (names: string[], more: boolean) =>
    create(BrowseResponseSchema, { rows: names.map((name) => ({ name })), more })
  const first = withRows(noPages, page(['a', 'b'], true))
  expect(first).toMatchObject({ at: 'loaded', next: 'b' })
  const last = withRows(first, page(['c'], false))
  expect(last).toMatchObject({ next: '' })
  expect(last.items.map(({ name }) => name)).toEqual(['a', 'b', 'c'])
})

it('a filter by days has the last day in it', () => {
  const { fromMs, toMs } = requestOf({ ...noFilter, from: '2026-11-20', to: '2026-11-20' })
  expect(new Date(Number(fromMs)).getDate()).toBe(20)
  expect(new Date(Number(toMs)).getDate()).toBe(21)
  expect(requestOf({ ...noFilter, path: '/a/b/' })).toMatchObject({ path: 'a/b', fromMs: 0n, toMs: 0n })
})

it('restoring what is so already changes nothing', () => {
  expect(changesNothing(create(RestoreTreeResponseSchema, {}))).toBe(true)
  expect(changesNothing(create(RestoreTreeResponseSchema, { moved: 1 }))).toBe(false)
})

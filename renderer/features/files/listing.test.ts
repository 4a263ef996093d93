import { create } from '@bufbuild/protobuf'
import fc from 'fast-check'
import { describe, expect, it } from 'vitest'
import { TouchedDirectoriesSchema } from '#proto/event_api'
import { FileRowSchema } from '#proto/file_api'
import {
  byName,
  crumbsOf,
  cursorOf,
  dueIn,
  failed,
  inOrderOfElements,
  isDrawn,
  isTouched,
  joinPath,
  movedBy,
  nothingYet,
  orderBy,
  ordered,
  parentOf,
  placeOf,
  reading,
  received,
  rowAfterKey,
  rowsDrawn,
  type Listing,
} from './listing.ts'

const row = (name: string, size = 0) => create(FileRowSchema, { name, size: BigInt(size) })
const names = (listing: Listing) => listing.rows.map(({ name }) => name)

/** Answers as a node does: what comes after the cursor, in order. */
const pageAfter = (all: readonly string[], after: string, limit: number) => {
  const left = all.filter((name) => name > after)
  return { rows: left.slice(0, limit).map((name) => row(name)), more: left.length > limit, total: BigInt(all.length) }
}
const readWhole = (from: Listing, all: readonly string[], limit: number): Listing => {
  let listing = from
  for (let cursor = cursorOf(listing); cursor !== undefined; cursor = cursorOf(listing))
    listing = received(listing, pageAfter(all, cursor, limit))
  return listing
}
const sortedNames = fc.uniqueArray(fc.string({ minLength: 1, maxLength: 3 })).map((all) => all.toSorted())

describe('a listing', () => {
  it('has every row once and in order, whatever the pages', () => {
    fc.assert(
      fc.property(sortedNames, fc.integer({ min: 1, max: 5 }), (all, limit) => {
        const listing = readWhole(nothingYet, all, limit)
        expect(names(listing)).toEqual(all)
        expect(listing).toMatchObject({ at: 'whole', total: all.length })
      }),
    )
  })

  it('keeps its rows while it is read again, and then has the new ones', () => {
    fc.assert(
      fc.property(sortedNames, sortedNames, fc.integer({ min: 1, max: 3 }), (before, after, limit) => {
        const old = readWhole(nothingYet, before, limit)
        let listing = reading(old)
        for (let cursor = cursorOf(listing); cursor !== undefined; cursor = cursorOf(listing)) {
          expect(names(listing)).toEqual(before)
          listing = received(listing, pageAfter(after, cursor, limit))
        }
        expect(names(listing)).toEqual(after)
      }),
    )
  })

  it('that is read again and found the same has the very same rows', () => {
    fc.assert(
      fc.property(sortedNames, fc.integer({ min: 1, max: 3 }), (all, limit) => {
        const old = readWhole(nothingYet, all, limit)
        expect(readWhole(reading(old), all, limit).rows).toBe(old.rows)
        expect(readWhole(reading(old), [...all, '\uffff'], limit).rows).not.toBe(old.rows)
      }),
    )
    const old = readWhole(nothingYet, ['a', 'b'], 2)
    const fresh = received(reading(old), { rows: [row('a'), row('b', 1)], more: false, total: 2n })
    expect(fresh.rows.map(({ size }) => size)).toEqual([0n, 1n])
    expect(fresh.rows[0]).toBe(old.rows[0])
  })

  it('is read again once for all changes of a while, a long one no more than half of the time', () => {
    expect(dueIn({ fromMs: 0, toMs: 0 }, 10_000)).toBe(0)
    expect(dueIn({ fromMs: 9_990, toMs: 10_000 }, 10_000)).toBe(400)
    expect(dueIn({ fromMs: 9_990, toMs: 10_000 }, 10_300)).toBe(100)
    expect(dueIn({ fromMs: 5_000, toMs: 10_000 }, 11_000)).toBe(4_000)
  })

  it('keeps the chosen row and those in sight when others come and go', () => {
    fc.assert(
      fc.property(sortedNames, sortedNames, fc.nat(9), fc.nat(9), (before, others, at, top) => {
        const after = [...new Set([...before.filter((_, i) => i % 3 > 0), ...others])].toSorted()
        const [old, rows] = [before.map((name) => row(name)), after.map((name) => row(name))]
        const name = before[at]
        const place = placeOf(rows, { at, name })
        if (name !== undefined && after.includes(name)) expect(rows[place]!.name).toBe(name)
        else expect(place).toBe(Math.max(0, Math.min(at, rows.length - 1)))
        const seen = before[top]
        const to = top + movedBy(old, rows, top)
        if (top > 0 && seen !== undefined && after.includes(seen)) expect(rows[to]!.name).toBe(seen)
        else expect(to).toBe(top)
      }),
    )
  })

  it('keeps what it has when a page fails, and asks for no more', () => {
    const half = received(nothingYet, { rows: [row('a')], more: true, total: 2n })
    const broken = failed(half, { kind: 'unavailable', sentence: 'It is away.' })
    expect(names(broken)).toEqual(['a'])
    expect(cursorOf(broken)).toBeUndefined()
  })

  it('is put in order by a column, both ways, equal ones by name', () => {
    const rows = [row('a', 2), row('b', 10), row('c', 2)]
    const bySize = orderBy(byName, 'size')
    expect(ordered(rows, bySize, () => '').map(({ name }) => name)).toEqual(['a', 'c', 'b'])
    expect(ordered(rows, orderBy(bySize, 'size'), () => '').map(({ name }) => name)).toEqual(['b', 'a', 'c'])
  })

  it('is put in order by author, each of whom is asked for once', () => {
    const authors = [2, 1, 2, 1].map((first) => Uint8Array.of(first, 7))
    const rows = [...authors.map((changedBy, at) => create(FileRowSchema, { name: `${at}`, changedBy })), row('nobody')]
    const asked: number[] = []
    const nameOf = (device: Uint8Array): string => (asked.push(device[0]!), device[0] === 1 ? 'Ada' : 'Bo')
    expect(ordered(rows, orderBy(byName, 'by'), nameOf).map(({ name }) => name)).toEqual(['nobody', '1', '3', '0', '2'])
    expect(asked).toEqual([2, 1])
  })
})

describe('the rows drawn', () => {
  const OVERSCAN = 3
  /** Places scrolled to, in a list of so many rows that shows so many at once or, between two rows, one more. */
  const scrolling = fc.record({
    count: fc.integer({ min: 1, max: 60 }),
    seen: fc.integer({ min: 1, max: 10 }),
    steps: fc.array(fc.tuple(fc.nat(59), fc.boolean()), { minLength: 1, maxLength: 20 }),
  })

  it('hold all that is seen, and as many as before wherever one scrolls', () => {
    fc.assert(
      fc.property(scrolling, ({ count, seen, steps }) => {
        let most = 0
        for (const [to, isBetween] of steps) {
          const startIndex = Math.min(to, count - 1)
          const endIndex = Math.min(count - 1, startIndex + seen - (isBetween ? 0 : 1))
          const drawn = rowsDrawn({ startIndex, endIndex, overscan: OVERSCAN, count }, most)
          expect(drawn).toEqual(drawn.map((_, at) => drawn[0]! + at))
          expect(drawn[0]! <= Math.max(0, startIndex - OVERSCAN) && drawn.at(-1)! >= endIndex).toBe(true)
          expect(drawn.at(-1)! >= Math.min(count - 1, endIndex + OVERSCAN) && drawn.at(-1)! < count).toBe(true)
          expect(drawn.length).toBeGreaterThanOrEqual(Math.min(count, most))
          most = drawn.length
        }
      }),
    )
  })

  it('keep their elements where they are while one scrolls, and are in order at rest', () => {
    fc.assert(
      fc.property(fc.integer({ min: 1, max: 9 }), fc.nat(50), fc.array(fc.nat(50)), (length, atRest, firsts) => {
        const drawnAt = (first: number) => Array.from({ length }, (_, at) => ({ index: first + at }))
        const elementsAt = (first: number): number[] =>
          inOrderOfElements(drawnAt(first), atRest).map(({ index }) => index % length)
        expect(inOrderOfElements(drawnAt(atRest), atRest)).toEqual(drawnAt(atRest))
        for (const first of firsts) expect(elementsAt(first)).toEqual(elementsAt(atRest))
      }),
    )
    expect(inOrderOfElements([], 3)).toEqual([])
  })
})

it('keys stay within the rows', () => {
  fc.assert(
    fc.property(
      fc.constantFrom('ArrowDown', 'ArrowUp', 'PageDown', 'PageUp', 'Home', 'End'),
      fc.nat(99),
      fc.integer({ min: 1, max: 100 }),
      (key, at, count) => {
        const to = rowAfterKey(key, Math.min(at, count - 1), count, 20)!
        expect(to >= 0 && to < count).toBe(true)
      },
    ),
  )
  expect(rowAfterKey('x', 0, 1, 1)).toBeUndefined()
})

it('paths go down and up again', () => {
  expect(crumbsOf('a/b').map(({ path }) => path)).toEqual(['a', 'a/b'])
  expect(parentOf(joinPath('a/b', 'c'))).toBe('a/b')
  expect(parentOf('a')).toBe('')
})

describe('what was touched', () => {
  const touched = create(TouchedDirectoriesSchema, { directories: ['', 'a', 'caf\u00e9'], trees: ['b/c'] })

  it.each([
    ['', true],
    ['a', true],
    ['a/b', false],
    ['cafe\u0301', true], // as a disk may write it
    ['b', false],
    ['b/c', true],
    ['b/c/d', true],
    ['b/cd', false],
  ])('a directory is concerned if it was, or came, went or moved with one above it: "%s"', (path, expected) => {
    expect(isTouched(touched, path)).toBe(expected)
  })

  it('is every directory where it may be anywhere', () => {
    const anywhere = create(TouchedDirectoriesSchema, { trees: [''] })
    expect(['', 'a', 'a/b'].map((path) => isTouched(anywhere, path))).toEqual([true, true, true])
  })
})

it('draws the first rows and the last, and in between only where there are many more', () => {
  const all = Array.from({ length: 20_000 }, (_, at) => String(at).padStart(5, '0'))
  let listing = nothingYet
  let drawn = [listing]
  const read = (): void => {
    for (let cursor = cursorOf(listing); cursor !== undefined; cursor = cursorOf(listing)) {
      listing = received(listing, pageAfter(all, cursor, 500))
      if (isDrawn(listing, drawn.at(-1)!)) drawn.push(listing)
    }
  }
  read()
  expect(drawn.length).toBeLessThan(30)
  expect(drawn.slice(0, 4).map(({ rows }) => rows.length)).toEqual([0, 500, 1000, 1500])
  expect(drawn.at(-1)).toBe(listing)
  listing = reading(listing)
  expect(isDrawn(listing, drawn.at(-1)!)).toBe(true)
  drawn = [listing]
  read()
  expect(drawn.map(({ at }) => at)).toEqual(['refreshing', 'whole'])
  expect(isDrawn(failed(listing, { kind: 'x', sentence: '', severity: 'permanent' } as never), listing)).toBe(true)
})

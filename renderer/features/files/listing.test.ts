import { create } from '@bufbuild/protobuf'
import fc from 'fast-check'
import { describe, expect, it } from 'vitest'
import { FileRowSchema } from '#proto/file_api'
import {
  byName,
  crumbsOf,
  cursorOf,
  failed,
  joinPath,
  nothingYet,
  orderBy,
  ordered,
  parentOf,
  reading,
  received,
  rowAfterKey,
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

  it('keeps what it has when a page fails, and asks for no more', () => {
    const half = received(nothingYet, { rows: [row('a')], more: true, total: 2n })
    const broken = failed(half, { kind: 'unavailable', sentence: 'It is away.' })
    expect(names(broken)).toEqual(['a'])
    expect(cursorOf(broken)).toBeUndefined()
  })

  it('is put in order by a column, both ways, equal ones by name', () => {
    const whole: Listing = { at: 'whole', rows: [row('a', 2), row('b', 1), row('c', 2)], total: 3 }
    const bySize = orderBy(byName, 'size')
    expect(ordered(whole, bySize, () => '').map(({ name }) => name)).toEqual(['b', 'a', 'c'])
    expect(ordered(whole, orderBy(bySize, 'size'), () => '').map(({ name }) => name)).toEqual(['a', 'c', 'b'])
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

import { create } from '@bufbuild/protobuf'
import fc from 'fast-check'
import { describe, expect, it } from 'vitest'
import { ConflictInfoSchema, GetConflictResponseSchema } from '#proto/conflict_api'
import { mergeRegions } from './merge.ts'
import { asText, comparisonOf, lineSeparatorOf, TEXT_BYTES_MAX } from './sides.ts'
import {
  byFolder,
  comparing,
  compared,
  decide,
  headFor,
  inspectKey,
  nextRegion,
  notOpened,
  openConflicts,
  opened,
  selectedOf,
  undecided,
  withOutcome,
  withoutOutcome,
  withUndoing,
  type Outcome,
} from './store.ts'

const hash = (at: number): Uint8Array => Uint8Array.of(at)
const side = (at: number, size = 10, type = 'text/plain', here = true) => ({
  hash: hash(at),
  size: BigInt(size),
  type,
  here,
})

const response = (sides = [side(1), side(2)], kind = 'content', deleted = -1) =>
  create(GetConflictResponseSchema, {
    conflict: {
      id: 'c',
      folder: 'f',
      path: 'a.txt',
      kind,
      heads: sides.map((each) => ({ hash: each.hash, device: each.hash, deleted: each.hash[0] === deleted })),
    },
    sides,
  })
const links = response()
for (const [at, head] of links.conflict!.heads.entries()) head.target = `to ${at}`
const comparisonFor = (given: ReturnType<typeof response>) => comparisonOf(given, given.sides[0]!, given.sides[1]!)

describe('one conflict', () => {
  it('is gone when the node knows it no more, and failed when something else went wrong', () => {
    expect(notOpened({ kind: 'conflict-not-found', sentence: '' })).toEqual({ at: 'gone' })
    expect(notOpened({ kind: 'unavailable', sentence: 'It is away.' })).toMatchObject({ at: 'failed' })
    expect(opened(create(GetConflictResponseSchema, {}))).toEqual({ at: 'gone' })
  })

  it('never compares a side with itself', () => {
    const three = opened(response([side(1), side(2), side(3)]))
    const moves = fc.array(fc.tuple(fc.constantFrom('left' as const, 'right' as const), fc.nat(4)))
    fc.assert(
      fc.property(moves, (steps) => {
        const state = steps.reduce((now, [place, at]) => comparing(now, place, at), three)
        expect(state.at === 'open' && state.left !== state.right).toBe(true)
      }),
    )
  })

  it('is read anew when other sides are compared', () => {
    const read = compared(opened(response([side(1), side(2), side(3)])), { at: 'facts', because: 'binary' })
    expect(comparing(read, 'right', 2)).toMatchObject({ right: 2, compared: { at: 'loading' } })
    expect(comparing(read, 'right', 1)).toBe(read)
  })
})

describe('how sides are compared', () => {
  it.each([
    ['text', response(), { as: 'text' }],
    ['pictures', response([side(1, 9, 'image/png'), side(2, 9, 'image/jpeg')]), { as: 'image' }],
    [
      'a drawing that could run code',
      response([side(1, 9, 'image/svg+xml'), side(2, 9, 'image/svg+xml')]),
      { as: 'facts', because: 'binary' },
    ],
    ['a large text', response([side(1, TEXT_BYTES_MAX + 1), side(2)]), { as: 'facts', because: 'large' }],
    ['something else', response([side(1, 9, 'application/zip'), side(2)]), { as: 'facts', because: 'binary' }],
    ['what is nowhere', response([side(1, 9, 'text/plain', false), side(2)]), { as: 'facts', because: 'elsewhere' }],
    ['a deletion', response([side(1), side(2)], 'content', 2), { as: 'facts', because: 'deleted' }],
    ['what symlinks point to', links, { as: 'facts', because: 'target' }],
    ['a move', response([side(1), side(2)], 'link'), { as: 'facts', because: 'place' }],
  ] as const)('%s', (_, given, expected) => {
    expect(comparisonFor(given)).toEqual(expected)
  })

  it('text is what makes the same bytes again, a byte order mark included', () => {
    fc.assert(
      fc.property(fc.uint8Array(), (bytes) => {
        const text = asText(bytes)
        if (text !== undefined) expect([...new TextEncoder().encode(text)]).toEqual([...bytes])
      }),
    )
    expect(asText(Uint8Array.of(0xef, 0xbb, 0xbf, 65))).toBe('\ufeffA')
    expect(asText(Uint8Array.of(65, 0))).toBeUndefined()
    expect(asText(Uint8Array.of(0xff))).toBeUndefined()
  })

  it('lines are separated so that joining them gives the text back', () => {
    fc.assert(
      fc.property(
        fc.array(fc.constantFrom('a', '\r', '\n', '\r\n')).map((all) => all.join('')),
        (text) => {
          const separator = lineSeparatorOf(text)
          expect(text.split(separator).join(separator)).toBe(text)
          if (separator === '\r\n') expect(text.replaceAll('\r\n', '')).not.toContain('\n')
        },
      ),
    )
  })
})

describe('decisions', () => {
  const regions = mergeRegions('1\n2\n3\n4\n5\n', 'a\n2\nx\n4\nq\n', 'b\n2\n3\n4\nr\n')

  it('are open for conflicts alone, until a person decides or types there', () => {
    const none = undecided(regions)
    const open = openConflicts(regions, none)
    expect(open.map((at) => regions[at]!.kind)).toEqual(['conflict', 'conflict'])
    const one = decide(none, open[0]!, 'person', 'both')
    expect(openConflicts(regions, one)).toEqual([open[1]])
    expect(openConflicts(regions, decide(one, open[1]!, 'hand', 'left'))).toEqual([])
  })

  it('are walked around in a circle, both ways', () => {
    const [first, second] = openConflicts(regions, undecided(regions))
    expect(nextRegion(regions, undefined, 1)).toBe(first)
    expect(nextRegion(regions, first, 1)).toBe(second)
    expect(nextRegion(regions, second, 1)).toBe(first)
    expect(nextRegion(regions, first, -1)).toBe(second)
    expect(nextRegion(mergeRegions('a', 'a', 'a'), undefined, 1)).toBeUndefined()
  })
})

it('one conflict of one file has a key to inspect; a clash of several files has none', () => {
  const inode = '0123456789abcdef'.repeat(2)
  const keyOf = (id: string, kind: string) => inspectKey(create(ConflictInfoSchema, { id, kind }))
  expect(keyOf(inode, 'content')).toBe(`0x632f${inode}`)
  expect(keyOf(`link-${inode}`, 'link')).toBe(`0x6e2f${inode}`)
  expect(keyOf(`${inode}-${inode}`, 'name')).toBeUndefined()
})

describe('many conflicts', () => {
  const info = (id: string, folder: string, path: string) => create(ConflictInfoSchema, { id, folder, path })

  it('are grouped by folder in order, each once', () => {
    const groups = byFolder([info('1', 'b', 'z'), info('2', 'a', 'y'), info('3', 'b', 'x')])
    expect(groups.map(({ folder, conflicts }) => [folder, ...conflicts.map(({ path }) => path)])).toEqual([
      ['a', 'y'],
      ['b', 'x', 'z'],
    ])
  })

  it('lose their selection when they are settled elsewhere', () => {
    expect([...selectedOf({ at: 'some', ids: new Set(['1', '2']) }, [info('2', 'a', 'y')])]).toEqual(['2'])
    expect([...selectedOf({ at: 'all' }, [info('2', 'a', 'y')])]).toEqual(['2'])
  })

  it('know which side is mine', () => {
    const { conflict } = response()
    expect(headFor(conflict!, 'mine', '02')).toEqual(hash(2))
    expect(headFor(conflict!, 'theirs', '02')).toEqual(hash(1))
    expect(headFor(conflict!, 'mine', 'ff')).toBeUndefined()
  })

  it('leave outcomes behind, the latest few, until dismissed', () => {
    const outcome = (number: number): Outcome => ({ number, settled: [], failed: [], undoing: { at: 'idle' } })
    const four = [1, 2, 3, 4].reduce((all, number) => withOutcome(all, outcome(number)), [] as readonly Outcome[])
    expect(four.map(({ number }) => number)).toEqual([2, 3, 4])
    expect(withoutOutcome(four, 3).map(({ number }) => number)).toEqual([2, 4])
    expect(withUndoing(four, 4, { at: 'running', done: 0, all: 1 })[2]).toMatchObject({ undoing: { at: 'running' } })
  })
})

import fc from 'fast-check'
import { describe, expect, it } from 'vitest'
import { defaultChoice, mergeRegions, resultOf, splitLines, startsOf, type Choice, type Region } from './merge.ts'

const line = fc.constantFrom('a\n', 'b\n', 'c\r\n', '\n', 'd', 'é\n', '\r')
const text = fc.array(line, { maxLength: 14 }).map((lines) => lines.join(''))
const runs = { numRuns: 500 }

const all = (regions: readonly Region[], choice: Choice): string =>
  resultOf(
    regions,
    regions.map(() => choice),
  )

describe('regions', () => {
  it('give each text back byte for byte when one side is chosen everywhere', () => {
    fc.assert(
      fc.property(text, text, text, (base, left, right) => {
        const regions = mergeRegions(base, left, right)
        expect(all(regions, 'base')).toBe(base)
        expect(all(regions, 'left')).toBe(left)
        expect(all(regions, 'right')).toBe(right)
      }),
      runs,
    )
  })

  it('do so without a base as well', () => {
    fc.assert(
      fc.property(text, text, (left, right) => {
        const regions = mergeRegions(undefined, left, right)
        expect(all(regions, 'left')).toBe(left)
        expect(all(regions, 'right')).toBe(right)
        expect(regions.every(({ kind }) => kind === 'same' || kind === 'conflict')).toBe(true)
      }),
      runs,
    )
  })

  it('need no decision where only one side changed, and then are what that side wrote', () => {
    fc.assert(
      fc.property(text, text, (base, other) => {
        const takesLeft = mergeRegions(base, other, base)
        expect(takesLeft.some(({ kind }) => kind === 'conflict')).toBe(false)
        expect(
          resultOf(
            takesLeft,
            takesLeft.map(({ kind }) => defaultChoice(kind)),
          ),
        ).toBe(other)
        const takesRight = mergeRegions(base, base, other)
        expect(
          resultOf(
            takesRight,
            takesRight.map(({ kind }) => defaultChoice(kind)),
          ),
        ).toBe(other)
        const alike = mergeRegions(base, other, other)
        expect(alike.every(({ kind }) => kind === 'same' || kind === 'alike')).toBe(true)
      }),
      runs,
    )
  })

  it('mirror each other when the sides change places', () => {
    const mirrored = { same: 'same', left: 'right', right: 'left', alike: 'alike', conflict: 'conflict' } as const
    fc.assert(
      fc.property(text, text, text, (base, left, right) => {
        const there = mergeRegions(base, left, right).map(({ kind }) => kind)
        const back = mergeRegions(base, right, left).map(({ kind }) => mirrored[kind])
        expect(back).toEqual(there)
      }),
      runs,
    )
  })

  it('start where the result has them', () => {
    fc.assert(
      fc.property(
        text,
        text,
        text,
        fc.infiniteStream(fc.constantFrom<Choice>('left', 'right', 'both', 'base')),
        (base, left, right, some) => {
          const regions = mergeRegions(base, left, right)
          const choices = regions.map(() => some.next().value)
          expect(startsOf(regions, choices).at(-1)).toBe(resultOf(regions, choices).length)
        },
      ),
      runs,
    )
  })

  it('tell apart who changed what', () => {
    const regions = mergeRegions('1\n2\n3\n4\n5\n6\n7\n', '1\nL\n3\n4\nX\n6\n7\n', '1\n2\n3\n4\nY\n6\nR\n')
    expect(regions.map(({ kind }) => kind)).toEqual(['same', 'left', 'same', 'conflict', 'same', 'right'])
  })

  it('put both on lines of their own when the first does not end its last', () => {
    const regions = mergeRegions('', 'left', 'right')
    expect(all(regions, 'both')).toBe('left\nright')
  })

  it('stay whole, and quick, where counting common lines would take for ever', () => {
    const many = '\n'.repeat(100_000)
    const regions = mergeRegions(many, `a\n${many}b\n`, `c\n${many}d\n`)
    expect(all(regions, 'left')).toBe(`a\n${many}b\n`)
    expect(all(regions, 'right')).toBe(`c\n${many}d\n`)
  })
})

describe('lines', () => {
  it('joined are the text', () => {
    fc.assert(
      fc.property(fc.string({ unit: 'binary' }), (any) => {
        expect(splitLines(any).join('')).toBe(any)
      }),
      runs,
    )
  })
})

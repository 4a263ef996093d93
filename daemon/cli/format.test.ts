import fc from 'fast-check'
import { describe, expect, test } from 'vitest'
import {
  formatAge,
  formatCount,
  formatSize,
  formatTable,
  formatTime,
  parseDuration,
  parseTime,
  printable,
  textWidth,
} from './format.ts'

test.each([
  [0, '0 B'],
  [999, '999 B'],
  [1000, '1 kB'],
  [1234, '1.2 kB'],
  [999_999, '1 MB'],
  [123_456_789n, '123 MB'],
  [5_000_000_000n, '5 GB'],
])('%s bytes read as %s', (bytes, text) => {
  expect(formatSize(bytes)).toBe(text)
})

test.each([
  [0, 'now'],
  [90_000, '1 minute ago'],
  [3 * 3_600_000, '3 hours ago'],
  [-3_600_000, 'in 1 hour'],
  [86_400_000, '1 day ago'],
])('%s ms ago is “%s”', (ms, text) => {
  expect(formatAge(1_700_000_000_000 - ms, 1_700_000_000_000)).toBe(text)
})

test.each([
  [0, '0'],
  [999, '999'],
  [1000, '1,000'],
  [1_234_567n, '1,234,567'],
])('%s reads as %s', (count, text) => {
  expect(formatCount(count)).toBe(text)
})

test('a time that is printed is one that can be typed', () => {
  const ms = new Date(2025, 2, 1, 4, 5, 6).getTime()
  expect(formatTime(ms)).toBe('2025-03-01 04:05:06')
  expect(parseTime(formatTime(ms))).toBe(ms)
})

test.each([
  ['30', 30_000],
  ['90s', 90_000],
  ['1.5h', 5_400_000],
  ['24h', 86_400_000],
  ['7d', 604_800_000],
  ['250ms', 250],
  ['', undefined],
  ['-1s', undefined],
  ['1w', undefined],
  ['soon', undefined],
])('the duration %j is %s ms', (text, ms) => {
  expect(parseDuration(text)).toBe(ms)
})

test.each([
  ['2025-03-01T12:00:00Z', Date.UTC(2025, 2, 1, 12)],
  ['2025-03-01 12:00:00Z', Date.UTC(2025, 2, 1, 12)],
  ['1740830400000', 1740830400000],
  ['1 day ago', undefined],
  ['abcdef123456', undefined],
  ['2025-13-01', undefined],
])('the time %j is %s', (text, ms) => {
  expect(parseTime(text)).toBe(ms)
})

describe('tables', () => {
  test('align by what a terminal shows', () => {
    const table = formatTable(
      [{ title: 'NAME' }, { title: 'N', align: 'right' }],
      [
        ['写真', '7'],
        ['a', '1000'],
      ],
    )
    expect(table).toBe('NAME     N\n写真     7\na     1000')
  })

  test('a name cannot steer the terminal', () => {
    expect(printable('a\u001b[2Jb\n\u202ec')).toBe('a\ufffd[2Jb\ufffd\ufffdc')
  })

  test('have one line a row and equal columns, whatever the cells', () => {
    fc.assert(
      fc.property(fc.array(fc.tuple(fc.string({ unit: 'binary' }), fc.string())), (rows) => {
        const lines = formatTable([{ title: 'A' }, { title: 'B', align: 'right' }], rows).split('\n')
        expect(lines).toHaveLength(rows.length + 1)
        const wide = Math.max(...rows.map(([, b]) => textWidth(printable(b))), 1)
        for (const [i, [, b]] of rows.entries())
          if (b.trim() === b && textWidth(printable(b)) === wide && b !== '')
            expect(lines[i + 1]!.endsWith(printable(b))).toBe(true)
      }),
    )
  })
})

import fc from 'fast-check'
import { describe, expect, test } from 'vitest'
import { formatAge, formatSize, formatTable, parseDuration, parseTime, printable, textWidth } from './format.ts'

test.each([
  [0, '0B'],
  [999, '999B'],
  [1000, '1 kB'],
  [1234, '1.2 kB'],
  [999_999, '1 MB'],
  [123_456_789n, '123 MB'],
  [5_000_000_000n, '5 GB'],
])('%s bytes read as %s', (bytes, text) => {
  expect(formatSize(bytes, 'en')).toBe(text)
})

test.each([
  [0, 'now'],
  [90_000, '1 minute ago'],
  [3 * 3_600_000, '3 hours ago'],
  [-3_600_000, 'in 1 hour'],
  [86_400_000, 'yesterday'],
])('%s ms ago is “%s”', (ms, text) => {
  expect(formatAge(1_700_000_000_000 - ms, 1_700_000_000_000, 'en')).toBe(text)
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
  ['yesterday', undefined],
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

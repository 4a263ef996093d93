/** Times and spans in words. */
import { expect, test } from 'vitest'
import { duration, timeAgo } from './relative.ts'

const now = Date.UTC(2026, 5, 15, 12)
const minutes = (n: number): number => now - n * 60_000

test.each([
  [now, 'now'],
  [now + 60_000, 'now'],
  [minutes(0.9), 'now'],
  [minutes(5), '5 minutes ago'],
  [minutes(150), '2 hours ago'],
  [minutes(60 * 24), 'yesterday'],
  [minutes(60 * 24 * 12), '12 days ago'],
  [Date.UTC(2026, 0, 2, 12), 'Jan 2, 2026'],
  [0, ''],
])('%d is %s', (then, words) => {
  expect(timeAgo(then, now, 'en')).toBe(words)
})

test('in another language', () => {
  expect(timeAgo(BigInt(minutes(150)), now, 'de')).toBe('vor 2 Stunden')
})

test.each([
  [0, '1 sec'],
  [4200, '5 sec'],
  [61_000, '2 min'],
  [3 * 3_600_000, '3 hr'],
])('%d ms last %s', (ms, words) => {
  expect(duration(ms, 'en')).toBe(words)
})

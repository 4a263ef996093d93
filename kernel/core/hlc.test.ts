import { expect, test } from 'vitest'
import { AHEAD_MS_MAX, dueMs, HLC_MAX, hlcToMs, msToHlc, tick } from './hlc.ts'

const NOW = 1_700_000_000_000

test.each([
  ['no parents: now', NOW, [], msToHlc(NOW)],
  ['parents in the past: now', NOW, [msToHlc(NOW - 1), 5n], msToHlc(NOW)],
  ['a parent in the same millisecond: the counter', NOW, [msToHlc(NOW)], msToHlc(NOW) + 1n],
  ['a parent ahead: just after it', NOW, [msToHlc(NOW + 99) + 7n], msToHlc(NOW + 99) + 8n],
  ['a full counter carries into the milliseconds', NOW, [msToHlc(NOW) + 0xffffn], msToHlc(NOW + 1)],
  ['no time is left', NOW, [HLC_MAX], undefined],
])('%s', (_, now, parents, expected) => {
  expect(tick(now, parents)).toBe(expected)
})

test('an intention is due when it is at most five minutes ahead', () => {
  expect(dueMs(msToHlc(NOW) + 9n)).toBe(NOW - AHEAD_MS_MAX)
  expect(hlcToMs(msToHlc(NOW) + 0xffffn)).toBe(NOW)
})

/** What is typed becomes what the contract says, and back. */
import { expect, test } from 'vitest'
import { bytesToLimit, limitToBytes, minuteToTime, timeToMinute } from './limits.ts'

test.each([
  ['', 0n],
  ['0', 0n],
  ['500', 500_000n],
  [' 1.5 ', 1500n],
  ['1,5', 1500n],
  ['-1', undefined],
  ['12 MB', undefined],
  ['1e9', undefined],
  ['9999999999', undefined],
])('the limit %j is %s bytes per second', (text, bytes) => {
  expect(limitToBytes(text)).toBe(bytes)
})

test('limits are shown as they were typed', () => {
  expect(['', '500', '1.5'].map((text) => bytesToLimit(limitToBytes(text)!))).toEqual(['', '500', '1.5'])
})

test.each([
  ['00:00', 0],
  ['01:15', 75],
  ['23:59', 1439],
  ['24:00', undefined],
  ['7:5', undefined],
  ['', undefined],
])('%s is minute %s of the day', (time, minute) => {
  expect(timeToMinute(time)).toBe(minute)
  if (minute !== undefined) expect(minuteToTime(minute)).toBe(time)
})

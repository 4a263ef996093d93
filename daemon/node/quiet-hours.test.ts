import fc from 'fast-check'
import { describe, expect, test } from 'vitest'
import { VirtualTimers } from '#sync/blobs/testing.ts'
import { quietAt, isQuietHoursList, type QuietHours } from './quiet-hours.ts'
import { keepQuietHours } from './quiet.ts'

/** 2025-03-03 is a Monday. */
const at = (day: number, hour: number, minute = 0): number => new Date(2025, 2, day, hour, minute).getTime()
const hours = (from: string, to: string, ...weekdays: number[]): QuietHours => {
  const minute = (text: string): number => Number(text.slice(0, 2)) * 60 + Number(text.slice(3))
  return { fromMinute: minute(from), toMinute: minute(to), weekdays }
}

describe('it is quiet', () => {
  test.each([
    ['never without hours', [], at(3, 12), false, undefined],
    ['by day', [hours('09:00', '17:00')], at(3, 9), true, at(3, 17)],
    ['not at the end', [hours('09:00', '17:00')], at(3, 17), false, at(4, 9)],
    ['past midnight', [hours('22:00', '07:00')], at(4, 3), true, at(4, 7)],
    ['past midnight, before it', [hours('22:00', '07:00')], at(3, 21), false, at(3, 22)],
    ['past midnight, of the day it begins', [hours('22:00', '07:00', 1)], at(4, 3), true, at(4, 7)],
    ['past midnight, not of the day it ends', [hours('22:00', '07:00', 2)], at(4, 3), false, at(4, 22)],
    ['once a week, next week', [hours('10:00', '11:00', 1)], at(3, 11), false, at(10, 10)],
    ['once a week, this week', [hours('10:00', '11:00', 0)], at(3, 11), false, at(9, 10)],
    ['all day from one time to the same', [hours('06:00', '06:00', 1)], at(4, 5, 59), true, at(4, 6)],
    ['always', [hours('06:00', '06:00')], at(4, 5), true, undefined],
    ['over two that touch', [hours('06:00', '08:00'), hours('08:00', '09:00')], at(3, 7), true, at(3, 9)],
  ])('%s', (_, list, nowMs, quiet, changesAtMs) => {
    expect(quietAt(list, nowMs)).toEqual({ quiet, changesAtMs })
  })

  const anyHours = fc.record({
    fromMinute: fc.nat(1439),
    toMinute: fc.nat(1439),
    weekdays: fc.uniqueArray(fc.nat(6), { maxLength: 7 }),
  })

  /** By the clock on the wall alone. */
  const naive = (list: readonly QuietHours[], ms: number): boolean => {
    const now = new Date(ms)
    const minute = now.getHours() * 60 + now.getMinutes()
    const isOn = ({ weekdays }: QuietHours, day: number): boolean => weekdays.length === 0 || weekdays.includes(day)
    return list.some((each) => {
      const { fromMinute, toMinute } = each
      const [today, yesterday] = [now.getDay(), (now.getDay() + 6) % 7]
      if (toMinute > fromMinute) return isOn(each, today) && minute >= fromMinute && minute < toMinute
      return (isOn(each, today) && minute >= fromMinute) || (isOn(each, yesterday) && minute < toMinute)
    })
  }

  test('whatever the hours, as a clock and a calendar say, and changes when it says', () => {
    // In June no clock is changed anywhere.
    const moments = fc.integer({ min: 0, max: 20 * 1440 }).map((m) => new Date(2025, 5, 2, 0, m).getTime())
    fc.assert(
      fc.property(fc.array(anyHours, { maxLength: 4 }), moments, (list, nowMs) => {
        const { quiet, changesAtMs } = quietAt(list, nowMs)
        expect(quiet).toBe(naive(list, nowMs))
        const endMs = changesAtMs ?? nowMs + 7 * 86_400_000
        for (let ms = nowMs; ms < endMs; ms += 60_000) expect(naive(list, ms)).toBe(quiet)
        if (changesAtMs !== undefined) expect(naive(list, changesAtMs)).toBe(!quiet)
      }),
      { numRuns: 50 },
    )
  })
})

test.each([
  [[], true],
  [[hours('00:00', '23:59', 0, 6)], true],
  [Array(33).fill(hours('00:00', '01:00')), false],
  [[{ fromMinute: 1440, toMinute: 0, weekdays: [] }], false],
  [[{ fromMinute: 0.5, toMinute: 0, weekdays: [] }], false],
  [[{ fromMinute: 0, toMinute: 0, weekdays: [7] }], false],
  [[{ fromMinute: 0, toMinute: 0 }], false],
  [[null], false],
  ['22:00', false],
])('%j as a list: %s', (value, isOne) => expect(isQuietHoursList(value)).toBe(isOne))

test('the gate is shut and opened when the hours begin and end, and when they are changed', async () => {
  const timers = new VirtualTimers()
  const offsetMs = at(3, 21)
  const seen: string[] = []
  let list = [hours('22:00', '23:00')]
  const note = (what: string): void =>
    void seen.push(`${what} ${new Date(offsetMs + timers.nowMs()).toTimeString().slice(0, 5)}`)
  const keeping = keepQuietHours({
    timers: {
      nowMs: () => offsetMs + timers.nowMs(),
      after: (delayMs, callback) => timers.after(delayMs, callback),
      random: () => 0,
    },
    hours: () => list,
    gate: { shut: () => note('shut'), reopen: async () => note('open') },
    changed: () => undefined,
    report: (cause) => expect(cause).toBe(undefined),
  })
  await timers.pass(150 * 60_000)
  expect(seen.splice(0)).toEqual(['shut 22:00', 'open 23:00'])
  list = [hours('23:00', '01:00')]
  keeping.look()
  list = []
  keeping.look()
  expect(seen.splice(0)).toEqual(['shut 23:30', 'open 23:30'])
  list = [hours('23:45', '01:00')]
  keeping.look()
  keeping.stop()
  await timers.pass(60 * 60_000)
  expect(seen).toEqual([])
})

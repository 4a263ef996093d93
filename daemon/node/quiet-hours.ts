/**
 * Quiet hours: times of the local day in which nothing is sent or fetched. Pure: a list and a moment say whether it is
 * quiet, and when that changes next. Days are the calendar's, so a range keeps its clock times when the clocks change.
 */

export interface QuietHours {
  /** Minutes of the local day, 0 to 1439. Past midnight if `toMinute` is not after `fromMinute`. */
  readonly fromMinute: number
  readonly toMinute: number
  /** 0 (Sunday) to 6, of the day it begins; empty: all. */
  readonly weekdays: readonly number[]
}

export interface Quiet {
  readonly quiet: boolean
  /** Unix ms; undefined: never. */
  readonly changesAtMs: number | undefined
}

export const QUIET_HOURS_MAX = 32
const MINUTES = 1440
/** What begins yesterday may last until today; after a week everything repeats. */
const DAYS_AHEAD = 8

const isWhole = (value: unknown, limit: number): boolean =>
  Number.isInteger(value) && (value as number) >= 0 && (value as number) < limit

const isQuietHours = (value: unknown): value is QuietHours => {
  if (typeof value !== 'object' || value === null) return false
  const { fromMinute, toMinute, weekdays } = value as Partial<Record<keyof QuietHours, unknown>>
  if (!isWhole(fromMinute, MINUTES) || !isWhole(toMinute, MINUTES) || !Array.isArray(weekdays)) return false
  return weekdays.length <= 7 && weekdays.every((day) => isWhole(day, 7))
}

export const isQuietHoursList = (value: unknown): value is readonly QuietHours[] =>
  Array.isArray(value) && value.length <= QUIET_HOURS_MAX && value.every(isQuietHours)

interface Span {
  readonly startMs: number
  /** The first moment after it. */
  readonly endMs: number
}

/** The times around `now` that a range stands for. */
const spansOf = ({ fromMinute, toMinute, weekdays }: QuietHours, now: Date): Span[] => {
  const spans: Span[] = []
  for (let day = -1; day <= DAYS_AHEAD; day++) {
    const at = (minute: number, days: number): Date =>
      new Date(now.getFullYear(), now.getMonth(), now.getDate() + days, 0, minute)
    const weekday = at(MINUTES / 2, day).getDay()
    if (weekdays.length > 0 && !weekdays.includes(weekday)) continue
    const endDay = toMinute > fromMinute ? day : day + 1
    spans.push({ startMs: at(fromMinute, day).getTime(), endMs: at(toMinute, endDay).getTime() })
  }
  return spans
}

export const quietAt = (hours: readonly QuietHours[], nowMs: number): Quiet => {
  const spans = hours.flatMap((each) => spansOf(each, new Date(nowMs)))
  const isQuiet = (ms: number): boolean => spans.some(({ startMs, endMs }) => startMs <= ms && ms < endMs)
  const quiet = isQuiet(nowMs)
  const edges = spans.flatMap(({ startMs, endMs }) => [startMs, endMs]).sort((a, b) => a - b)
  const lastStart = Math.max(...spans.map(({ startMs }) => startMs))
  // Past the last span that was looked at, silence would only mean that nobody looked.
  const changesAtMs = edges.find((ms) => ms > nowMs && ms <= lastStart && isQuiet(ms) !== quiet)
  return { quiet, changesAtMs }
}

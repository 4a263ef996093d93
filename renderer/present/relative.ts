/** Spans of time in words, in the language of the interface. */

const SECOND = 1000
const MINUTE = 60 * SECOND
const HOUR = 60 * MINUTE
const DAY = 24 * HOUR

const steps = [
  ['day', DAY],
  ['hour', HOUR],
  ['minute', MINUTE],
] as const

/**
 * "2 hours ago", "yesterday"; a moment ago is "now". Past a month it is the date. `thenMs`, `nowMs`: unix ms; a time
 * that lies ahead (clocks differ) counts as now. Empty for 0, which says "not known" everywhere in the contract.
 */
export const timeAgo = (thenMs: bigint | number, nowMs: number, language: string): string => {
  const then = Number(thenMs)
  if (then === 0) return ''
  const words = new Intl.RelativeTimeFormat(language, { numeric: 'auto' })
  const agoMs = Math.max(0, nowMs - then)
  if (agoMs > 30 * DAY) return new Intl.DateTimeFormat(language, { dateStyle: 'medium' }).format(then)
  for (const [unit, length] of steps) if (agoMs >= length) return words.format(-Math.floor(agoMs / length), unit)
  return words.format(0, 'second')
}

/** "3 min", "2 hr": one unit, rounded up, at least a second. */
export const duration = (ms: number, language: string): string => {
  const inUnit = (unit: string, value: number): string =>
    new Intl.NumberFormat(language, { style: 'unit', unit, unitDisplay: 'short', maximumFractionDigits: 0 }).format(
      value,
    )
  for (const [unit, length] of steps) if (ms >= length) return inUnit(unit, Math.ceil(ms / length))
  return inUnit('second', Math.max(1, Math.ceil(ms / SECOND)))
}

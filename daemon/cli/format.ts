/** Text for people: sizes, times, tables. Pure; the locale and the clock come in. */

const UNITS = ['byte', 'kilobyte', 'megabyte', 'gigabyte', 'terabyte', 'petabyte'] as const
const STEP = 1000

/** “1.2 MB”: decimal units, as disks and networks are sold. */
export const formatSize = (bytes: bigint | number, locale?: string): string => {
  let value = Number(bytes)
  let unit = 0
  while (value >= STEP - 0.5 && unit < UNITS.length - 1) {
    value /= STEP
    unit += 1
  }
  return new Intl.NumberFormat(locale, {
    style: 'unit',
    unit: UNITS[unit]!,
    unitDisplay: unit === 0 ? 'narrow' : 'short',
    maximumFractionDigits: unit === 0 || value >= 100 ? 0 : 1,
  }).format(value)
}

export const formatCount = (count: bigint | number, locale?: string): string =>
  new Intl.NumberFormat(locale).format(count)

/** Local date and time to the second. */
export const formatTime = (unixMs: bigint | number, locale?: string, timeZone?: string): string =>
  new Intl.DateTimeFormat(locale, { dateStyle: 'medium', timeStyle: 'medium', timeZone }).format(Number(unixMs))

/** “3 hours ago”, in the largest unit that fits. */
export const formatAge = (unixMs: bigint | number, nowMs: number, locale?: string): string => {
  const seconds = Math.round((Number(unixMs) - nowMs) / 1000)
  const steps = [
    ['day', 86_400],
    ['hour', 3_600],
    ['minute', 60],
    ['second', 1],
  ] as const
  const [unit, length] = steps.find(([, length]) => Math.abs(seconds) >= length) ?? ['second', 1]
  return new Intl.RelativeTimeFormat(locale, { numeric: 'auto' }).format(Math.trunc(seconds / length), unit)
}

export type Align = 'left' | 'right'
export interface Column {
  readonly title: string
  readonly align?: Align
}

/** How many cells of a terminal a text takes: wide East Asian characters two, combining marks none. */
export const textWidth = (text: string): number => {
  let width = 0
  for (const char of text) {
    if (/\p{Mn}|\p{Me}|\p{Cf}/u.test(char)) continue
    width +=
      /[\u1100-\u115f\u2e80-\ua4cf\uac00-\ud7a3\uf900-\ufaff\ufe30-\ufe6f\uff00-\uff60\u{1f300}-\u{1faff}]/u.test(char)
        ? 2
        : 1
  }
  return width
}

/** Replaces control characters, which a file name from a peer may hold, so that it cannot steer the terminal. */
export const printable = (text: string): string => text.replace(/\p{Cc}|[\u202a-\u202e\u2066-\u2069]/gu, '\ufffd')

/** Columns as wide as their widest cell, two spaces apart; no trailing spaces. */
export const formatTable = (
  columns: readonly Column[],
  rows: readonly (readonly string[])[],
  paintTitle: (title: string) => string = (title) => title,
): string => {
  const cells = rows.map((row) => row.map(printable))
  const widths = columns.map(({ title }, i) => Math.max(textWidth(title), ...cells.map((row) => textWidth(row[i]!))))
  const line = (row: readonly string[]): string =>
    row
      .map((text, i) => {
        const space = ' '.repeat(widths[i]! - textWidth(text))
        return columns[i]!.align === 'right' ? space + text : text + space
      })
      .join('  ')
      .trimEnd()
  return [paintTitle(line(columns.map((c) => c.title))), ...cells.map(line)].join('\n')
}

/** “90s”, “15m”, “24h”, “7d” or plain seconds, in milliseconds; undefined: no duration. */
export const parseDuration = (text: string): number | undefined => {
  const match = /^(\d{1,9}(?:\.\d{1,3})?)(ms|s|m|h|d)?$/.exec(text.trim())
  if (!match) return undefined
  const factor = { ms: 1, s: 1000, m: 60_000, h: 3_600_000, d: 86_400_000 }[match[2] ?? 's']!
  return Math.round(Number(match[1]) * factor)
}

/** An ISO date or time (local where no zone is named), or unix milliseconds; undefined: neither. */
export const parseTime = (text: string): number | undefined => {
  if (/^\d{12,14}$/.test(text)) return Number(text)
  if (!/^\d{4}-\d{2}-\d{2}/.test(text)) return undefined
  const ms = Date.parse(/^\d{4}-\d{2}-\d{2}$/.test(text) ? `${text}T00:00` : text.replace(' ', 'T'))
  return Number.isNaN(ms) ? undefined : ms
}

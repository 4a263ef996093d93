/**
 * Text for people: sizes, times, tables. Pure; the clock comes in. Written out rather than asked of `Intl`, whose tables
 * take longer to load than a command to run.
 */

const UNITS = ['B', 'kB', 'MB', 'GB', 'TB', 'PB'] as const
const STEP = 1000

/** “1.2 MB”: decimal units, as disks and networks are sold. */
export const formatSize = (bytes: bigint | number): string => {
  let value = Number(bytes)
  let unit = 0
  while (value >= STEP - 0.5 && unit < UNITS.length - 1) {
    value /= STEP
    unit += 1
  }
  const digits = unit === 0 || value >= 100 ? 0 : 1
  return `${value.toFixed(digits).replace(/\.0$/, '')} ${UNITS[unit]!}`
}

/** “12,345”. */
export const formatCount = (count: bigint | number): string => `${count}`.replace(/\B(?=(\d{3})+$)/g, ',')

const twoDigits = (value: number): string => `${value}`.padStart(2, '0')

/** Local date and time to the second, as `--at` takes them: “2025-03-01 14:30:05”. */
export const formatTime = (unixMs: bigint | number): string => {
  const at = new Date(Number(unixMs))
  const date = [at.getFullYear(), at.getMonth() + 1, at.getDate()].map(twoDigits).join('-')
  return `${date} ${[at.getHours(), at.getMinutes(), at.getSeconds()].map(twoDigits).join(':')}`
}

/** “3 hours ago”, “in 1 day”, “now”: in the largest unit that fits. */
export const formatAge = (unixMs: bigint | number, nowMs: number): string => {
  const seconds = Math.round((Number(unixMs) - nowMs) / 1000)
  const steps = [
    ['day', 86_400],
    ['hour', 3_600],
    ['minute', 60],
    ['second', 1],
  ] as const
  const step = steps.find(([, length]) => Math.abs(seconds) >= length)
  if (!step) return 'now'
  const count = Math.trunc(Math.abs(seconds) / step[1])
  const words = `${count} ${step[0]}${count === 1 ? '' : 's'}`
  return seconds < 0 ? `${words} ago` : `in ${words}`
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

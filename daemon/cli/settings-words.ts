/** Settings as people type and read them. Pure. */
import { err, latticeError, ok, type LatticeError, type Result } from '#kernel/core/result.ts'
import type { MessageInitShape } from '@bufbuild/protobuf'
import type { ChangeSettingsRequestSchema, QuietHours, Settings } from '#proto/node_api'
import { formatSize } from './format.ts'

type Change = MessageInitShape<typeof ChangeSettingsRequestSchema>
type Hours = Pick<QuietHours, 'fromMinute' | 'toMinute' | 'weekdays'>

const DAYS = ['sun', 'mon', 'tue', 'wed', 'thu', 'fri', 'sat'] as const

const bad = (message: string): { readonly ok: false; readonly error: LatticeError } =>
  err(latticeError('bad-request', 'permanent', message))

/** “500kB”, “1.5 MB” or plain bytes, decimal; “none”: 0. Undefined: neither. */
export const parseRate = (text: string): bigint | undefined => {
  if (text === 'none') return 0n
  const match = /^(\d{1,12}(?:\.\d{1,3})?) ?(B|kB|MB|GB)?(?:\/s)?$/i.exec(text.trim())
  if (!match) return undefined
  const factor = { b: 1, kb: 1e3, mb: 1e6, gb: 1e9 }[(match[2] ?? 'B').toLowerCase()]!
  const bytes = Math.round(Number(match[1]) * factor)
  return Number.isSafeInteger(bytes) ? BigInt(bytes) : undefined
}

const parseMinute = (text: string): number | undefined => {
  const match = /^([01]?\d|2[0-3]):([0-5]\d)$/.exec(text)
  return match ? Number(match[1]) * 60 + Number(match[2]) : undefined
}

/** “mon-fri”, “sat,sun”, “fri-mon”. */
const parseDays = (text: string): number[] | undefined => {
  const days: number[] = []
  for (const part of text.toLowerCase().split(',')) {
    const [from, to] = part.split('-').map((name) => DAYS.findIndex((day) => day === name))
    if (from === undefined || from < 0 || (to !== undefined && to < 0) || part.split('-').length > 2) return undefined
    for (let day = from; ; day = (day + 1) % 7) {
      days.push(day)
      if (day === (to ?? from)) break
    }
  }
  return [...new Set(days)].sort((a, b) => a - b)
}

/** “22:00-07:00”, every day, or “mon-fri@22:00-07:00”, of the days on which it begins. */
export const parseQuietHours = (text: string): Hours | undefined => {
  const match = /^(?:([a-z,-]+)@)?([\d:]+)-([\d:]+)$/i.exec(text)
  if (!match) return undefined
  const [fromMinute, toMinute] = [parseMinute(match[2]!), parseMinute(match[3]!)]
  const weekdays = match[1] === undefined ? [] : parseDays(match[1])
  if (fromMinute === undefined || toMinute === undefined || weekdays === undefined) return undefined
  return { fromMinute, toMinute, weekdays }
}

const clock = (minute: number): string =>
  `${`${Math.floor(minute / 60)}`.padStart(2, '0')}:${`${minute % 60}`.padStart(2, '0')}`

/** As `parseQuietHours` takes it. */
export const formatQuietHours = ({ fromMinute, toMinute, weekdays }: Hours): string =>
  (weekdays.length > 0 ? `${weekdays.map((day) => DAYS[day] ?? '?').join(',')}@` : '') +
  `${clock(fromMinute)}-${clock(toMinute)}`

const one = (values: readonly string[], key: string): Result<string, LatticeError> =>
  values.length === 1 ? ok(values[0]!) : bad(`give ${key} one value`)

const rate = (values: readonly string[], key: string): Result<bigint, LatticeError> => {
  const value = one(values, key)
  if (!value.ok) return value
  const bytes = parseRate(value.value)
  return bytes === undefined ? bad(`give ${key} a speed such as 500kB or 2MB (a second), or none`) : ok(bytes)
}

const quietHours = (values: readonly string[]): Result<Change, LatticeError> => {
  if (values.length === 1 && values[0] === 'none') return ok({ quietHours: { hours: [] } })
  const hours = values.map(parseQuietHours)
  return hours.every((each) => each !== undefined)
    ? ok({ quietHours: { hours } })
    : bad('give quiet-hours times such as 22:00-07:00 or sat,sun@00:00-12:00, or none')
}

/** What `settings set KEY VALUE…` asks for. */
export const parseSetting = (key: string, values: readonly string[]): Result<Change, LatticeError> => {
  switch (key) {
    case 'device-name': {
      const name = one(values, key)
      return name.ok ? ok({ deviceName: name.value }) : name
    }
    case 'upload-limit': {
      const limit = rate(values, key)
      return limit.ok ? ok({ uploadLimit: limit.value }) : limit
    }
    case 'download-limit': {
      const limit = rate(values, key)
      return limit.ok ? ok({ downloadLimit: limit.value }) : limit
    }
    case 'quiet-hours':
      return quietHours(values)
    case 'local-discovery': {
      const word = one(values, key)
      if (!word.ok) return word
      return word.value === 'on' || word.value === 'off'
        ? ok({ localDiscovery: word.value === 'on' })
        : bad('give local-discovery on or off')
    }
    default:
      return bad(
        `there is no setting “${key}”: they are device-name, upload-limit, download-limit, quiet-hours, local-discovery`,
      )
  }
}

/** Each setting and its value, by the names that `parseSetting` takes. */
export const settingRows = (settings: Settings): [string, string][] => {
  const speed = (bytes: bigint): string => (bytes === 0n ? 'none' : `${formatSize(bytes)}/s`)
  return [
    ['device-name', settings.deviceName],
    ['upload-limit', speed(settings.uploadLimit)],
    ['download-limit', speed(settings.downloadLimit)],
    ['quiet-hours', settings.quietHours.map(formatQuietHours).join(' ') || 'none'],
    ['local-discovery', settings.localDiscovery ? 'on' : 'off'],
  ]
}

/** Limits and times as people type them, and as the contract has them. */

const KILOBYTE = 1000

/** '' and '0' mean no limit; '500' is 500 kB/s, in bytes per second. Undefined for what is no number. */
export const limitToBytes = (text: string): bigint | undefined => {
  const trimmed = text.trim().replace(',', '.')
  if (trimmed === '') return 0n
  if (!/^\d{1,9}(\.\d{1,3})?$/.test(trimmed)) return undefined
  return BigInt(Math.round(Number(trimmed) * KILOBYTE))
}

export const bytesToLimit = (bytes: bigint): string => (bytes === 0n ? '' : String(Number(bytes) / KILOBYTE))

/** 75 → '01:15'. */
export const minuteToTime = (minute: number): string =>
  `${String(Math.floor(minute / 60)).padStart(2, '0')}:${String(minute % 60).padStart(2, '0')}`

/** '01:15' → 75; undefined for what is no time of day. */
export const timeToMinute = (time: string): number | undefined => {
  const match = /^(\d{1,2}):(\d{2})(:\d{2})?$/.exec(time)
  if (match === null) return undefined
  const [hours, minutes] = [Number(match[1]), Number(match[2])]
  return hours < 24 && minutes < 60 ? hours * 60 + minutes : undefined
}

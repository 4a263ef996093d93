/** How sizes, times and hashes are written, in the language of the interface. */

const unitsOfBytes = ['byte', 'kilobyte', 'megabyte', 'gigabyte', 'terabyte'] as const

/** 1234567 → "1.2 MB". Powers of 1000, as file managers count. */
export function formatBytes(bytes: bigint | number, language: string): string {
  let value = Number(bytes)
  let at = 0
  while (value >= 999.5 && at < unitsOfBytes.length - 1) {
    value /= 1000
    at++
  }
  return numbersIn(language, at, at === 0 || value >= 100 ? 0 : 1).format(value)
}

// Making a format costs a hundred times as much as using it.
const numbers = new Map<string, Intl.NumberFormat>()

const numbersIn = (language: string, unit: number, digits: number): Intl.NumberFormat => {
  const key = `${language} ${unit} ${digits}`
  const known = numbers.get(key)
  if (known !== undefined) return known
  const made = new Intl.NumberFormat(language, {
    style: 'unit',
    unit: unitsOfBytes[unit]!,
    unitDisplay: unit === 0 ? 'long' : 'short',
    maximumFractionDigits: digits,
  })
  numbers.set(key, made)
  return made
}

const dateTime = new Map<string, Intl.DateTimeFormat>()

const dateTimeIn = (language: string, seconds: boolean): Intl.DateTimeFormat => {
  const key = `${language} ${seconds}`
  const known = dateTime.get(key)
  if (known !== undefined) return known
  const made = new Intl.DateTimeFormat(language, { dateStyle: 'medium', timeStyle: seconds ? 'medium' : 'short' })
  dateTime.set(key, made)
  return made
}

/** Date and time of day; empty for 0, which says "not known" everywhere in the contract. `ms`: unix ms. */
export const formatTime = (ms: bigint | number, language: string, seconds = false): string =>
  Number(ms) === 0 ? '' : dateTimeIn(language, seconds).format(Number(ms))

export const toHex = (bytes: Uint8Array): string =>
  Array.from(bytes, (byte) => byte.toString(16).padStart(2, '0')).join('')

/** Enough of a hash to tell it from others by eye. */
export const shortHex = (bytes: Uint8Array): string => toHex(bytes).slice(0, 10)

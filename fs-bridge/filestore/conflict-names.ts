/**
 * The names of what lost a conflict: `name (conflict, <device>, <YYYY-MM-DD hh.mm>).ext`.
 *
 * A conflict name tells the name it was made from (its *base*), so one can be found without listing the directory:
 * either the base is legible in it, or, where it had to be cut, a digest of the base is. Hence two bases never give
 * one conflict name, and uniqueness only has to be looked after among the losers of one base.
 */
import { createHash } from 'node:crypto'
import { decodeUtf8, encodeUtf8 } from '#kernel/core/bytes.ts'

const NAME_BYTES_MAX = 255
const EXTENSION_BYTES_MAX = 32
const DEVICE_BYTES_MAX = 64

/** Extension: from the last dot on, unless that is the first character or more than 32 bytes follow. */
export const splitExtension = (name: string): readonly [stem: string, extension: string] => {
  const dot = name.lastIndexOf('.')
  if (dot <= 0 || encodeUtf8(name.slice(dot)).length > EXTENSION_BYTES_MAX) return [name, '']
  return [name.slice(0, dot), name.slice(dot)]
}

/** The longest prefix of at most `bytesMax` bytes that ends between characters. */
export const truncateUtf8 = (text: string, bytesMax: number): string => {
  const bytes = encodeUtf8(text)
  if (bytes.length <= bytesMax) return text
  let end = bytesMax
  while (end > 0 && (bytes[end]! & 0xc0) === 0x80) end--
  return decodeUtf8(bytes.subarray(0, end)) ?? ''
}

/** A device's name, fit to stand in a file name on every platform. */
export const deviceLabel = (device: string): string => {
  // Lone surrogates cannot be encoded; control characters and the rest below are forbidden somewhere or delimit.
  const clean = device
    .toWellFormed()
    .normalize('NFC')
    .replace(/[\u0000-\u001f\u007f/\\:*?"<>|(),]+/g, ' ')
    .replace(/\s+/g, ' ')
    .trim()
  return truncateUtf8(clean, DEVICE_BYTES_MAX).trim() || 'unknown device'
}

const two = (n: number): string => String(n).padStart(2, '0')

/** Largest time a Date holds; a clock beyond it shows as that. */
const DATE_MS_MAX = 8_640_000_000_000_000n

/** UTC, from a hybrid logical clock value (unix ms << 16 | counter). */
export const hlcToMinute = (hlc: bigint): string => {
  const ms = hlc >> 16n
  const at = new Date(Number(ms > DATE_MS_MAX ? DATE_MS_MAX : ms))
  const day = `${String(at.getUTCFullYear()).padStart(4, '0')}-${two(at.getUTCMonth() + 1)}-${two(at.getUTCDate())}`
  return `${day} ${two(at.getUTCHours())}.${two(at.getUTCMinutes())}`
}

const digest = (name: string): string => createHash('sha256').update(name, 'utf8').digest('hex').slice(0, 32)

/** `count` from 1; the first has no number. */
export const conflictName = (base: string, device: string, hlc: bigint, count: number): string => {
  const [stem, extension] = splitExtension(base)
  const number = count === 1 ? '' : `, ${count}`
  const suffix = ` (conflict, ${deviceLabel(device)}, ${hlcToMinute(hlc)}${number})${extension}`
  const whole = stem + suffix
  if (encodeUtf8(whole).length <= NAME_BYTES_MAX) return whole
  const cut = `~${digest(base)}${suffix}`
  return truncateUtf8(stem, NAME_BYTES_MAX - encodeUtf8(cut).length) + cut
}

/** Most names are none, which this tells at less cost than the whole of it. */
export const mayBeConflictName = (name: string): boolean => name.includes(' (conflict, ')

const SHAPE = /^(.*) \(conflict, [^(),]+, \d{4,6}-\d\d-\d\d \d\d\.\d\d(?:, \d+)?\)(\.[^.]*)?$/s
const CUT = /^(.*)~([0-9a-f]{32})$/s

/** What a conflict name may have been made from. It is so only if the base's own conflict names include it. */
export type ConflictBase =
  | { readonly kind: 'name'; readonly name: string }
  | { readonly kind: 'cut'; readonly prefix: string; matches(name: string): boolean }

const NONE: readonly ConflictBase[] = []

export const conflictBases = (name: string): readonly ConflictBase[] => {
  const shape = mayBeConflictName(name) ? SHAPE.exec(name) : null
  if (shape === null) return NONE
  const stem = shape[1]!
  const bases: ConflictBase[] = [{ kind: 'name', name: stem + (shape[2] ?? '') }]
  const cut = CUT.exec(stem)
  if (cut !== null) bases.push({ kind: 'cut', prefix: cut[1]!, matches: (candidate) => digest(candidate) === cut[2]! })
  return bases
}

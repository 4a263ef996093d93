/**
 * File names: what a name may be for everyone, and how a platform that cannot hold it holds it all the same.
 *
 * Escape, on Windows only: a forbidden character becomes `%XX` (hex of its code); so does a trailing dot or space and
 * the first letter of a reserved device name. On a case-insensitive disk (Windows, darwin) the second and later of
 * names that differ only in case get `%~2`, `%~3` … before the extension. A `%` that would read as one of these
 * becomes `%25`. A name that grows beyond the platform's limit is cut and ends in `%#` and a digest; only such a name
 * does not tell what it was.
 */
import { createHash } from 'node:crypto'
import { splitExtension } from './conflict-names.ts'
import { encodeUtf8 } from '#kernel/core/bytes.ts'

export type Platform = 'linux' | 'windows' | 'darwin'

export const NAME_BYTES_MAX = 255
const LOCAL_UNITS_MAX = 255

/** Well-formed, in NFC, and a byte to a character: most names need no closer look. */
const ASCII = /^[ -~]*$/

/** NFC, 1 to 255 bytes, well-formed, no '/' and no NUL, not "." or "..". */
export const isValidName = (name: string): boolean =>
  name.length > 0 &&
  name.length <= NAME_BYTES_MAX &&
  name !== '.' &&
  name !== '..' &&
  !name.includes('/') &&
  !name.includes('\0') &&
  (ASCII.test(name) || isValidUnicode(name))

const isValidUnicode = (name: string): boolean =>
  name.isWellFormed() &&
  (3 * name.length <= NAME_BYTES_MAX || encodeUtf8(name).length <= NAME_BYTES_MAX) &&
  name.normalize('NFC') === name

/** Equal for names that a case-insensitive disk takes for one. */
export const caseKey = (name: string, platform: Platform): string =>
  platform === 'linux' ? name : name.toUpperCase().toLowerCase().normalize('NFC')

const FORBIDDEN = /[\u0001-\u001f<>:"\\|?*]/g
const RESERVED = /^(?:CON|PRN|AUX|NUL|CONIN\$|CONOUT\$|COM[0-9¹²³]|LPT[0-9¹²³])(?= *(?:[.:]|$))/i
const AMBIGUOUS = /%(?=[0-9A-F]{2}|~[0-9]|#[0-9a-f])/g

const percent = (char: string): string => `%${char.charCodeAt(0).toString(16).toUpperCase().padStart(2, '0')}`

const escape = (name: string, platform: Platform): string => {
  if (platform === 'linux') return name
  let out = name.replace(AMBIGUOUS, '%25')
  if (platform === 'darwin') return out
  out = out.replace(FORBIDDEN, percent).replace(/[. ]$/, percent)
  return RESERVED.test(out) ? percent(out[0]!) + out.slice(1) : out
}

const rankMark = /%~([1-9][0-9]*)((?:\.[^.]*)?)$/

/**
 * The name on a platform's disk. `rank`: 1, or n for the nth of siblings whose `caseKey` is the same.
 * Injective over (name, rank), up to the digest of names too long for the platform.
 */
export const toLocalName = (name: string, platform: Platform, rank = 1): string => {
  if (platform === 'linux') return name
  const local = rank === 1 ? escape(name, platform) : escapeRanked(name, rank, platform)
  if (local.length <= LOCAL_UNITS_MAX) return local
  const digest = createHash('sha256').update(`${rank}/${name}`, 'utf8').digest('hex').slice(0, 32)
  return `${local.slice(0, LOCAL_UNITS_MAX - 40).replace(/[\ud800-\udbff]$/, '')}%#${digest}`
}

/** The mark goes before what is the extension of the escaped name. */
const escapeRanked = (name: string, rank: number, platform: Platform): string => {
  const [stem, extension] = splitExtension(escape(name, platform))
  return `${stem}%~${rank}${extension}`
}

/**
 * The name everyone knows, of a name on disk, and its rank among siblings that differ in case. What is no product
 * of `toLocalName` stands for itself. Undefined: a digest stands in its place; compare `toLocalName` of the candidates.
 */
export const fromLocalName = (
  local: string,
  platform: Platform,
): { readonly name: string; readonly rank: number } | undefined => {
  const itself = { name: local, rank: 1 }
  if (platform === 'linux') return itself
  if (/%#[0-9a-f]{32}$/.test(local) && local.length > LOCAL_UNITS_MAX - 44) return undefined
  const mark = rankMark.exec(local)
  const rank = mark ? Number(mark[1]) : 1
  const bare = mark ? local.slice(0, mark.index) + mark[2] : local
  const name = bare.replace(/%([0-9A-F]{2})/g, (_, hex: string) => String.fromCharCode(Number.parseInt(hex, 16)))
  return toLocalName(name, platform, rank) === local ? { name, rank } : itself
}

/** Local names of all the names of one directory: those that differ only in case are ranked by their bytes. */
export const assignLocalNames = (names: Iterable<string>, platform: Platform): ReadonlyMap<string, string> => {
  const ranks = new Map<string, number>()
  const out = new Map<string, string>()
  for (const name of [...names].sort()) {
    const folded = caseKey(name, platform)
    const rank = (ranks.get(folded) ?? 0) + 1
    ranks.set(folded, rank)
    out.set(name, toLocalName(name, platform, rank))
  }
  return out
}

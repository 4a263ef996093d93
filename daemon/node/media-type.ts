/**
 * What kind of content a file holds, as far as its name and its first bytes tell: enough to choose a preview. Text is
 * what decodes as UTF-8 and has no NUL; what a picture is, its own first bytes say, whatever it is called.
 */
import { extname } from 'node:path/posix'

export const UNKNOWN_TYPE = 'application/octet-stream'

/** Names that say more of a text than that it is one. */
const TEXTS: Readonly<Record<string, string>> = {
  '.css': 'text/css',
  '.csv': 'text/csv',
  '.htm': 'text/html',
  '.html': 'text/html',
  '.ics': 'text/calendar',
  '.js': 'text/javascript',
  '.md': 'text/markdown',
  '.mjs': 'text/javascript',
  '.svg': 'image/svg+xml',
  '.tsv': 'text/tab-separated-values',
  '.vcf': 'text/vcard',
  '.xml': 'text/xml',
}

/** Formats that share their first bytes with others, or have none of their own. */
const BINARIES: Readonly<Record<string, string>> = {
  '.aac': 'audio/aac',
  '.avif': 'image/avif',
  '.docx': 'application/vnd.openxmlformats-officedocument.wordprocessingml.document',
  '.epub': 'application/epub+zip',
  '.heic': 'image/heic',
  '.m4a': 'audio/mp4',
  '.mkv': 'video/x-matroska',
  '.mov': 'video/quicktime',
  '.mp3': 'audio/mpeg',
  '.mp4': 'video/mp4',
  '.odp': 'application/vnd.oasis.opendocument.presentation',
  '.ods': 'application/vnd.oasis.opendocument.spreadsheet',
  '.odt': 'application/vnd.oasis.opendocument.text',
  '.pptx': 'application/vnd.openxmlformats-officedocument.presentationml.presentation',
  '.webm': 'video/webm',
  '.xlsx': 'application/vnd.openxmlformats-officedocument.spreadsheetml.sheet',
}

/** Latin-1; a dot stands for any byte. */
const BEGINNINGS: readonly (readonly [RegExp, string])[] = [
  [/^\x89PNG\r\n\x1a\n/, 'image/png'],
  [/^\xff\xd8\xff/, 'image/jpeg'],
  [/^GIF8[79]a/, 'image/gif'],
  [/^RIFF....WEBP/s, 'image/webp'],
  [/^RIFF....WAVE/s, 'audio/wav'],
  [/^BM.{4}\0\0\0\0/s, 'image/bmp'],
  [/^(II\*\0|MM\0\*)/, 'image/tiff'],
  [/^\0\0\x01\0/, 'image/x-icon'],
  [/^%PDF-/, 'application/pdf'],
  [/^PK\x03\x04/, 'application/zip'],
  [/^\x1f\x8b/, 'application/gzip'],
  [/^OggS/, 'audio/ogg'],
  [/^fLaC/, 'audio/flac'],
]
const BEGINNING_BYTES = 16

const isText = (bytes: Uint8Array, whole: boolean): boolean => {
  if (bytes.includes(0)) return false
  try {
    new TextDecoder('utf-8', { fatal: true }).decode(bytes, { stream: !whole })
    return true
  } catch {
    return false // that it does not decode is the answer
  }
}

/** `bytes`: the first of the file; `whole`: there are no others. */
export const mediaType = (name: string, bytes: Uint8Array, whole: boolean): string => {
  const extension = extname(name).toLowerCase()
  const beginning = Buffer.from(bytes.subarray(0, BEGINNING_BYTES)).toString('latin1')
  const known = BEGINNINGS.find(([pattern]) => pattern.test(beginning))?.[1]
  if (known === 'application/pdf') return known
  if (isText(bytes, whole)) return TEXTS[extension] ?? 'text/plain'
  return known?.startsWith('image/') ? known : (BINARIES[extension] ?? known ?? UNKNOWN_TYPE)
}

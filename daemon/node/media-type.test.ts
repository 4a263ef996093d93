import { expect, test } from 'vitest'
import { mediaType } from './media-type.ts'

const latin1 = (text: string): Uint8Array => Buffer.from(text, 'latin1')
const utf8 = (text: string): Uint8Array => Buffer.from(text, 'utf8')

test.each([
  ['notes', utf8('grüße'), 'text/plain'],
  ['notes.md', utf8('# x'), 'text/markdown'],
  ['NOTES.MD', utf8('# x'), 'text/markdown'],
  ['empty.txt', utf8(''), 'text/plain'],
  ['data.json', utf8('{}'), 'text/plain'],
  ['drawing.svg', utf8('<svg/>'), 'image/svg+xml'],
  ['notes.txt', latin1('gr\xfc\xdfe'), 'application/octet-stream'],
  ['notes.txt', utf8('a\0b'), 'application/octet-stream'],
  ['photo.jpg', latin1('\x89PNG\r\n\x1a\n\0\0\0'), 'image/png'],
  ['photo.png', utf8('not a picture'), 'text/plain'],
  ['photo', latin1('\xff\xd8\xff\xe0\0'), 'image/jpeg'],
  ['moving.webp', latin1('RIFF\n\0\n\xffWEBPVP8 '), 'image/webp'],
  ['paper', latin1('%PDF-1.7\n'), 'application/pdf'],
  ['letter.odt', latin1('PK\x03\x04\x14\0\xff'), 'application/vnd.oasis.opendocument.text'],
  ['some.zip', latin1('PK\x03\x04\x14\0\xff'), 'application/zip'],
  ['song.mp3', latin1('ID3\x04\0\xff'), 'audio/mpeg'],
  ['.bashrc', utf8('alias'), 'text/plain'],
])('%s', (name, bytes, type) => {
  expect(mediaType(name, bytes, true)).toBe(type)
})

test('a character may be cut where more bytes follow, and only there', () => {
  const cut = utf8('grü').subarray(0, 3)
  expect(mediaType('x', cut, false)).toBe('text/plain')
  expect(mediaType('x', cut, true)).toBe('application/octet-stream')
})

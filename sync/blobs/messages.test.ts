import { expect, test } from 'vitest'
import { readFileSync } from 'node:fs'
import { bytesToHex, concatBytes, type Cid, type StoreId } from '#kernel/core/bytes.ts'
import { decodeAnswer, decodeWant, encodeAnswer, encodeWant } from './messages.ts'
import { messagesHold } from './messages.property.ts'
import { WINDOW_MAX } from './pull.ts'
import { Window, WINDOW_MIN } from './window.ts'

test('any bytes decode strictly', () => messagesHold(300))

test('empty messages are refused', () => {
  expect(decodeWant(new Uint8Array(0))).toMatchObject({ error: { kind: 'bad-blob-message' } })
  expect(decodeAnswer(new Uint8Array(0))).toMatchObject({ error: { kind: 'bad-blob-message' } })
})

test.each([
  ['a link that fills it in half a second keeps it', 500, WINDOW_MIN],
  ['a quick link, near or far, gets the most', 200, WINDOW_MAX],
  ['a slow link gets the least', 3_000, WINDOW_MIN],
])('the window follows the wait: %s', (_, delayMs, expected) => {
  const window = new Window(WINDOW_MAX)
  for (let n = 0; n < 200; n++) window.arrived(256 * 1024, delayMs)
  expect(window.bytes).toBe(expected)
})

test('a window that grew shrinks when answers begin to take long', () => {
  const window = new Window(WINDOW_MAX)
  for (let n = 0; n < 400; n++) window.arrived(256 * 1024, 100)
  expect(window.bytes).toBe(WINDOW_MAX)
  for (let n = 0; n < 400; n++) window.arrived(256 * 1024, 2_000)
  expect(window.bytes).toBe(WINDOW_MIN)
})

interface Vectors {
  wants: { id: number; store: string; cids: string[]; urgent: boolean; frame: string }[]
  answers: { want: number; sent: { position: number; bytes: string }[]; missing: number[]; frame: string }[]
  invalidWants: { name: string; frame: string }[]
  invalidAnswers: { name: string; frame: string }[]
}
const vectors = JSON.parse(
  readFileSync(new URL('../../proto/vectors/blobs/messages.json', import.meta.url), 'utf8'),
) as Vectors
const fromHex = (hex: string) => Uint8Array.from(Buffer.from(hex, 'hex'))

test.each(vectors.wants)('golden want $id', ({ frame, ...fields }) => {
  const cids = fields.cids.map((cid) => fromHex(cid) as Cid)
  const want = { ...fields, store: fromHex(fields.store) as StoreId, cids }
  expect(bytesToHex(encodeWant(want))).toBe(frame)
  expect(decodeWant(fromHex(frame))).toEqual({ ok: true, value: want })
})

test.each(vectors.answers)('golden answer $want', ({ frame, ...fields }) => {
  const sent = fields.sent.map(({ position, bytes }) => ({ position, bytes: fromHex(bytes) }))
  const answer = { ...fields, sent }
  expect(bytesToHex(concatBytes(...encodeAnswer(answer)))).toBe(frame)
  expect(decodeAnswer(fromHex(frame))).toEqual({ ok: true, value: answer })
})

test.each(vectors.invalidWants)('invalid want: $name', ({ frame }) => expect(decodeWant(fromHex(frame)).ok).toBe(false))

test.each(vectors.invalidAnswers)('invalid answer: $name', ({ frame }) =>
  expect(decodeAnswer(fromHex(frame)).ok).toBe(false),
)

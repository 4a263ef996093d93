import { expect, test } from 'vitest'
import { readFileSync } from 'node:fs'
import { bytesToHex, concatBytes, type Cid, type StoreId } from '#kernel/core/bytes.ts'
import { decodeAnswer, decodeWant, encodeAnswer, encodeWant } from './messages.ts'
import { messagesHold } from './messages.property.ts'
import { Window, WINDOW_MAX, WINDOW_MIN } from './window.ts'

test('any bytes decode strictly', () => messagesHold(300))

test('empty messages are refused', () => {
  expect(decodeWant(new Uint8Array(0))).toMatchObject({ error: { kind: 'bad-blob-message' } })
  expect(decodeAnswer(new Uint8Array(0))).toMatchObject({ error: { kind: 'bad-blob-message' } })
})

test.each([
  ['answers that come at once', 0, WINDOW_MAX],
  ['answers that come soon', 200, WINDOW_MAX],
  ['answers that take a while', 600, WINDOW_MIN],
  ['answers that take long', 2_000, WINDOW_MIN],
])('the window follows how long answers take: %s', (_, delayMs, expected) => {
  const window = new Window()
  for (let at = 1; at <= 200; at++) window.arrived(256 * 1024, delayMs)
  expect(window.bytes).toBe(expected)
})

test('a window that grew stays while answers take a while, and shrinks when they take long', () => {
  const window = new Window()
  const arrive = (delayMs: number) => {
    for (let at = 1; at <= 200; at++) window.arrived(256 * 1024, delayMs)
    return window.bytes
  }
  expect([arrive(50), arrive(600), arrive(2_000)]).toEqual([WINDOW_MAX, WINDOW_MAX, WINDOW_MIN])
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

import { expect, test } from 'vitest'
import { decodeAnswer, decodeWant } from './messages.ts'
import { messagesHold } from './messages.property.ts'
import { Window, WINDOW_MAX, WINDOW_MIN } from './window.ts'

test('any bytes decode strictly', () => messagesHold(300))

test('empty messages are refused', () => {
  expect(decodeWant(new Uint8Array(0))).toMatchObject({ error: { kind: 'bad-blob-message' } })
  expect(decodeAnswer(new Uint8Array(0))).toMatchObject({ error: { kind: 'bad-blob-message' } })
})

test.each([
  ['a slow link', 2_000, 50, WINDOW_MIN],
  ['a fast link far away', 100_000, 50, WINDOW_MAX],
  ['a fast link nearby', 500_000, 1, WINDOW_MIN],
])('the window follows bandwidth and delay: %s', (_, bytesPerMs, delayMs, expected) => {
  const window = new Window(0)
  for (let at = 1; at <= 200; at++) {
    const nowMs = (at * 256 * 1024) / bytesPerMs
    window.arrived(256 * 1024, delayMs, nowMs)
  }
  expect(window.bytes).toBe(expected)
})

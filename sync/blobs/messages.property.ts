/** What must hold for the decoders of the blob exchange on any bytes; run short in the tests, long in the fuzz project. */
import fc from 'fast-check'
import { expect } from 'vitest'
import type { Cid, StoreId } from '#kernel/core/bytes.ts'
import { concatBytes } from '#kernel/core/bytes.ts'
import { decodeAnswer, decodeWant, encodeAnswer, encodeWant } from './messages.ts'

const fixed = (length: number) => fc.uint8Array({ minLength: length, maxLength: length })

const wants = fc.record({
  id: fc.integer({ min: 1, max: 0xffffffff }),
  store: fixed(32).map((bytes) => bytes as StoreId),
  cids: fc.array(
    fixed(32).map((bytes) => bytes as Cid),
    { minLength: 1, maxLength: 5 },
  ),
  urgent: fc.boolean(),
})

const answers = fc
  .record({
    want: fc.nat(0xffffffff),
    sent: fc.array(fc.record({ position: fc.nat(8191), bytes: fc.uint8Array({ minLength: 1, maxLength: 40 }) }), {
      maxLength: 5,
    }),
    missing: fc.array(fc.nat(8191), { maxLength: 5 }),
  })
  .filter(({ sent, missing }) => sent.length + missing.length > 0)

/** One byte changed, or the end cut off. */
const damaged = (bytes: Uint8Array, at: number, value: number): Uint8Array => {
  if (bytes.length === 0) return bytes
  const copy = bytes.slice(0, value % 3 === 0 ? at % bytes.length : bytes.length)
  if (copy.length > 0) copy[at % copy.length] = value
  return copy
}

/** Encoding and decoding are inverse; damage is refused or read as another message of the right form, never thrown. */
export const messagesHold = (numRuns: number): void =>
  fc.assert(
    fc.property(
      wants,
      answers,
      fc.nat(),
      fc.nat(255),
      fc.uint8Array({ maxLength: 80 }),
      (want, answer, at, value, any) => {
        expect(decodeWant(encodeWant(want))).toEqual({ ok: true, value: want })
        const frame = concatBytes(...encodeAnswer(answer))
        expect(decodeAnswer(frame)).toEqual({ ok: true, value: answer })
        for (const bytes of [any, damaged(frame, at, value), damaged(encodeWant(want), at, value)]) {
          const asWant = decodeWant(bytes)
          if (asWant.ok) expect(asWant.value.cids.every(({ length }) => length === 32)).toBe(true)
          const asAnswer = decodeAnswer(bytes)
          if (asAnswer.ok)
            expect(asAnswer.value.sent.reduce((sum, { bytes: b }) => sum + b.length, 0)).toBeLessThan(bytes.length)
        }
      },
    ),
    { numRuns },
  )

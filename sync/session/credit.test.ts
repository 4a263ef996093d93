import fc from 'fast-check'
import { expect, test } from 'vitest'
import { WINDOW_MIN } from '../blobs/window.ts'
import { Credit, WINDOW_MAX } from './credit.ts'

/** Sends all it may, applies it, `rounds` times, each taking `delayMs`. Returns what may be sent at the end. */
const converse = (rounds: number, delayMs: number): number => {
  const credit = new Credit(0)
  let may = WINDOW_MIN
  for (let round = 1; round <= rounds; round++) {
    const bytes = may
    credit.arrived(bytes, round * delayMs)
    may = credit.applied(bytes, round * delayMs)
  }
  return may
}

test.each([
  ['a quick peer', 50, WINDOW_MAX],
  ['a slow one', 5_000, WINDOW_MIN],
  ['one in between', 500, WINDOW_MIN],
])('%s', (_, delayMs, expected) => expect(converse(8, delayMs)).toBe(expected))

test('never dries up, and never lends more than the widest window', () => {
  const batch = fc.record({ share: fc.double({ min: 0.01, max: 1, noNaN: true }), waitMs: fc.nat(3_000) })
  fc.assert(
    fc.property(fc.array(batch, { maxLength: 60 }), (batches) => {
      const credit = new Credit(0)
      let [may, nowMs] = [WINDOW_MIN, 0]
      for (const { share, waitMs } of batches) {
        nowMs += waitMs
        // The last item of a batch may go beyond what is left.
        const bytes = Math.ceil(may * share) + (share === 1 ? 1_000 : 0)
        credit.arrived(bytes, nowMs)
        may += credit.applied(bytes, nowMs) - bytes
        expect(may).toBeLessThanOrEqual(WINDOW_MAX)
        expect(may).toBeGreaterThanOrEqual(WINDOW_MIN)
      }
    }),
  )
})

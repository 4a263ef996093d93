/** Properties of the reconciliation decoder, shared by its test (short) and its fuzz campaign (long). */
import { createHash } from 'node:crypto'
import fc from 'fast-check'
import { invariant } from '#kernel/core/result.ts'
import type { Hash } from '#kernel/core/bytes.ts'
import { FRAME_LIMIT_MIN, initiate, reconcile, respond } from './reconcile.ts'
import { sealVector } from './vector.ts'

const hash = (n: number): Hash => new Uint8Array(createHash('sha256').update(String(n)).digest()) as Hash

/** Any message is answered or refused by a typed error, never longer than the frame limit, on either side. */
export const anyBytesAreHandled = (numRuns: number): void => {
  const sealed = sealVector(Array.from({ length: 500 }, (_, n) => ({ timestampMs: BigInt(n % 97), id: hash(n) })))
  invariant(sealed.ok, 'the items are distinct')
  const index = sealed.value
  const valid = initiate(index)
  const mutated = fc.array(fc.tuple(fc.nat(valid.length - 1), fc.nat(255)), { maxLength: 4 }).chain((edits) =>
    fc.nat(valid.length).map((length) => {
      const bytes = valid.slice()
      for (const [at, byte] of edits) bytes[at] = byte
      return bytes.subarray(0, length)
    }),
  )
  const random = fc.uint8Array({ maxLength: 300 }).map((bytes) => Uint8Array.of(0x61, ...bytes))
  fc.assert(
    fc.property(fc.oneof(mutated, random, fc.uint8Array({ maxLength: 64 })), (message) => {
      const answer = respond(index, message, FRAME_LIMIT_MIN)
      const found = reconcile(index, message, FRAME_LIMIT_MIN)
      if (answer.ok) invariant(answer.value.length <= FRAME_LIMIT_MIN, 'an answer keeps the frame limit')
      if (found.ok) invariant((found.value.message?.length ?? 0) <= FRAME_LIMIT_MIN, 'a message keeps the frame limit')
    }),
    { numRuns },
  )
}

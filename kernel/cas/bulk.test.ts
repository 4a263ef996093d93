/** Large batches are verified in worker threads, and with the verdicts that the main thread gives. */
import { expect, test } from 'vitest'
import { createSigner, NodeVerifier } from '../core/identity.ts'
import { parseIntention, signIntention, verifyIntention, type UnverifiedIntention } from '../core/intention.ts'
import { sha256 } from '../core/hash.ts'
import { InvariantError } from '../core/result.ts'
import { bulkVerifier } from './bulk.ts'
import { WorkerPool } from './pool.ts'

/** The first intention of a device in some store, its signature spoilt on demand. */
const intention = (i: number, forged: boolean): UnverifiedIntention => {
  const signer = createSigner(sha256(Uint8Array.of(i % 5)))
  const [storeId, head] = [sha256(Uint8Array.of(1)), sha256(Uint8Array.of(2, i))]
  const signed = signIntention(
    { storeId, seq: 1, prev: undefined, deps: [head], hlc: 1n, ops: Uint8Array.of(i) },
    signer,
  )
  if (!signed.ok) throw new InvariantError(signed.error.message)
  const bytes = signed.value.bytes.slice()
  if (forged) bytes[bytes.length - 1]! ^= 1
  const parsed = parseIntention(bytes)
  if (!parsed.ok) throw new InvariantError(parsed.error.message)
  return parsed.value
}

test('agrees with the verifier at hand, forged signatures included', async () => {
  await using pool = new WorkerPool({ workers: 2 })
  const intentions = Array.from({ length: 200 }, (_, i) => intention(i, i % 7 === 0))
  const verdicts = await bulkVerifier(pool).verifyAll(intentions)
  const verifier = new NodeVerifier()
  expect(verdicts).toEqual(intentions.map((each) => verifyIntention(each, verifier).ok))
  expect(verdicts).toEqual(intentions.map((_, i) => i % 7 !== 0))
})

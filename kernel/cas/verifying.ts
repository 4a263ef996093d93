/** Bulk verification of signatures on the worker pool. Packed: 64 bytes signature, 32 hash, 32 key for each claim. */
import {
  HASH_LENGTH,
  PUBLIC_KEY_LENGTH,
  SIGNATURE_LENGTH,
  type Hash,
  type PublicKey,
  type Signature,
} from '../core/bytes.ts'
import type { Verifier } from '../core/signing.ts'
import { defineJob, jobName, type AnyJob } from './jobs.ts'
import type { WorkerPool } from './pool.ts'

export interface SignatureClaim {
  readonly signature: Signature
  readonly hash: Hash
  readonly key: PublicKey
}

const HASH_AT = SIGNATURE_LENGTH
const KEY_AT = HASH_AT + HASH_LENGTH
const CLAIM_BYTES = KEY_AT + PUBLIC_KEY_LENGTH
/** Claims per job, about 20 ms of work: enough to spread a batch over the workers, and not to hold up other jobs. */
const JOB_CLAIMS = 128

/** Packed claims in, one byte each out: 1 valid, 0 not. */
export const VERIFY_BATCH = jobName<Uint8Array, Uint8Array>('verify-batch')

export const verifyJob = (verifier: Verifier): AnyJob =>
  defineJob(VERIFY_BATCH, (packed) => ({
    value: Uint8Array.from({ length: packed.length / CLAIM_BYTES }, (_, i) => {
      const claim = packed.subarray(CLAIM_BYTES * i, CLAIM_BYTES * (i + 1))
      const signature = claim.subarray(0, HASH_AT) as Signature
      const valid = verifier.verify(
        signature,
        claim.subarray(HASH_AT, KEY_AT) as Hash,
        claim.subarray(KEY_AT) as PublicKey,
      )
      return valid ? 1 : 0
    }),
  }))

/** Verdicts in the order of the claims. */
export const verifyBatch = async (pool: WorkerPool, claims: readonly SignatureClaim[]): Promise<readonly boolean[]> => {
  const jobs: Promise<Uint8Array>[] = []
  for (let first = 0; first < claims.length; first += JOB_CLAIMS) {
    const part = claims.slice(first, first + JOB_CLAIMS)
    const packed = new Uint8Array(CLAIM_BYTES * part.length)
    for (const [i, { signature, hash, key }] of part.entries()) {
      packed.set(signature, CLAIM_BYTES * i)
      packed.set(hash, CLAIM_BYTES * i + HASH_AT)
      packed.set(key, CLAIM_BYTES * i + KEY_AT)
    }
    jobs.push(pool.run(VERIFY_BATCH, packed, [packed.buffer]))
  }
  const verdicts = await Promise.all(jobs)
  return verdicts.flatMap((part) => Array.from(part, (verdict) => verdict === 1))
}

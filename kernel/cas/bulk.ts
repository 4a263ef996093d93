/**
 * Signatures of large batches of intentions, checked in worker threads: what the composition root hands to the store
 * manager, whose `BulkVerifier` this is.
 */
import type { UnverifiedIntention } from '../core/intention.ts'
import type { WorkerPool } from './pool.ts'
import { verifyBatch } from './verifying.ts'

/** One answer per intention, in order. */
export const bulkVerifier = (pool: WorkerPool) => ({
  verifyAll: (intentions: readonly UnverifiedIntention[]): Promise<readonly boolean[]> =>
    verifyBatch(
      pool,
      intentions.map(({ signature, hash, author }) => ({ signature, hash, key: author })),
    ),
})

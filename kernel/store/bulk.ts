/** Signatures of large batches, checked in worker threads: what the composition root hands to the store manager. */
import { verifyBatch } from '../cas/verifying.ts'
import type { WorkerPool } from '../cas/pool.ts'
import type { BulkVerifier } from './receive.ts'

export const bulkVerifier = (pool: WorkerPool): BulkVerifier => ({
  verifyAll: (intentions) =>
    verifyBatch(
      pool,
      intentions.map(({ signature, hash, author }) => ({ signature, hash, key: author })),
    ),
})

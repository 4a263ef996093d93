import { expect, test } from 'vitest'
import { sha256 } from '../core/hash.ts'
import { createSigner } from '../core/identity.ts'
import { WorkerPool } from './pool.ts'
import { verifyBatch } from './verifying.ts'

test('verdicts come in the order of the claims', async () => {
  await using pool = new WorkerPool()
  const signer = createSigner(new Uint8Array(32).fill(3))
  const claims = Array.from({ length: 300 }, (_, i) => {
    const hash = sha256(Uint8Array.of(i & 0xff, i >> 8))
    const signature = signer.sign(hash)
    if (i % 7 === 0) signature[i % 64]! ^= 1
    return { signature, hash, key: signer.publicKey }
  })
  expect(await verifyBatch(pool, claims)).toEqual(claims.map((_, i) => i % 7 !== 0))
  expect(await verifyBatch(pool, [])).toEqual([])
})

/** Large batches are verified in worker threads, and with the verdicts that the main thread gives. */
import { expect, test } from 'vitest'
import { NodeVerifier } from '../core/identity.ts'
import { parseIntention, verifyIntention } from '../core/intention.ts'
import { WorkerPool } from '../cas/pool.ts'
import { kvBatch } from '../state/kv.ts'
import { KV_TYPE } from '../state/registry.ts'
import { bulkVerifier } from './bulk.ts'
import { exportLog, must, openDevice, TestClock } from './testkit.ts'

test('agrees with the verifier at hand, forged signatures included', async () => {
  await using pool = new WorkerPool({ workers: 2 })
  const a = await openDevice('a', new TestClock())
  const store = must(await a.manager.create(KV_TYPE, { name: 'notes' }))
  for (let i = 0; i < 200; i++)
    must(await store.submit(() => ({ app: kvBatch().put(Uint8Array.of(1), Uint8Array.of(i)).encode() })))
  const intentions = exportLog(store.dag).map((bytes, i) => {
    const forged = bytes.slice()
    if (i % 7 === 0) forged[forged.length - 1]! ^= 1
    return must(parseIntention(forged))
  })
  const verdicts = await bulkVerifier(pool).verifyAll(intentions)
  const verifier = new NodeVerifier()
  expect(verdicts).toEqual(intentions.map((intention) => verifyIntention(intention, verifier).ok))
  expect(new Set(verdicts)).toEqual(new Set([true, false]))
  expect(pool.running).toBeGreaterThan(0)
})

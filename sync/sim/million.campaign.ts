/** What reconciling a million items with ten differences costs. */
import { createHash } from 'node:crypto'
import { expect, test } from 'vitest'
import type { Hash } from '#kernel/core/bytes.ts'
import { initiate, reconcile, respond } from '../reconcile/reconcile.ts'
import { sealVector } from '../reconcile/vector.ts'

test('a million items with ten differences: a handful of rounds, kilobytes', () => {
  const items = Array.from({ length: 1_000_000 }, (_, n) => ({
    timestampMs: 1_700_000_000_000n + BigInt(7 * n),
    id: new Uint8Array(createHash('sha256').update(String(n)).digest()) as Hash,
  }))
  const [mine, theirs] = [sealVector(items), sealVector(items.filter((_, n) => n % 100_000 !== 777))]
  if (!mine.ok || !theirs.ok) throw new Error('the items are distinct')
  let [rounds, bytes, found] = [0, 0, 0]
  for (let message: Uint8Array | undefined = initiate(mine.value); message; rounds++) {
    const answer = respond(theirs.value, message)
    if (!answer.ok) throw new Error(answer.error.message)
    const next = reconcile(mine.value, answer.value)
    if (!next.ok) throw new Error(next.error.message)
    bytes += message.length + answer.value.length
    found += next.value.have.length
    message = next.value.message
  }
  console.log(`${rounds} rounds, ${bytes} bytes`)
  expect(found).toBe(10)
  expect(rounds).toBeLessThanOrEqual(5)
  expect(bytes).toBeLessThan(64 * 1024)
})

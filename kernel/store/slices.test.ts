/** A batch that takes long is taken in several transactions: none of them long, and the result as of one. */
import { expect, test } from 'vitest'
import { kvBatch } from '../state/kv.ts'
import { KV_TYPE } from '../state/registry.ts'
import { systemOp, wireRole } from '../state/system-op.ts'
import { exportLog, must, openDevice, stateOf, storeOf, TestClock } from './testkit.ts'

/** On the test clock an intention takes a millisecond or a few. */
const INTENTIONS = 300

const key = (i: number) => Uint8Array.of(i >> 8, i & 255)

test.each([
  ['in order', (log: Uint8Array[]) => log],
  ['backwards, so that the last wakes all', (log: Uint8Array[]) => log.toReversed()],
])('a long batch %s', async (_, arrange) => {
  const clock = new TestClock()
  const [a, b] = [await openDevice('a', clock), await openDevice('b', clock)]
  const store = must(await a.manager.create(KV_TYPE, { name: 'notes' }))
  for (let i = 0; i < INTENTIONS; i++) {
    must(
      await store.submit(() => ({
        app: kvBatch()
          .put(key(i % 50), key(i))
          .encode(),
      })),
    )
    const value = { device: b.signer.publicKey, name: 'b', role: wireRole(i % 2 === 0 ? 'writer' : 'reader') }
    if (i % 100 === 0) must(await store.submit(() => ({ system: systemOp({ case: 'peerAdd', value }) })))
  }
  const log = exportLog(store.dag)
  const copy = must(await b.manager.adopt(store.id))
  const lengths: number[] = []
  const write = b.backend.write.bind(b.backend)
  b.backend.write = (body) =>
    write((tx) => {
      const startMs = clock.ms
      const value = body(tx)
      lengths.push(clock.ms - startMs)
      return value
    })
  const report = must(await copy.ingest(arrange(log), a.signer.publicKey))
  expect(report).toMatchObject({ witnessed: log.length, missing: [], rejected: [] })
  expect(lengths.length).toBeGreaterThan(10)
  expect(Math.max(...lengths)).toBeLessThan(30)
  expect(stateOf(b, store.id)).toEqual(stateOf(a, store.id))
  expect(storeOf(b, store.id).dag.heads()).toEqual(store.dag.heads())
})

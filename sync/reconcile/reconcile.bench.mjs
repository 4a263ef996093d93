/**
 * Range reconciliation of two sets that differ in 200 items: `node sync/reconcile/reconcile.bench.mjs [items]`.
 * Items per second are those of the set, over building the index or over all rounds of both sides.
 */
import { createHash } from 'node:crypto'
import { initiate, reconcile, respond } from './reconcile.ts'
import { rangeItem, sealVector } from './vector.ts'

const total = Number(process.argv[2] ?? 200_000)
const DIFFERENT = 200

const must = (result) => {
  if (!result.ok) throw new Error(result.error.message)
  return result.value
}
const item = (n) => must(rangeItem(BigInt(n), createHash('sha256').update(String(n)).digest()))
const items = Array.from({ length: total + DIFFERENT }, (_, n) => item(n))
const step = Math.floor(items.length / DIFFERENT)
const rate = (ms) => `${Math.round((total / ms) * 1000)}/s`

let startedMs = performance.now()
const here = must(sealVector(items))
console.log(`index                 ${rate(performance.now() - startedMs)}`)
const there = must(sealVector(items.filter((_, n) => n % step !== 0)))
startedMs = performance.now()
let [message, rounds, bytes, found] = [initiate(here), 0, 0, 0]
while (message !== undefined) {
  const answer = must(respond(there, message))
  const outcome = must(reconcile(here, answer))
  rounds++
  bytes += message.length + answer.length
  found += outcome.have.length
  message = outcome.message
}
console.log(`reconcile             ${rate(performance.now() - startedMs)}`)
console.log(`rounds                ${rounds}, ${Math.round(bytes / 1024)} KiB, ${found} found`)

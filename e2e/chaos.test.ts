/** Short runs of the campaign; `node e2e/campaigns/chaos.ts --seconds 300 --seed N` is the long one. */
import { expect, test } from 'vitest'
import { chaos } from './campaigns/chaos.ts'

const name = 'nothing is lost while both sides are edited and nodes are killed (seed %i)'
test.for([7, 23])(name, { timeout: 400_000 }, async (seed) => {
  const report = await chaos({ seed, seconds: 8 })
  const failed = `seed ${seed}: ${JSON.stringify(report)}`
  expect(report, failed).toMatchObject({ stuck: undefined, differences: [], lost: [], rebuilt: [] })
  expect(report.kills, failed).toBeGreaterThan(0)
})

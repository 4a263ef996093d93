/** A short run of the campaign; `node e2e/campaigns/chaos.ts --seconds 300` is the long one. */
import { expect, test } from 'vitest'
import { chaos } from './campaigns/chaos.ts'

test('nothing is lost while both sides are edited and nodes are killed', async () => {
  const report = await chaos({
    seed: Number(process.env['CHAOS_SEED'] ?? 7),
    seconds: Number(process.env['CHAOS_SECONDS'] ?? 10),
  })
  // The report names its seed.
  expect(report).toMatchObject({ stuck: undefined, differences: [], lost: [], rebuilt: [] })
  expect(report.kills).toBeGreaterThan(0)
}, 600_000)

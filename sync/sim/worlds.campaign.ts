/** Thousands of worlds: `SIM_SEEDS` of them (default 2,000) from `SIM_FIRST` (default 0) on. Names every bad seed. */
import { expect, test } from 'vitest'
import { live } from './schedule.ts'

const first = Number(process.env['SIM_FIRST'] ?? 0)
const seeds = Number(process.env['SIM_SEEDS'] ?? 2_000)

test(`worlds ${first} to ${first + seeds - 1} converge and tell the truth`, async () => {
  const bad: string[] = []
  for (let seed = first; seed < first + seeds; seed++)
    await live(seed).catch((error: unknown) => {
      console.error(seed, error)
      bad.push(`${seed}: ${String(error)}`)
    })
  expect(bad).toEqual([])
})

/** Rates follow from totals. */
import { expect, test } from 'vitest'
import { afterSample, noRates, type Rates } from './rates.ts'

const steady = (bytesPerSecond: number, seconds: number): Rates => {
  let rates = noRates
  for (let at = 0; at <= seconds; at++)
    rates = afterSample(rates, { atMs: at * 1000, sent: 0, received: at * bytesPerSecond })
  return rates
}

test('one sample says nothing about speed', () => {
  expect(steady(1000, 0)).toMatchObject({ up: 0, down: 0 })
})

test('a steady stream is told as what it is', () => {
  const { up, down } = steady(1000, 20)
  expect(up).toBe(0)
  expect(down).toBeCloseTo(1000, 0)
})

test('a node that started anew starts from nothing', () => {
  expect(afterSample(steady(1000, 20), { atMs: 30_000, sent: 0, received: 5 })).toMatchObject({ up: 0, down: 0 })
})

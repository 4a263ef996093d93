/** How fast bytes come and go, from the running totals the node tells: smoothed, so that the number can be read. */
import { create } from 'zustand'
import { useNode } from './node-store.ts'

export interface Sample {
  readonly atMs: number
  readonly sent: number
  readonly received: number
}

export interface Rates {
  readonly last: Sample | undefined
  /** Bytes per second. */
  readonly up: number
  readonly down: number
}

export const noRates: Rates = { last: undefined, up: 0, down: 0 }

/** The newest second weighs about as much as all before it. */
const SMOOTH_MS = 1500
/** Totals that do not change are not told: after so long a silence nothing moves. */
export const SILENCE_MS = 3000

export const afterSample = (rates: Rates, sample: Sample): Rates => {
  const { last } = rates
  // A total that fell is that of a node that started anew.
  if (last === undefined || sample.sent < last.sent || sample.received < last.received)
    return { last: sample, up: 0, down: 0 }
  const spanMs = sample.atMs - last.atMs
  if (spanMs <= 0) return rates
  const weight = 1 - Math.exp(-spanMs / SMOOTH_MS)
  const blend = (rate: number, bytes: number): number => rate + weight * ((bytes * 1000) / spanMs - rate)
  return {
    last: sample,
    up: blend(rates.up, sample.sent - last.sent),
    down: blend(rates.down, sample.received - last.received),
  }
}

export const useRates = create<Rates>(() => noRates)

/** Feeds the rates from the store of the node; returns the way to stop. */
export const followRates = (): (() => void) => {
  let silence: ReturnType<typeof setTimeout> | undefined
  const stop = useNode.subscribe(({ facts }, before) => {
    if (facts === undefined || facts.traffic === before.facts?.traffic) return
    const { bytesSent, bytesReceived } = facts.traffic
    const sample = { atMs: performance.now(), sent: Number(bytesSent), received: Number(bytesReceived) }
    useRates.setState(afterSample(useRates.getState(), sample))
    clearTimeout(silence)
    silence = setTimeout(() => useRates.setState({ up: 0, down: 0 }), SILENCE_MS)
  })
  return () => {
    stop()
    clearTimeout(silence)
  }
}

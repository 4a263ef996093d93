/**
 * Hybrid logical clock: `unix milliseconds << 16 | counter`, 64 bits. Pure: the wall clock comes in as a parameter.
 * An intention's time is strictly greater than that of every parent; the counter carries into the milliseconds.
 */

export const COUNTER_BITS = 16n
/** How far ahead of the local clock an intention may be before it floats. */
export const AHEAD_MS_MAX = 5 * 60 * 1_000
export const HLC_MAX = 2n ** 64n - 1n

export const hlcToMs = (hlc: bigint): number => Number(hlc >> COUNTER_BITS)
export const msToHlc = (ms: number): bigint => BigInt(Math.max(0, Math.floor(ms))) << COUNTER_BITS

/** The time of a new intention: now, or just after its parents when they are ahead. Undefined: no time is left. */
export const tick = (nowMs: number, parents: Iterable<bigint>): bigint | undefined => {
  let hlc = msToHlc(nowMs)
  for (const parent of parents) if (parent >= hlc) hlc = parent + 1n
  return hlc <= HLC_MAX ? hlc : undefined
}

/** When an intention stops being too far ahead, in unix ms: not later than `nowMs` means that it may be applied. */
export const dueMs = (hlc: bigint): number => hlcToMs(hlc) - AHEAD_MS_MAX

/** Long work for a call in turns of the event loop, given up when the caller is gone. */
import { err, latticeError, type LatticeError, type Result } from '#kernel/core/result.ts'
import { nextTurn } from '#fs-bridge/folder/slices.ts'

/** Short, as a collection of garbage may come on top of it: a turn is to stay under 25 ms with both. */
export const SLICE_MS = 5

/** To be awaited between pieces of work: gives way when a slice is used up; rejects with the signal's reason. */
export type Breathe = () => Promise<void>

export const breathing = (signal: AbortSignal): Breathe => {
  let start = performance.now()
  return async () => {
    if (performance.now() - start < SLICE_MS) return
    await nextTurn()
    signal.throwIfAborted()
    start = performance.now()
  }
}

const givenUp = latticeError('call-given-up', 'retryable', 'the call was given up before it was done')

/** Runs a call. That the caller is gone is an answer nobody reads, not a failure of ours. */
export const answering = async <T>(
  signal: AbortSignal,
  body: () => Promise<Result<T, LatticeError>>,
): Promise<Result<T, LatticeError>> => {
  try {
    return await body()
  } catch (cause) {
    if (signal.aborted) return err(givenUp)
    throw cause
  }
}

/** How many of something a call asks for: `fallback` for 0, never more than `max`. */
export const limitOf = (asked: number, fallback: number, max: number): number =>
  Math.min(asked === 0 ? fallback : asked, max)

/**
 * Gives memory back once there is nothing to do. V8 collects when a program asks for more memory, which an idle one does
 * not: after a large folder it would keep the garbage of that work, and the room that its young generation took for it,
 * for as long as it runs. Needs `--expose-gc`, which `bin/lattice` passes; without it nothing happens.
 */
import { getHeapSpaceStatistics, getHeapStatistics } from 'node:v8'
import type { Changes } from './dirty.ts'

/** So long without any change the node counts as idle. */
const QUIET_MS = 3_000
/** An idle node needs no more room for new objects. */
const YOUNG_BYTES_MAX = 4 * 1024 * 1024
/** V8 looks back over 5 s to see how much is made. */
const AGAIN_MS = 8_000
/** Less to be had is not worth the pause. */
const GIVEN_BACK_MIN_BYTES = 16 * 1024 * 1024

/** What the heap takes of the machine, garbage and free room included. */
const bytesHeld = (): number => {
  const { total_physical_size, external_memory } = getHeapStatistics()
  return total_physical_size + external_memory
}

/** Of that, the room for new objects. */
const youngBytesHeld = (): number =>
  getHeapSpaceStatistics().find(({ space_name }) => space_name === 'new_space')?.physical_space_size ?? 0

/** Follows the changes of a node. Returns the way to stop. */
export const collectAtRest = (changes: Changes): (() => void) => {
  const { gc } = globalThis
  if (!gc) return () => undefined
  let timer: NodeJS.Timeout | undefined
  let changedAt = 0
  let held = 0
  let isAgain = false
  const look = (): void => {
    timer = undefined
    const left = changedAt + QUIET_MS - performance.now()
    if (left > 0) return arm(left)
    if (!isAgain && bytesHeld() < held + GIVEN_BACK_MIN_BYTES) return
    // Of all its collections this one alone shrinks the young generation.
    gc({ type: 'major', execution: 'sync', flavor: 'last-resort' })
    held = bytesHeld()
    // Some versions of V8 shrink it only if little was made before: that is so at the next time.
    isAgain = !isAgain && youngBytesHeld() >= YOUNG_BYTES_MAX
    if (isAgain) arm(AGAIN_MS)
  }
  const arm = (delayMs: number): void => {
    timer = setTimeout(look, delayMs)
    timer.unref()
  }
  const unsubscribe = changes.subscribe(() => {
    changedAt = performance.now()
    if (!timer) arm(QUIET_MS)
  })
  return () => {
    unsubscribe()
    clearTimeout(timer)
  }
}

/**
 * Gives memory back once there is nothing to do. V8 collects when a program asks for more memory, which an idle one does
 * not: after a large folder it would keep the garbage of that work for as long as it runs. Needs `--expose-gc`, which
 * `bin/lattice` passes; without it nothing happens.
 */
import { getHeapStatistics } from 'node:v8'
import type { Changes } from './dirty.ts'

/** So long without any change the node counts as idle. */
const QUIET_MS = 3_000
/** V8 looks back over 5 s to see how much is made. */
const AGAIN_MS = 8_000
/** Less garbage is not worth the pause. */
const GARBAGE_BYTES_MIN = 16 * 1024 * 1024

const bytesInUse = (): number => {
  const { used_heap_size, external_memory } = getHeapStatistics()
  return used_heap_size + external_memory
}

/** Follows the changes of a node. Returns the way to stop. */
export const collectAtRest = (changes: Changes): (() => void) => {
  const { gc } = globalThis
  if (!gc) return () => undefined
  let timer: NodeJS.Timeout | undefined
  let changedAt = 0
  let inUse = 0
  let isAgain = false
  const look = (): void => {
    timer = undefined
    const left = changedAt + QUIET_MS - performance.now()
    if (left > 0) return arm(left)
    if (!isAgain && bytesInUse() < inUse + GARBAGE_BYTES_MIN) return
    gc({ type: 'major', execution: 'sync', flavor: 'last-resort' })
    inUse = bytesInUse()
    // V8 keeps its room for new objects, up to 16 MB a half, unless few were made before: that is so at the next time.
    isAgain = !isAgain
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

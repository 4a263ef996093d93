/** Long work in turns of the event loop: none blocks it for more than a few milliseconds. */

export const SLICE_MS = 10

export const nextTurn = (): Promise<void> => new Promise((resolve) => setImmediate(resolve))

/** What `items` yields, but for its pauses. Gives way between items, by `giveWay`; throws the signal's reason. */
export async function* inSlices<T>(
  items: Iterable<T | undefined>,
  signal: AbortSignal,
  giveWay: () => Promise<void> = nextTurn,
): AsyncGenerator<T> {
  let start = performance.now()
  for (const item of items) {
    if (item !== undefined) yield item
    if (performance.now() - start < SLICE_MS) continue
    await giveWay()
    signal.throwIfAborted()
    start = performance.now()
  }
}

/** Waiting for the genesis of a store that was adopted: it comes with the first session. */
import type { Store, StoreManager } from '#kernel/store/port.ts'

/** Resolves with true once the store can be opened as what it is; with false when the signal aborts first. */
export const untilReady = (stores: StoreManager, store: Store, signal: AbortSignal): Promise<boolean> =>
  new Promise((resolve) => {
    if (store.type !== '') return resolve(true)
    const end = (ready: boolean): void => {
      undo()
      resolve(ready)
    }
    const undo = stores.on('ready', (each) => {
      if (each === store) end(true)
    })
    signal.addEventListener('abort', () => end(false), { once: true })
    if (signal.aborted) end(false)
  })

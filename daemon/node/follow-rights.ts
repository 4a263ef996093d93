/** Tells the listeners of a node when peers, roles or invites of any store may have changed. */
import type { Store, StoreManager } from '#kernel/store/port.ts'
import type { Changes } from './dirty.ts'

/** `changed` is called besides. Returns the stop. */
export const followRights = (
  stores: StoreManager,
  changes: Changes,
  changed: () => void,
  report: (cause: unknown) => void,
): (() => void) => {
  const stopped = new AbortController()
  const tell = (): void => {
    changes.notify('peers')
    changes.notify('invites')
    changed()
  }
  const follow = async (store: Store): Promise<void> => {
    for await (const { system, reset } of store.watch({ signal: stopped.signal })) if (system || reset) tell()
  }
  const opened = (store: Store): void => void follow(store).catch(report)
  const undo = [stores.on('opened', opened), stores.on('closed', tell)]
  for (const store of stores.list()) opened(store)
  return () => {
    stopped.abort()
    for (const each of undo) each()
  }
}

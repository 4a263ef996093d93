/** That this device was removed from a space or a folder: in words, as a notice, and as the rest of the node sees it. */
import { NoticeKind } from '#proto/event_api'
import { bytesToHex } from '#kernel/core/bytes.ts'
import { err, latticeError, ok, type LatticeError, type Result } from '#kernel/core/result.ts'
import type { Store, StoreManager } from '#kernel/store/port.ts'
import type { Removal } from '#sync/revoked.ts'
import type { SyncEngine } from '#sync/engine.ts'
import { FILESTORE_TYPE } from '#fs-bridge/filestore/machine.ts'
import type { Common } from './open-local.ts'
import type { FolderEntry, Removed } from './parts.ts'

const whoRemoved = ({ by, byName }: Removal): string => byName || bytesToHex(by).slice(0, 8)

export const removalWords = (removal: Removed): string => {
  const day = new Date(removal.timeMs).toISOString().slice(0, 10)
  return `this device was removed from ${removal.name} by ${whoRemoved(removal)} on ${day}: files here stay, nothing syncs any more`
}

const removedError = (removal: Removed): LatticeError => latticeError('folder-revoked', 'denied', removalWords(removal))

/** What was written into a folder that this device was removed from, all others would leave out. */
export const writable = (entry: FolderEntry): Result<FolderEntry, LatticeError> =>
  entry.removal ? err(removedError(entry.removal)) : ok(entry)

/** Likewise of any store; undefined: this device was not removed from it. */
export const whyRemoved = (
  engine: Pick<SyncEngine, 'removalOf'>,
  stores: StoreManager,
  store: Store,
): LatticeError | undefined => {
  const removal = removalOf(engine, stores)(store)
  return removal && removedError(removal)
}

export const removalOf =
  (engine: Pick<SyncEngine, 'removalOf'>, stores: StoreManager) =>
  (store: Store): Removed | undefined => {
    const parent = stores.get(stores.parentOf(store.id) ?? store.id)
    // Its space says it for all of it, also for what lists its own peers.
    const removal = (parent && engine.removalOf(store) && engine.removalOf(parent)) ?? engine.removalOf(store)
    return removal && { ...removal, name: stores.get(removal.storeId)?.name ?? store.name }
  }

/** Each space or folder once. */
export const removalsOf = (engine: Pick<SyncEngine, 'removalOf'>, stores: StoreManager): readonly Removed[] => {
  const all = new Map<string, Removed>()
  for (const store of stores.list()) {
    const removal = removalOf(engine, stores)(store)
    if (removal) all.set(bytesToHex(removal.storeId), removal)
  }
  return [...all.values()]
}

/** One notice for each space or folder. */
export const announceRemovals = (
  engine: SyncEngine,
  stores: StoreManager,
  { changes, notices, log, key }: Pick<Common, 'changes' | 'notices' | 'log' | 'key'>,
): (() => void) => {
  const known = new Set(removalsOf(engine, stores).map(({ storeId }) => bytesToHex(storeId)))
  return engine.onRemoval(() => {
    const now = removalsOf(engine, stores)
    for (const removal of now) {
      const hex = bytesToHex(removal.storeId)
      if (known.has(hex)) continue
      known.add(hex)
      const message = removalWords(removal)
      log.write('warning', message)
      const isFolder = stores.get(removal.storeId)?.type === FILESTORE_TYPE
      notices.add({
        kind: NoticeKind.REVOKED,
        ...(isFolder && { store: hex }),
        deviceName: whoRemoved(removal),
        about: bytesToHex(key.signer.publicKey),
        message,
      })
    }
    const standing = new Set(now.map(({ storeId }) => bytesToHex(storeId)))
    for (const hex of known) if (!standing.has(hex)) known.delete(hex)
    for (const store of stores.list()) changes.notify(`folder/${bytesToHex(store.id)}`)
    changes.notify('peers')
  })
}

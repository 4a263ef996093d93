/** How far this device and its connected peers are with each store, and whether all of them are level. */
import { bytesToHex, type HexKey, type StoreId } from '#kernel/core/bytes.ts'
import type { Store, StoreManager } from '#kernel/store/port.ts'
import { isEqualSet, type PeerProgress } from './gossip/shared.ts'
import type { Sharing } from './gossip/sharing.ts'

/** Work of this device on a store: `pendingIn` changes not yet where the user sees them; `at`: see `setLocalProgress`. */
export interface LocalProgress {
  readonly pendingIn: number
  readonly settled: boolean
  readonly at: number
}

/** The engine, as seen from here. */
export interface LevelsHost {
  readonly stores: StoreManager
  readonly sharing: Sharing
  isCutOff(store: Store): boolean
  /** The store is settled only once `setLocal` says so. */
  reportsProgress(store: Store): boolean
}

export class Levels {
  readonly #host: LevelsHost
  readonly #local = new Map<HexKey, LocalProgress>()

  constructor(host: LevelsHost) {
    this.#host = host
  }

  setLocal(storeId: StoreId, progress: LocalProgress): void {
    this.#local.set(bytesToHex(storeId), progress)
  }

  closed(store: HexKey): void {
    this.#local.delete(store)
  }

  progressOf(store: Store): PeerProgress {
    const { count } = store.dag
    const told = this.#local.get(bytesToHex(store.id))
    const settled = told ? told.settled && told.at === count : !this.#host.reportsProgress(store)
    return { count, fingerprint: store.dag.fingerprint(), pendingIn: told?.pendingIn ?? 0, settled }
  }

  /** What each connected peer that holds the store, or is about to, reported last. */
  peerProgress(storeId: StoreId): ReadonlyMap<HexKey, PeerProgress | undefined> {
    const hex = bytesToHex(storeId)
    const store = this.#host.stores.get(storeId)
    const peers = store ? this.#host.sharing.holdersOf(store) : []
    return new Map(peers.map((peer) => [peer.key, peer.shared.get(hex)?.progress]))
  }

  /** See `SyncEngine.isLevel`. */
  isLevel(storeId: StoreId): boolean {
    const { stores, sharing } = this.#host
    const store = stores.get(storeId)
    if (!store || sharing.isBootstrapping(store) || this.#host.isCutOff(store)) return false
    const mine = this.progressOf(store)
    if (!mine.settled) return false
    return sharing.holdersOf(store).every((peer) => {
      const theirs = peer.shared.get(bytesToHex(storeId))?.progress
      return theirs !== undefined && theirs.settled && isEqualSet(mine, theirs)
    })
  }
}

/** Resolves once the condition holds; rejects with the signal's reason when it aborts first. */
export const untilLevel = (
  isLevel: () => boolean,
  onChange: (listener: () => void) => () => void,
  signal?: AbortSignal,
): Promise<void> =>
  new Promise((resolve, reject) => {
    if (signal?.aborted) return reject(signal.reason)
    const stop = (): void => {
      unsubscribe()
      signal?.removeEventListener('abort', abort)
    }
    const abort = (): void => {
      stop()
      reject(signal?.reason)
    }
    const check = (): void => {
      if (!isLevel()) return
      stop()
      resolve()
    }
    const unsubscribe = onChange(check)
    signal?.addEventListener('abort', abort, { once: true })
    check()
  })

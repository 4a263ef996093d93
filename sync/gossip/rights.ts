/**
 * The last word about a device’s rights: told to peers that a store once revoked, and heard of this device
 * (docs/spec/authority.md, “Telling a device”).
 */
import type { Rights } from '#proto/wire'
import { bytesToHex, equalBytes, type PublicKey, type StoreId } from '#kernel/core/bytes.ts'
import { hlcToMs } from '#kernel/core/hlc.ts'
import type { StorageBackend } from '#kernel/storage/port.ts'
import type { Store, StoreManager } from '#kernel/store/port.ts'
import type { Timers } from '../clock.ts'
import { Revocations, type Removal } from '../revoked.ts'
import type { LinkedPeer } from './exchange.ts'
import type { Outbox } from './outbox.ts'

/** The engine, as seen from here. */
export interface LastWordsHost {
  readonly stores: StoreManager
  readonly backend: StorageBackend
  readonly timers: Timers
  outboxOf(linked: LinkedPeer): Outbox
  punish(linked: LinkedPeer, misdeeds: number, why: string): void
  /** `removalOf` tells something else of some store. */
  removalChanged(): void
}

export class LastWords {
  readonly #host: LastWordsHost
  readonly #revocations: Revocations

  constructor(host: LastWordsHost) {
    this.#host = host
    this.#revocations = new Revocations(host.backend, host.stores)
  }

  /** That this device was revoked from a store, or from the space it has its peers from, and by whom. */
  removalOf(store: Store): Removal | undefined {
    return this.#revocations.of(store)
  }

  /** This device was let in to a store: what it was told before of its revocation is void. Resolves once durable. */
  async readmitted(storeId: StoreId): Promise<void> {
    const children = this.#host.stores.list().filter((store) => {
      const parent = this.#host.stores.parentOf(store.id)
      return parent !== undefined && equalBytes(parent, storeId)
    })
    const all = [storeId, ...children.map(({ id }) => id)]
    if (await this.#revocations.overrule(all, this.#host.timers.nowMs())) this.#host.removalChanged()
  }

  /** Forgets what was told of a store: it is told anew with the next connection. False: there was nothing. */
  async askAgain(store: Store): Promise<boolean> {
    const hasForgotten = await this.#revocations.forget(store)
    if (hasForgotten) this.#host.removalChanged()
    return hasForgotten
  }

  /** A member, as far as this device knows, of a store that this device was revoked from: it may say otherwise. */
  mayTell(peer: PublicKey): boolean {
    return this.#host.stores.list().some((store) => this.removalOf(store) !== undefined && store.access.mayRead(peer))
  }

  /** Once a connection, and when it changes: the device may have been told by another, or be told by the next. */
  tell(linked: LinkedPeer): void {
    for (const store of this.#host.stores.list()) {
      const key = `${store.access.mayRead(linked.peer) ? '' : '-'}${bytesToHex(store.id)}`
      const word =
        linked.toldRights.has(key) || this.removalOf(store) ? undefined : store.access.lastWordAbout(linked.peer)
      if (!word) continue
      linked.toldRights.add(key)
      this.#host.outboxOf(linked).rights(store, word)
    }
  }

  async hear(linked: LinkedPeer, { storeId, word, grants }: Rights): Promise<void> {
    const store = this.#host.stores.byHex(bytesToHex(storeId))
    const checked = store?.checkLastWord({ word, grants })
    if (!store || !checked) return
    // An honest peer may know of admins that this device cannot be shown.
    if (!checked.ok) {
      const { kind, message } = checked.error
      return this.#host.punish(linked, kind === 'unproven-word' ? 1 : 10, message)
    }
    if (!checked.value) return
    const { isRevoked, by, byName, hlc } = checked.value
    const name = store.access.peer(by)?.name || byName
    const timeMs = hlcToMs(hlc)
    const isNews = isRevoked
      ? await this.#revocations.add({ storeId: store.id, by, byName: name, timeMs })
      : await this.#revocations.overrule([store.id], timeMs)
    if (isNews) this.#host.removalChanged()
  }
}

/**
 * Which stores this device and each connected peer speak of: what is offered and announced to whom, what both share, who
 * holds a store, and who was named one and chose not to.
 */
import { bytesToHex, type HexKey, type PublicKey, type StoreId } from '#kernel/core/bytes.ts'
import type { StorageBackend } from '#kernel/storage/port.ts'
import { readCatalog } from '#kernel/store/catalog.ts'
import type { Store, StoreManager } from '#kernel/store/port.ts'
import type { AddressBook } from '../addressbook.ts'
import { ADDRESSES_MAX, TAGS_MAX } from '../messages.ts'
import type { Transport } from '../transport/port.ts'
import { announceTag } from './announce.ts'
import type { LinkedPeer } from './exchange.ts'
import type { Outbox } from './outbox.ts'
import { newShared } from './shared.ts'

/** The engine, as seen from here. */
export interface SharingHost {
  readonly transport: Transport
  readonly stores: StoreManager
  readonly backend: StorageBackend
  readonly book: AddressBook
  readonly peers: ReadonlyMap<HexKey, LinkedPeer>
  outboxOf(linked: LinkedPeer): Outbox
  /** This device was revoked from it: nothing of it is said or taken any more. */
  isCutOff(store: Store): boolean
}

export class Sharing {
  readonly #host: SharingHost
  /** Stores that were taken off this device. */
  #removed: readonly StoreId[] = []

  constructor(host: SharingHost) {
    this.#host = host
  }

  // --- who may speak of a store ---

  isBootstrapping(store: Store): boolean {
    return !store.access.mayRead(this.#host.transport.self)
  }

  mayTalk(store: Store, peer: PublicKey): boolean {
    return !this.#host.isCutOff(store) && (store.access.mayRead(peer) || this.isBootstrapping(store))
  }

  /** Both are members of a store that this device shares with the first. */
  shareStore(peer: PublicKey, of: PublicKey): boolean {
    return [...(this.#host.peers.get(bytesToHex(peer))?.shared.keys() ?? [])].some((hex) => {
      const store = this.#host.stores.byHex(hex)
      return store !== undefined && store.access.mayRead(peer) && store.access.mayRead(of)
    })
  }

  // --- who holds a store ---

  peersOf(store: Store): readonly LinkedPeer[] {
    if (this.#host.isCutOff(store)) return []
    const isOpen = this.isBootstrapping(store)
    const hex = bytesToHex(store.id)
    return [...this.#host.peers.values()].filter(
      (peer) => store.access.mayRead(peer.peer) || (isOpen && peer.shared.has(hex)),
    )
  }

  #hasDeclined(linked: LinkedPeer, store: Store): boolean {
    if (linked.declined.size === 0 || linked.shared.has(bytesToHex(store.id))) return false
    return linked.declined.has(bytesToHex(announceTag(linked.peer, this.#host.transport.self, store.id)))
  }

  holdersOf(store: Store): readonly LinkedPeer[] {
    return this.peersOf(store).filter((peer) => !this.#hasDeclined(peer, store))
  }

  declinedBy(linked: LinkedPeer | undefined): readonly StoreId[] {
    if (!linked || linked.declined.size === 0) return []
    const stores = this.#host.stores.list().filter((store) => store.access.mayRead(linked.peer))
    return stores.filter((store) => this.#hasDeclined(linked, store)).map((store) => store.id)
  }

  // --- what was taken off this device ---

  get hasRemoved(): boolean {
    return this.#removed.length > 0
  }

  readRemoved(): void {
    this.#removed = readCatalog(this.#host.backend)
      .filter(({ forgotten }) => forgotten)
      .map(({ storeId }) => storeId)
  }

  /**
   * Stores that the peer has named to this device, which has taken them off itself: it is told, so that it does not
   * wait. Who names a store knows its id, so nobody learns of one he does not know.
   */
  #declinedTo(linked: LinkedPeer): readonly StoreId[] {
    const isNamed = (id: StoreId) => this.#names(linked, id)
    return this.#removed.filter((id) => !this.#host.stores.get(id) && isNamed(id)).slice(0, TAGS_MAX)
  }

  // --- what both share ---

  #names(linked: LinkedPeer, id: StoreId): boolean {
    return linked.tags.has(bytesToHex(announceTag(linked.peer, this.#host.transport.self, id)))
  }

  /** Tells the peer which stores are offered to it if that changed, or in any case. Gives those stores. */
  announce(linked: LinkedPeer, force: boolean): readonly Store[] {
    const { stores, transport, outboxOf } = this.#host
    const offered = stores
      .list()
      .filter((store) => this.mayTalk(store, linked.peer))
      .slice(0, TAGS_MAX)
    const declined = this.#declinedTo(linked)
    const announced = [...offered.map((store) => store.id), new Uint8Array(), ...declined].map(bytesToHex).join(' ')
    if (announced !== linked.announced || (force && offered.length > 0)) {
      linked.announced = announced
      const tag = (id: StoreId) => announceTag(transport.self, linked.peer, id)
      outboxOf(linked).announce({
        tags: offered.map((store) => tag(store.id)),
        declined: declined.map(tag),
        addresses: transport.addresses().slice(0, ADDRESSES_MAX),
      })
    }
    return offered
  }

  /** Works out what both share: of what is offered, all that the peer names too. */
  agree(linked: LinkedPeer, offered: readonly Store[]): void {
    const now = new Set<HexKey>()
    for (const store of offered) {
      const hex = bytesToHex(store.id)
      if (!this.#names(linked, store.id)) continue
      now.add(hex)
      if (linked.shared.has(hex)) continue
      const known = this.#host.book.get(linked.key)?.standings.get(hex)
      linked.shared.set(hex, newShared(known && { count: known.levelCount, seq: known.levelSeq }))
      this.#host.outboxOf(linked).progress(store)
    }
    for (const [hex, shared] of [...linked.shared]) {
      if (now.has(hex)) continue
      shared.cancelCheck?.()
      linked.shared.delete(hex)
    }
  }
}

/**
 * The sync layer of one device: which stores it shares with which connected peer, sessions when two sets differ, pushes
 * while they are level, progress both ways, and connections that come back.
 *
 * Between two devices the one with the smaller key opens sessions; the other makes it notice by its progress.
 * A device that is no member of a store yet (it has adopted it, the log is still to come) takes it from any peer that
 * names it, and gives it to nobody.
 */
import { bytesToHex, type HexKey, type PublicKey, type StoreId } from '#kernel/core/bytes.ts'
import type { StorageBackend } from '#kernel/storage/port.ts'
import type { Store, StoreManager } from '#kernel/store/port.ts'
import { AddressBook } from './addressbook.ts'
import type { Timers } from './clock.ts'
import { Connections } from './connections.ts'
import { Dialer } from './dialer.ts'
import { Exchange, newCounters, type LinkedPeer } from './gossip/exchange.ts'
import { MeshLinks } from './gossip/links.ts'
import { PUSH_PROTOCOL } from './gossip/outbox.ts'
import { LastWords } from './gossip/rights.ts'
import type { PeerProgress } from './gossip/shared.ts'
import { Sharing } from './gossip/sharing.ts'
import { Levels, untilLevel, type LocalProgress } from './level.ts'
import { peerStatuses, standingsOf, type PeerLinkStatus, type PeerSources } from './peer-status.ts'
import type { Removal } from './revoked.ts'
import { SESSION_PROTOCOL } from './session/run.ts'
import type { Connection, Transport } from './transport/port.ts'

export interface SyncEngineOptions {
  readonly transport: Transport
  readonly stores: StoreManager
  readonly timers: Timers
  /** Opened with `SYNC_TABLES`; that of the stores. */
  readonly backend: StorageBackend
  /** Stores that are settled only once `setLocalProgress` says so. Default: file stores. */
  readonly reportsProgress?: (store: Store) => boolean
  /** A peer misbehaved and is kept away for a while; `why`: what it did last. */
  readonly onDropped?: (peer: PublicKey, why: string) => void
  /** Background work failed (the address book could not be written, a store's watch broke). */
  readonly onError: (error: unknown) => void
}

export class SyncEngine implements AsyncDisposable {
  readonly counters = newCounters()
  readonly #options: SyncEngineOptions
  readonly #transport: Transport
  readonly #stores: StoreManager
  readonly #timers: Timers
  readonly #book: AddressBook
  readonly #words: LastWords
  readonly #sharing: Sharing
  readonly #levels: Levels
  readonly #removalListeners = new Set<() => void>()
  readonly #dialer: Dialer
  readonly #connections: Connections
  readonly #exchange: Exchange
  readonly #links: MeshLinks
  readonly #sources: PeerSources
  readonly #watches = new Map<HexKey, AbortController>()
  readonly #listeners = new Set<() => void>()
  readonly #undo: (() => void)[] = []
  readonly #work = new Set<Promise<void>>()
  #closed = false

  constructor(options: SyncEngineOptions) {
    this.#options = options
    const { transport, stores, backend, timers } = options
    this.#transport = transport
    this.#stores = stores
    this.#timers = timers
    const book = (this.#book = new AddressBook(backend))
    this.#connections = new Connections({
      transport,
      timers,
      dropped: (peer, why) => {
        this.counters.disconnected++
        options.onDropped?.(peer, why)
      },
      pardoned: (peer) => this.#closed || this.#dialer.kick(peer),
    })
    const { peers } = this.#connections
    const punish: Connections['punish'] = (linked, misdeeds, why) => this.#connections.punish(linked, misdeeds, why)
    const isWanted = (peer: PublicKey) => this.#isWanted(peer)
    const changed = () => this.#changed()
    const outboxOf = (linked: LinkedPeer) => this.#exchange.outboxOf(linked)
    const isCutOff = (store: Store) => this.removalOf(store) !== undefined
    const removalChanged = () => this.#removalChanged()
    const words = (this.#words = new LastWords({ stores, backend, timers, outboxOf, punish, removalChanged }))
    const sharing = (this.#sharing = new Sharing({ transport, stores, backend, book, peers, outboxOf, isCutOff }))
    const reportsProgress = options.reportsProgress ?? ((store) => store.type === 'core:filestore')
    const levels = (this.#levels = new Levels({ stores, sharing, isCutOff, reportsProgress }))
    const addressesOf = (key: HexKey) => book.get(key)?.addresses ?? []
    this.#dialer = new Dialer({ transport, timers, isWanted, addressesOf })
    this.#exchange = new Exchange({
      transport,
      stores,
      timers,
      peers,
      counters: this.counters,
      progressOf: (store) => levels.progressOf(store),
      hears: (peer) => isWanted(peer) || sharing.hasRemoved || words.mayTell(peer),
      isWanted,
      mayTalk: (store, peer) => sharing.mayTalk(store, peer),
      announced: (linked, addresses) => this.#announced(linked, addresses),
      refreshPeer: (linked) => this.#refreshPeer(linked, true),
      punish,
      links: (linked, told) => {
        if (!this.#links.hear(linked.peer, told)) punish(linked, 1, 'it tells its connections too often')
      },
      rights: (linked, told) => words.hear(linked, told),
      isCutOff,
      changed,
    })
    const links = (this.#links = new MeshLinks({
      timers,
      connections: () => transport.connections(),
      listeners: () => [...peers.values()].filter(({ shared }) => shared.size > 0).map(({ peer }) => peer),
      mayHear: (peer, of) => sharing.shareStore(peer, of),
      tell: (peer, told) => {
        const linked = peers.get(bytesToHex(peer))
        if (linked) outboxOf(linked).links(told)
      },
      changed,
    }))
    this.#sources = { transport, stores, timers, book, peers, sharing, levels, links }
  }

  /** Serves, watches every store, and dials every known member. */
  start(): void {
    const { transport, stores } = this.#options
    this.#undo.push(
      transport.handle(SESSION_PROTOCOL, { maxPerPeer: 8 }, (stream) => this.#exchange.answer(stream)),
      transport.handle(PUSH_PROTOCOL, { maxPerPeer: 2 }, (stream) => this.#exchange.receive(stream)),
      transport.on('connected', (connection) => this.#connected(connection)),
      transport.on('disconnected', (peer) => this.#disconnected(peer)),
      transport.on('discovered', (peer, addresses) => {
        if (this.#isWanted(peer)) this.#track(this.remember(peer, addresses))
      }),
      transport.on('addresses', () => this.#refresh(true)),
      stores.on('opened', (store) => this.#opened(store)),
      stores.on('closed', (id) => this.#storeClosed(id)),
    )
    this.#sharing.readRemoved()
    for (const store of stores.list()) this.#opened(store)
    for (const connection of transport.connections()) this.#connected(connection)
    this.wake()
  }

  // --- what the node tells ---

  /**
   * How far this device is with what it has witnessed. `at`: the cursor (number of witnessed intentions) that the
   * report takes into account; `settled` holds only while the store is still at exactly that. For a folder: all up to
   * `at` is on disk, and every local edit noticed so far is in the log.
   */
  setLocalProgress(storeId: StoreId, progress: LocalProgress): void {
    this.#levels.setLocal(storeId, progress)
    const store = this.#stores.get(storeId)
    if (store) this.#exchange.tellProgress(store)
    this.#changed()
  }

  /** Where a device can be reached, from an invite or from the user; dials it if it is wanted. */
  async remember(peer: PublicKey, addresses: readonly string[]): Promise<void> {
    await this.#book.remember(peer, addresses)
    this.#dialer.kick(peer)
  }

  /** This device was let in to a store: what it was told before of its revocation is void. Resolves once durable. */
  readmitted(storeId: StoreId): Promise<void> {
    return this.#words.readmitted(storeId)
  }

  /** Asks anew whether this device was revoked, for it may have been let in again; it is told if not. */
  async askAgain(store: Store): Promise<void> {
    if (!(await this.#words.askAgain(store))) return
    // It is told once a connection.
    for (const { peer } of [...this.#connections.peers.values()])
      if (store.access.mayRead(peer)) await this.#transport.disconnect(peer)
  }

  /** After sleep, or when the network changed: dial everyone again, without pauses. */
  wake(): void {
    for (const { peer } of this.#book.list()) this.#dialer.kick(peer)
  }

  // --- what the node asks ---

  /** What each connected peer that holds the store, or is about to, reported last. */
  peerProgress(storeId: StoreId): ReadonlyMap<HexKey, PeerProgress | undefined> {
    return this.#levels.peerProgress(storeId)
  }

  /**
   * True when this device is settled and every connected device that may read the store reports the same set,
   * settled. One that has not reported, or does not hold the store yet, is not level; one that has declined to hold it
   * does not count.
   */
  isLevel(storeId: StoreId): boolean {
    return this.#levels.isLevel(storeId)
  }

  /** Resolves once `isLevel`; rejects with the signal's reason when it aborts first. */
  waitLevel(storeId: StoreId, signal?: AbortSignal): Promise<void> {
    return untilLevel(
      () => this.isLevel(storeId),
      (listener) => this.onChange(listener),
      signal,
    )
  }

  /** Every known device, connected or not. */
  peers(): readonly PeerLinkStatus[] {
    return peerStatuses(this.#sources)
  }

  /** That this device was revoked from a store, or from the space it has its peers from, and by whom. */
  removalOf(store: Store): Removal | undefined {
    return this.#words.removalOf(store)
  }

  /** Calls back when `removalOf` tells something else of some store. */
  onRemoval(listener: () => void): () => void {
    this.#removalListeners.add(listener)
    return () => void this.#removalListeners.delete(listener)
  }

  /** Calls back after anything that `peers`, `peerProgress` or `isLevel` tell may have changed. */
  onChange(listener: () => void): () => void {
    this.#listeners.add(listener)
    return () => void this.#listeners.delete(listener)
  }

  async [Symbol.asyncDispose](): Promise<void> {
    for (const { key, peer } of this.#connections.peers.values()) this.#seen(key, peer)
    this.#closed = true
    this.#dialer.stop()
    this.#links.stop()
    this.#exchange.stop()
    for (const undo of this.#undo) undo()
    for (const watch of this.#watches.values()) watch.abort()
    for (const key of [...this.#connections.peers.keys()]) this.#drop(key)
    await Promise.all(this.#work)
  }

  // --- connections ---

  #connected(connection: Connection): void {
    const { peer, peerKey } = connection
    if (this.#connections.isBanned(peer)) return void this.#transport.disconnect(peer)
    this.#drop(peerKey)
    const linked = this.#connections.add(connection)
    if (this.#isWanted(peer)) this.#track(this.#book.remember(peer, [], this.#timers.nowMs()))
    this.#refreshPeer(linked, false)
    this.#changed()
  }

  #disconnected(peer: PublicKey): void {
    const key = bytesToHex(peer)
    if (!this.#closed) this.#seen(key, peer)
    this.#drop(key)
    if (this.#closed) return
    this.#dialer.lost(peer)
    this.#changed()
  }

  /** Keeps when a connected device was last heard of, and how far it was. */
  #seen(key: HexKey, peer: PublicKey): void {
    const standings = standingsOf(this.#sources, key)
    if (this.#isWanted(peer)) this.#track(this.#book.remember(peer, [], this.#timers.nowMs(), standings))
  }

  #drop(key: HexKey): void {
    if (!this.#connections.peers.has(key)) return
    this.#connections.remove(key)
    this.#links.gone(key)
  }

  #isWanted(peer: PublicKey): boolean {
    return !this.#connections.isBanned(peer) && this.#stores.list().some((store) => this.#sharing.mayTalk(store, peer))
  }

  #removalChanged(): void {
    if (this.#closed) return
    this.#refresh(false)
    for (const { peer } of this.#book.list()) this.#dialer.kick(peer)
    for (const listener of [...this.#removalListeners]) listener()
  }

  // --- following stores ---

  #opened(store: Store): void {
    const hex = bytesToHex(store.id)
    const watch = new AbortController()
    this.#watches.get(hex)?.abort()
    this.#watches.set(hex, watch)
    this.#track(this.#follow(store, watch.signal))
    this.#refresh(false)
    for (const { peer } of this.#book.list()) if (this.#sharing.mayTalk(store, peer)) this.#dialer.kick(peer)
  }

  #storeClosed(id: StoreId): void {
    const hex = bytesToHex(id)
    this.#watches.get(hex)?.abort()
    this.#watches.delete(hex)
    this.#levels.closed(hex)
    this.#refresh(false)
    if (!this.#closed) this.#track(this.#afterRemoval())
  }

  /** The write that says a store was removed is queued right after the event; one queued behind it comes after it. */
  async #afterRemoval(): Promise<void> {
    await Promise.resolve()
    await this.#options.backend.write(() => undefined)
    if (this.#closed) return
    this.#sharing.readRemoved()
    this.#refresh(false)
  }

  #refresh(force: boolean): void {
    for (const linked of [...this.#connections.peers.values()]) this.#refreshPeer(linked, force)
    this.#changed()
  }

  /** Tells the peer which stores are offered to it if that changed, and works out what both share. */
  #refreshPeer(linked: LinkedPeer, force: boolean): void {
    const offered = this.#sharing.announce(linked, force)
    this.#words.tell(linked)
    if (force) this.#links.forget(linked.key)
    else this.#links.look()
    this.#sharing.agree(linked, offered)
  }

  async #announced(linked: LinkedPeer, addresses: readonly string[]): Promise<void> {
    this.#refreshPeer(linked, false)
    if (linked.shared.size > 0) await this.#book.remember(linked.peer, addresses, this.#timers.nowMs())
    this.#changed()
  }

  async #follow(store: Store, signal: AbortSignal): Promise<void> {
    for await (const change of store.watch({ signal })) {
      this.#exchange.passOn(store, change)
      // Rights may have changed, here and in the stores that inherit them.
      if (change.system) this.#refresh(false)
      this.#exchange.tellProgress(store)
      for (const linked of this.#sharing.peersOf(store)) this.#exchange.compare(linked, store)
      this.#changed()
    }
  }

  // --- shared by all ---

  #changed(): void {
    for (const listener of [...this.#listeners]) listener()
  }

  /** Work that shutting down waits for. */
  #track(work: Promise<void>): void {
    const settled = work.catch((error: unknown) => {
      // What was cut off by shutting down is no failure.
      if (!this.#closed) this.#options.onError(error)
    })
    this.#work.add(settled)
    void settled.finally(() => this.#work.delete(settled))
  }
}

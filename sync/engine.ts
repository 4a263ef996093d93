/**
 * The sync layer of one device: which stores it shares with which connected peer, sessions when two sets differ, pushes
 * while they are level, progress both ways, and connections that come back.
 *
 * Between two devices the one with the smaller key opens sessions; the other makes it notice by its progress.
 * A device that is no member of a store yet (it has adopted it, the log is still to come) takes it from any peer that
 * names it, and gives it to nobody.
 */
import { bytesToHex, equalBytes, type HexKey, type PublicKey, type StoreId } from '#kernel/core/bytes.ts'
import type { Rights } from '#proto/wire'
import { hlcToMs } from '#kernel/core/hlc.ts'
import type { StorageBackend } from '#kernel/storage/port.ts'
import { readCatalog } from '#kernel/store/catalog.ts'
import type { Store, StoreManager } from '#kernel/store/port.ts'
import { AddressBook } from './addressbook.ts'
import type { Timers } from './clock.ts'
import { Dialer } from './dialer.ts'
import { announceTag } from './gossip/announce.ts'
import { Exchange, type LinkedPeer, type SyncCounters } from './gossip/exchange.ts'
import { MeshLinks, type PeerLink } from './gossip/links.ts'
import { PUSH_PROTOCOL } from './gossip/outbox.ts'
import { isEqualSet, Misdeeds, newShared, type PeerProgress, type Shared } from './gossip/shared.ts'
import { ADDRESSES_MAX, TAGS_MAX } from './messages.ts'
import { SESSION_PROTOCOL } from './session/run.ts'
import { Revocations, type Removal } from './revoked.ts'
import type { PeerStanding } from './standing.ts'
import type { Connection, Transport } from './transport/port.ts'

export interface SyncEngineOptions {
  readonly transport: Transport
  readonly stores: StoreManager
  readonly timers: Timers
  /** Opened with `SYNC_TABLES`; that of the stores. */
  readonly backend: StorageBackend
  /** Stores that are settled only once `setLocalProgress` says so. Default: file stores. */
  readonly reportsProgress?: (store: Store) => boolean
  /** Background work failed (the address book could not be written, a store's watch broke). */
  readonly onError: (error: unknown) => void
}

/** Work of this device on a store: `pendingIn` changes not yet where the user sees them; `at`: see `setLocalProgress`. */
export interface LocalProgress {
  readonly pendingIn: number
  readonly settled: boolean
  readonly at: number
}

export interface StoreStatus {
  readonly storeId: StoreId
  readonly progress: PeerProgress | undefined
  /** The peer reports our very set, settled. */
  readonly level: boolean
}

export interface PeerLinkStatus {
  readonly peer: PublicKey
  readonly connected: boolean
  readonly address: string | undefined
  readonly direct: boolean
  readonly latencyMs: number | undefined
  readonly lastSeenMs: number
  /** By store, of those on this device: how far it is, or was when it was last connected. */
  readonly standings: ReadonlyMap<HexKey, PeerStanding>
  /** Other devices that it is connected to, as it tells. */
  readonly links: readonly PeerLink[]
  readonly stores: readonly StoreStatus[]
  /** Stores of this device that the peer may read and chose not to hold. */
  readonly declined: readonly StoreId[]
}

const BAN_MS = 60_000
export class SyncEngine implements AsyncDisposable {
  readonly counters: SyncCounters = {
    sessions: 0,
    sessionErrors: 0,
    ingestErrors: 0,
    pushed: 0,
    rejected: 0,
    disconnected: 0,
  }
  readonly #options: SyncEngineOptions
  readonly #transport: Transport
  readonly #stores: StoreManager
  readonly #timers: Timers
  readonly #book: AddressBook
  readonly #revocations: Revocations
  readonly #removalListeners = new Set<() => void>()
  readonly #dialer: Dialer
  readonly #exchange: Exchange
  readonly #links: MeshLinks
  readonly #peers = new Map<HexKey, LinkedPeer>()
  readonly #local = new Map<HexKey, LocalProgress>()
  readonly #watches = new Map<HexKey, AbortController>()
  readonly #bans = new Map<HexKey, number>()
  /** Stores that were taken off this device. */
  #removed: readonly StoreId[] = []
  readonly #listeners = new Set<() => void>()
  readonly #undo: (() => void)[] = []
  readonly #work = new Set<Promise<void>>()
  #closed = false

  constructor(options: SyncEngineOptions) {
    this.#options = options
    this.#transport = options.transport
    this.#stores = options.stores
    this.#timers = options.timers
    this.#book = new AddressBook(options.backend)
    this.#revocations = new Revocations(options.backend, options.stores)
    this.#dialer = new Dialer({
      transport: options.transport,
      timers: options.timers,
      isWanted: (peer) => this.#isWanted(peer),
      addressesOf: (key) => this.#book.get(key)?.addresses ?? [],
    })
    this.#exchange = new Exchange({
      transport: options.transport,
      stores: options.stores,
      timers: options.timers,
      peers: this.#peers,
      counters: this.counters,
      progressOf: (store) => this.#progressOf(store),
      hears: (peer) => this.#isWanted(peer) || this.#removed.length > 0 || this.#knowsRights(peer),
      isWanted: (peer) => this.#isWanted(peer),
      mayTalk: (store, peer) => this.#mayTalk(store, peer),
      announced: (linked, addresses) => this.#announced(linked, addresses),
      refreshPeer: (linked) => this.#refreshPeer(linked, true),
      punish: (linked, count) => this.#punish(linked, count),
      links: (linked, told) => {
        if (!this.#links.hear(linked.peer, told)) this.#punish(linked, 1)
      },
      rights: (linked, told) => this.#rights(linked, told),
      isCutOff: (store) => this.removalOf(store) !== undefined,
      changed: () => this.#changed(),
    })
    this.#links = new MeshLinks({
      timers: options.timers,
      connections: () => options.transport.connections(),
      listeners: () => [...this.#peers.values()].filter(({ shared }) => shared.size > 0).map(({ peer }) => peer),
      mayHear: (peer, of) => this.#shareStore(peer, of),
      tell: (peer, links) => {
        const linked = this.#peers.get(bytesToHex(peer))
        if (linked) this.#exchange.outboxOf(linked).links(links)
      },
      changed: () => this.#changed(),
    })
  }

  /** Serves, watches every store, and dials every known member. */
  start(): void {
    const { transport, stores } = this.#options
    this.#undo.push(
      transport.handle(SESSION_PROTOCOL, { maxPerPeer: 8 }, (stream) => this.#exchange.answer(stream)),
      transport.handle(PUSH_PROTOCOL, { maxPerPeer: 2 }, (stream) => this.#exchange.receive(stream)),
      transport.on('connected', (connection) => this.#connected(connection)),
      transport.on('disconnected', (peer) => this.#disconnected(peer)),
      transport.on('discovered', (peer, addresses) => this.#discovered(peer, addresses)),
      transport.on('addresses', () => this.#refresh(true)),
      stores.on('opened', (store) => this.#opened(store)),
      stores.on('closed', (id) => this.#storeClosed(id)),
    )
    this.#readRemoved()
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
    this.#local.set(bytesToHex(storeId), progress)
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
  async readmitted(storeId: StoreId): Promise<void> {
    const children = this.#stores.list().filter((store) => {
      const parent = this.#stores.parentOf(store.id)
      return parent !== undefined && equalBytes(parent, storeId)
    })
    const all = [storeId, ...children.map(({ id }) => id)]
    if (await this.#revocations.overrule(all, this.#timers.nowMs())) this.#removalChanged()
  }

  /** Asks anew whether this device was revoked, for it may have been let in again; it is told if not. */
  async askAgain(store: Store): Promise<void> {
    if (await this.#revocations.forget(store)) this.#removalChanged()
  }

  /** After sleep, or when the network changed: dial everyone again, without pauses. */
  wake(): void {
    for (const { peer } of this.#book.list()) this.#dialer.kick(peer)
  }

  // --- what the node asks ---

  /** What each connected peer that holds the store, or is about to, reported last. */
  peerProgress(storeId: StoreId): ReadonlyMap<HexKey, PeerProgress | undefined> {
    const hex = bytesToHex(storeId)
    const store = this.#stores.get(storeId)
    const peers = store ? this.#holdersOf(store) : []
    return new Map(peers.map((peer) => [peer.key, peer.shared.get(hex)?.progress]))
  }

  /**
   * True when this device is settled and every connected device that may read the store reports the same set,
   * settled. One that has not reported, or does not hold the store yet, is not level; one that has declined to hold it
   * does not count.
   */
  isLevel(storeId: StoreId): boolean {
    const store = this.#stores.get(storeId)
    if (!store || this.#isBootstrapping(store) || this.removalOf(store)) return false
    const mine = this.#progressOf(store)
    if (!mine.settled) return false
    return this.#holdersOf(store).every((peer) => {
      const theirs = peer.shared.get(bytesToHex(storeId))?.progress
      return theirs !== undefined && theirs.settled && isEqualSet(mine, theirs)
    })
  }

  /** Resolves once `isLevel`; rejects with the signal's reason when it aborts first. */
  waitLevel(storeId: StoreId, signal?: AbortSignal): Promise<void> {
    return new Promise((resolve, reject) => {
      const stop = (): void => {
        this.#listeners.delete(check)
        signal?.removeEventListener('abort', abort)
      }
      const abort = (): void => {
        stop()
        reject(signal?.reason)
      }
      const check = (): void => {
        if (!this.isLevel(storeId)) return
        stop()
        resolve()
      }
      if (signal?.aborted) return abort()
      this.#listeners.add(check)
      signal?.addEventListener('abort', abort, { once: true })
      check()
    })
  }

  /** Every known device, connected or not. */
  peers(): readonly PeerLinkStatus[] {
    const connections = new Map(this.#transport.connections().map((connection) => [connection.peerKey, connection]))
    const known = new Map(this.#book.list().map((entry) => [bytesToHex(entry.peer), entry.peer]))
    for (const { key, peer } of this.#peers.values()) known.set(key, peer)
    return [...known].map(([key, peer]) => {
      const connection = connections.get(key)
      const stores = [...(this.#peers.get(key)?.shared ?? [])].flatMap(([hex, shared]) => {
        const store = this.#stores.byHex(hex)
        if (!store) return []
        const level = shared.progress?.settled === true && isEqualSet(this.#progressOf(store), shared.progress)
        return [{ storeId: store.id, progress: shared.progress, level }]
      })
      return {
        peer,
        connected: connection !== undefined,
        address: connection?.remoteAddress,
        direct: connection?.direct ?? false,
        latencyMs: connection?.latencyMs,
        lastSeenMs: connection ? this.#timers.nowMs() : (this.#book.get(key)?.lastSeenMs ?? 0),
        standings: this.#standingsOf(key),
        links: this.#links.of(key),
        stores,
        declined: this.#declinedBy(this.#peers.get(key)),
      }
    })
  }

  /** That this device was revoked from a store, or from the space it has its peers from, and by whom. */
  removalOf(store: Store): Removal | undefined {
    return this.#revocations.of(store)
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
    for (const { key, peer } of this.#peers.values()) this.#seen(key, peer)
    this.#closed = true
    this.#dialer.stop()
    this.#links.stop()
    this.#exchange.stop()
    for (const undo of this.#undo) undo()
    for (const watch of this.#watches.values()) watch.abort()
    for (const key of [...this.#peers.keys()]) this.#drop(key)
    await Promise.all(this.#work)
  }

  // --- connections ---

  #connected({ peer, peerKey }: Connection): void {
    if ((this.#bans.get(peerKey) ?? 0) > this.#timers.nowMs()) return void this.#transport.disconnect(peer)
    this.#drop(peerKey)
    const misdeeds = new Misdeeds()
    const shared = new Map<HexKey, Shared>()
    const none = new Set<HexKey>()
    const linked: LinkedPeer = {
      peer,
      key: peerKey,
      shared,
      misdeeds,
      outbox: undefined,
      tags: none,
      declined: none,
      announced: '',
      breaks: 0,
      cancelReopen: undefined,
      toldRights: new Set(),
    }
    this.#peers.set(peerKey, linked)
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
    if (this.#isWanted(peer)) this.#track(this.#book.remember(peer, [], this.#timers.nowMs(), this.#standingsOf(key)))
  }

  #standingsOf(key: HexKey): ReadonlyMap<HexKey, PeerStanding> {
    const standings = new Map<HexKey, PeerStanding>()
    for (const [hex, standing] of this.#book.get(key)?.standings ?? [])
      if (this.#stores.byHex(hex)) standings.set(hex, standing)
    for (const [hex, { progress, levelAt }] of this.#peers.get(key)?.shared ?? []) {
      if (!progress || !this.#stores.byHex(hex)) continue
      const { count, pendingIn, settled } = progress
      standings.set(hex, { levelCount: levelAt?.count ?? 0, levelSeq: levelAt?.seq ?? 0, count, pendingIn, settled })
    }
    return standings
  }

  #discovered(peer: PublicKey, addresses: readonly string[]): void {
    if (this.#isWanted(peer)) this.#track(this.remember(peer, addresses))
  }

  #drop(key: HexKey): void {
    const linked = this.#peers.get(key)
    if (!linked) return
    this.#peers.delete(key)
    this.#links.gone(key)
    linked.outbox?.close()
    for (const shared of linked.shared.values()) shared.cancelCheck?.()
  }

  #isWanted(peer: PublicKey): boolean {
    if ((this.#bans.get(bytesToHex(peer)) ?? 0) > this.#timers.nowMs()) return false
    return this.#stores.list().some((store) => this.#mayTalk(store, peer))
  }

  #punish(linked: LinkedPeer, count: number): void {
    if (count === 0 || !linked.misdeeds.add(count, this.#timers.nowMs())) return
    this.counters.disconnected++
    this.#bans.set(linked.key, this.#timers.nowMs() + BAN_MS)
    this.#timers.after(BAN_MS, () => this.#closed || this.#dialer.kick(linked.peer))
    void this.#transport.disconnect(linked.peer)
  }

  // --- being revoked ---

  /** A member, as far as this device knows, of a store that this device was revoked from: it may say otherwise. */
  #knowsRights(peer: PublicKey): boolean {
    return this.#stores.list().some((store) => this.removalOf(store) !== undefined && store.access.mayRead(peer))
  }

  /** Once a connection, and when it changes: the device may have been told by another, or be told by the next. */
  #tellRights(linked: LinkedPeer): void {
    for (const store of this.#stores.list()) {
      const key = `${store.access.mayRead(linked.peer) ? '' : '-'}${bytesToHex(store.id)}`
      const word =
        linked.toldRights.has(key) || this.removalOf(store) ? undefined : store.access.lastWordAbout(linked.peer)
      if (!word) continue
      linked.toldRights.add(key)
      this.#exchange.outboxOf(linked).rights(store, word)
    }
  }

  async #rights(linked: LinkedPeer, { storeId, word, grants }: Rights): Promise<void> {
    const store = this.#stores.byHex(bytesToHex(storeId))
    const checked = store?.checkLastWord({ word, grants })
    if (!store || !checked) return
    // An honest peer may know of admins that this device cannot be shown.
    if (!checked.ok) return this.#punish(linked, checked.error.kind === 'unproven-word' ? 1 : 10)
    if (!checked.value) return
    const { isRevoked, by, byName, hlc } = checked.value
    const name = store.access.peer(by)?.name || byName
    const timeMs = hlcToMs(hlc)
    const isNews = isRevoked
      ? await this.#revocations.add({ storeId: store.id, by, byName: name, timeMs })
      : await this.#revocations.overrule([store.id], timeMs)
    if (isNews) this.#removalChanged()
  }

  #removalChanged(): void {
    if (this.#closed) return
    this.#refresh(false)
    for (const { peer } of this.#book.list()) this.#dialer.kick(peer)
    for (const listener of [...this.#removalListeners]) listener()
  }

  // --- which stores are shared ---

  #isBootstrapping(store: Store): boolean {
    return !store.access.mayRead(this.#transport.self)
  }

  #mayTalk(store: Store, peer: PublicKey): boolean {
    return !this.removalOf(store) && (store.access.mayRead(peer) || this.#isBootstrapping(store))
  }

  /** Both are members of a store that this device shares with the first. */
  #shareStore(peer: PublicKey, of: PublicKey): boolean {
    return [...(this.#peers.get(bytesToHex(peer))?.shared.keys() ?? [])].some((hex) => {
      const store = this.#stores.byHex(hex)
      return store !== undefined && store.access.mayRead(peer) && store.access.mayRead(of)
    })
  }

  #peersOf(store: Store): readonly LinkedPeer[] {
    if (this.removalOf(store)) return []
    const isOpen = this.#isBootstrapping(store)
    const hex = bytesToHex(store.id)
    return [...this.#peers.values()].filter(
      (peer) => store.access.mayRead(peer.peer) || (isOpen && peer.shared.has(hex)),
    )
  }

  #hasDeclined(linked: LinkedPeer, store: Store): boolean {
    if (linked.declined.size === 0 || linked.shared.has(bytesToHex(store.id))) return false
    return linked.declined.has(bytesToHex(announceTag(linked.peer, this.#transport.self, store.id)))
  }

  #holdersOf(store: Store): readonly LinkedPeer[] {
    return this.#peersOf(store).filter((peer) => !this.#hasDeclined(peer, store))
  }

  #declinedBy(linked: LinkedPeer | undefined): readonly StoreId[] {
    if (!linked || linked.declined.size === 0) return []
    const stores = this.#stores.list().filter((store) => store.access.mayRead(linked.peer))
    return stores.filter((store) => this.#hasDeclined(linked, store)).map((store) => store.id)
  }

  /**
   * Stores that the peer has named to this device, which has taken them off itself: it is told, so that it does not
   * wait. Who names a store knows its id, so nobody learns of one he does not know.
   */
  #declinedTo(linked: LinkedPeer): readonly StoreId[] {
    const isNamed = (id: StoreId) => linked.tags.has(bytesToHex(announceTag(linked.peer, this.#transport.self, id)))
    return this.#removed.filter((id) => !this.#stores.get(id) && isNamed(id)).slice(0, TAGS_MAX)
  }

  #readRemoved(): void {
    this.#removed = readCatalog(this.#options.backend)
      .filter(({ forgotten }) => forgotten)
      .map(({ storeId }) => storeId)
  }

  #opened(store: Store): void {
    const hex = bytesToHex(store.id)
    const watch = new AbortController()
    this.#watches.get(hex)?.abort()
    this.#watches.set(hex, watch)
    this.#track(this.#follow(store, watch.signal))
    this.#refresh(false)
    for (const { peer } of this.#book.list()) if (this.#mayTalk(store, peer)) this.#dialer.kick(peer)
  }

  #storeClosed(id: StoreId): void {
    const hex = bytesToHex(id)
    this.#watches.get(hex)?.abort()
    this.#watches.delete(hex)
    this.#local.delete(hex)
    this.#refresh(false)
    if (!this.#closed) this.#track(this.#afterRemoval())
  }

  /** The write that says a store was removed is queued right after the event; one queued behind it comes after it. */
  async #afterRemoval(): Promise<void> {
    await Promise.resolve()
    await this.#options.backend.write(() => undefined)
    if (this.#closed) return
    this.#readRemoved()
    this.#refresh(false)
  }

  #refresh(force: boolean): void {
    for (const linked of [...this.#peers.values()]) this.#refreshPeer(linked, force)
    this.#changed()
  }

  /** Tells the peer which stores are offered to it if that changed, and works out what both share. */
  #refreshPeer(linked: LinkedPeer, force: boolean): void {
    const offered = this.#stores
      .list()
      .filter((store) => this.#mayTalk(store, linked.peer))
      .slice(0, TAGS_MAX)
    const declined = this.#declinedTo(linked)
    const announced = [...offered.map((store) => store.id), new Uint8Array(), ...declined].map(bytesToHex).join(' ')
    if (announced !== linked.announced || (force && offered.length > 0)) {
      linked.announced = announced
      const tag = (id: StoreId) => announceTag(this.#transport.self, linked.peer, id)
      this.#exchange.outboxOf(linked).announce({
        tags: offered.map((store) => tag(store.id)),
        declined: declined.map(tag),
        addresses: this.#transport.addresses().slice(0, ADDRESSES_MAX),
      })
    }
    this.#tellRights(linked)
    if (force) this.#links.forget(linked.key)
    else this.#links.look()
    const now = new Set<HexKey>()
    for (const store of offered) {
      const hex = bytesToHex(store.id)
      if (!linked.tags.has(bytesToHex(announceTag(linked.peer, this.#transport.self, store.id)))) continue
      now.add(hex)
      if (linked.shared.has(hex)) continue
      const known = this.#book.get(linked.key)?.standings.get(hex)
      linked.shared.set(hex, newShared(known && { count: known.levelCount, seq: known.levelSeq }))
      this.#exchange.outboxOf(linked).progress(store)
    }
    for (const [hex, shared] of [...linked.shared]) {
      if (now.has(hex)) continue
      shared.cancelCheck?.()
      linked.shared.delete(hex)
    }
  }

  async #announced(linked: LinkedPeer, addresses: readonly string[]): Promise<void> {
    this.#refreshPeer(linked, false)
    if (linked.shared.size > 0) await this.#book.remember(linked.peer, addresses, this.#timers.nowMs())
    this.#changed()
  }

  // --- following stores ---

  async #follow(store: Store, signal: AbortSignal): Promise<void> {
    for await (const change of store.watch({ signal })) {
      this.#exchange.passOn(store, change)
      // Rights may have changed, here and in the stores that inherit them.
      if (change.system) this.#refresh(false)
      this.#exchange.tellProgress(store)
      for (const linked of this.#peersOf(store)) this.#exchange.compare(linked, store)
      this.#changed()
    }
  }

  #progressOf(store: Store): PeerProgress {
    const { count } = store.dag
    const reports = this.#options.reportsProgress ?? ((candidate: Store) => candidate.type === 'core:filestore')
    const told = this.#local.get(bytesToHex(store.id))
    const settled = told ? told.settled && told.at === count : !reports(store)
    return { count, fingerprint: store.dag.fingerprint(), pendingIn: told?.pendingIn ?? 0, settled }
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

/**
 * The sync layer of one device: which stores it shares with which connected peer, sessions when two sets differ, pushes
 * while they are level, progress both ways, and connections that come back.
 *
 * Between two devices the one with the smaller key opens sessions; the other makes it notice by its progress.
 * A device that is no member of a store yet (it has adopted it, the log is still to come) takes it from any peer that
 * names it, and gives it to nobody.
 */
import { bytesToHex, compareBytes, type Hash, type HexKey, type PublicKey, type StoreId } from '#kernel/core/bytes.ts'
import type { StorageBackend } from '#kernel/storage/port.ts'
import type { RejectKind, Rejected, Store, StoreChange, StoreManager } from '#kernel/store/port.ts'
import { AddressBook } from './addressbook.ts'
import type { Timers } from './clock.ts'
import { Dialer } from './dialer.ts'
import { FrameReader } from './framing.ts'
import { announceTag } from './gossip/announce.ts'
import { Outbox, PUSH_PROTOCOL } from './gossip/outbox.ts'
import { isEqualSet, isStuck, Misdeeds, newShared, pauseMs, type PeerProgress, type Shared } from './gossip/shared.ts'
import { ADDRESSES_MAX, decodePush, TAGS_MAX, type PushLeg } from './messages.ts'
import { answerSession, openSession, SESSION_PROTOCOL, type SessionOutcome } from './session/run.ts'
import { Scheduler } from './session/scheduler.ts'
import { StreamClosedError, type ByteStream, type Connection, type Transport } from './transport/port.ts'

export interface SyncEngineOptions {
  readonly transport: Transport
  readonly stores: StoreManager
  readonly timers: Timers
  /** Opened with `SYNC_TABLES`. */
  readonly backend: StorageBackend
  /** Stores that are settled only once `setLocalProgress` says so. Default: file stores. */
  readonly reportsProgress?: (store: Store) => boolean
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
  readonly stores: readonly StoreStatus[]
}

export interface SyncCounters {
  sessions: number
  sessionErrors: number
  pushed: number
  rejected: number
  disconnected: number
}

interface LinkedPeer {
  readonly peer: PublicKey
  readonly key: HexKey
  readonly shared: Map<HexKey, Shared>
  readonly misdeeds: Misdeeds
  outbox: Outbox | undefined
  /** What the peer announced last, in hex. */
  tags: ReadonlySet<HexKey>
  /** Ids of stores last announced to it, joined. */
  announced: string
}

/** Changes learned from peers are passed on by name up to so many at a time; more is for sessions. */
const PASS_ON_MAX = 1024
const HELD_MAX = 4096
/** A lost push stream on a live connection is opened again after this. */
const REOPEN_MS = 250
const BAN_MS = 60_000
/** Not the sender's fault: this device lacks something or is full. */
const HONEST_REJECTS: ReadonlySet<RejectKind> = new Set<RejectKind>(['not-a-member', 'floating-full'])

export class SyncEngine implements AsyncDisposable {
  readonly counters: SyncCounters = { sessions: 0, sessionErrors: 0, pushed: 0, rejected: 0, disconnected: 0 }
  readonly #options: SyncEngineOptions
  readonly #transport: Transport
  readonly #stores: StoreManager
  readonly #timers: Timers
  readonly #book: AddressBook
  readonly #dialer: Dialer
  readonly #scheduler = new Scheduler()
  readonly #peers = new Map<HexKey, LinkedPeer>()
  readonly #local = new Map<HexKey, LocalProgress>()
  readonly #watches = new Map<HexKey, AbortController>()
  readonly #bans = new Map<HexKey, number>()
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
    this.#dialer = new Dialer({
      transport: options.transport,
      timers: options.timers,
      isWanted: (peer) => this.#isWanted(peer),
      addressesOf: (key) => this.#book.get(key)?.addresses ?? [],
    })
  }

  /** Serves, watches every store, and dials every known member. */
  start(): void {
    const { transport, stores } = this.#options
    this.#undo.push(
      transport.handle(SESSION_PROTOCOL, { maxPerPeer: 8 }, (stream) => this.#answer(stream)),
      transport.handle(PUSH_PROTOCOL, { maxPerPeer: 2 }, (stream) => this.#receive(stream)),
      transport.on('connected', (connection) => this.#connected(connection)),
      transport.on('disconnected', (peer) => this.#disconnected(peer)),
      transport.on('discovered', (peer, addresses) => this.#discovered(peer, addresses)),
      transport.on('addresses', () => this.#refresh(true)),
      stores.on('opened', (store) => this.#opened(store)),
      stores.on('closed', (id) => this.#storeClosed(id)),
    )
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
    if (store) this.#tellProgress(store)
    this.#changed()
  }

  /** Where a device can be reached, from an invite or from the user; dials it if it is wanted. */
  async remember(peer: PublicKey, addresses: readonly string[]): Promise<void> {
    await this.#book.remember(peer, addresses)
    this.#dialer.kick(peer)
  }

  /** After sleep, or when the network changed: dial everyone again, without pauses. */
  wake(): void {
    for (const { peer } of this.#book.list()) this.#dialer.kick(peer)
  }

  // --- what the node asks ---

  /** What each connected peer of the store reported last. */
  peerProgress(storeId: StoreId): ReadonlyMap<HexKey, PeerProgress | undefined> {
    const hex = bytesToHex(storeId)
    const store = this.#stores.get(storeId)
    const peers = store ? this.#peersOf(store) : []
    return new Map(peers.map((peer) => [peer.key, peer.shared.get(hex)?.progress]))
  }

  /**
   * True when this device is settled and every connected device that may read the store reports the same set,
   * settled. One that has not reported, or does not hold the store yet, is not level.
   */
  isLevel(storeId: StoreId): boolean {
    const store = this.#stores.get(storeId)
    if (!store || this.#isBootstrapping(store)) return false
    const mine = this.#progressOf(store)
    if (!mine.settled) return false
    return this.#peersOf(store).every((peer) => {
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
        stores,
      }
    })
  }

  /** Calls back after anything that `peers`, `peerProgress` or `isLevel` tell may have changed. */
  onChange(listener: () => void): () => void {
    this.#listeners.add(listener)
    return () => void this.#listeners.delete(listener)
  }

  async [Symbol.asyncDispose](): Promise<void> {
    this.#closed = true
    this.#dialer.stop()
    this.#scheduler.clear()
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
    const linked = { peer, key: peerKey, shared, misdeeds, outbox: undefined, tags: new Set<HexKey>(), announced: '' }
    this.#peers.set(peerKey, linked)
    if (this.#isWanted(peer)) this.#track(this.#book.remember(peer, [], this.#timers.nowMs()))
    this.#refreshPeer(linked, false)
    this.#changed()
  }

  #disconnected(peer: PublicKey): void {
    const key = bytesToHex(peer)
    this.#drop(key)
    if (this.#closed) return
    if (this.#isWanted(peer)) this.#track(this.#book.remember(peer, [], this.#timers.nowMs()))
    this.#dialer.lost(peer)
    this.#changed()
  }

  #discovered(peer: PublicKey, addresses: readonly string[]): void {
    if (this.#isWanted(peer)) this.#track(this.remember(peer, addresses))
  }

  #drop(key: HexKey): void {
    const linked = this.#peers.get(key)
    if (!linked) return
    this.#peers.delete(key)
    linked.outbox?.close()
    for (const shared of linked.shared.values()) shared.cancelCheck?.()
  }

  #isWanted(peer: PublicKey): boolean {
    if ((this.#bans.get(bytesToHex(peer)) ?? 0) > this.#timers.nowMs()) return false
    return this.#stores.list().some((store) => store.access.mayRead(peer) || this.#isBootstrapping(store))
  }

  #punish(linked: LinkedPeer, count: number): void {
    if (count === 0 || !linked.misdeeds.add(count, this.#timers.nowMs())) return
    this.counters.disconnected++
    this.#bans.set(linked.key, this.#timers.nowMs() + BAN_MS)
    this.#timers.after(BAN_MS, () => this.#closed || this.#dialer.kick(linked.peer))
    void this.#transport.disconnect(linked.peer)
  }

  // --- which stores are shared ---

  #isBootstrapping(store: Store): boolean {
    return !store.access.mayRead(this.#transport.self)
  }

  #mayTalk(store: Store, peer: PublicKey): boolean {
    return store.access.mayRead(peer) || this.#isBootstrapping(store)
  }

  #peersOf(store: Store): readonly LinkedPeer[] {
    const isOpen = this.#isBootstrapping(store)
    const hex = bytesToHex(store.id)
    return [...this.#peers.values()].filter(
      (peer) => store.access.mayRead(peer.peer) || (isOpen && peer.shared.has(hex)),
    )
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
    const announced = offered.map((store) => bytesToHex(store.id)).join(' ')
    if (announced !== linked.announced || (force && announced !== '')) {
      linked.announced = announced
      const tags = offered.map((store) => announceTag(this.#transport.self, linked.peer, store.id))
      this.#outboxOf(linked).announce(tags, this.#transport.addresses().slice(0, ADDRESSES_MAX))
    }
    const now = new Set<HexKey>()
    for (const store of offered) {
      const hex = bytesToHex(store.id)
      if (!linked.tags.has(bytesToHex(announceTag(linked.peer, this.#transport.self, store.id)))) continue
      now.add(hex)
      if (linked.shared.has(hex)) continue
      linked.shared.set(hex, newShared())
      this.#outboxOf(linked).progress(store)
    }
    for (const [hex, shared] of [...linked.shared]) {
      if (now.has(hex)) continue
      shared.cancelCheck?.()
      linked.shared.delete(hex)
    }
  }

  // --- pushing ---

  #outboxOf(linked: LinkedPeer): Outbox {
    return (linked.outbox ??= new Outbox({
      open: async () => {
        const stream = await this.#transport.open(linked.peer, PUSH_PROTOCOL)
        return stream.ok ? stream.value : undefined
      },
      progressOf: (store) => this.#progressOf(store),
      overflowed: (store) => {
        const shared = linked.shared.get(bytesToHex(store.id))
        if (shared) shared.synced = false
      },
      broken: () => this.#timers.after(REOPEN_MS, () => this.#reopen(linked)),
      pushed: (count) => (this.counters.pushed += count),
    }))
  }

  /** What the lost stream carried is unknown: all is told anew. */
  #reopen(linked: LinkedPeer): void {
    if (this.#peers.get(linked.key) !== linked) return
    linked.outbox = undefined
    for (const shared of linked.shared.values()) shared.synced = false
    this.#refreshPeer(linked, true)
    for (const hex of linked.shared.keys()) {
      const store = this.#stores.byHex(hex)
      if (store) this.#outboxOf(linked).progress(store)
    }
  }

  async #follow(store: Store, signal: AbortSignal): Promise<void> {
    for await (const change of store.watch({ signal })) {
      this.#passOn(store, change)
      // Rights may have changed, here and in the stores that inherit them.
      if (change.system) this.#refresh(false)
      this.#tellProgress(store)
      for (const linked of this.#peersOf(store)) this.#compare(linked, store)
      this.#changed()
    }
  }

  #passOn(store: Store, change: StoreChange): void {
    const hex = bytesToHex(store.id)
    const bodies = change.witnessed.filter(({ local }) => local).map(({ hash }) => hash)
    const learned = change.witnessed.filter(({ local }) => !local).map(({ hash }) => hash)
    const have = learned.length <= PASS_ON_MAX ? learned : []
    for (const linked of this.#peers.values()) {
      const shared = linked.shared.get(hex)
      if (!shared || !store.access.mayRead(linked.peer)) continue
      if (shared.synced) {
        this.#outboxOf(linked).add(store, 'bodies', bodies)
        this.#outboxOf(linked).add(store, 'have', have)
      } else if (shared.held) {
        shared.held.bodies.push(...bodies)
        shared.held.have.push(...have)
        if (shared.held.bodies.length + shared.held.have.length > HELD_MAX) shared.held = undefined
      }
    }
  }

  #tellProgress(store: Store): void {
    for (const linked of this.#peers.values())
      if (linked.shared.has(bytesToHex(store.id))) this.#outboxOf(linked).progress(store)
  }

  #progressOf(store: Store): PeerProgress {
    const { count } = store.dag
    const reports = this.#options.reportsProgress ?? ((candidate: Store) => candidate.type === 'core:filestore')
    const told = this.#local.get(bytesToHex(store.id))
    const settled = told ? told.settled && told.at === count : !reports(store)
    return { count, fingerprint: store.dag.fingerprint(), pendingIn: told?.pendingIn ?? 0, settled }
  }

  // --- what peers push ---

  async #receive(stream: ByteStream): Promise<void> {
    const reader = new FrameReader(stream)
    const key = bytesToHex(stream.peer)
    try {
      for (;;) {
        const frame = await reader.next()
        const linked = this.#peers.get(key)
        if (frame.ok && frame.value === undefined) return
        if (!linked || this.#closed) return stream.abort('not connected')
        const leg = frame.ok ? decodePush(frame.value!) : frame
        if (!leg.ok) {
          this.#punish(linked, 10)
          return stream.abort(leg.error.kind)
        }
        await this.#onPush(linked, leg.value)
      }
    } catch (error) {
      if (!(error instanceof StreamClosedError)) throw error
    }
  }

  async #onPush(linked: LinkedPeer, leg: PushLeg): Promise<void> {
    if (leg.case === 'announce') {
      linked.tags = new Set(leg.value.tags.map(bytesToHex))
      this.#refreshPeer(linked, false)
      if (linked.shared.size > 0) await this.#book.remember(linked.peer, leg.value.addresses, this.#timers.nowMs())
      return this.#changed()
    }
    const hex = bytesToHex(leg.value.storeId)
    const store = this.#stores.byHex(hex)
    const shared = linked.shared.get(hex)
    // Not shared (any more): the peer has not heard yet, or asks for what it must not know.
    if (!store || !shared) return
    switch (leg.case) {
      case 'progress': {
        const { count, fingerprint, pendingIn, settled } = leg.value
        shared.progress = { count: Number(count), fingerprint, pendingIn: Number(pendingIn), settled }
        this.#compare(linked, store)
        return this.#changed()
      }
      case 'intentions': {
        const done = await store.ingest(leg.value.items, linked.peer)
        if (!done.ok) return
        this.#onRejected(linked, done.value.rejected)
        return this.#outboxOf(linked).add(store, 'fetch', done.value.missing)
      }
      case 'have': {
        const lacking = leg.value.hashes.filter((hash) => !store.dag.has(hash as Hash))
        return this.#outboxOf(linked).add(store, 'fetch', lacking as Hash[])
      }
      case 'fetch':
        if (store.access.mayRead(linked.peer)) this.#outboxOf(linked).add(store, 'bodies', leg.value.hashes as Hash[])
    }
  }

  #onRejected(linked: LinkedPeer, rejected: readonly Rejected[]): void {
    this.counters.rejected += rejected.length
    this.#punish(linked, rejected.filter(({ error }) => !HONEST_REJECTS.has(error.kind)).length)
  }

  // --- sessions ---

  /** After either side's set changed: are the two equal, and if not, is a session due? */
  #compare(linked: LinkedPeer, store: Store): void {
    const hex = bytesToHex(store.id)
    const shared = linked.shared.get(hex)
    if (!shared?.progress) return
    if (isEqualSet(this.#progressOf(store), shared.progress)) {
      shared.cancelCheck?.()
      Object.assign(shared, { cancelCheck: undefined, checkedAt: undefined, failures: 0, distrust: false })
      return this.#level(linked, store, shared)
    }
    if (compareBytes(this.#transport.self, linked.peer) > 0 || this.#scheduler.isBusy(`${hex} ${linked.key}`)) return
    if (!shared.synced && shared.failures === 0) return this.#openSession(linked, store, shared)
    if (shared.cancelCheck) return
    shared.checkedAt ??= {
      mine: store.dag.count,
      theirs: shared.progress.count,
      sinceMs: this.#timers.nowMs(),
    }
    shared.cancelCheck = this.#timers.after(pauseMs(shared.failures) * (1 + this.#timers.random()), () => {
      shared.cancelCheck = undefined
      this.#recheck(linked, store, shared)
    })
  }

  #recheck(linked: LinkedPeer, store: Store, shared: Shared): void {
    const before = shared.checkedAt
    if (linked.shared.get(bytesToHex(store.id)) !== shared || !shared.progress || !before) return
    const mine = this.#progressOf(store)
    if (isEqualSet(mine, shared.progress)) return
    if (isStuck(before, mine, shared.progress, this.#timers.nowMs())) {
      shared.checkedAt = undefined
      return this.#openSession(linked, store, shared)
    }
    shared.checkedAt = { ...before, mine: mine.count, theirs: shared.progress.count }
    this.#compare(linked, store)
  }

  /** From here on news may be pushed; what arose meanwhile goes first. */
  #level(linked: LinkedPeer, store: Store, shared: Shared): void {
    if (shared.synced) return
    shared.synced = true
    const { held } = shared
    shared.held = { bodies: [], have: [] }
    if (!held || !store.access.mayRead(linked.peer)) return
    this.#outboxOf(linked).add(store, 'bodies', held.bodies)
    this.#outboxOf(linked).add(store, 'have', held.have)
  }

  #openSession(linked: LinkedPeer, store: Store, shared: Shared): void {
    this.#scheduler.schedule(`${bytesToHex(store.id)} ${linked.key}`, async () => {
      if (this.#closed || this.#peers.get(linked.key) !== linked) return
      const stream = await this.#transport.open(linked.peer, SESSION_PROTOCOL, { bulk: true })
      const serves = store.access.mayRead(linked.peer)
      const outcome = stream.ok
        ? await openSession(stream.value, store, { timers: this.#timers, serves, reconcile: shared.distrust })
        : undefined
      if (outcome) this.#afterSession(linked, store, shared, outcome)
      else shared.failures++
      // Once the scheduler has let go of it, see whether another is due.
      this.#timers.after(0, () => this.#peers.get(linked.key) === linked && this.#compare(linked, store))
    })
  }

  async #answer(stream: ByteStream): Promise<void> {
    const key = bytesToHex(stream.peer)
    const answered = await answerSession(stream, {
      timers: this.#timers,
      lookup: (storeId) => {
        const store = this.#stores.get(storeId)
        if (!store || this.#closed || !this.#mayTalk(store, stream.peer)) return undefined
        const shared = this.#peers.get(key)?.shared.get(bytesToHex(storeId))
        return { store, serves: store.access.mayRead(stream.peer), reconcile: shared?.distrust ?? false }
      },
    })
    const linked = this.#peers.get(key)
    if (!answered || !linked) return
    const shared = linked.shared.get(bytesToHex(answered.store.id))
    if (shared) this.#afterSession(linked, answered.store, shared, answered.outcome)
  }

  #afterSession(linked: LinkedPeer, store: Store, shared: Shared, outcome: SessionOutcome): void {
    this.counters.sessions++
    this.#onRejected(linked, outcome.rejected)
    if (outcome.error) {
      this.counters.sessionErrors++
      shared.failures++
      if (outcome.error.severity === 'permanent') this.#punish(linked, 10)
    } else {
      shared.distrust = !outcome.level
      shared.failures = outcome.level ? 0 : shared.failures + 1
      this.#level(linked, store, shared)
    }
    this.#outboxOf(linked).progress(store)
    this.#changed()
  }

  // --- shared by all ---

  #changed(): void {
    for (const listener of [...this.#listeners]) listener()
  }

  /** Work that shutting down waits for. */
  #track(work: Promise<void>): void {
    this.#work.add(work)
    void work.finally(() => this.#work.delete(work))
  }
}

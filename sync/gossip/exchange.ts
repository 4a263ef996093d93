/**
 * What passes between this device and its connected peers about the stores they share: news pushed as it arises,
 * questions about what is missing, progress, and a session whenever two sets stay different.
 */
import type { Links, Rights } from '#proto/wire'
import { bytesToHex, compareBytes, type Hash, type HexKey, type PublicKey } from '#kernel/core/bytes.ts'
import type { RejectKind, Rejected, Store, StoreChange, StoreManager } from '#kernel/store/port.ts'
import type { Timers } from '../clock.ts'
import { FrameReader } from '../framing.ts'
import { decodePush, type PushLeg } from '../messages.ts'
import { answerSession, openSession, SESSION_PROTOCOL, type SessionOutcome } from '../session/run.ts'
import { Scheduler } from '../session/scheduler.ts'
import { StreamClosedError, type ByteStream, type Transport } from '../transport/port.ts'
import { Outbox, PUSH_PROTOCOL } from './outbox.ts'
import type { Pace } from './pace.ts'
import { isEqualSet, isStuck, pauseMs, type Bucket, type PeerProgress, type Shared } from './shared.ts'

export interface SyncCounters {
  sessions: number
  sessionErrors: number
  /** Pushed batches that could not be committed; sessions bring them again. */
  ingestErrors: number
  pushed: number
  rejected: number
  disconnected: number
}

export const newCounters = (): SyncCounters => ({
  sessions: 0,
  sessionErrors: 0,
  ingestErrors: 0,
  pushed: 0,
  rejected: 0,
  disconnected: 0,
})

/** A connected peer. Owned by `Connections`. */
export interface LinkedPeer {
  readonly peer: PublicKey
  readonly key: HexKey
  readonly shared: Map<HexKey, Shared>
  readonly misdeeds: Bucket
  readonly pace: Pace
  outbox: Outbox | undefined
  /** What the peer announced last, in hex. */
  tags: ReadonlySet<HexKey>
  /** Stores that the peer says it was named and chose not to hold, likewise. */
  declined: ReadonlySet<HexKey>
  /** What was last announced to it, in short. */
  announced: string
  /** Push streams to it that broke in a row; a lost one is opened again after a pause that grows with them. */
  breaks: number
  cancelReopen: (() => void) | undefined
  /** What it was told on this connection of its rights: stores, and `-` before those that it was revoked from. */
  readonly toldRights: Set<string>
}

/** Changes learned from peers are passed on by name up to so many at a time; more is for sessions. */
const PASS_ON_MAX = 1024
const HELD_MAX = 4096
/** Not the sender's fault: this device lacks something or is full. */
const HONEST_REJECTS: ReadonlySet<RejectKind> = new Set<RejectKind>(['not-a-member', 'floating-full'])

/** The engine, as seen from here. */
export interface ExchangeHost {
  readonly transport: Transport
  readonly stores: StoreManager
  readonly timers: Timers
  readonly peers: ReadonlyMap<HexKey, LinkedPeer>
  readonly counters: SyncCounters
  progressOf(store: Store): PeerProgress
  mayTalk(store: Store, peer: PublicKey): boolean
  /** It may have something to say that concerns this device: it shares a store, or may ask for one taken off it. */
  hears(peer: PublicKey): boolean
  /** Some store may be spoken of with the peer. */
  isWanted(peer: PublicKey): boolean
  /** The peer told which stores it shares (in `tags`) and where it is. */
  announced(linked: LinkedPeer, addresses: readonly string[]): Promise<void>
  /** Tells the peer anew which stores are shared. */
  refreshPeer(linked: LinkedPeer): void
  punish(linked: LinkedPeer, misdeeds: number, why: string): void
  /** The peer says which devices it is connected to. */
  links(linked: LinkedPeer, told: Links): void
  /** The peer says what became of this device’s rights in a store. */
  rights(linked: LinkedPeer, told: Rights): Promise<void>
  /** This device was revoked from it: nothing of it is said or taken any more. */
  isCutOff(store: Store): boolean
  changed(): void
}

export class Exchange {
  readonly #host: ExchangeHost
  readonly #scheduler = new Scheduler()
  #stopped = false

  constructor(host: ExchangeHost) {
    this.#host = host
  }

  /** No session starts from here on. */
  stop(): void {
    this.#stopped = true
    this.#scheduler.clear()
  }

  // --- pushing ---

  outboxOf(linked: LinkedPeer): Outbox {
    return (linked.outbox ??= new Outbox({
      open: async () => {
        const stream = await this.#host.transport.open(linked.peer, PUSH_PROTOCOL)
        return stream.ok ? stream.value : undefined
      },
      isHeld: (store) => this.#isHeld(store),
      progressOf: (store) => this.#host.progressOf(store),
      overflowed: (store) => {
        const shared = linked.shared.get(bytesToHex(store.id))
        if (shared) shared.synced = false
      },
      broken: () => {
        linked.cancelReopen = this.#host.timers.after(pauseMs(linked.breaks++), () => this.#reopen(linked))
      },
      pushed: (count) => (this.#host.counters.pushed += count),
    }))
  }

  #isHeld(store: Store): boolean {
    return !this.#stopped && this.#host.stores.get(store.id) === store && !this.#host.isCutOff(store)
  }

  /** What the lost stream carried is unknown: all is told anew. */
  #reopen(linked: LinkedPeer): void {
    if (this.#host.peers.get(linked.key) !== linked) return
    linked.outbox = undefined
    linked.cancelReopen = undefined
    linked.toldRights.clear()
    for (const shared of linked.shared.values()) shared.synced = false
    this.#host.refreshPeer(linked)
    for (const hex of linked.shared.keys()) {
      const store = this.#host.stores.byHex(hex)
      if (store) this.outboxOf(linked).progress(store)
    }
  }

  passOn(store: Store, change: StoreChange): void {
    const hex = bytesToHex(store.id)
    const bodies = change.witnessed.filter(({ local }) => local).map(({ hash }) => hash)
    const learned = change.witnessed.filter(({ local }) => !local).map(({ hash }) => hash)
    const have = learned.length <= PASS_ON_MAX ? learned : []
    for (const linked of this.#host.peers.values()) {
      const shared = linked.shared.get(hex)
      if (!shared || !store.access.mayRead(linked.peer)) continue
      if (shared.synced) {
        this.outboxOf(linked).add(store, 'bodies', bodies)
        this.outboxOf(linked).add(store, 'have', have)
      } else if (shared.held) {
        shared.held.bodies.push(...bodies)
        shared.held.have.push(...have)
        if (shared.held.bodies.length + shared.held.have.length > HELD_MAX) shared.held = undefined
      }
    }
  }

  tellProgress(store: Store): void {
    for (const linked of this.#host.peers.values())
      if (linked.shared.has(bytesToHex(store.id))) this.outboxOf(linked).progress(store)
  }

  // --- what peers push ---

  async receive(stream: ByteStream): Promise<void> {
    // A stranger's is reset at once, before a byte of it is read.
    if (this.#stopped || !this.#host.hears(stream.peer)) return stream.abort('nothing is shared')
    const reader = new FrameReader(stream)
    const key = bytesToHex(stream.peer)
    try {
      for (;;) {
        const frame = await reader.next()
        const linked = this.#host.peers.get(key)
        if (frame.ok && frame.value === undefined) return
        if (this.#stopped || !linked || !this.#host.hears(linked.peer)) return stream.abort('not connected')
        const leg = frame.ok ? decodePush(frame.value!) : frame
        if (!leg.ok) {
          this.#host.punish(linked, 10, leg.error.message)
          return stream.abort(leg.error.kind)
        }
        const over = linked.pace.over(leg.value, this.#host.timers.nowMs())
        if (over !== undefined) this.#host.punish(linked, 1, over)
        else await this.#onPush(linked, leg.value)
      }
    } catch (error) {
      if (!(error instanceof StreamClosedError)) throw error
    }
  }

  async #onPush(linked: LinkedPeer, leg: PushLeg): Promise<void> {
    if (leg.case === 'announce') {
      linked.tags = new Set(leg.value.tags.map(bytesToHex))
      linked.declined = new Set(leg.value.declined.map(bytesToHex))
      // It knows this device by now, if it had reset the stream to it as a stranger's.
      linked.breaks = 0
      linked.cancelReopen?.()
      if (linked.cancelReopen) this.#reopen(linked)
      return this.#host.announced(linked, leg.value.addresses)
    }
    if (leg.case === 'links') return this.#host.links(linked, leg.value)
    if (leg.case === 'rights') return this.#host.rights(linked, leg.value)
    const hex = bytesToHex(leg.value.storeId)
    const store = this.#host.stores.byHex(hex)
    const shared = linked.shared.get(hex)
    // Not shared (any more): the peer has not heard yet, or asks for what it must not know.
    if (!store || !shared) return
    switch (leg.case) {
      case 'progress': {
        const { count, fingerprint, pendingIn, settled } = leg.value
        shared.progress = { count: Number(count), fingerprint, pendingIn: Number(pendingIn), settled }
        this.compare(linked, store)
        return this.#host.changed()
      }
      case 'intentions': {
        const done = await store.ingest(leg.value.items, linked.peer)
        if (!done.ok) {
          this.#host.counters.ingestErrors++
          return
        }
        this.#onRejected(linked, done.value.rejected)
        return this.outboxOf(linked).add(store, 'fetch', done.value.missing)
      }
      case 'have': {
        const lacking = leg.value.hashes.filter((hash) => !store.dag.has(hash as Hash))
        const over = linked.pace.lacks(lacking.length, this.#host.timers.nowMs())
        if (over !== undefined) return this.#host.punish(linked, 1, over)
        return this.outboxOf(linked).add(store, 'fetch', lacking as Hash[])
      }
      case 'fetch':
        if (store.access.mayRead(linked.peer)) this.outboxOf(linked).add(store, 'bodies', leg.value.hashes as Hash[])
    }
  }

  #onRejected(linked: LinkedPeer, rejected: readonly Rejected[]): void {
    this.#host.counters.rejected += rejected.length
    const refused = rejected.filter(({ error }) => !HONEST_REJECTS.has(error.kind))
    this.#host.punish(linked, refused.length, refused[0]?.error.message ?? '')
  }

  // --- sessions ---

  /** After either side's set changed: are the two equal, and if not, is a session due? */
  compare(linked: LinkedPeer, store: Store): void {
    const hex = bytesToHex(store.id)
    const shared = linked.shared.get(hex)
    if (!shared?.progress) return
    if (isEqualSet(this.#host.progressOf(store), shared.progress)) {
      shared.cancelCheck?.()
      shared.levelAt = { count: shared.progress.count, seq: store.dag.vector().get(linked.key) ?? 0 }
      Object.assign(shared, { cancelCheck: undefined, checkedAt: undefined, failures: 0, distrust: false })
      return this.#level(linked, store, shared)
    }
    if (compareBytes(this.#host.transport.self, linked.peer) > 0 || this.#scheduler.isBusy(`${hex} ${linked.key}`))
      return
    if (!shared.synced && shared.failures === 0) return this.#openSession(linked, store, shared)
    if (shared.cancelCheck) return
    shared.checkedAt ??= {
      mine: store.dag.count,
      theirs: shared.progress.count,
      sinceMs: this.#host.timers.nowMs(),
    }
    shared.cancelCheck = this.#host.timers.after(pauseMs(shared.failures) * (1 + this.#host.timers.random()), () => {
      shared.cancelCheck = undefined
      this.#recheck(linked, store, shared)
    })
  }

  #recheck(linked: LinkedPeer, store: Store, shared: Shared): void {
    const before = shared.checkedAt
    if (linked.shared.get(bytesToHex(store.id)) !== shared || !shared.progress || !before) return
    const mine = this.#host.progressOf(store)
    if (isEqualSet(mine, shared.progress)) return
    if (isStuck(before, mine, shared.progress, this.#host.timers.nowMs())) {
      shared.checkedAt = undefined
      return this.#openSession(linked, store, shared)
    }
    shared.checkedAt = { ...before, mine: mine.count, theirs: shared.progress.count }
    this.compare(linked, store)
  }

  /** From here on news may be pushed; what arose meanwhile goes first. */
  #level(linked: LinkedPeer, store: Store, shared: Shared): void {
    if (shared.synced) return
    shared.synced = true
    const { held } = shared
    shared.held = { bodies: [], have: [] }
    if (!held || !store.access.mayRead(linked.peer)) return
    this.outboxOf(linked).add(store, 'bodies', held.bodies)
    this.outboxOf(linked).add(store, 'have', held.have)
  }

  #openSession(linked: LinkedPeer, store: Store, shared: Shared): void {
    this.#scheduler.schedule(`${bytesToHex(store.id)} ${linked.key}`, async () => {
      if (this.#host.peers.get(linked.key) === linked) await this.#runSession(linked, store, shared)
      // Once the scheduler has let go of it, see whether another is due: also to a peer that has come back meanwhile.
      this.#host.timers.after(0, () => {
        const current = this.#host.peers.get(linked.key)
        if (current && this.#isHeld(store)) this.compare(current, store)
      })
    })
  }

  async #runSession(linked: LinkedPeer, store: Store, shared: Shared): Promise<void> {
    const stream = await this.#host.transport.open(linked.peer, SESSION_PROTOCOL, { bulk: true })
    if (!this.#isHeld(store)) return stream.ok ? stream.value.abort('the store is gone') : undefined
    const serves = store.access.mayRead(linked.peer)
    const outcome = stream.ok
      ? await openSession(stream.value, store, {
          timers: this.#host.timers,
          isHeld: () => this.#isHeld(store),
          serves,
          reconcile: shared.distrust,
        })
      : undefined
    if (outcome) this.#afterSession(linked, store, shared, outcome)
    else shared.failures++
  }

  async answer(stream: ByteStream): Promise<void> {
    if (this.#stopped || !this.#host.isWanted(stream.peer)) return stream.abort('nothing is shared')
    const key = bytesToHex(stream.peer)
    const answered = await answerSession(stream, {
      timers: this.#host.timers,
      lookup: (storeId) => {
        const store = this.#host.stores.get(storeId)
        if (!store || this.#stopped || !this.#host.mayTalk(store, stream.peer)) return undefined
        const shared = this.#host.peers.get(key)?.shared.get(bytesToHex(storeId))
        return {
          store,
          isHeld: () => this.#isHeld(store),
          serves: store.access.mayRead(stream.peer),
          reconcile: shared?.distrust ?? false,
        }
      },
    })
    const linked = this.#host.peers.get(key)
    if (!answered || !linked) return
    const shared = linked.shared.get(bytesToHex(answered.store.id))
    if (shared) this.#afterSession(linked, answered.store, shared, answered.outcome)
  }

  #afterSession(linked: LinkedPeer, store: Store, shared: Shared, outcome: SessionOutcome): void {
    this.#host.counters.sessions++
    if (this.#stopped) return
    this.#onRejected(linked, outcome.rejected)
    if (outcome.error) {
      this.#host.counters.sessionErrors++
      shared.failures++
      if (outcome.error.severity === 'permanent') this.#host.punish(linked, 10, outcome.error.message)
    } else {
      shared.distrust = !outcome.level
      shared.failures = outcome.level ? 0 : shared.failures + 1
      this.#level(linked, store, shared)
    }
    this.outboxOf(linked).progress(store)
    this.#host.changed()
  }
}

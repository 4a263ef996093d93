/**
 * The devices that showed the secret of an invite with approval and wait for a person's answer. In memory alone: who
 * still waits asks again after a restart. At most `WAITING_MAX`, one question per device, in its newest round: an answer
 * to the words of an older one finds nobody. Each goes when its time or that of its invite is over, when the device
 * gives up, or a while after its connection was lost; one whose person said that the words differ stays to be seen, as
 * long as its place is not needed.
 */
import type { JoinAnswer } from '#proto/wire'
import { bytesToHex, equalBytes, type Hash, type PublicKey } from '#kernel/core/bytes.ts'
import { taggedHash } from '#kernel/core/hash.ts'
import type { Role, Store } from '#kernel/store/port.ts'
import type { Timers } from '../clock.ts'
import { refuse, WAIT_MS, type RefusalKind } from './protocol.ts'

export const WAITING_MAX = 16
/** A device whose connection broke has so long to ask again before it is taken off the list. */
const AWAY_MS = 60_000
const ID_CHARS = 32

const seatHash = taggedHash('lattice/join-seat/v1')
const requestHash = taggedHash('lattice/join-request/v1')

/** A device that waits, as a person sees it. */
export interface WaitingJoin {
  /** Hex; another one in each round. */
  readonly id: string
  readonly device: PublicKey
  /** As it calls itself, cleaned. */
  readonly deviceName: string
  /** Where it connects from. */
  readonly address: string
  readonly store: Store
  /** The invite it shows: the secret's hash. */
  readonly invite: Hash
  readonly role: Role
  readonly words: readonly string[]
  readonly sinceMs: number
  /** Its person says that its screen shows other words. It does not wait any more: it stays to be seen here. */
  readonly differs: boolean
}

export type Asked = Omit<WaitingJoin, 'id' | 'sinceMs' | 'differs'>

export interface Ticket {
  readonly join: WaitingJoin
  /** Its own. Undefined: the device asks on another stream. */
  readonly answered: Promise<JoinAnswer | undefined>
}

interface Entry extends Ticket {
  readonly resolve: (answer: JoinAnswer | undefined) => void
  cancelExpiry: () => void
  /** While its connection is lost. */
  cancelAway: (() => void) | undefined
}

export class WaitingRoom {
  readonly #timers: Timers
  readonly #changed: () => void
  /** By device and invite. */
  readonly #entries = new Map<string, Entry>()
  /** Refusals that no stream was there to carry, and until when they are kept for the device. */
  readonly #refused = new Map<string, number>()

  /** `changed`: who waits is no longer the same. */
  constructor(timers: Timers, changed: () => void) {
    this.#timers = timers
    this.#changed = changed
  }

  /** Oldest first. */
  list(): readonly WaitingJoin[] {
    return [...this.#entries.values()].map(({ join }) => join)
  }

  /**
   * A device waits in the round that our nonce names; whom it was before it takes the place and the time of. `isNew`: it
   * was not on the list before. Undefined: too many wait, or the device does with another link.
   */
  enter(
    asked: Asked,
    round: Uint8Array,
    expiresMs: number,
  ): { readonly ticket: Ticket; readonly isNew: boolean } | undefined {
    const seat = seatOf(asked)
    const found = this.#entries.get(seat)
    if (found?.join.differs) this.#remove(found)
    const before = this.#entries.get(seat)
    const other = [...this.#entries.values()].find(
      (each) => each !== before && equalBytes(each.join.device, asked.device),
    )
    if (other && !other.cancelAway && !other.join.differs) return undefined
    if (other) this.#remove(other)
    if (!before && this.#entries.size >= WAITING_MAX) {
      const over = [...this.#entries.values()].find(({ join }) => join.differs)
      if (!over) return undefined
      this.#remove(over)
    }
    const sinceMs = before?.join.sinceMs ?? this.#timers.nowMs()
    const ticket = this.#sit({ ...asked, id: idOf(asked, round), sinceMs, differs: false }, expiresMs)
    this.#changed()
    return { ticket, isNew: !before }
  }

  /** A device whose connection broke waits on in the same round, if it is still open: nobody sees a difference. */
  resume(asked: Pick<WaitingJoin, 'device' | 'invite'>, round: Uint8Array, expiresMs: number): Ticket | undefined {
    const join = this.#find(idOf(asked, round))?.join
    return join && !join.differs ? this.#sit(join, expiresMs) : undefined
  }

  /** In the place of whom the device was before, whose stream is no longer waited on. */
  #sit(join: WaitingJoin, expiresMs: number): Ticket {
    const seat = seatOf(join)
    const before = this.#entries.get(seat)
    this.#stop(before)
    const { id, sinceMs } = join
    const { promise, resolve } = Promise.withResolvers<JoinAnswer | undefined>()
    const over: RefusalKind = expiresMs < sinceMs + WAIT_MS ? 'invite-expired' : 'join-expired'
    const leftMs = Math.min(sinceMs + WAIT_MS, expiresMs) - this.#timers.nowMs()
    const entry: Entry = {
      join,
      answered: promise,
      resolve,
      cancelExpiry: this.#timers.after(Math.max(0, leftMs), () => this.settle(id, refuse(over))),
      cancelAway: undefined,
    }
    this.#entries.set(seat, entry) // in its place on the list
    before?.resolve(undefined)
    return entry
  }

  /**
   * The stream of a ticket is gone; nothing to the device if it waits on another one by now. `gaveUp`: it ended the
   * stream itself; else its connection broke and it may ask again.
   */
  leave({ join, answered }: Ticket, gaveUp: boolean): void {
    const entry = this.#find(join.id)
    if (entry?.answered !== answered) return
    if (gaveUp) this.#remove(entry)
    else entry.cancelAway = this.#timers.after(AWAY_MS, () => this.#remove(entry))
  }

  /** The person at the device says that the words differ. */
  differ(id: string): void {
    const entry = this.#find(id)
    if (!entry) return
    this.#entries.set(seatOf(entry.join), { ...entry, join: { ...entry.join, differs: true } })
    this.#changed()
  }

  /** Takes a device off the list to answer it with `settle`, or by itself, once its ticket is given. */
  take(id: string): Entry | undefined {
    const entry = this.#find(id)
    if (entry) this.#remove(entry)
    return entry
  }

  /** Answers a device. */
  settle(id: string, answer: JoinAnswer): void {
    this.take(id)?.resolve(answer)
  }

  /** A person said no. Where no stream can carry it, the device is told when it asks again, once. */
  refuse(id: string): void {
    const entry = this.take(id)
    if (entry?.cancelAway) {
      if (this.#refused.size >= WAITING_MAX) this.#refused.delete(this.#refused.keys().next().value!)
      this.#refused.set(seatOf(entry.join), this.#timers.nowMs() + WAIT_MS)
    }
    entry?.resolve(refuse('join-refused'))
  }

  /** Whether a refusal waits for this device and link; it is forgotten with this. */
  takeRefusal(asked: Pick<WaitingJoin, 'device' | 'invite'>): boolean {
    const seat = seatOf(asked)
    const untilMs = this.#refused.get(seat)
    this.#refused.delete(seat)
    return untilMs !== undefined && untilMs > this.#timers.nowMs()
  }

  /** Nobody is answered any more. */
  close(): void {
    for (const entry of [...this.#entries.values()]) this.#remove(entry)
  }

  #find(id: string): Entry | undefined {
    return [...this.#entries.values()].find(({ join }) => join.id === id)
  }

  #remove(entry: Entry): void {
    this.#stop(entry)
    this.#entries.delete(seatOf(entry.join))
    this.#changed()
  }

  #stop(entry: Entry | undefined): void {
    entry?.cancelExpiry()
    entry?.cancelAway?.()
  }
}

const idOf = ({ device, invite }: Pick<WaitingJoin, 'device' | 'invite'>, round: Uint8Array): string =>
  bytesToHex(requestHash(device, invite, round)).slice(0, ID_CHARS)

const seatOf = ({ device, invite }: Pick<WaitingJoin, 'device' | 'invite'>): string =>
  bytesToHex(seatHash(device, invite))

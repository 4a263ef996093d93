/**
 * The devices that showed the secret of an invite with approval and wait for a person's answer. In memory alone: who
 * still waits asks again after a restart. At most `WAITING_MAX`, one question per device; each goes when its time or
 * that of its invite is over, when the device gives up, or a while after its connection was lost.
 */
import type { JoinAnswer } from '#proto/wire'
import { bytesToHex, type Hash, type PublicKey } from '#kernel/core/bytes.ts'
import { taggedHash } from '#kernel/core/hash.ts'
import type { Role, Store } from '#kernel/store/port.ts'
import type { Timers } from '../clock.ts'
import { refuse, WAIT_MS, type RefusalKind } from './protocol.ts'

export const WAITING_MAX = 16
/** A device whose connection broke has so long to ask again before it is taken off the list. */
const AWAY_MS = 60_000
const ID_CHARS = 32

const requestHash = taggedHash('lattice/join-request/v1')

/** A device that waits, as a person sees it. */
export interface WaitingJoin {
  /** Hex; the same whenever the device asks again with the same link. */
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
}

export interface Ticket {
  readonly join: WaitingJoin
  readonly answered: Promise<JoinAnswer>
}

interface Entry extends Ticket {
  readonly resolve: (answer: JoinAnswer) => void
  /** Streams on which the device waits. */
  streams: number
  cancelExpiry: () => void
  cancelAway: (() => void) | undefined
}

export class WaitingRoom {
  readonly #timers: Timers
  readonly #changed: () => void
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
   * One more stream on which the device waits. `isNew`: it was not on the list before. Undefined: too many wait, or
   * the device does with another link.
   */
  enter(
    asked: Omit<WaitingJoin, 'id' | 'sinceMs'>,
    expiresMs: number,
  ): { readonly ticket: Ticket; readonly isNew: boolean } | undefined {
    const id = requestId(asked)
    const before = this.#entries.get(id)
    if (before) {
      before.streams++
      before.cancelAway?.()
      before.cancelAway = undefined
      return { ticket: before, isNew: false }
    }
    const other = [...this.#entries.values()].find(({ join }) => bytesToHex(join.device) === bytesToHex(asked.device))
    if (other && other.streams > 0) return undefined
    if (other) this.#remove(other)
    if (this.#entries.size >= WAITING_MAX) return undefined
    const sinceMs = this.#timers.nowMs()
    const { promise, resolve } = Promise.withResolvers<JoinAnswer>()
    const over: RefusalKind = expiresMs < sinceMs + WAIT_MS ? 'invite-expired' : 'join-expired'
    const entry: Entry = {
      join: { ...asked, id, sinceMs },
      answered: promise,
      resolve,
      streams: 1,
      cancelExpiry: this.#timers.after(Math.min(WAIT_MS, expiresMs - sinceMs), () => this.settle(id, refuse(over))),
      cancelAway: undefined,
    }
    this.#entries.set(id, entry)
    this.#changed()
    return { ticket: entry, isNew: true }
  }

  /** A stream is gone. `gaveUp`: the device ended it itself; else its connection broke and it may ask again. */
  leave(id: string, gaveUp: boolean): void {
    const entry = this.#entries.get(id)
    if (!entry || --entry.streams > 0) return
    if (gaveUp) this.#remove(entry)
    else entry.cancelAway = this.#timers.after(AWAY_MS, () => this.#remove(entry))
  }

  /** Takes a device off the list to answer it with `settle`, or by itself, once its ticket is given. */
  take(id: string): Entry | undefined {
    const entry = this.#entries.get(id)
    if (entry) this.#remove(entry)
    return entry
  }

  /** Answers a device, on every stream it waits on. */
  settle(id: string, answer: JoinAnswer): void {
    this.take(id)?.resolve(answer)
  }

  /** A person said no. Where no stream can carry it, the device is told when it asks again, once. */
  refuse(id: string): void {
    const entry = this.take(id)
    if (entry?.streams === 0) {
      if (this.#refused.size >= WAITING_MAX) this.#refused.delete(this.#refused.keys().next().value!)
      this.#refused.set(id, this.#timers.nowMs() + WAIT_MS)
    }
    entry?.resolve(refuse('join-refused'))
  }

  /** Whether a refusal waits for this device and link; it is forgotten with this. */
  takeRefusal(asked: Pick<WaitingJoin, 'device' | 'invite'>): boolean {
    const id = requestId(asked)
    const untilMs = this.#refused.get(id)
    this.#refused.delete(id)
    return untilMs !== undefined && untilMs > this.#timers.nowMs()
  }

  /** Nobody is answered any more. */
  close(): void {
    for (const entry of [...this.#entries.values()]) this.#remove(entry)
  }

  #remove(entry: Entry): void {
    entry.cancelExpiry()
    entry.cancelAway?.()
    this.#entries.delete(entry.join.id)
    this.#changed()
  }
}

const requestId = ({ device, invite }: Pick<WaitingJoin, 'device' | 'invite'>): string =>
  bytesToHex(requestHash(device, invite)).slice(0, ID_CHARS)

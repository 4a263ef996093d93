/**
 * Keeps connections to wanted peers up: dials at once what is worth dialling, and again with growing, jittered pauses
 * for as long as it is wanted. A lost link, a discovery, a wake from sleep start over without a pause.
 */
import { bytesToHex, type HexKey, type PublicKey } from '#kernel/core/bytes.ts'
import type { Timers } from './clock.ts'
import type { Transport } from './transport/port.ts'

/** First pause and ceiling; both ends of a restarted pair meet within the first pauses. */
const PAUSE_MS = 100
const PAUSE_MS_MAX = 10_000
const GROWTH = 1.7

export interface DialerOptions {
  readonly transport: Transport
  readonly timers: Timers
  isWanted(peer: PublicKey): boolean
  addressesOf(peer: HexKey): readonly string[]
}

interface Attempt {
  readonly peer: PublicKey
  failures: number
  cancel: (() => void) | undefined
  dialing: boolean
  /** Kicked while dialling: what is new (an address, a network) came too late for that dial. */
  again: boolean
}

export class Dialer {
  readonly #options: DialerOptions
  readonly #attempts = new Map<HexKey, Attempt>()
  readonly #abort = new AbortController()

  constructor(options: DialerOptions) {
    this.#options = options
  }

  /** Something changed for the better: dial now, or as soon as the dial under way has failed; pauses forgotten. */
  kick(peer: PublicKey): void {
    const attempt = this.#of(peer)
    attempt.failures = 0
    attempt.again = attempt.dialing
    if (!attempt.dialing) this.#schedule(attempt, 0)
  }

  /** The link was lost: dial after the first pause, so that two ends do not dial in lockstep. */
  lost(peer: PublicKey): void {
    const attempt = this.#of(peer)
    attempt.failures = 0
    this.#schedule(attempt, this.#pauseMs(attempt))
  }

  stop(): void {
    this.#abort.abort()
    for (const attempt of this.#attempts.values()) attempt.cancel?.()
    this.#attempts.clear()
  }

  #of(peer: PublicKey): Attempt {
    const key = bytesToHex(peer)
    let attempt = this.#attempts.get(key)
    if (!attempt) {
      attempt = { peer, failures: 0, cancel: undefined, dialing: false, again: false }
      this.#attempts.set(key, attempt)
    }
    return attempt
  }

  #pauseMs(attempt: Attempt): number {
    const pause = Math.min(PAUSE_MS_MAX, PAUSE_MS * GROWTH ** attempt.failures)
    return pause * (1 + 2 * this.#options.timers.random())
  }

  #schedule(attempt: Attempt, delayMs: number): void {
    attempt.cancel?.()
    attempt.cancel = this.#options.timers.after(delayMs, () => void this.#dial(attempt))
  }

  async #dial(attempt: Attempt): Promise<void> {
    const { transport, isWanted, addressesOf } = this.#options
    const key = bytesToHex(attempt.peer)
    if (attempt.dialing || this.#abort.signal.aborted || !isWanted(attempt.peer)) return
    if (transport.connections().some((connection) => connection.peerKey === key)) return
    const addresses = addressesOf(key)
    if (addresses.length === 0) return
    attempt.dialing = true
    const connected = await transport.connect(attempt.peer, addresses, this.#abort.signal)
    const { again } = attempt
    attempt.dialing = attempt.again = false
    if (connected.ok || this.#abort.signal.aborted) return
    if (again) return this.#schedule(attempt, 0)
    attempt.failures++
    this.#schedule(attempt, this.#pauseMs(attempt))
  }
}

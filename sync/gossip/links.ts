/**
 * Who is connected to whom, as peers tell it of themselves: each says which devices it is connected to, to those that
 * know them as members of a store they share. A peer can speak of its own links only, for the message names one end;
 * what both ends say is confirmed. It is presence: kept for as long as the peer is connected, and in no log.
 */
import type { MessageInitShape } from '@bufbuild/protobuf'
import type { LinksSchema, Links } from '#proto/wire'
import { bytesToHex, type HexKey, type PublicKey } from '#kernel/core/bytes.ts'
import type { Timers } from '../clock.ts'
import type { Connection } from '../transport/port.ts'
import { LINKS_MAX } from '../messages.ts'

export interface PeerLink {
  readonly peer: PublicKey
  readonly direct: boolean
  /** Rough; 0: not known. */
  readonly latencyMs: number
}

export interface LinksHost {
  readonly timers: Timers
  connections(): readonly Connection[]
  /** Connected peers with which a store is shared. */
  listeners(): readonly PublicKey[]
  /** Both are members of one store that this device shares with the first. */
  mayHear(peer: PublicKey, of: PublicKey): boolean
  tell(peer: PublicKey, links: MessageInitShape<typeof LinksSchema>): void
  changed(): void
}

/** Connections come and go in bursts. */
const PAUSE_MS = 2_000
/** Nothing says when a latency has changed. */
const LOOK_MS = 60_000
/** Who says more in less time than this does not behave. */
const HEARD_MS_MIN = 500
const LATENCY_MS_MAX = 2 ** 16

/** To a power of two: what changes less is not worth telling. */
export const roughMs = (latencyMs: number | undefined): number =>
  latencyMs === undefined ? 0 : Math.min(LATENCY_MS_MAX, 2 ** Math.round(Math.log2(Math.max(1, latencyMs))))

export class MeshLinks {
  readonly #host: LinksHost
  readonly #told = new Map<HexKey, string>()
  readonly #heard = new Map<HexKey, { readonly links: readonly PeerLink[]; readonly atMs: number }>()
  #cancel: (() => void) | undefined
  #atMs = Infinity
  #stopped = false

  constructor(host: LinksHost) {
    this.#host = host
  }

  /** What this device has to tell may have changed; told soon. */
  look(): void {
    this.#lookIn(PAUSE_MS)
  }

  /** A lost stream may have carried what was told last. */
  forget(peer: HexKey): void {
    this.#told.delete(peer)
    this.look()
  }

  gone(peer: HexKey): void {
    this.#told.delete(peer)
    this.#heard.delete(peer)
    this.look()
  }

  /** What a connected peer said last, as far as this device may know of it. */
  of(peer: HexKey): readonly PeerLink[] {
    return this.#heard.get(peer)?.links ?? []
  }

  /** Takes what a peer says in place of what it said before; false: it says it too often. */
  hear(peer: PublicKey, { links }: Links): boolean {
    const key = bytesToHex(peer)
    const nowMs = this.#host.timers.nowMs()
    const isSoon = nowMs - (this.#heard.get(key)?.atMs ?? -Infinity) < HEARD_MS_MIN
    const known = new Map<HexKey, PeerLink>()
    for (const link of links) {
      const other = link.peer as PublicKey
      if (bytesToHex(other) === key || !this.#host.mayHear(peer, other)) continue
      known.set(bytesToHex(other), {
        peer: other,
        direct: link.direct,
        latencyMs: Math.min(LATENCY_MS_MAX, link.latencyMs),
      })
    }
    this.#heard.set(key, { links: [...known.values()], atMs: nowMs })
    this.#host.changed()
    return !isSoon
  }

  stop(): void {
    this.#stopped = true
    this.#cancel?.()
  }

  #lookIn(ms: number): void {
    const atMs = this.#host.timers.nowMs() + ms
    if (this.#stopped || this.#atMs <= atMs) return
    this.#cancel?.()
    this.#atMs = atMs
    this.#cancel = this.#host.timers.after(ms, () => {
      this.#atMs = Infinity
      this.#tell()
      if (this.#host.connections().length > 0) this.#lookIn(LOOK_MS)
    })
  }

  #tell(): void {
    const all = this.#host
      .connections()
      .map(({ peer, direct, latencyMs }) => ({ peer, direct, latencyMs: roughMs(latencyMs) }))
    for (const listener of this.#host.listeners()) {
      const key = bytesToHex(listener)
      const links = all
        .filter(({ peer }) => bytesToHex(peer) !== key && this.#host.mayHear(listener, peer))
        .slice(0, LINKS_MAX)
      const told = links.map(({ peer, direct, latencyMs }) => `${bytesToHex(peer)} ${direct} ${latencyMs}`).join()
      if (told === (this.#told.get(key) ?? '')) continue
      this.#told.set(key, told)
      this.#host.tell(listener, { links })
    }
  }
}

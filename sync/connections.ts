/** The connected peers, and those that are kept away for a while because they misbehaved. */
import { bytesToHex, type HexKey, type PublicKey } from '#kernel/core/bytes.ts'
import type { Timers } from './clock.ts'
import type { LinkedPeer } from './gossip/exchange.ts'
import { Pace } from './gossip/pace.ts'
import { newMisdeeds } from './gossip/shared.ts'
import type { Connection, Transport } from './transport/port.ts'

const BAN_MS = 60_000

export interface ConnectionsHost {
  readonly transport: Transport
  readonly timers: Timers
  /** It misbehaved and is disconnected; `why` says what it did last. */
  dropped(peer: PublicKey, why: string): void
  /** Its time is over. */
  pardoned(peer: PublicKey): void
}

export class Connections {
  readonly peers = new Map<HexKey, LinkedPeer>()
  readonly #host: ConnectionsHost
  readonly #bans = new Map<HexKey, number>()

  constructor(host: ConnectionsHost) {
    this.#host = host
  }

  isBanned(peer: PublicKey): boolean {
    return (this.#bans.get(bytesToHex(peer)) ?? 0) > this.#host.timers.nowMs()
  }

  add({ peer, peerKey }: Connection): LinkedPeer {
    const none = new Set<HexKey>()
    const linked: LinkedPeer = {
      peer,
      key: peerKey,
      shared: new Map(),
      misdeeds: newMisdeeds(),
      pace: new Pace(),
      outbox: undefined,
      tags: none,
      declined: none,
      announced: '',
      breaks: 0,
      cancelReopen: undefined,
      toldRights: new Set(),
    }
    this.peers.set(peerKey, linked)
    return linked
  }

  remove(key: HexKey): void {
    const linked = this.peers.get(key)
    this.peers.delete(key)
    linked?.outbox?.close()
    for (const shared of linked?.shared.values() ?? []) shared.cancelCheck?.()
  }

  punish({ peer, key, misdeeds }: LinkedPeer, count: number, why: string): void {
    const { timers, transport } = this.#host
    if (count === 0 || !misdeeds.add(count, timers.nowMs())) return
    this.#bans.set(key, timers.nowMs() + BAN_MS)
    timers.after(BAN_MS, () => this.#host.pardoned(peer))
    this.#host.dropped(peer, why)
    void transport.disconnect(peer)
  }
}

/** What is known of each device, connected or not: how it is reached, and how far it is with each store. */
import { bytesToHex, type HexKey, type PublicKey, type StoreId } from '#kernel/core/bytes.ts'
import type { StoreManager } from '#kernel/store/port.ts'
import type { AddressBook } from './addressbook.ts'
import type { Timers } from './clock.ts'
import type { LinkedPeer } from './gossip/exchange.ts'
import type { MeshLinks, PeerLink } from './gossip/links.ts'
import { isEqualSet, type PeerProgress } from './gossip/shared.ts'
import type { Sharing } from './gossip/sharing.ts'
import type { Levels } from './level.ts'
import type { PeerStanding } from './standing.ts'
import type { Transport } from './transport/port.ts'

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

/** Where it is known. */
export interface PeerSources {
  readonly transport: Transport
  readonly stores: StoreManager
  readonly timers: Timers
  readonly book: AddressBook
  readonly peers: ReadonlyMap<HexKey, LinkedPeer>
  readonly sharing: Sharing
  readonly levels: Levels
  readonly links: MeshLinks
}

export const standingsOf = (
  { book, stores, peers }: Pick<PeerSources, 'book' | 'stores' | 'peers'>,
  key: HexKey,
): ReadonlyMap<HexKey, PeerStanding> => {
  const standings = new Map<HexKey, PeerStanding>()
  for (const [hex, standing] of book.get(key)?.standings ?? []) if (stores.byHex(hex)) standings.set(hex, standing)
  for (const [hex, { progress, levelAt }] of peers.get(key)?.shared ?? []) {
    if (!progress || !stores.byHex(hex)) continue
    const { count, pendingIn, settled } = progress
    standings.set(hex, { levelCount: levelAt?.count ?? 0, levelSeq: levelAt?.seq ?? 0, count, pendingIn, settled })
  }
  return standings
}

const storesOf = ({ stores, levels }: PeerSources, linked: LinkedPeer | undefined): readonly StoreStatus[] =>
  [...(linked?.shared ?? [])].flatMap(([hex, { progress }]) => {
    const store = stores.byHex(hex)
    if (!store) return []
    const level = progress?.settled === true && isEqualSet(levels.progressOf(store), progress)
    return [{ storeId: store.id, progress, level }]
  })

/** Every known device. */
export const peerStatuses = (sources: PeerSources): readonly PeerLinkStatus[] => {
  const { transport, timers, book, peers, sharing, links } = sources
  const connections = new Map(transport.connections().map((connection) => [connection.peerKey, connection]))
  const known = new Map(book.list().map((entry) => [bytesToHex(entry.peer), entry.peer]))
  for (const { key, peer } of peers.values()) known.set(key, peer)
  return [...known].map(([key, peer]) => {
    const connection = connections.get(key)
    return {
      peer,
      connected: connection !== undefined,
      address: connection?.remoteAddress,
      direct: connection?.direct ?? false,
      latencyMs: connection?.latencyMs,
      lastSeenMs: connection ? timers.nowMs() : (book.get(key)?.lastSeenMs ?? 0),
      standings: standingsOf(sources, key),
      links: links.of(key),
      stores: storesOf(sources, peers.get(key)),
      declined: sharing.declinedBy(peers.get(key)),
    }
  })
}

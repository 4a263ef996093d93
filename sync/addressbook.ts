/** Where devices were last reached, and how far they were then, kept across restarts: one record per device key. */
import { create, toBinary } from '@bufbuild/protobuf'
import { AddressRecordSchema } from '#proto/wire'
import { bytesToHex, parsePublicKey, type HexKey, type PublicKey } from '#kernel/core/bytes.ts'
import type { StorageBackend } from '#kernel/storage/port.ts'
import { REVOKED_TABLES } from './revoked.ts'
import { ADDRESS_BYTES_MAX, ADDRESSES_MAX, decode } from './messages.ts'
import { parseStandings, standingRecords, type PeerStanding } from './standing.ts'

const PEERS = 'sync.peers'
/** To be opened with the storage backend. */
export const SYNC_TABLES: readonly string[] = [PEERS, ...REVOKED_TABLES]

export interface KnownPeer {
  readonly peer: PublicKey
  /** Newest first. */
  readonly addresses: readonly string[]
  readonly lastSeenMs: number
  /** By store: how far it was when it was last connected. */
  readonly standings: ReadonlyMap<HexKey, PeerStanding>
}

export class AddressBook {
  readonly #backend: StorageBackend
  readonly #peers = new Map<HexKey, KnownPeer>()

  /** Reads all of it: tens of devices. */
  constructor(backend: StorageBackend) {
    this.#backend = backend
    for (const [key, value] of backend.range(PEERS)) {
      const peer = parsePublicKey(key)
      const record = decode(AddressRecordSchema, value)
      if (!peer.ok || !record.ok) continue // damaged: as if never reached; the device is found or tells it again
      const { addresses, lastSeenMs } = record.value
      const standings = parseStandings(record.value.standings)
      this.#peers.set(bytesToHex(key), { peer: peer.value, addresses, lastSeenMs: Number(lastSeenMs), standings })
    }
  }

  get(peer: HexKey): KnownPeer | undefined {
    return this.#peers.get(peer)
  }

  list(): readonly KnownPeer[] {
    return [...this.#peers.values()]
  }

  /**
   * Puts addresses before those known so far; `seenMs`: the device was connected then; `standings` replace those known.
   * Resolves once durable.
   */
  async remember(
    peer: PublicKey,
    addresses: readonly string[],
    seenMs?: number,
    standings?: ReadonlyMap<HexKey, PeerStanding>,
  ): Promise<void> {
    const before = this.#peers.get(bytesToHex(peer))
    const usable = addresses.filter((address) => address.length > 0 && address.length <= ADDRESS_BYTES_MAX)
    const merged = [...new Set([...usable, ...(before?.addresses ?? [])])].slice(0, ADDRESSES_MAX)
    const lastSeenMs = seenMs ?? before?.lastSeenMs ?? 0
    if (before && !standings && before.lastSeenMs === lastSeenMs && merged.join('\n') === before.addresses.join('\n'))
      return
    const entry = { peer, addresses: merged, lastSeenMs, standings: standings ?? before?.standings ?? new Map() }
    this.#peers.set(bytesToHex(peer), entry)
    const record = create(AddressRecordSchema, {
      addresses: merged,
      lastSeenMs: BigInt(lastSeenMs),
      standings: standingRecords(entry.standings),
    })
    await this.#backend.write((tx) => tx.put(PEERS, peer, toBinary(AddressRecordSchema, record)))
  }
}

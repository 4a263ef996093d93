/**
 * Stores that this device was revoked from, as it was told and could check. The log is no place for it: the revocation
 * has a past that the device may not see, and once it counted there, the device's own late writes would be undone.
 * Kept until the device is let in again; what is older than that then says nothing any more.
 */
import { create, toBinary } from '@bufbuild/protobuf'
import { RevokedRecordSchema } from '#proto/wire'
import { bytesToHex, parseHash, parsePublicKey, type HexKey, type PublicKey, type StoreId } from '#kernel/core/bytes.ts'
import type { StorageBackend } from '#kernel/storage/port.ts'
import type { Store, StoreManager } from '#kernel/store/port.ts'
import { decode } from './messages.ts'

const REVOKED = 'sync.revoked'
export const REVOKED_TABLES: readonly string[] = [REVOKED]

export interface Removal {
  readonly storeId: StoreId
  readonly by: PublicKey
  /** As this device knew it then; empty: it did not. */
  readonly byName: string
  /** When it was said, unix ms. */
  readonly timeMs: number
}

interface Kept extends Removal {
  /** The device was let in then: what was said before is void. 0: it was not. */
  readonly overruledMs: number
}

export class Revocations {
  readonly #backend: StorageBackend
  readonly #stores: StoreManager
  readonly #kept = new Map<HexKey, Kept>()

  /** Reads all of it: a handful. */
  constructor(backend: StorageBackend, stores: StoreManager) {
    this.#backend = backend
    this.#stores = stores
    for (const [key, value] of backend.range(REVOKED)) {
      const storeId = parseHash(key)
      const record = decode(RevokedRecordSchema, value)
      const by = record.ok ? parsePublicKey(record.value.by) : record
      if (!storeId.ok || !record.ok || !by.ok) continue // damaged: it is told again with the next connection
      const { byName, timeMs, overruledMs } = record.value
      const kept = { byName, timeMs: Number(timeMs), overruledMs: Number(overruledMs) }
      this.#kept.set(bytesToHex(storeId.value), { storeId: storeId.value, by: by.value, ...kept })
    }
  }

  /** Of the store itself, or of the space it has its peers from. */
  of(store: Store): Removal | undefined {
    const parent = store.access.inherits ? this.#stores.parentOf(store.id) : undefined
    return this.#standing(store.id) ?? (parent && this.#standing(parent))
  }

  #standing(id: StoreId): Removal | undefined {
    const kept = this.#kept.get(bytesToHex(id))
    return kept && kept.overruledMs === 0 ? kept : undefined
  }

  /** Resolves with whether it is news, once durable. */
  async add(removal: Removal): Promise<boolean> {
    const before = this.#kept.get(bytesToHex(removal.storeId))
    if (before && (before.overruledMs === 0 || removal.timeMs <= before.overruledMs)) return false
    await this.#keep({ ...removal, overruledMs: 0 })
    return true
  }

  /** The device was let in to the stores at that time. Resolves with whether that is news. */
  async overrule(stores: readonly StoreId[], timeMs: number): Promise<boolean> {
    const concerned = stores.flatMap((id) => this.#kept.get(bytesToHex(id)) ?? [])
    const standing = concerned.filter((kept) => kept.overruledMs === 0 && kept.timeMs < timeMs)
    for (const kept of standing) await this.#keep({ ...kept, overruledMs: timeMs })
    return standing.length > 0
  }

  /** As if never told: whoever still knows of it tells it again. Resolves with whether there was anything. */
  async forget(store: Store): Promise<boolean> {
    const removal = this.of(store)
    if (!removal) return false
    await this.#backend.write((tx) => tx.delete(REVOKED, removal.storeId))
    return this.#kept.delete(bytesToHex(removal.storeId))
  }

  async #keep(kept: Kept): Promise<void> {
    const record = create(RevokedRecordSchema, {
      by: kept.by,
      byName: kept.byName,
      timeMs: BigInt(kept.timeMs),
      overruledMs: BigInt(kept.overruledMs),
    })
    await this.#backend.write((tx) => tx.put(REVOKED, kept.storeId, toBinary(RevokedRecordSchema, record)))
    this.#kept.set(bytesToHex(kept.storeId), kept)
  }
}

/** The stores underneath: listing them, reading their logs, refolding their state, looking into a conflict's branches. */
import type { StoreService } from '#proto/store_api'
import { bytesToHex } from '#kernel/core/bytes.ts'
import { hlcToMs } from '#kernel/core/hlc.ts'
import { err, latticeError, ok } from '#kernel/core/result.ts'
import type { StoreManager } from '#kernel/store/port.ts'
import type { ServiceApi } from '../rpc/port.ts'
import { inspectBranches, parseKey } from './branches.ts'
import { findPeer, findStore } from './lookup.ts'
import { describeEntry, logPages } from './store-log.ts'

export const storeService = (stores: StoreManager): ServiceApi<typeof StoreService> => ({
  async listStores() {
    return ok({
      stores: stores.list().map((store) => ({
        id: store.id,
        type: store.type,
        name: store.name,
        parent: stores.parentOf(store.id),
        intentions: BigInt(store.dag.count),
        heads: store.dag.heads().length,
        peers: store.access.peers().filter((peer) => peer.status !== 'revoked').length,
      })),
    })
  },

  async *readLog({ store: wanted, author, fromMs, toMs, sexpr }, signal) {
    const store = findStore(stores.list(), wanted)
    if (!store.ok) return yield store
    const peer = author === '' ? undefined : findPeer([store.value], author)
    if (peer && !peer.ok) return yield peer
    const wantedAuthor = peer && bytesToHex(peer.value.device)
    for await (const page of logPages(store.value, signal)) {
      const entries = page.flatMap(({ hash, wallMs }) => {
        const entry = store.value.dag.get(hash)
        if (!entry || (wantedAuthor !== undefined && bytesToHex(entry.author) !== wantedAuthor)) return []
        const timeMs = BigInt(hlcToMs(entry.hlc))
        if (timeMs < fromMs || (toMs !== 0n && timeMs >= toMs)) return []
        return [describeEntry(store.value, entry, wallMs, sexpr)]
      })
      if (entries.length > 0) yield ok({ entries })
    }
  },

  async rebuildStores({ store: wanted }) {
    const chosen = wanted === '' ? ok(stores.list()) : findStore(stores.list(), wanted)
    if (!chosen.ok) return chosen
    const rebuilt = []
    for (const store of [chosen.value].flat()) {
      const { changed, intentions } = await store.rebuild()
      rebuilt.push({ id: store.id, name: store.name, intentions: BigInt(intentions), changed })
    }
    return ok({ stores: rebuilt })
  },

  async inspectBranch({ store: wanted, key }, signal) {
    const store = findStore(stores.list(), wanted)
    if (!store.ok) return store
    const branching = await inspectBranches(store.value, parseKey(key), signal)
    return branching
      ? ok(branching)
      : err(latticeError('key-not-found', 'permanent', `${store.value.name} has nothing at “${key}”`))
  },
})

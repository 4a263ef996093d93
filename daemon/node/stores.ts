/** The stores underneath: listing them, reading their logs, refolding their state, looking into a conflict's branches. */
import type { MessageInitShape } from '@bufbuild/protobuf'
import type { BranchSchema, StoreLogEntrySchema, StoreService } from '#proto/store_api'
import { bytesToHex, hexToBytes, type HexKey } from '#kernel/core/bytes.ts'
import { hlcToMs } from '#kernel/core/hlc.ts'
import { err, latticeError, ok } from '#kernel/core/result.ts'
import type { LogEntry, Witnessed } from '#kernel/dag/port.ts'
import type { Store, StoreManager } from '#kernel/store/port.ts'
import type { ServiceApi } from '../rpc/port.ts'
import { deviceNameIn, findPeer, findStore } from './lookup.ts'
import { opsToSexpr, summariseOps } from './sexpr.ts'

/** Entries a message: small enough that decoding them never holds up the node. */
const LOG_PAGE = 200

type EntryInit = MessageInitShape<typeof StoreLogEntrySchema>

const describeEntry = (store: Store, entry: Witnessed, wallMs: number, sexpr: boolean): EntryInit => ({
  witnessSeq: BigInt(entry.witnessSeq),
  hash: entry.hash,
  author: entry.author,
  authorName: deviceNameIn(store.access)(entry.author),
  seq: BigInt(entry.seq),
  timeMs: BigInt(hlcToMs(entry.hlc)),
  wallMs: BigInt(wallMs),
  parents: entry.deps.length + (entry.prev ? 1 : 0),
  parentHashes: entry.prev ? [entry.prev, ...entry.deps] : [...entry.deps],
  summary: summariseOps(entry.ops, store.type),
  sexpr: sexpr ? opsToSexpr(entry.ops, store.type) : '',
  excluded: entry.excluded,
})

/** The whole log in pages; between two of them other work gets its turn. */
export async function* logPages(store: Store, signal: AbortSignal): AsyncGenerator<readonly LogEntry[]> {
  for (let from = 0; !signal.aborted;) {
    const page = [...store.dag.log(from, LOG_PAGE)]
    if (page.length === 0) return
    yield page
    from = page.at(-1)!.witnessSeq + 1
    await new Promise((resolve) => setImmediate(resolve))
  }
}

const parseKey = (key: string): Uint8Array => {
  const hex = key.startsWith('0x') ? hexToBytes(key.slice(2)) : undefined
  return hex?.ok ? hex.value : Buffer.from(key, 'utf8')
}

type BranchInit = MessageInitShape<typeof BranchSchema>

const inspect = (
  store: Store,
  key: Uint8Array,
): { fork: Uint8Array[]; forkEntries: EntryInit[]; branches: BranchInit[] } | undefined => {
  const cell = store.state.cells.cell(key)
  if (!cell) return undefined
  const { fork, branches } = store.dag.branches(cell.heads.map((head) => head.hash))
  const entryOf = (hash: Uint8Array): EntryInit[] => {
    const entry = store.dag.get(hash as Witnessed['hash'])
    return entry ? [describeEntry(store, entry, 0, true)] : []
  }
  return {
    fork: [...fork],
    forkEntries: fork.flatMap(entryOf),
    branches: cell.heads.map((head) => ({
      head: entryOf(head.hash)[0],
      value: head.value,
      deleted: head.value === undefined,
      path: (branches.get(bytesToHex(head.hash) as HexKey) ?? []).flatMap(entryOf),
    })),
  }
}

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

  async inspectBranch({ store: wanted, key }) {
    const store = findStore(stores.list(), wanted)
    if (!store.ok) return store
    const branching = inspect(store.value, parseKey(key))
    return branching
      ? ok(branching)
      : err(latticeError('key-not-found', 'permanent', `${store.value.name} has nothing at “${key}”`))
  },
})

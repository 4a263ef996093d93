/** The log of a store as the API tells it: its entries, and all of it page by page. */
import type { MessageInitShape } from '@bufbuild/protobuf'
import type { StoreLogEntrySchema } from '#proto/store_api'
import { hlcToMs } from '#kernel/core/hlc.ts'
import type { LogEntry, Witnessed } from '#kernel/dag/port.ts'
import type { Store } from '#kernel/store/port.ts'
import { deviceNameIn } from './lookup.ts'
import { opsToSexpr, summariseOps } from './sexpr.ts'

/** Entries a message: small enough that decoding them never holds up the node. */
const LOG_PAGE = 200

export type EntryInit = MessageInitShape<typeof StoreLogEntrySchema>

export const describeEntry = (store: Store, entry: Witnessed, wallMs: number, sexpr: boolean): EntryInit => ({
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

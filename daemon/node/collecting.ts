/**
 * Gives back the space of content that nothing needs any more. References are not counted as they come and go: a chunk
 * of our own that has been idle for the whole grace period is looked for among what the live heads of its store name.
 * If it is there, its period begins again; else it goes. So every chunk is looked for once in a period, however often
 * this runs; what a transfer pins, or a store might need that is not open, stays.
 *
 * Old versions are kept by the folder's trash (DESIGN §7), not here.
 */
import type { Cas, IdleChunk } from '#kernel/cas/cas.ts'
import { parseManifestNode } from '#kernel/cas/manifest-parts.ts'
import { bytesToHex, type Cid, type HexKey, type StoreId } from '#kernel/core/bytes.ts'
import type { BlobRef, CellReader, StateMachine, StateReader } from '#kernel/state/port.ts'
import type { StoreTypeRegistry } from '#kernel/state/registry.ts'
import type { Store, StoreManager } from '#kernel/store/port.ts'

/** What was stored may wait this long for the change that names it, and be restored for as long after its last use. */
export const GRACE_MS = 7 * 24 * 3_600_000
const EVERY_MS = 3_600_000
/** After a start, so that it competes with nothing a person waits for. */
const FIRST_MS = 60_000
/** Chunks looked for in one pass over a store: a few megabytes of memory. */
const BATCH = 10_000
/** Cells read in one turn of the event loop: a few milliseconds. */
const CELLS_AT_ONCE = 200

export interface Collecting {
  readonly cas: Cas
  readonly stores: Pick<StoreManager, 'get'>
  readonly registry: StoreTypeRegistry
  readonly nowMs: () => number
}

/** Collects soon after the start and every hour from then on. Returns the way to stop it. */
export const collectRegularly = (deps: Collecting, report: (cause: unknown) => void): (() => Promise<void>) => {
  const stopping = new AbortController()
  let running: Promise<unknown> = Promise.resolve()
  let timer: NodeJS.Timeout
  const arm = (delayMs: number): void => {
    timer = setTimeout(() => {
      running = collectContent(deps, GRACE_MS, stopping.signal)
        .catch(report)
        .then(() => stopping.signal.aborted || arm(EVERY_MS))
    }, delayMs)
    timer.unref()
  }
  arm(FIRST_MS)
  return async () => {
    stopping.abort()
    clearTimeout(timer)
    await running
  }
}

/** One round. What becomes idle while it runs is too young for it. */
export const collectContent = async (
  deps: Collecting,
  graceMs: number,
  signal: AbortSignal,
): Promise<{ readonly chunks: number; readonly bytes: number }> => {
  const { cas, nowMs } = deps
  const beforeMs = nowMs() - graceMs
  let last: IdleChunk | undefined
  do {
    const batch = cas.idleSince(beforeMs, last, BATCH)
    last = batch.at(-1)
    for (const [store, wanted] of byStore(batch)) {
      const inUse = await findInUse(deps, store, wanted, signal)
      if (signal.aborted) return { chunks: 0, bytes: 0 }
      if (inUse.length > 0) await cas.renew(inUse.map((cid) => ({ store, cid })))
    }
  } while (last)
  // As old as at the beginning: nothing goes that was not looked for.
  return cas.collect(nowMs() - beforeMs)
}

const byStore = (chunks: readonly IdleChunk[]): Iterable<readonly [StoreId, Map<HexKey, Cid>]> => {
  const groups = new Map<HexKey, [StoreId, Map<HexKey, Cid>]>()
  for (const { store, cid } of chunks) {
    const hex = bytesToHex(store)
    const group = groups.get(hex) ?? [store, new Map()]
    group[1].set(bytesToHex(cid), cid)
    groups.set(hex, group)
  }
  return groups.values()
}

/** Those of `wanted` that a live head of the store names; all of them where that cannot be told. */
const findInUse = async (
  { cas, stores, registry }: Collecting,
  storeId: StoreId,
  wanted: ReadonlyMap<HexKey, Cid>,
  signal: AbortSignal,
): Promise<readonly Cid[]> => {
  const all = [...wanted.values()]
  const store = stores.get(storeId)
  const machine = store && registry.get(store.type)?.machine
  if (!machine) return all
  const found = new Map<HexKey, Cid>()
  const look = (cid: Cid): void => {
    const hex = bytesToHex(cid)
    const cidWanted = wanted.get(hex)
    if (cidWanted) found.set(hex, cidWanted)
  }
  /** False: what the manifest names cannot be told now. */
  const lookInto = async (cid: Cid): Promise<boolean> => {
    const bytes = await cas.read(storeId, cid)
    const node = bytes.ok ? parseManifestNode(bytes.value) : bytes
    if (!node.ok) return false
    if (node.value.kind === 'chunks') for (const chunk of node.value.chunks) look(chunk.cid)
    else
      for (const part of node.value.parts) {
        look(part.cid)
        if (!(await lookInto(part.cid))) return false
      }
    return true
  }
  for await (const { cid, manifest } of referencedBlobs(store, machine)) {
    if (signal.aborted) return all
    look(cid)
    if (manifest && !(await lookInto(cid))) return all
    if (found.size === wanted.size) break
  }
  return [...found.values()]
}

/** All that live heads name, some cells at a time: no read of the database lasts over an `await`. */
async function* referencedBlobs(store: Store, machine: StateMachine<unknown>): AsyncGenerator<BlobRef> {
  for (let from: Uint8Array | undefined, more = true; more;) {
    const { state, end } = slice(store.state, from)
    yield* [...machine.referencedBlobs(state)]
    const reached = end()
    more = reached !== undefined
    from = reached
    await new Promise((resolve) => setImmediate(resolve))
  }
}

/** The state with only some of its cells in sight, from a key on; `end`: where the next slice begins, if there is one. */
const slice = (
  state: StateReader,
  from: Uint8Array | undefined,
): { readonly state: StateReader; readonly end: () => Uint8Array | undefined } => {
  let end: Uint8Array | undefined
  const { cells } = state
  const limited: CellReader = {
    cell: (key) => cells.cell(key),
    value: (key) => cells.value(key),
    conflicts: (range) => cells.conflicts(range),
    *cells(range) {
      let count = 0
      for (const entry of cells.cells({ ...range, ...(from && { gte: from }), limit: CELLS_AT_ONCE })) {
        if (++count === CELLS_AT_ONCE) end = Uint8Array.of(...entry[0], 0)
        yield entry
      }
    },
  }
  return { state: { cells: limited, derived: state.derived }, end: () => end }
}

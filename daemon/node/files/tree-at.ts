/**
 * A folder as it was at a time: its log, as far as it was written by then, folded into a state in memory by the same
 * state machine that made the present one. A write comes after all its author knew, in time as in the log, so what was
 * written up to a time is complete in itself.
 *
 * One past is kept for the next who asks for it, and goes on to a later time of the same folder without beginning anew.
 * It is used by one at a time and dropped when nobody has asked for a minute. About 1 KB a file, some 400,000 files at most.
 */
import { create } from '@bufbuild/protobuf'
import { FileOpsSchema } from '#proto/file'
import { equalBytes, type StoreId } from '#kernel/core/bytes.ts'
import { hlcToMs } from '#kernel/core/hlc.ts'
import { err, latticeError, ok, type LatticeError, type Result } from '#kernel/core/result.ts'
import type { Witnessed } from '#kernel/dag/port.ts'
import type { StateReader } from '#kernel/state/port.ts'
import { openState, STATE_TABLES, StoreTables } from '#kernel/state/table.ts'
import { openMemory, type MemoryBackend } from '#kernel/storage/memory.ts'
import type { Store, StoreManager } from '#kernel/store/port.ts'
import { filestoreMachine } from '#fs-bridge/filestore/machine.ts'
import { openTree, type Tree } from '#fs-bridge/filestore/tree.ts'
import { SLICE_MS } from './turns.ts'
import { decodeFileOps } from '../history.ts'
import { deviceNameIn } from '../lookup.ts'
import { breathing } from './turns.ts'

/** About three rows a file, of 400 bytes each. */
const ROWS_MAX = 1_200_000
/** Whoever moves through time asks again soon; after this long he has left. */
const KEPT_MS = 60_000
const LOG_PAGE = 200
/** Of a slice: what is read between two transactions takes some of it too. */
const FOLDED_MS = SLICE_MS / 2
/** In memory there is one store. */
const NUMBER = 0

interface Past {
  readonly storeId: StoreId
  readonly backend: MemoryBackend
  readonly state: StateReader
  atMs: number
  /** How much of the log was looked at. */
  position: number
  /** What rights were worked out from: of the space, if there is one. */
  readonly spaceCount: number
}

const tooLarge = (name: string): LatticeError =>
  latticeError('past-too-large', 'permanent', `${name} has too many files for its past to be worked out in memory`)

/** Cells, their conflicts and the index: what a filestore's ops write. */
const rowsOf = ({ backend }: Past): number => STATE_TABLES.reduce((sum, table) => sum + backend.count(table), 0)

export class PastTrees implements Disposable {
  readonly #stores: Pick<StoreManager, 'get' | 'parentOf'>
  readonly #rowsMax: number
  #kept: Past | undefined
  #turn: Promise<unknown> = Promise.resolve()
  #timer: NodeJS.Timeout | undefined

  constructor(stores: Pick<StoreManager, 'get' | 'parentOf'>, rowsMax = ROWS_MAX) {
    this.#stores = stores
    this.#rowsMax = rowsMax
  }

  /** Runs `body` over the tree of a time, which is right only as long as it runs. Rejects with the signal's reason. */
  use<T>(
    store: Store,
    atMs: number,
    signal: AbortSignal,
    body: (tree: Tree) => Promise<Result<T, LatticeError>>,
  ): Promise<Result<T, LatticeError>> {
    const result = this.#turn.then(async () => {
      signal.throwIfAborted()
      clearTimeout(this.#timer)
      try {
        const past = await this.#at(store, atMs, signal)
        return past.ok ? await body(openTree(past.value.state, deviceNameIn(store.access))) : past
      } finally {
        this.#timer = setTimeout(() => this[Symbol.dispose](), KEPT_MS).unref()
      }
    })
    this.#turn = result.catch(() => undefined)
    return result
  }

  [Symbol.dispose](): void {
    clearTimeout(this.#timer)
    this.#kept = undefined
  }

  async #at(store: Store, atMs: number, signal: AbortSignal): Promise<Result<Past, LatticeError>> {
    const space = this.#stores.parentOf(store.id)
    const spaceCount = (space && this.#stores.get(space)?.dag.count) ?? 0
    const kept = this.#kept
    this.#kept = undefined // what is half done is of no use
    const past = (kept && (await this.#carryOn(kept, store, atMs, spaceCount, signal))) ?? begin(store, spaceCount)
    const { position } = past
    if (past.atMs < atMs) await this.#fold(store, past, [0, position], past.atMs, atMs, signal)
    past.atMs = atMs
    await this.#fold(store, past, [position, Infinity], -1, atMs, signal)
    if (rowsOf(past) > this.#rowsMax) return err(tooLarge(store.name))
    this.#kept = past
    return ok(past)
  }

  /** The past that is kept, if it leads to the one asked for: of the same folder, no later, the same rights. */
  async #carryOn(
    kept: Past,
    store: Store,
    atMs: number,
    spaceCount: number,
    signal: AbortSignal,
  ): Promise<Past | undefined> {
    if (!equalBytes(kept.storeId, store.id) || kept.atMs > atMs || kept.spaceCount !== spaceCount) return undefined
    const breathe = breathing(signal)
    // Whatever says who may write may have changed what counts of what was written before.
    for (let from = kept.position; from < store.dag.count; from += LOG_PAGE) {
      for (const { hash } of [...store.dag.log(from, LOG_PAGE)]) {
        if (decodeFileOps(store.dag.get(hash)!.ops).length === 0) return undefined
        await breathe()
      }
    }
    return kept
  }

  /** Folds what was written after one time and up to another, of a stretch of the log. */
  async #fold(
    store: Store,
    past: Past,
    [from, to]: readonly [number, number],
    afterMs: number,
    atMs: number,
    signal: AbortSignal,
  ): Promise<void> {
    const { dag } = store
    const breathe = breathing(signal)
    const end = Math.min(to, dag.count)
    // The log is nearly in the order of time: mostly what there is by then is found long before its end.
    let left = from === 0 && afterMs < 0 ? dag.ranges.lowerBound(BigInt(atMs) + 1n, new Uint8Array()) : Infinity
    for (let at = from; at < end && left > 0 && rowsOf(past) <= this.#rowsMax;) {
      for (const { hash } of [...dag.log(at, Math.min(LOG_PAGE, end - at))]) {
        at++
        if (left <= 0) break
        const written = dag.get(hash)!
        const ms = hlcToMs(written.hlc)
        if (ms <= afterMs || ms > atMs) continue
        left--
        if (!written.excluded) await apply(store, past, written, breathe)
        await breathe()
      }
    }
    if (to === Infinity) past.position = Math.max(past.position, end)
  }
}

const begin = (store: Store, spaceCount: number): Past => {
  const backend = openMemory(STATE_TABLES)
  return { storeId: store.id, backend, state: openState(backend, NUMBER), atMs: -1, position: 0, spaceCount }
}

/** One op after the other has the effect of all at once: so an intention of many files is folded in several turns. */
const apply = async (store: Store, past: Past, written: Witnessed, breathe: () => Promise<void>): Promise<void> => {
  const ops = decodeFileOps(written.ops)
  await breathe()
  const { hash, author, seq, hlc } = written
  const at = { hash, author, seq, hlc, causality: store.dag }
  for (let done = 0; done < ops.length;) {
    done = await past.backend.write((tx) => {
      const tables = new StoreTables(tx, NUMBER)
      const start = performance.now()
      let next = done
      while (next < ops.length && performance.now() - start < FOLDED_MS)
        filestoreMachine.apply(create(FileOpsSchema, { ops: [ops[next++]!] }), at, tables)
      return next
    })
    await breathe()
  }
}

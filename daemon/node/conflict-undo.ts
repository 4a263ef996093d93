/** Settled conflicts that can be brought back, for as long as the node runs and nobody has changed the file since. */
import { randomBytes } from 'node:crypto'
import { equalBytes, type Hash, type StoreId } from '#kernel/core/bytes.ts'
import { err, latticeError, ok, type LatticeError, type Result } from '#kernel/core/result.ts'
import type { Store } from '#kernel/store/port.ts'
import { packOps } from '#fs-bridge/filestore/ops.ts'
import type { Conflict } from '#fs-bridge/filestore/port.ts'
import { openTree } from '#fs-bridge/filestore/tree.ts'
import { contentsToRestore, isUntouchedSince, undoSteps, type Remembered } from '#fs-bridge/filestore/undo.ts'
import { notHere } from './folders.ts'
import { deviceNameIn } from './lookup.ts'
import type { FileContents, FolderEntry, FolderLookup } from './parts.ts'
import { writable } from './removals.ts'

/** One conflict as it was settled. */
export interface Settled {
  /** The folder by its id: it may be removed here and taken up again meanwhile, which makes another store of it. */
  readonly storeId: StoreId
  readonly folder: string
  readonly conflict: Conflict
  readonly remembered: Remembered
  /** The intentions that settled it. */
  readonly settlings: readonly Hash[]
}

/** What many settled at once take; and of what they touched, which of a directory may be much. */
const UNDOS_MAX = 1000
const TOUCHED_MAX = 20_000
const SECURE_MS_MAX = 60_000

const touchedBy = ({ remembered: { sides, others } }: Settled): number => sides.length + others.length

const changedSince = ({ conflict }: Settled): LatticeError =>
  latticeError(
    'changed-since',
    'permanent',
    `${conflict.path} was changed since: its history still has every version of it`,
  )

const notKnown = latticeError(
  'undo-not-found',
  'permanent',
  'that can no longer be undone: the node was started anew since, or much was settled after it',
)

export class Undos {
  readonly #settled = new Map<string, Settled>()
  #touched = 0
  readonly #folders: FolderLookup
  readonly #contents: FileContents

  constructor(folders: FolderLookup, contents: FileContents) {
    this.#folders = folders
    this.#contents = contents
  }

  /** The token to undo it by. The latest are kept, this one in any case. */
  keep(settled: Settled): string {
    const token = randomBytes(16).toString('hex')
    this.#settled.set(token, settled)
    this.#touched += touchedBy(settled)
    for (const oldest of this.#settled.keys()) {
      if (this.#settled.size <= UNDOS_MAX && (this.#touched <= TOUCHED_MAX || oldest === token)) break
      this.#forget(oldest)
    }
    return token
  }

  #forget(token: string): void {
    const settled = this.#settled.get(token)
    if (settled && this.#settled.delete(token)) this.#touched -= touchedBy(settled)
  }

  /** The conflict that is back. */
  async undo(token: string, gone: AbortSignal): Promise<Result<Conflict, LatticeError>> {
    const settled = this.#settled.get(token)
    if (!settled) return err(notKnown)
    const entry = this.#folders.list().find(({ store }) => equalBytes(store.id, settled.storeId))
    const allowed = entry && writable(entry)
    if (allowed && !allowed.ok) return allowed
    if (!entry || entry.path === '') return err(notHere(settled.folder))
    if (!isUntouchedSince(entry.store.state, settled.remembered, settled.settlings)) return err(changedSince(settled))
    using held = new DisposableStack()
    const secured = await this.#secure(entry, settled, held, gone)
    const done = secured.ok ? await bringBack(entry.store, settled) : secured
    if (!done.ok) return done
    this.#forget(token)
    return ok(settled.conflict)
  }

  /** Who writes a content must have it. */
  async #secure(
    entry: FolderEntry,
    { remembered }: Settled,
    held: DisposableStack,
    gone: AbortSignal,
  ): Promise<Result<void, LatticeError>> {
    const signal = AbortSignal.any([gone, AbortSignal.timeout(SECURE_MS_MAX)])
    for (const content of contentsToRestore(remembered)) {
      const here = await this.#contents.hold(entry, content, signal)
      if (!here.ok) return here
      held.use(here.value)
    }
    return ok(undefined)
  }
}

const bringBack = async (store: Store, settled: Settled): Promise<Result<void, LatticeError>> => {
  const { remembered, settlings } = settled
  for (const [i, step] of undoSteps(remembered, settlings).entries()) {
    let isChanged = false
    const done = await store.submit((state) => {
      isChanged = i === 0 && !isUntouchedSince(state, remembered, settlings)
      const [app] = isChanged ? [] : packOps(step(openTree(state, deviceNameIn(store.access))))
      return app && { app }
    })
    if (!done.ok) return done
    if (isChanged) return err(changedSince(settled))
  }
  return ok(undefined)
}

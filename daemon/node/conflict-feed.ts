/**
 * The conflicts of each folder as they are now. Follows the stores, so that it does not matter whether a folder is
 * paused or kept here at all; looks at the conflicts only where there are any, and tells only of those that changed.
 */
import type { MessageInitShape } from '@bufbuild/protobuf'
import type { ConflictInfoSchema } from '#proto/conflict_api'
import type { FolderConflictsSchema } from '#proto/event_api'
import { bytesToHex, type HexKey, type StoreId } from '#kernel/core/bytes.ts'
import type { Store, StoreManager } from '#kernel/store/port.ts'
import { FILESTORE_TYPE } from '#fs-bridge/filestore/machine.ts'
import { describeConflict, firstConflicts, treeOf, type Page } from './conflict-pages.ts'
import { pause, type Changes } from './dirty.ts'

type FolderConflictsInit = MessageInitShape<typeof FolderConflictsSchema> & {
  readonly storeId: StoreId
  readonly conflicts: readonly MessageInitShape<typeof ConflictInfoSchema>[]
}

/** What one message may hold; the rest is there to be asked for. */
const CONFLICTS_MAX = 500
const BYTES_MAX = 512 * 1024
/** A store is looked at no more often than this: while much comes in, each commit would be a look. */
const PAUSE_MS = 250

/** Ids, heads, names: all that an interface shows of the first, and how many there are. */
const signatureOf = ({ conflicts }: Page, total: number): string =>
  conflicts
    .map(({ conflict: { id, path, heads } }) =>
      [id, path, ...heads.flatMap(({ hash, name }) => [bytesToHex(hash), name])].join('\0'),
    )
    .join('\n') + `\n${total}`

/** Notifies `conflicts/<store>` when they changed, and `members` when the peers of any store may have. */
export class ConflictFeed implements Disposable {
  readonly #changes: Changes
  readonly #report: (cause: unknown) => void
  readonly #known = new Map<HexKey, { readonly signature: string; readonly told: FolderConflictsInit }>()
  readonly #following = new Map<HexKey, AbortController>()
  readonly #subscriptions = new DisposableStack()

  constructor(stores: StoreManager, changes: Changes, report: (cause: unknown) => void) {
    this.#changes = changes
    this.#report = report
    this.#subscriptions.defer(stores.on('ready', (store) => this.#follow(store)))
    this.#subscriptions.defer(stores.on('closed', (id) => this.#leave(bytesToHex(id))))
    for (const store of stores.list()) this.#follow(store)
  }

  /** Of the folders that have any. */
  list(): readonly FolderConflictsInit[] {
    return [...this.#known.values()].map(({ told }) => told)
  }

  /** Ends all watching. */
  [Symbol.dispose](): void {
    this.#subscriptions.dispose()
    for (const hex of [...this.#following.keys()]) this.#leave(hex)
  }

  #leave(hex: HexKey): void {
    this.#following.get(hex)?.abort()
    this.#following.delete(hex)
    this.#known.delete(hex)
  }

  #follow(store: Store): void {
    const hex = bytesToHex(store.id)
    if (this.#following.has(hex)) return
    const stop = new AbortController()
    this.#following.set(hex, stop)
    const run = async (): Promise<void> => {
      const changes = store.watch({ signal: stop.signal })
      this.#look(hex, store)
      for await (const { system } of changes) {
        if (system) this.#changes.notify('members')
        this.#look(hex, store)
        await pause(PAUSE_MS, stop.signal)
      }
    }
    run().catch(this.#report)
  }

  #look(hex: HexKey, store: Store): void {
    if (store.type !== FILESTORE_TYPE || this.#following.get(hex)?.signal.aborted !== false) return
    const page = firstConflicts(store, CONFLICTS_MAX, BYTES_MAX)
    const total = page.next === '' ? page.conflicts.length : treeOf(store).conflictCount()
    const signature = total === 0 ? '' : signatureOf(page, total)
    if (signature === (this.#known.get(hex)?.signature ?? '')) return
    const conflicts = page.conflicts.map(({ conflict }) => describeConflict(store, conflict))
    const told = { storeId: store.id, conflicts, next: page.next, total: BigInt(total) }
    if (total > 0) this.#known.set(hex, { signature, told })
    else this.#known.delete(hex)
    this.#changes.notify(`conflicts/${hex}`)
  }
}

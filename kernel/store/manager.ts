/**
 * All stores of a device: opens, creates, adopts, removes, and keeps the children of each space in step with what the
 * space says (a child added on one device appears on the others).
 */
import { bytesToHex, type HexKey, type StoreId } from '../core/bytes.ts'
import { NONCE_LENGTH } from '../core/intention.ts'
import { err, invariant, latticeError, ok, type LatticeError, type Result } from '../core/result.ts'
import type { Clock, Signer } from '../core/signing.ts'
import { allocateStore, retiredStores, retireStore, sweepRetired } from '../dag/summary.ts'
import type { StoreTypeRegistry } from '../state/registry.ts'
import { StorageError } from '../storage/errors.ts'
import type { StorageBackend } from '../storage/port.ts'
import { putEntry, readCatalog, readEntry, type CatalogEntry } from './catalog.ts'
import type { StoreCore } from './core.ts'
import { nextToCarryOver } from './follow.ts'
import { found, type Founding } from './found.ts'
import type { Store, StoreManager, StoreManagerEvents } from './port.ts'
import type { Verifiers } from './receive.ts'
import { LocalStore, nameStore, type StoreEnv } from './store.ts'
import { ROW_TABLES } from './tables.ts'
import { Turn } from './turn.ts'
import type { Commit } from './watch.ts'
import { rejudge, wakeDue } from './witness.ts'

export interface StoreManagerOptions extends Verifiers {
  /** Opened with `KERNEL_TABLES`, and whatever other layers add. */
  readonly backend: StorageBackend
  readonly registry: StoreTypeRegistry
  readonly signer: Signer
  readonly clock: Clock
  readonly randomBytes: (length: number) => Uint8Array
  /** What this device calls itself in the spaces it founds. */
  readonly deviceName: () => string
  /** A background step failed (bringing in a child); it is tried again with the next change of its space. */
  readonly onError: (error: unknown) => void
}

type Listeners = { [K in keyof StoreManagerEvents]: Set<StoreManagerEvents[K]> }

/** Thrown inside a transaction to undo it, and turned into the result outside. */
class Refused extends Error {
  readonly error: LatticeError
  constructor(error: LatticeError) {
    super(error.message)
    this.error = error
  }
}

export class LocalStoreManager implements StoreManager, StoreEnv {
  readonly backend: StorageBackend
  readonly registry: StoreTypeRegistry
  readonly signer: Signer
  readonly clock: Clock
  readonly verifiers: Verifiers
  readonly #options: StoreManagerOptions
  readonly #stores = new Map<HexKey, LocalStore>()
  /** Stores whose genesis has been announced. */
  readonly #ready = new Set<HexKey>()
  readonly #listeners: Listeners = { opened: new Set(), ready: new Set(), closed: new Set(), forked: new Set() }
  /** Background reconciliation, one step after the other. */
  #background: Promise<void> = Promise.resolve()
  #closing = false

  private constructor(options: StoreManagerOptions) {
    this.#options = options
    this.backend = options.backend
    this.registry = options.registry
    this.signer = options.signer
    this.clock = options.clock
    this.verifiers = options
  }

  /** Opens every store of the device that has not been removed. Cost: per store, not per intention. */
  static async open(options: StoreManagerOptions): Promise<LocalStoreManager> {
    const manager = new LocalStoreManager(options)
    const catalog = readCatalog(options.backend, options.onError).filter((entry) => !entry.forgotten)
    for (const entry of catalog) if (entry.parent === undefined) manager.#openWhole(entry)
    for (const entry of catalog) if (entry.parent !== undefined) manager.#openWhole(entry)
    for (const store of manager.list()) manager.#reconcile(store)
    await manager.#background
    for (const number of retiredStores(options.backend))
      manager.#background = manager.#background.then(() => manager.#sweep(number)).catch(options.onError)
    return manager
  }

  // --- StoreManager ---

  async create(
    type: string,
    { name, parent }: { readonly name: string; readonly parent?: StoreId },
  ): Promise<Result<Store, LatticeError>> {
    if (this.#closing) return err(latticeError('store-closed', 'permanent', 'the node is shutting down'))
    if (this.registry.get(type) === undefined)
      return err(latticeError('unknown-type', 'permanent', `there is no store type ${type}`))
    const space = parent === undefined ? undefined : this.get(parent)
    if (parent !== undefined && space === undefined)
      return err(latticeError('unknown-store', 'permanent', 'there is no such space on this device'))
    const nonce = this.#options.randomBytes(NONCE_LENGTH)
    const founding: Founding = { type, name, nonce, deviceName: this.#options.deviceName() }
    let store: LocalStore | undefined
    try {
      await this.transact((turn) => {
        const result = found(turn, this.signer, founding, space?.core, (storeId) => {
          const entry: CatalogEntry = {
            storeId,
            number: allocateStore(turn.tx, storeId),
            parent,
            forgotten: false,
            resetAt: -1,
          }
          putEntry(turn.tx, entry)
          store = new LocalStore(this, entry)
          this.#stores.set(store.core.hex, store)
          return store.core
        })
        if (!result.ok) throw new Refused(result.error)
      })
    } catch (error) {
      if (store !== undefined) this.#stores.delete(store.core.hex)
      if (error instanceof Refused) return err(error.error)
      throw error
    }
    invariant(store !== undefined, 'a founded store was opened')
    this.#announce(store)
    return ok(store)
  }

  async adopt(storeId: StoreId): Promise<Result<Store, LatticeError>> {
    if (this.#closing) return err(latticeError('store-closed', 'permanent', 'the node is shutting down'))
    const open = this.get(storeId)
    if (open !== undefined) return ok(open)
    return ok(await this.#bringIn(storeId, this.#spaceListing(storeId)?.id))
  }

  async remove(storeId: StoreId): Promise<void> {
    const store = this.#stores.get(bytesToHex(storeId))
    const known = store?.core.entry ?? readEntry(this.backend, storeId)
    if (known === undefined) return
    this.#close(bytesToHex(storeId))
    const number = await this.backend.write((tx) => {
      const entry = readEntry(tx, storeId) ?? known
      // Remembered, so that its space does not bring it back, and that peers can be told it is not held.
      putEntry(tx, { ...entry, forgotten: true, resetAt: -1 })
      return retireStore(tx, storeId)
    })
    if (number !== undefined) await this.#sweep(number)
  }

  get(storeId: StoreId): LocalStore | undefined {
    return this.byHex(bytesToHex(storeId))
  }

  byHex(storeHex: HexKey): LocalStore | undefined {
    return this.#stores.get(storeHex)
  }

  list(): readonly LocalStore[] {
    return [...this.#stores.values()]
  }

  parentOf(storeId: StoreId): StoreId | undefined {
    return this.get(storeId)?.core.entry.parent
  }

  on<K extends keyof StoreManagerEvents>(event: K, listener: StoreManagerEvents[K]): () => void {
    this.#listeners[event].add(listener)
    return () => void this.#listeners[event].delete(listener)
  }

  /**
   * Applies what was ahead of the clock and drops what floated too long. Returns when to call again for the former,
   * in unix ms; undefined: nothing waits for the clock.
   */
  async wakeDue(): Promise<number | undefined> {
    await this.transact((turn) => {
      for (const { core } of this.list()) wakeDue(turn, core)
    })
    const due = this.list().flatMap((store) => store.nextDueMs() ?? [])
    return due.length === 0 ? undefined : Math.min(...due)
  }

  /** Resolves once nothing goes on in the background: children brought in, spaces followed, removed stores swept. */
  async settled(): Promise<void> {
    for (let seen: Promise<void> | undefined; seen !== this.#background; await seen) seen = this.#background
  }

  /** Lets running writes finish, ends all watches, closes the stores. The backend stays open: it is the caller's. */
  async [Symbol.asyncDispose](): Promise<void> {
    this.#closing = true
    await this.#background
    for (const hex of [...this.#stores.keys()]) this.#close(hex)
    await this.backend.write(() => {})
  }

  // --- StoreEnv ---

  find(storeHex: HexKey): StoreCore | undefined {
    return this.#stores.get(storeHex)?.core
  }

  *childrenOf(storeHex: HexKey): Iterable<StoreCore> {
    for (const { core } of this.#stores.values())
      if (core.entry.parent !== undefined && bytesToHex(core.entry.parent) === storeHex) yield core
  }

  async transact<T>(body: (turn: Turn) => T): Promise<T> {
    let commits: (readonly [StoreCore, Commit])[] = []
    let value: T
    try {
      value = await this.backend.write((tx) => {
        const turn = new Turn(tx, this.clock.nowMs())
        let failed = true
        try {
          const result = body(turn)
          commits = turn.finish()
          failed = false
          return result
        } finally {
          turn.leave(failed)
        }
      })
    } catch (error) {
      // The whole group may have failed with us: nothing that any store has cached is sure.
      for (const { core } of this.#stores.values()) core.forget()
      throw error
    }
    for (const [core, commit] of commits) this.#published(core, commit)
    return value
  }

  // --- inside ---

  #published(core: StoreCore, commit: Commit): void {
    const store = this.#stores.get(core.hex)
    if (store === undefined) return
    store.publish(commit)
    if (commit.from === 0) this.#announceReady(store)
    for (const author of commit.forked) for (const listener of this.#listeners.forked) listener(store, author)
    if (commit.system) this.#reconcile(store)
  }

  #open(entry: CatalogEntry): LocalStore {
    const store = new LocalStore(this, entry)
    this.#stores.set(store.core.hex, store)
    this.#announce(store)
    return store
  }

  /** Opens a store at start-up; one whose record is damaged is reported and stays closed, and the others open. */
  #openWhole(entry: CatalogEntry): void {
    try {
      if (entry.parent === undefined || this.#isListed(entry)) this.#open(entry)
    } catch (error) {
      if (!(error instanceof StorageError) || error.kind !== 'store-corrupt') throw error
      this.#stores.delete(bytesToHex(entry.storeId))
      this.#options.onError(new StorageError(error.kind, nameStore(entry.storeId, error), error))
    }
  }

  #announce(store: LocalStore): void {
    for (const listener of this.#listeners.opened) listener(store)
    this.#announceReady(store)
  }

  #announceReady(store: LocalStore): void {
    if (this.#ready.has(store.core.hex) || store.type === '') return
    this.#ready.add(store.core.hex)
    for (const listener of this.#listeners.ready) listener(store)
  }

  #close(hex: HexKey): void {
    const store = this.#stores.get(hex)
    if (store === undefined) return
    store.close()
    this.#stores.delete(hex)
    this.#ready.delete(hex)
    for (const listener of this.#listeners.closed) listener(store.id)
  }

  /** A child whose space does not list it (any more) stays closed. */
  #isListed(entry: CatalogEntry): boolean {
    const space = entry.parent === undefined ? undefined : this.get(entry.parent)
    return space === undefined || space.core.system.child(entry.storeId) !== undefined
  }

  #spaceListing(storeId: StoreId): LocalStore | undefined {
    return this.list().find((store) => store.core.system.child(storeId) !== undefined)
  }

  /** Deletes the rows of a removed store, a commit for every slice; what is left at closing time, the next opening does. */
  async #sweep(number: number): Promise<void> {
    for (let swept = false; !swept && !this.#closing;)
      swept = await this.backend.write((tx) => sweepRetired(tx, number, ROW_TABLES))
  }

  #reconcile(space: LocalStore): void {
    if (this.#closing) return
    this.#background = this.#background.then(() => this.#followSpace(space)).catch(this.#options.onError)
  }

  /** Brings in the children that a space lists, closes those it lists no more, and lets the others follow it. */
  async #followSpace(space: LocalStore): Promise<void> {
    if (this.#closing || this.get(space.id) !== space) return
    for (const { storeId } of [...space.core.system.children()]) {
      const open = this.get(storeId)
      if (open === undefined) {
        const entry = readEntry(this.backend, storeId)
        if (entry?.forgotten !== true) await this.#bringIn(storeId, space.id)
      } else if (open.core.entry.parent === undefined && open !== space) await this.#attach(open, space)
    }
    for (const child of [...this.childrenOf(space.core.hex)])
      if (space.core.system.child(child.id) === undefined) this.#close(child.hex)
      else await this.#carryOver(space.core, child)
    if (space.core.space !== undefined) await this.#carryOver(space.core.space, space.core)
  }

  /** Writes what a space says of its members into a child that lists its own peers. One op about each device at most. */
  async #carryOver(space: StoreCore, child: StoreCore): Promise<void> {
    const store = this.get(child.id)
    if (store === undefined || !child.authority.isIndependent) return
    for (let left = space.authority.devices().length; left > 0 && !this.#closing; left--) {
      const done = await store.submit(() => {
        const system = nextToCarryOver(space, child, this.signer.publicKey)
        return system && { system }
      })
      if (!done.ok || done.value === undefined) return
    }
  }

  /** Opens a store under its id; its content comes from peers. */
  async #bringIn(storeId: StoreId, parent: StoreId | undefined): Promise<LocalStore> {
    const entry = await this.backend.write((tx) => {
      const known = readEntry(tx, storeId)
      const number = allocateStore(tx, storeId)
      const brought: CatalogEntry = {
        storeId,
        number,
        parent: known?.parent ?? parent,
        forgotten: false,
        resetAt: known?.resetAt ?? -1,
      }
      putEntry(tx, brought)
      return brought
    })
    return this.get(storeId) ?? this.#open(entry)
  }

  /** A store that was known on its own turns out to be a child of a space. */
  async #attach(store: LocalStore, space: LocalStore): Promise<void> {
    await this.transact((turn) => {
      const before = store.core.jurisdiction
      turn.work(store.core).setEntry({ ...store.core.entry, parent: space.id })
      rejudge(turn, store.core, before)
    })
  }
}

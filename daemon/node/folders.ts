/**
 * The folders of this device: which store lies at which path, and the `SyncedFolder` that keeps the two in step.
 * A folder that comes with a space gets a directory by itself; one that the person removed here stays away.
 */
import { mkdirSync, realpathSync } from 'node:fs'
import { basename, dirname, join, relative, sep } from 'node:path'
import { bytesToHex, equalBytes, type HexKey, type StoreId } from '#kernel/core/bytes.ts'
import { err, latticeError, ok, type LatticeError, type Result } from '#kernel/core/result.ts'
import type { Peer, Store, StoreManager } from '#kernel/store/port.ts'
import { FILESTORE_TYPE } from '#fs-bridge/filestore/machine.ts'
import { checkRoot, releaseRoot } from '#fs-bridge/folder/marker.ts'
import { SyncedFolder, type FolderDeps } from '#fs-bridge/folder/synced-folder.ts'
import type { FolderStatus } from '#fs-bridge/folder/status.ts'
import { Touched } from '#fs-bridge/folder/touched.ts'
import type { Away, Bindings } from './bindings.ts'
import type { Changes } from './dirty.ts'
import { deviceNameIn, findNamed } from './lookup.ts'
import type { FolderEntry, FolderLookup, Removed } from './parts.ts'
import { writable } from './removals.ts'
import { untilReady } from './until-ready.ts'

export interface FolderKeeperDeps extends Omit<FolderDeps, 'store' | 'deviceName' | 'touched'> {
  readonly stores: StoreManager
  readonly bindings: Bindings
  readonly changes: Changes
  readonly home: string
  /** Where folders go that were given no path. */
  readonly base: string
  /** Founds a folder in this device's space. */
  readonly found: (name: string) => Promise<Result<Store, LatticeError>>
  /** Forgets what is known of a store's content, and deletes what is kept of it outside the folder. */
  readonly dropContent: (storeId: StoreId) => Promise<void>
  /** Resolves when the device may take part in the store and has caught up with a peer, as far as one is there. */
  readonly admitted: (store: Store, signal: AbortSignal) => Promise<void>
  /** This device was removed from the store. */
  readonly removalOf: (store: Store) => Removed | undefined
  /** Asks the other devices whether that still holds. */
  readonly askAgain: (store: Store) => Promise<void>
  /** Is told how far a folder is with what the store holds. */
  readonly progressed: (store: Store, status: FolderStatus) => void
  readonly report: (cause: unknown) => void
}

interface Open {
  readonly folder: SyncedFolder | undefined
  readonly failure: LatticeError | undefined
}

const NAME_BYTES_MAX = 255
/** For the first device that has what is taken up again to be reached. */
const REACH_MS_MAX = 30_000
const notFound = (path: string): LatticeError =>
  latticeError('folder-not-found', 'permanent', `${path} lies in no synced folder of this device`)

const here = (name: string, path: string): LatticeError =>
  latticeError('folder-here', 'permanent', `${name} is on this device already, in ${path}`)

export const notHere = (name: string): LatticeError =>
  latticeError('folder-not-here', 'permanent', `${name} is kept nowhere on this device`)

/** What a directory can be called after a folder. */
const directoryName = (name: string, id: StoreId): string => {
  const plain = basename(name.replaceAll('\0', ''))
  if (plain === '.' || plain === '..') return 'folder'
  return plain || bytesToHex(id).slice(0, 12)
}

const realPath = (path: string): string => {
  try {
    return realpathSync.native(path)
  } catch {
    // Not there (any more): its directory decides which folder it is of.
    const parent = dirname(path)
    return parent === path ? path : join(realPath(parent), basename(path))
  }
}

export class FolderKeeper implements FolderLookup, AsyncDisposable {
  readonly #deps: FolderKeeperDeps
  readonly #open = new Map<HexKey, Open>()
  readonly #stopping = new AbortController()
  /** While a person's own request is under way, what is new is not given a place of its own choosing. */
  #holds = 0
  /** Where in each folder something happened, as of a clock that counts. */
  readonly #touched = new Map<HexKey, Touched>()
  #touches = 0
  /** Folders that are being taken up again. */
  readonly #comingBack = new Set<HexKey>()
  /** One opening or closing at a time: two must not claim one directory. */
  #turn: Promise<unknown> = Promise.resolve()

  constructor(deps: FolderKeeperDeps) {
    this.#deps = deps
  }

  /** Opens what is bound, and follows what comes and goes. */
  async start(): Promise<void> {
    const { stores } = this.#deps
    stores.on('ready', (store) => this.#inTurn(() => this.#follow(store)))
    stores.on('closed', (id) => this.#inTurn(() => this.#close(id)))
    for (const store of stores.list()) await this.#follow(store)
  }

  // --- FolderLookup ---

  list(): readonly FolderEntry[] {
    return this.#deps.stores
      .list()
      .filter((store) => store.type === FILESTORE_TYPE)
      .map((store) => this.#entry(store))
  }

  find(wanted: string): Result<FolderEntry, LatticeError> {
    const path = wanted.startsWith(sep) ? realPath(wanted) : undefined
    const entries = this.list().map((entry) => ({
      entry,
      name: entry.store.name,
      hex: bytesToHex(entry.store.id) as string,
    }))
    const byPath = path === undefined ? undefined : entries.find(({ entry }) => entry.path === path)
    const found = byPath ? ok(byPath) : findNamed(entries, wanted, 'folder')
    if (found.ok) return ok(found.value.entry)
    const away = this.findAway(wanted)
    return away.ok ? err(notHere(away.value.name)) : found
  }

  /** Removed here, and kept by other devices. */
  away(): readonly Away[] {
    const { bindings, stores } = this.#deps
    return bindings.away().filter(({ storeId }) => stores.get(storeId)?.type !== FILESTORE_TYPE)
  }

  findAway(wanted: string): Result<Away, LatticeError> {
    return findNamed(
      this.away().map((away) => ({ ...away, hex: bytesToHex(away.storeId) as string })),
      wanted,
      'folder',
    )
  }

  containing(path: string): Result<{ readonly entry: FolderEntry; readonly relative: string }, LatticeError> {
    const real = realPath(path)
    const entry = this.list().find(({ path: root }) => root !== '' && (real === root || real.startsWith(root + sep)))
    return entry ? ok({ entry, relative: relative(entry.path, real).replaceAll(sep, '/') }) : err(notFound(path))
  }

  #entry(store: Store): FolderEntry {
    const binding = this.#deps.bindings.get(store.id)
    const open = this.#open.get(bytesToHex(store.id))
    return {
      store,
      path: binding?.path ?? '',
      paused: binding?.paused ?? false,
      status: open?.folder?.status(),
      failure: open?.failure,
      removal: this.#deps.removalOf(store),
    }
  }

  synced(store: Store): SyncedFolder | undefined {
    return this.#open.get(bytesToHex(store.id))?.folder
  }

  /** Where in the folder something happened, by a clock that says how late it is now in `touches`. */
  touched(hex: HexKey): Touched {
    const known = this.#touched.get(hex)
    if (known) return known
    const touched = new Touched(() => ++this.#touches)
    this.#touched.set(hex, touched)
    return touched
  }

  get touches(): number {
    return this.#touches
  }

  // --- what a person asks for ---

  /** Founds a folder for an existing directory. */
  add(path: string, name: string): Promise<Result<FolderEntry, LatticeError>> {
    return this.holding(async () => {
      const root = this.check(path)
      if (!root.ok) return root
      const wanted = name || basename(root.value)
      if (Buffer.byteLength(wanted) > NAME_BYTES_MAX)
        return err(latticeError('bad-request', 'permanent', `a name has at most ${NAME_BYTES_MAX} bytes`))
      if (this.list().some(({ store }) => store.name === wanted))
        return err(
          latticeError('name-taken', 'permanent', `there is a folder called ${wanted} already: choose another --name`),
        )
      const store = await this.#deps.found(wanted)
      if (!store.ok) return store
      const bound = await this.bind(store.value, root.value)
      if (!bound.ok) await this.#deps.stores.remove(store.value.id)
      return bound
    })
  }

  /** Puts a store's folder at a path, which is checked, and opens it. Only of one that has no place. */
  async bind(store: Store, path: string): Promise<Result<FolderEntry, LatticeError>> {
    return this.#inTurn(async () => {
      const before = this.#deps.bindings.get(store.id)
      // Also one that got its place since the path was checked: it is open there.
      if (before && before.path !== '') return err(here(store.name, before.path))
      await this.#deps.bindings.set(store.id, { path, paused: false })
      await this.#openFolder(store)
      const { failure } = this.#open.get(bytesToHex(store.id))!
      if (!failure) return ok(this.#entry(store))
      await this.#close(store.id)
      if (before) await this.#deps.bindings.set(store.id, before)
      else await this.#deps.bindings.delete(store.id)
      return err(failure)
    })
  }

  /**
   * Takes up what was removed here, or has no place: at a path, else where it was before, else beside the others.
   * `timeoutMs`: for a device that has it to be reached; 0: as long as is ever waited for that.
   */
  async keep(
    wanted: string,
    { path, timeoutMs }: { readonly path: string; readonly timeoutMs: number },
    gone: AbortSignal,
  ): Promise<Result<FolderEntry, LatticeError>> {
    const found = this.#findPlaceless(wanted)
    if (!found.ok) return found
    const { storeId, name, formerPath } = found.value
    const hex = bytesToHex(storeId)
    if (this.#comingBack.has(hex))
      return err(latticeError('folder-here', 'permanent', `${name} is being taken up again already`))
    const place = path || formerPath || this.#freePath(join(this.#deps.base, directoryName(name, storeId)))
    const root = this.check(place, true)
    if (!root.ok) return root
    this.#comingBack.add(hex)
    try {
      return await this.holding(async () => {
        const reachMs = Math.min(timeoutMs || REACH_MS_MAX, REACH_MS_MAX)
        const back = await this.#bringBack(found.value, AbortSignal.any([gone, AbortSignal.timeout(reachMs)]))
        return back.ok ? await this.bind(back.value, root.value) : back
      })
    } finally {
      this.#comingBack.delete(hex)
    }
  }

  #findPlaceless(wanted: string): Result<Away, LatticeError> {
    const away = this.findAway(wanted)
    if (away.ok || away.error.kind === 'ambiguous') return away
    const found = this.find(wanted)
    if (!found.ok) return found
    const { store, path } = found.value
    if (path !== '') return err(here(store.name, path))
    const formerPath = this.#deps.bindings.get(store.id)?.formerPath ?? ''
    return ok({ storeId: store.id, name: store.name, formerPath })
  }

  /** The store is known again, and a device that has it was reached; else all is as it was. */
  async #bringBack({ storeId, name }: Away, gone: AbortSignal): Promise<Result<Store, LatticeError>> {
    const { stores } = this.#deps
    const wasOpen = stores.get(storeId) !== undefined
    const adopted = await stores.adopt(storeId)
    if (!adopted.ok) return adopted
    const store = adopted.value
    const allowed = writable(this.#entry(store))
    const signal = AbortSignal.any([gone, this.#stopping.signal])
    if (allowed.ok && (await untilReady(stores, store, signal))) return ok(store)
    if (!wasOpen) await stores.remove(storeId)
    if (!allowed.ok) return allowed
    const why = `no device that has ${name}, and lets this one in, can be reached: try again when one is connected`
    return err(latticeError('not-reachable', 'retryable', why))
  }

  /** Gives what was just joined a place of its own, if it has none. */
  settle(store: Store): Promise<void> {
    return this.#inTurn(async () => {
      // Removed here once; joining it again says that it is wanted.
      if (this.#deps.bindings.get(store.id)?.path === '') await this.#deps.bindings.delete(store.id)
      await this.#follow(store, true)
    })
  }

  /**
   * Stops syncing it here. The files stay, and the directory is an ordinary one again: it can become a folder anew, or
   * take this one back. The other devices are not concerned. Resolves with whether one of them has it, so that it can.
   */
  remove({ store: { id, name, access }, path, removal }: FolderEntry): Promise<boolean> {
    const { bindings, backend, stores, dropContent, device } = this.#deps
    return this.#inTurn(async () => {
      const isOther = (peer: Peer): boolean => peer.status === 'active' && !equalBytes(peer.device, device)
      const isElsewhere = !removal && access.peers().some(isOther)
      await this.#close(id)
      // First, so that after a crash the rest can be asked for again.
      await bindings.set(id, { path: '', paused: false, ...(isElsewhere && { name, formerPath: path }) })
      if (path !== '') await releaseRoot(path, id, backend)
      await stores.remove(id)
      await dropContent(id)
      return isElsewhere
    })
  }

  /** Offers it no more; an invite brings it back all the same. */
  forget({ storeId }: Away): Promise<void> {
    return this.#inTurn(async () => {
      await this.#deps.bindings.set(storeId, { path: '', paused: false })
      this.#notify(storeId)
    })
  }

  pause(entry: FolderEntry): Promise<FolderEntry> {
    return this.#inTurn(async () => {
      await this.#deps.bindings.set(entry.store.id, { path: entry.path, paused: true })
      await this.#close(entry.store.id)
      return this.#entry(entry.store)
    })
  }

  resume(entry: FolderEntry): Promise<FolderEntry> {
    return this.#inTurn(async () => {
      await this.#deps.bindings.set(entry.store.id, { path: entry.path, paused: false })
      await this.#deps.askAgain(entry.store)
      if (!this.synced(entry.store)) await this.#openFolder(entry.store)
      return this.#entry(entry.store)
    })
  }

  /** Whether a directory can become a folder; resolves to its real path. `create`: make it when it is missing. */
  check(path: string, create = false): Result<string, LatticeError> {
    if (create)
      try {
        mkdirSync(path, { recursive: true })
      } catch (cause) {
        const { code } = cause as NodeJS.ErrnoException
        if (code === 'EEXIST' || code === 'ENOTDIR')
          return err(latticeError('folder-not-a-directory', 'permanent', `${path} is not a directory`))
        return err(
          latticeError('folder-not-writable', 'permanent', `cannot create ${path} (${code ?? 'unknown reason'})`),
        )
      }
    const same = this.list().find((entry) => entry.path === realPath(path))
    if (same) return err(latticeError('folder-nested', 'permanent', `${path} is the folder ${same.store.name} already`))
    return checkRoot(path, this.#roots(), this.#deps.home)
  }

  /**
   * As `check`, of a path for what is to be joined: a folder that is on this device already is not to be opened twice.
   * Undefined: what is joined, or taken part in again after this device was removed from it, has that place already.
   */
  checkJoining(storeId: StoreId, path: string): Result<string | undefined, LatticeError> {
    const isSame = this.#deps.bindings.get(storeId)?.path === realPath(path)
    const known = this.list().find((entry) => entry.path !== '' && equalBytes(entry.store.id, storeId))
    if (known && !(known.removal && isSame)) {
      const { kind, severity, message } = here(known.store.name, known.path)
      const advice = isSame ? 'it is joined' : 'remove it there first to have it elsewhere'
      return err(latticeError(kind, severity, `${message}: ${advice}`))
    }
    return isSame ? ok(undefined) : this.check(path, true)
  }

  /** Runs a request of the person's; what becomes known meanwhile is placed afterwards. */
  async holding<T>(body: () => Promise<T>): Promise<T> {
    this.#holds++
    try {
      return await body()
    } finally {
      this.#holds--
      this.#placeAll()
    }
  }

  /** Closes what this device was removed from, for nothing of it may be written any more, and opens what it is back in. */
  review(): Promise<void> {
    return this.#inTurn(async () => {
      for (const { store, removal } of this.list()) {
        if (removal && this.#open.has(bytesToHex(store.id))) await this.#close(store.id)
        else if (!removal) await this.#follow(store)
      }
    })
  }

  /** Asks again for content that nobody had: a peer has connected. */
  retry(): void {
    for (const { folder } of this.#open.values()) folder?.retry()
  }

  async [Symbol.asyncDispose](): Promise<void> {
    this.#stopping.abort()
    await this.#inTurn(async () => {
      await Promise.all([...this.#open.values()].map(async ({ folder }) => folder?.stop()))
      this.#open.clear()
    })
  }

  // --- inside ---

  #roots(except?: StoreId): string[] {
    return this.list()
      .filter(({ store, path }) => path !== '' && !(except && equalBytes(store.id, except)))
      .map(({ path }) => path)
  }

  #inTurn<T>(body: () => Promise<T>): Promise<T> {
    const result = this.#turn.then(body)
    this.#turn = result.catch(() => undefined)
    return result
  }

  #placeAll(): void {
    for (const store of this.#deps.stores.list())
      if (!this.#deps.bindings.get(store.id)) this.#inTurn(() => this.#follow(store)).catch(this.#deps.report)
  }

  async #follow(store: Store, wanted = false): Promise<void> {
    if (store.type !== FILESTORE_TYPE || this.#stopping.signal.aborted || this.#open.has(bytesToHex(store.id))) return
    if (this.#deps.removalOf(store)) return this.#notify(store.id)
    const binding = this.#deps.bindings.get(store.id)
    if (binding) {
      if (binding.path !== '' && !binding.paused) await this.#openFolder(store)
    } else if (wanted || this.#holds === 0) await this.#place(store)
    this.#notify(store.id)
  }

  /** A folder that came with a space, into a directory that nothing is in yet. */
  async #place(store: Store): Promise<void> {
    const parent = this.#deps.stores.parentOf(store.id)
    const base = (parent && this.#deps.bindings.get(parent)?.path) || this.#deps.base
    const path = this.#freePath(join(base, directoryName(store.name, store.id)))
    const root = this.check(path, true)
    if (!root.ok) return this.#failed(store.id, root.error)
    await this.#deps.bindings.set(store.id, { path: root.value, paused: false })
    await this.#openFolder(store)
  }

  #freePath(wanted: string): string {
    const taken = new Set(this.#roots())
    for (let n = 1; ; n++) {
      const path = n === 1 ? wanted : `${wanted} ${n}`
      if (!taken.has(path)) return path
    }
  }

  #failed(id: StoreId, failure: LatticeError): void {
    this.#open.set(bytesToHex(id), { folder: undefined, failure })
    this.touched(bytesToHex(id)).anywhere()
    this.#notify(id)
  }

  async #openFolder(store: Store): Promise<void> {
    const { path } = this.#deps.bindings.get(store.id)!
    const options = { path, others: this.#roots(store.id), home: this.#deps.home }
    const touched = this.touched(bytesToHex(store.id))
    const deps = { ...this.#deps, store, deviceName: deviceNameIn(store.access), touched }
    const opened = await SyncedFolder.open(deps, options)
    if (!opened.ok) return this.#failed(store.id, opened.error)
    const folder = opened.value
    touched.anywhere()
    this.#open.set(bytesToHex(store.id), { folder, failure: undefined })
    folder.onStatus((status) => {
      this.#deps.progressed(store, status)
      this.#notify(store.id)
    })
    // Before the device is admitted it may write nothing, and what is there is best met with what the others have.
    this.#deps
      .admitted(store, this.#stopping.signal)
      .then(() => {
        if (this.synced(store) === folder && !this.#stopping.signal.aborted) folder.start()
        this.#notify(store.id)
      })
      .catch(this.#deps.report)
  }

  async #close(id: StoreId): Promise<void> {
    const open = this.#open.get(bytesToHex(id))
    this.#open.delete(bytesToHex(id))
    await open?.folder?.stop()
    this.touched(bytesToHex(id)).anywhere()
    this.#notify(id)
  }

  #notify(id: StoreId): void {
    this.#deps.changes.notify(`folder/${bytesToHex(id)}`)
  }
}

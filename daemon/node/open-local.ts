/** What a node has without any network: its database, the stores in it, and the content on its disks. */
import { randomBytes } from 'node:crypto'
import { join } from 'node:path'
import { NoticeKind } from '#proto/event_api'
import { bytesToHex, equalBytes } from '#kernel/core/bytes.ts'
import { NodeVerifier } from '#kernel/core/identity.ts'
import { err, latticeError, ok, type LatticeError, type Result } from '#kernel/core/result.ts'
import { Cas } from '#kernel/cas/cas.ts'
import { PoolHasher } from '#kernel/cas/hasher.ts'
import { WorkerPool } from '#kernel/cas/pool.ts'
import { CAS_TABLES } from '#kernel/cas/tables.ts'
import { coreRegistry, SPACE_TYPE, type StoreTypeRegistry } from '#kernel/state/registry.ts'
import { StorageError } from '#kernel/storage/errors.ts'
import { openLmdb } from '#kernel/storage/lmdb.ts'
import type { StorageBackend } from '#kernel/storage/port.ts'
import { bulkVerifier } from '#kernel/cas/bulk.ts'
import { readCatalog } from '#kernel/store/catalog.ts'
import { LocalStoreManager } from '#kernel/store/manager.ts'
import type { Store } from '#kernel/store/port.ts'
import { KERNEL_TABLES } from '#kernel/store/tables.ts'
import { filestoreType } from '#fs-bridge/filestore/machine.ts'
import { FOLDER_TABLES } from '#fs-bridge/folder/index-codec.ts'
import { SYNC_TABLES } from '#sync/addressbook.ts'
import { Bindings, NODE_TABLE } from './bindings.ts'
import { collectRegularly } from './collecting.ts'
import type { Changes } from './dirty.ts'
import type { DeviceKey, NodeConfig } from './home.ts'
import type { NodeLog } from './log.ts'
import type { NoticeBoard } from './notices.ts'
import type { Settings } from './settings.ts'

export interface Common {
  readonly home: string
  /** As it was at the start; what can change since then is in `settings`. */
  readonly config: NodeConfig
  readonly settings: Settings
  readonly log: NodeLog
  readonly key: DeviceKey
  readonly changes: Changes
  /** What a person is told; anyone may add to it. */
  readonly notices: NoticeBoard
  readonly report: (cause: unknown) => void
}

export interface Local {
  readonly storage: StorageBackend
  readonly registry: StoreTypeRegistry
  readonly stores: LocalStoreManager
  /** This device's own space, made on its first start. */
  readonly space: Store
  readonly cas: Cas
  readonly hasher: PoolHasher
  readonly bindings: Bindings
  /** The store lists its own peers although it has a space. */
  readonly isIndependent: (store: Store) => boolean
}

/** What is needed to open it. */
export type Opening = Pick<Common, 'home' | 'key' | 'notices' | 'report'> & {
  readonly settings: { readonly current: Pick<Settings['current'], 'name'> }
  /** Go on with a new space where the device’s own is lost. */
  readonly newSpace: boolean
}

const TABLES = [...KERNEL_TABLES, ...CAS_TABLES, ...FOLDER_TABLES, ...SYNC_TABLES, NODE_TABLE]
/** Something dated ahead of the clock is looked at again when it is due, and no less often than this. */
const WAKE_MS_MAX = 60_000

/** The space whose genesis this device signed. */
const ownSpace = (stores: LocalStoreManager, { signer }: DeviceKey): Store | undefined =>
  stores.list().find((store) => {
    const genesis = store.type === SPACE_TYPE ? store.dag.get(store.id) : undefined
    return genesis !== undefined && equalBytes(genesis.author, signer.publicKey)
  })

/** No store was ever made or taken in: there was no own space that could be lost. */
const isFresh = (storage: StorageBackend): boolean => {
  let isDamaged = false
  return readCatalog(storage, () => (isDamaged = true)).length === 0 && !isDamaged
}

/**
 * The space that was noted, or else found; a new one on the first start. That one was there and cannot be opened is for
 * the person to answer: nothing is changed, and a backup helps. Told to go on with a new one, what is left of the old one
 * stays on the disk.
 */
const openSpace = async (
  storage: StorageBackend,
  stores: LocalStoreManager,
  bindings: Bindings,
  { home, key, settings, newSpace, notices, report }: Opening,
): Promise<Result<Store, LatticeError>> => {
  const noted = bindings.ownSpace()
  const known = noted && stores.get(noted)
  if (known?.type === SPACE_TYPE) return ok(known)
  const made = ownSpace(stores, key)
  // A home from before the note has its space in the catalogue all the same: that is the first thing made in it.
  const isLost = noted !== undefined || (!made && !isFresh(storage))
  const which = noted ? ` ${bytesToHex(noted).slice(0, 12)}` : ''
  const damaged = `this device’s own space${which} is damaged and cannot be opened`
  if (isLost && !newSpace)
    return err(
      latticeError(
        'space-damaged',
        'corrupt',
        `${damaged}: restore ${home} from a backup, or go on with a new space (“lattice up --new-space”), to which the devices of the old one have to be invited again`,
      ),
    )
  const space = made ? ok(made) : await stores.create(SPACE_TYPE, { name: settings.current.name })
  if (!space.ok) return space
  if (isLost) {
    const message =
      `${damaged}; ` +
      `${made ? 'another one is used' : 'a new one was made'}: devices that were invited to it have to be invited again`
    report(new StorageError('store-corrupt', message))
    notices.add({ kind: NoticeKind.FOLDER_ERROR, message })
  }
  await bindings.noteOwnSpace(space.value.id)
  return space
}

/** Applies what was dated ahead of the clock once it is due. */
const followClock = (stores: LocalStoreManager, report: (cause: unknown) => void): (() => void) => {
  let timer: NodeJS.Timeout | undefined
  let stopped = false
  const wake = async (): Promise<void> => {
    const dueMs = await stores.wakeDue()
    if (stopped) return
    timer = setTimeout(
      () => void wake().catch(report),
      Math.min(Math.max((dueMs ?? Infinity) - Date.now(), 0), WAKE_MS_MAX),
    )
    timer.unref()
  }
  void wake().catch(report)
  return () => {
    stopped = true
    clearTimeout(timer)
  }
}

export const openLocal = async (parts: AsyncDisposableStack, common: Opening): Promise<Result<Local, LatticeError>> => {
  const { home, settings, key, report } = common
  const registry = coreRegistry().register(filestoreType)
  const storage = parts.use(openLmdb({ path: join(home, 'data'), tables: TABLES }))
  const pool = parts.use(new WorkerPool())
  const hasher = new PoolHasher(pool)
  const clock = { nowMs: () => Date.now() }
  const cas = new Cas({ storage, home, clock })
  const stores = parts.use(
    await LocalStoreManager.open({
      backend: storage,
      registry,
      signer: key.signer,
      verifier: new NodeVerifier(),
      bulk: bulkVerifier(pool),
      clock,
      randomBytes: (length) => new Uint8Array(randomBytes(length)),
      deviceName: () => settings.current.name,
      onError: report,
    }),
  )
  const bindings = new Bindings(storage, report)
  const space = await openSpace(storage, stores, bindings, common)
  if (!space.ok) return space
  parts.defer(followClock(stores, report))
  parts.defer(collectRegularly({ cas, stores, registry, nowMs: clock.nowMs }, report))
  return ok({
    storage,
    registry,
    stores,
    space: space.value,
    cas,
    hasher,
    bindings,
    isIndependent: (store) => stores.get(store.id)?.core.system.isIndependent() ?? false,
  })
}

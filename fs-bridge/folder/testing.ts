/** For tests: devices with real directories, a real LMDB and real content, whose stores exchange what they wrote. */
import { mkdtempSync, rmSync } from 'node:fs'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import type { Cid, Hash, StoreId } from '#kernel/core/bytes.ts'
import { ok } from '#kernel/core/result.ts'
import { Cas } from '#kernel/cas/cas.ts'
import { PoolHasher } from '#kernel/cas/hasher.ts'
import { WorkerPool } from '#kernel/cas/pool.ts'
import type { BlobSource } from '#kernel/cas/port.ts'
import { CAS_TABLES } from '#kernel/cas/tables.ts'
import type { Witnessed } from '#kernel/dag/port.ts'
import type { Change } from '#kernel/state/port.ts'
import type { Store, StoreChange } from '#kernel/store/port.ts'
import { openLmdb } from '#kernel/storage/lmdb.ts'
import type { StorageBackend } from '#kernel/storage/port.ts'
import { author, World, type Replica } from '../filestore/testing.ts'
import { FOLDER_TABLES } from './index-codec.ts'
import { SyncedFolder } from './synced-folder.ts'

/** A store over in-memory tables and the world's causal graph. */
export class WorldStore {
  readonly id = new Uint8Array(32).fill(9) as StoreId
  readonly world: World
  readonly replica: Replica
  #count = 0
  readonly #watchers = new Set<(change: StoreChange) => void>()

  constructor(world: World, n: number) {
    this.world = world
    this.replica = world.replica(n)
  }

  get state() {
    return this.replica.tables
  }

  get dag() {
    return { count: this.#count }
  }

  async submit(prepare: Parameters<Store['submit']>[0]): ReturnType<Store['submit']> {
    const draft = prepare(this.state)
    if (!draft) return ok(undefined)
    if (!('app' in draft)) throw new Error('only file operations here')
    const before = new Set(this.replica.applied.keys())
    const changes = this.world.writeBytes(this.replica, draft.app)
    const event = [...this.replica.applied].find(([id]) => !before.has(id))![1]
    this.#emit(changes)
    await Promise.resolve()
    return ok(event as unknown as Witnessed)
  }

  receive(from: WorldStore): void {
    const changes = this.world.sync(from.replica, this.replica)
    if (changes.length > 0) this.#emit(changes)
  }

  #emit(changes: readonly Change[]): void {
    this.#count++
    for (const watcher of this.#watchers)
      watcher({ cursor: this.#count, changes, witnessed: [], reset: false, system: false })
  }

  async *watch({ cursor, signal }: { cursor?: number; signal?: AbortSignal } = {}): AsyncIterable<StoreChange> {
    const queue: StoreChange[] = []
    if (cursor !== undefined && cursor < this.#count)
      queue.push({ cursor: this.#count, changes: [], witnessed: [], reset: true, system: false })
    let wake: (() => void) | undefined
    const watcher = (change: StoreChange): void => {
      queue.push(change)
      wake?.()
    }
    this.#watchers.add(watcher)
    signal?.addEventListener('abort', () => wake?.())
    while (!signal?.aborted) {
      const next = queue.shift()
      if (next) yield next
      else await new Promise<void>((resolve) => (wake = resolve))
    }
    this.#watchers.delete(watcher)
  }
}

const pool = new WorkerPool({ idleMs: 50 })

/** One device: its own home, its own folder. */
export class Device implements AsyncDisposable {
  readonly base = mkdtempSync(join(tmpdir(), 'lattice-folder-'))
  readonly root: string
  readonly store: WorldStore
  readonly backend: StorageBackend
  readonly cas: Cas
  readonly n: number
  /** Devices whose content this one can fetch. */
  peers: Device[] = []
  fetched = 0
  folder!: SyncedFolder

  constructor(world: World, n: number, root: string) {
    this.n = n
    this.root = root
    this.store = new WorldStore(world, n)
    this.backend = openLmdb({ path: join(this.base, 'data.mdb'), tables: [...FOLDER_TABLES, ...CAS_TABLES] })
    this.cas = new Cas({ storage: this.backend, home: this.base, clock: { nowMs: () => Date.now() } })
  }

  readonly blobs: BlobSource = {
    fetch: async (storeId, chunks, onChunk) => {
      const missing: Cid[] = []
      for (const { cid } of chunks) {
        let bytes: Uint8Array | undefined
        for (const peer of this.peers) {
          const read = await peer.cas.read(storeId, cid)
          if (read.ok) bytes = read.value
        }
        if (bytes) {
          this.fetched += bytes.length
          await onChunk(cid, bytes)
        } else missing.push(cid)
      }
      return { missing }
    },
  }

  async open(): Promise<SyncedFolder> {
    const opened = await SyncedFolder.open(
      {
        store: this.store as unknown as Store,
        backend: this.backend,
        deviceName: (device) => `dev${device[0]! - 1}`,
        inplace: this.cas.inplace,
        local: this.cas,
        chunks: this.cas.stored,
        hasher: new PoolHasher(pool),
        blobs: this.blobs,
      },
      { path: this.root, home: this.base },
    )
    if (!opened.ok) throw new Error(opened.error.message)
    this.folder = opened.value
    this.folder.start()
    return this.folder
  }

  async [Symbol.asyncDispose](): Promise<void> {
    await this.folder?.stop()
    await this.backend[Symbol.asyncDispose]()
    rmSync(this.base, { recursive: true, force: true })
  }
}

export { author }
export type { Hash }

/** For tests: two devices with real directories, LMDB, stores and content, which exchange what they wrote when told. */
import {
  mkdirSync,
  mkdtempSync,
  readdirSync,
  readFileSync,
  readlinkSync,
  realpathSync,
  rmSync,
  writeFileSync,
} from 'node:fs'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import type { Cid } from '#kernel/core/bytes.ts'
import { NodeVerifier } from '#kernel/core/identity.ts'
import { Cas } from '#kernel/cas/cas.ts'
import { PoolHasher } from '#kernel/cas/hasher.ts'
import { WorkerPool } from '#kernel/cas/pool.ts'
import type { BlobSource } from '#kernel/cas/port.ts'
import { CAS_TABLES } from '#kernel/cas/tables.ts'
import type { Signer } from '#kernel/core/signing.ts'
import { coreRegistry } from '#kernel/state/registry.ts'
import { systemOp, wireRole } from '#kernel/state/system-op.ts'
import { openLmdb } from '#kernel/storage/lmdb.ts'
import type { StorageBackend } from '#kernel/storage/port.ts'
import { LocalStoreManager } from '#kernel/store/manager.ts'
import type { Store } from '#kernel/store/port.ts'
import { KERNEL_TABLES } from '#kernel/store/tables.ts'
import { must, TestClock, testSigner } from '#kernel/store/testkit.ts'
import { FILESTORE_TYPE, filestoreType } from '../filestore/machine.ts'
import { openTree, type Tree } from '../filestore/tree.ts'
import { FOLDER_TABLES } from './index-codec.ts'
import type { FolderTimers } from './status.ts'
import { SyncedFolder } from './synced-folder.ts'
import { Touched } from './touched.ts'
import type { watchFolder } from './watcher.ts'

const pool = new WorkerPool({ idleMs: 50 })

/** One device: its own home, its own folder. */
export class Device {
  readonly root: string
  readonly home: string
  readonly signer: Signer
  readonly backend: StorageBackend
  readonly cas: Cas
  manager!: LocalStoreManager
  store!: Store
  folder!: SyncedFolder
  /** Devices whose content this one can fetch. */
  peers: Device[] = []
  /** Bytes that came from peers. */
  fetched = 0
  /** Set: the folder's process is as good as dead, nothing of it reaches its index any more. */
  crashed = false
  /** Whether a peer's content can be had now. */
  serves: (cid: Cid) => boolean = () => true
  /** Where something happened in the folder, and how late it is for that. */
  touches = 0
  readonly touched = new Touched(() => ++this.touches)
  /** How the folder's time passes; the system's if not set. */
  timers: FolderTimers | undefined
  /** How the folder notices changes; as it does in earnest if not set. */
  watch: typeof watchFolder | undefined
  urgentUntil: Promise<void> | undefined
  #pulled = 0

  constructor(base: string, name: string) {
    this.root = join(base, name)
    this.home = join(base, `${name}-home`)
    mkdirSync(this.root)
    mkdirSync(this.home)
    this.signer = testSigner(name)
    const tables = [...KERNEL_TABLES, ...FOLDER_TABLES, ...CAS_TABLES]
    this.backend = openLmdb({ path: join(this.home, 'data.mdb'), tables })
    this.cas = new Cas({ storage: this.backend, home: this.home, clock: { nowMs: () => Date.now() } })
  }

  async openManager(clock: TestClock): Promise<void> {
    let nonces = 0
    this.manager = await LocalStoreManager.open({
      backend: this.backend,
      registry: coreRegistry().register(filestoreType),
      signer: this.signer,
      verifier: new NodeVerifier(),
      clock,
      randomBytes: (length) => new Uint8Array(length).fill(++nonces),
      deviceName: () => 'test',
      onError: (error) => {
        throw error
      },
    })
  }

  get tree(): Tree {
    return openTree(this.store.state, () => 'peer')
  }

  blobs: BlobSource = {
    fetch: async (storeId, chunks, onChunk) => {
      const missing: Cid[] = []
      for (const { cid } of chunks) {
        let bytes: Uint8Array | undefined
        for (const peer of this.serves(cid) ? this.peers : []) {
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

  /** What the other has written since the last call, as a peer would bring it. */
  async pull(from: Device): Promise<void> {
    const log = [...from.store.dag.log(this.#pulled)]
    this.#pulled += log.length
    const batch = log.map(({ hash }) => from.store.dag.signedBytes(hash)!)
    if (batch.length > 0) must(await this.store.ingest(batch, from.signer.publicKey))
  }

  /** Opens the folder as a starting program does, on whatever index and disk there are. */
  async open(): Promise<SyncedFolder> {
    const { store, backend, cas, blobs, timers, watch, touched, urgentUntil } = this
    const deps = {
      store,
      backend: this.#mortal(backend),
      device: this.signer.publicKey,
      deviceName: () => 'peer',
      inplace: cas.inplace,
      local: cas,
      chunks: cas.stored,
      hasher: new PoolHasher(pool),
      blobs,
      touched,
      ...(timers && { timers }),
      ...(watch && { watch }),
      ...(urgentUntil && { urgentUntil }),
    }
    this.folder = must(await SyncedFolder.open(deps, { path: this.root, home: this.home }))
    this.folder.start()
    return this.folder
  }

  #mortal(backend: StorageBackend): StorageBackend {
    return {
      get: (table, key) => backend.get(table, key),
      range: (table, range) => backend.range(table, range),
      count: (table, range) => backend.count(table, range),
      write: (body) => (this.crashed ? Promise.reject(new Error('crashed')) : backend.write(body)),
      sizeBytes: 0,
      [Symbol.asyncDispose]: async () => {},
    }
  }

  async close(): Promise<void> {
    await this.folder?.stop()
    await this.manager[Symbol.asyncDispose]()
    await this.backend[Symbol.asyncDispose]()
  }
}

export interface Pair extends AsyncDisposable {
  readonly base: string
  /** What both take the time of what they write from. */
  readonly clock: TestClock
  readonly a: Device
  readonly b: Device
}

/** Two devices of one store, whose folders are empty and not open yet. */
export const openPair = async (under = tmpdir(), role: 'writer' | 'reader' = 'writer'): Promise<Pair> => {
  const base = mkdtempSync(join(realpathSync(under), 'lattice-folder-'))
  const [a, b] = [new Device(base, 'a'), new Device(base, 'b')]
  const clock = new TestClock()
  await a.openManager(clock)
  await b.openManager(clock)
  a.store = must(await a.manager.create(FILESTORE_TYPE, { name: 'folder' }))
  const value = { device: b.signer.publicKey, name: 'b', role: wireRole(role) }
  must(await a.store.submit(() => ({ system: systemOp({ case: 'peerAdd', value }) })))
  b.store = must(await b.manager.adopt(a.store.id))
  a.peers = [b]
  b.peers = [a]
  await b.pull(a)
  return {
    base,
    clock,
    a,
    b,
    [Symbol.asyncDispose]: async () => {
      await a.close()
      await b.close()
      rmSync(base, { recursive: true, force: true })
    },
  }
}

interface Hooks {
  readonly beforeEach: (prepare: () => Promise<void>) => void
  readonly afterEach: (clear: () => Promise<void>) => void
}

/** Opens two devices before each test of a file and closes them after it. */
export const pairForEach = ({ beforeEach, afterEach }: Hooks, opened: (pair: Pair) => void): void => {
  let pair: Pair
  beforeEach(async () => opened((pair = await openPair())))
  afterEach(async () => pair[Symbol.asyncDispose]())
}

export const at = (device: Device, path: string): string => join(device.root, path)

/** Puts a file into a device's folder, as a person would; directories above it are made. */
export const put = (device: Device, path: string, text: string): void => {
  mkdirSync(join(at(device, path), '..'), { recursive: true })
  writeFileSync(at(device, path), text)
}

/** Every path below the root but `.lattice`, files with their content. */
export const shown = (device: Device): Record<string, string> => {
  const out: Record<string, string> = {}
  const walk = (dir: string): void => {
    for (const item of readdirSync(join(device.root, dir), { withFileTypes: true })) {
      const path = dir === '' ? item.name : `${dir}/${item.name}`
      if (path === '.lattice') continue
      if (item.isDirectory()) {
        out[`${path}/`] = ''
        walk(path)
      } else if (item.isSymbolicLink()) out[path] = `-> ${readlinkSync(join(device.root, path))}`
      else out[path] = readFileSync(join(device.root, path), 'utf8')
    }
  }
  walk('')
  return out
}

/** Long enough for any machine; nothing waits for it. */
export const within = (): AbortSignal => AbortSignal.timeout(8000)

/** Both have seen all, and their disks show it. */
export const level = async ({ a, b }: Pick<Pair, 'a' | 'b'>): Promise<void> => {
  for (let round = 0; round < 4; round++) {
    await Promise.all([a.folder.settled(within()), b.folder.settled(within())])
    await a.pull(b)
    await b.pull(a)
  }
  await Promise.all([a.folder.settled(within()), b.folder.settled(within())])
}

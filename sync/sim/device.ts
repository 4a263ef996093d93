/**
 * One simulated device: the real kernel over a memory disk, the real engine over the memory network. Its disk takes
 * time to commit, so a power cut can fall between a submit and its commit; its clock may be wrong; its disk can be put
 * back to an earlier copy, as a restored backup is.
 */
import { bytesToHex, type HexKey, type PublicKey, type StoreId } from '#kernel/core/bytes.ts'
import { sha256 } from '#kernel/core/hash.ts'
import { createSigner, NodeVerifier } from '#kernel/core/identity.ts'
import { invariant } from '#kernel/core/result.ts'
import type { Signer } from '#kernel/core/signing.ts'
import { coreRegistry, type StoreTypeRegistry } from '#kernel/state/registry.ts'
import { dumpState } from '#kernel/state/table.ts'
import { MemoryDisk, type MemoryBackend } from '#kernel/storage/memory.ts'
import { readCatalog } from '#kernel/store/catalog.ts'
import { LocalStoreManager } from '#kernel/store/manager.ts'
import type { LocalStore } from '#kernel/store/store.ts'
import { KERNEL_TABLES } from '#kernel/store/tables.ts'
import { SYNC_TABLES } from '../addressbook.ts'
import { SyncEngine } from '../engine.ts'
import type { MemoryNetwork, MemoryTransport } from '../transport/memory/network.ts'
import { seededRandom, type VirtualTimers } from './clock.ts'
import { CORE_KINDS, type StoreKind } from './kinds.ts'

export interface Running {
  readonly backend: MemoryBackend
  readonly manager: LocalStoreManager
  readonly transport: MemoryTransport
  readonly engine: SyncEngine
}

export interface DeviceOptions {
  readonly name: string
  readonly seed: number
  readonly timers: VirtualTimers
  readonly network: MemoryNetwork
  /** Types that live in other layers. */
  readonly kinds: readonly StoreKind[]
  /** A commit takes up to so long; 0: it is done at once. */
  readonly commitMsMax: number
  /** How far its clock is ahead. */
  readonly skewMs: number
  readonly failed: (error: unknown) => void
  /** Something that the engine tells may have changed. */
  readonly changed: (device: SimNode) => void
}

/** How often what waits for the clock is looked at: virtual time makes it cheap. */
const WAKE_EVERY_MS = 10_000

const registryOf = (kinds: readonly StoreKind[]): StoreTypeRegistry =>
  kinds.reduce((registry, { register }) => (register ? registry.register(register) : registry), coreRegistry())

export class SimNode {
  readonly name: string
  readonly signer: Signer
  readonly #options: DeviceOptions
  readonly #random: () => number
  #disk = new MemoryDisk([...KERNEL_TABLES, ...SYNC_TABLES])
  #backup: MemoryDisk | undefined
  #running: Running | undefined
  #starting: Promise<void> | undefined
  /** Hashes of own writes whose submit has resolved, by store: they must survive any power cut. */
  readonly acknowledged = new Map<HexKey, Set<HexKey>>()
  /** Peers that it sent away because they misbehaved. */
  readonly dropped: { readonly peer: PublicKey; readonly why: string }[] = []
  /** Stores that its user took off it. */
  declined: ReadonlySet<HexKey> = new Set()

  constructor(options: DeviceOptions) {
    this.#options = options
    this.name = options.name
    this.signer = createSigner(sha256(new TextEncoder().encode(`${options.seed} ${options.name}`)))
    this.#random = seededRandom(options.seed * 31 + options.name.charCodeAt(0))
  }

  get running(): Running | undefined {
    return this.#running
  }

  get engine(): SyncEngine {
    invariant(this.#running, `${this.name} is running`)
    return this.#running.engine
  }

  get manager(): LocalStoreManager {
    invariant(this.#running, `${this.name} is running`)
    return this.#running.manager
  }

  /** Opening may write, so it takes virtual time: see `World.start`. */
  start(): Promise<void> {
    if (this.#running) return Promise.resolve()
    return (this.#starting ??= this.#start().finally(() => (this.#starting = undefined)))
  }

  async #start(): Promise<void> {
    const { timers, network, kinds, commitMsMax, skewMs, failed, changed } = this.#options
    const defer = (commit: () => void): void => void timers.after(this.#random() * commitMsMax, commit)
    const backend = this.#disk.open(commitMsMax > 0 ? { defer } : {})
    const manager = await LocalStoreManager.open({
      backend,
      registry: registryOf(kinds),
      signer: this.signer,
      verifier: new NodeVerifier(),
      clock: { nowMs: () => timers.nowMs() + skewMs },
      randomBytes: (length) => Uint8Array.from({ length }, () => Math.floor(this.#random() * 256)),
      deviceName: () => this.name,
      onError: failed,
    })
    const forgotten = readCatalog(backend).filter((entry) => entry.forgotten)
    this.declined = new Set(forgotten.map(({ storeId }) => bytesToHex(storeId)))
    const transport = network.join(this.signer.publicKey)
    // No disk here that a folder would still have to be brought to.
    const reportsProgress = () => false
    const onDropped = (peer: PublicKey, why: string) => void this.dropped.push({ peer, why })
    const engine = new SyncEngine({
      transport,
      stores: manager,
      timers,
      backend,
      reportsProgress,
      onDropped,
      onError: failed,
    })
    engine.onChange(() => changed(this))
    engine.start()
    this.#running = { backend, manager, transport, engine }
    this.#wakeDue(this.#running)
  }

  #wakeDue(running: Running): void {
    this.#options.timers.after(WAKE_EVERY_MS, () => {
      if (this.#running !== running) return
      running.manager.wakeDue().then(() => this.#wakeDue(running), this.#options.failed)
    })
  }

  /** The power goes: what is not committed is lost, nobody is told. */
  crash(): void {
    const running = this.#running
    if (!running) return
    this.#running = undefined
    this.#options.network.leave(running.transport)
    void running.engine[Symbol.asyncDispose]()
    running.backend.crash()
  }

  /** Copies the disk as it is now. */
  backUp(): void {
    this.#backup = this.#disk.clone()
  }

  /** Puts the copy back, if there is one: what was written since is gone here. To be started again. */
  restore(): boolean {
    if (!this.#backup || this.#starting) return false
    this.crash()
    this.#disk = this.#backup
    this.#backup = undefined
    return true
  }

  /** Takes a store off this device; what only it had written there is gone with it. */
  async decline(id: StoreId): Promise<void> {
    const hex = bytesToHex(id)
    this.declined = new Set([...this.declined, hex])
    this.acknowledged.delete(hex)
    await this.manager.remove(id)
  }

  store(id: StoreId): LocalStore | undefined {
    return this.#running?.manager.get(id)
  }

  has(id: StoreId): boolean {
    return (this.store(id)?.dag.count ?? 0) > 0
  }

  /** Writes something random; resolves with whether it was acknowledged, and never if the power goes before. */
  async write(id: StoreId, random: () => number): Promise<boolean> {
    const store = this.store(id)
    const kind = [...CORE_KINDS, ...this.#options.kinds].find(({ type }) => type === store?.type)
    if (!store || !kind) return false
    const done = await store.submit((state) => {
      const app = kind.write(this.name, random, state)
      return app && { app }
    })
    if (!done.ok || !done.value) return false
    const hex = bytesToHex(id)
    if (!this.acknowledged.has(hex)) this.acknowledged.set(hex, new Set())
    this.acknowledged.get(hex)!.add(bytesToHex(done.value.hash))
    return true
  }

  /** Every row of the store's state as text. */
  stateOf(id: StoreId): readonly string[] {
    const store = this.store(id)
    invariant(store && this.#running, `${this.name} holds the store`)
    return [...dumpState(this.#running.backend, store.core.number)].map(
      ([table, key, value]) => `${table} ${bytesToHex(key)} ${bytesToHex(value)}`,
    )
  }
}

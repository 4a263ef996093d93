/**
 * A seeded world of 2 to 5 devices: the real kernel over memory disks, the real engine over a memory network, virtual
 * time. Links break, partitions come and go, devices lose power and start again; afterwards everything heals and all
 * devices must hold the same set and the same bytes of state. The same seed replays exactly.
 */
import { create, toBinary } from '@bufbuild/protobuf'
import { KvOpSchema } from '#proto/kv'
import { bytesToHex, type StoreId } from '#kernel/core/bytes.ts'
import { sha256 } from '#kernel/core/hash.ts'
import { createSigner, NodeVerifier } from '#kernel/core/identity.ts'
import { invariant } from '#kernel/core/result.ts'
import type { Signer } from '#kernel/core/signing.ts'
import { coreRegistry } from '#kernel/state/registry.ts'
import { dumpState } from '#kernel/state/table.ts'
import { MemoryDisk } from '#kernel/storage/memory.ts'
import { LocalStoreManager } from '#kernel/store/manager.ts'
import type { LocalStore } from '#kernel/store/store.ts'
import { KERNEL_TABLES } from '#kernel/store/tables.ts'
import { SYNC_TABLES } from '../addressbook.ts'
import { SyncEngine } from '../engine.ts'
import { MemoryNetwork, type MemoryTransport } from '../transport/memory/network.ts'
import { seededRandom, VirtualTimers } from './clock.ts'
import { addMember } from './members.ts'

const text = new TextEncoder()

interface Running {
  readonly backend: ReturnType<MemoryDisk['open']>
  readonly manager: LocalStoreManager
  readonly transport: MemoryTransport
  readonly engine: SyncEngine
}

export class SimNode {
  readonly name: string
  readonly signer: Signer
  readonly #world: World
  readonly #disk = new MemoryDisk([...KERNEL_TABLES, ...SYNC_TABLES])
  readonly #random: () => number
  #running: Running | undefined
  #starting = false

  constructor(world: World, name: string, seed: number) {
    this.#world = world
    this.name = name
    this.signer = createSigner(sha256(text.encode(`${seed} ${name}`)))
    this.#random = seededRandom(seed * 31 + name.charCodeAt(0))
  }

  get running(): Running | undefined {
    return this.#running
  }

  get engine(): SyncEngine {
    invariant(this.#running, `${this.name} is running`)
    return this.#running.engine
  }

  async start(): Promise<void> {
    if (this.#running || this.#starting) return
    this.#starting = true
    const { timers, network } = this.#world
    const backend = this.#disk.open()
    const manager = await LocalStoreManager.open({
      backend,
      registry: coreRegistry(),
      signer: this.signer,
      verifier: new NodeVerifier(),
      clock: timers,
      randomBytes: (length) => Uint8Array.from({ length }, () => Math.floor(this.#random() * 256)),
      deviceName: () => this.name,
      onError: (error) => this.#world.errors.push(error),
    })
    const transport = network.join(this.signer.publicKey)
    const engine = new SyncEngine({ transport, stores: manager, timers, backend })
    engine.start()
    this.#running = { backend, manager, transport, engine }
    this.#starting = false
  }

  /** The power goes: what is not committed is lost, nobody is told. */
  crash(): void {
    const running = this.#running
    if (!running) return
    this.#running = undefined
    this.#world.network.leave(running.transport)
    void running.engine[Symbol.asyncDispose]()
    running.backend.crash()
  }

  store(id: StoreId): LocalStore | undefined {
    return this.#running?.manager.get(id)
  }

  /** Writes a random value to a few of ten keys; resolves with whether it was acknowledged. */
  async write(id: StoreId, random: () => number): Promise<boolean> {
    const store = this.store(id)
    if (!store) return false
    const writes = Array.from({ length: 1 + Math.floor(random() * 3) }, () => ({
      key: text.encode(`k${Math.floor(random() * 10)}`),
      write:
        random() < 0.8
          ? { case: 'value' as const, value: text.encode(`${this.name} ${random()}`) }
          : { case: 'delete' as const, value: true },
    }))
    try {
      const app = toBinary(KvOpSchema, create(KvOpSchema, { writes }))
      return (await store.submit(() => ({ app }))).ok
    } catch {
      return false // the power went before the commit
    }
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

export interface WorldOptions {
  readonly seed: number
  readonly nodes: number
  readonly latencyMs?: number
  readonly jitterMs?: number
}

export class World {
  readonly timers: VirtualTimers
  readonly network: MemoryNetwork
  readonly nodes: readonly SimNode[]
  /** Background failures of any device: must stay empty. */
  readonly errors: unknown[] = []

  constructor({ seed, nodes, latencyMs = 5, jitterMs = 20 }: WorldOptions) {
    this.timers = new VirtualTimers(seed)
    this.network = new MemoryNetwork({ timers: this.timers, latencyMs, jitterMs })
    this.nodes = Array.from({ length: nodes }, (_, i) => new SimNode(this, String.fromCharCode(97 + i), seed))
  }

  /** Starts everyone; the first founds a kv store, admits the rest, and everyone knows everyone's address. */
  async found(): Promise<StoreId> {
    for (const node of this.nodes) await node.start()
    const [founder, ...others] = this.nodes
    const created = await founder!.running!.manager.create('core:kv', { name: 'shared' })
    invariant(created.ok, 'a store can be founded')
    const { id } = created.value
    for (const { signer, name } of others) await addMember(created.value, signer.publicKey, name)
    for (const node of others) await node.running!.manager.adopt(id)
    for (const node of this.nodes)
      for (const other of this.nodes)
        if (node !== other)
          await node.engine.remember(other.signer.publicKey, [`/memory/${bytesToHex(other.signer.publicKey)}`])
    return id
  }

  /** Everyone up, every cut healed, every link retried at once. */
  async heal(): Promise<void> {
    for (const a of this.nodes)
      for (const b of this.nodes) if (a !== b) this.network.setCut(a.signer.publicKey, b.signer.publicKey, false)
    for (const node of this.nodes) await node.start()
    for (const node of this.nodes) node.engine.wake()
  }

  isConverged(id: StoreId): boolean {
    const prints = this.nodes.map((node) => node.store(id)?.dag.fingerprint())
    const first = prints[0]
    return first !== undefined && prints.every((print) => print && bytesToHex(print) === bytesToHex(first))
  }

  isLevel(id: StoreId): boolean {
    return this.nodes.every((node) => node.engine.isLevel(id) && node.running!.transport.connections().length > 0)
  }

  /** A device that says level: every connected peer must hold all that it holds. Names the first lie. */
  findLie(id: StoreId): string | undefined {
    for (const node of this.nodes) {
      if (!node.running || !node.store(id) || !node.engine.isLevel(id)) continue
      const connected = new Set(node.running.transport.connections().map(({ peerKey }) => peerKey))
      for (const other of this.nodes) {
        if (!other.running || !connected.has(bytesToHex(other.signer.publicKey))) continue
        for (const { hash } of node.store(id)!.dag.log())
          if (!other.store(id)?.dag.has(hash)) return `${node.name} says level, ${other.name} lacks an intention`
      }
    }
    return undefined
  }

  async dispose(): Promise<void> {
    for (const node of this.nodes) node.crash()
    await this.timers.run(1_000)
  }
}

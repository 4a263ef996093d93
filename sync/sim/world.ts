/**
 * A seeded world of 2 to 5 devices and one space with children, in virtual time. Links break, partitions come and go,
 * devices lose power and start again. The same seed replays exactly.
 */
import { bytesToHex, type HexKey, type StoreId } from '#kernel/core/bytes.ts'
import { invariant } from '#kernel/core/result.ts'
import { addPeer, makeIndependent } from '#kernel/store/admin.ts'
import { MemoryNetwork } from '../transport/memory/network.ts'
import { VirtualTimers } from './clock.ts'
import { SimNode } from './device.ts'
import type { StoreKind } from './kinds.ts'
import { addMember } from './members.ts'

export interface WorldOptions {
  readonly seed: number
  readonly nodes: number
  readonly latencyMs?: number
  readonly jitterMs?: number
  readonly commitMsMax?: number
  /** Of each device; default: all clocks agree. */
  readonly skewsMs?: readonly number[]
  readonly kinds?: readonly StoreKind[]
  readonly changed?: (device: SimNode) => void
}

/** Virtual time in which a step of setting up must be done. */
const SETUP_MS = 60_000

export class World {
  readonly timers: VirtualTimers
  readonly network: MemoryNetwork
  readonly nodes: readonly SimNode[]
  /** Background failures of any device: must stay empty. */
  readonly errors: unknown[] = []

  constructor(options: WorldOptions) {
    const { seed, nodes, latencyMs = 5, jitterMs = 20, commitMsMax = 0, skewsMs = [], kinds = [] } = options
    this.timers = new VirtualTimers(seed)
    this.network = new MemoryNetwork({ timers: this.timers, latencyMs, jitterMs })
    this.nodes = Array.from(
      { length: nodes },
      (_, i) =>
        new SimNode({
          name: String.fromCharCode(97 + i),
          seed,
          timers: this.timers,
          network: this.network,
          kinds,
          commitMsMax,
          skewMs: skewsMs[i] ?? 0,
          failed: (error) => this.errors.push(error),
          changed: options.changed ?? (() => undefined),
        }),
    )
  }

  /** Lets virtual time pass until the work is done: what waits for a disk cannot be awaited alone. */
  async finish<T>(work: Promise<T>): Promise<T> {
    let isDone = false
    const done = work.finally(() => (isDone = true))
    done.catch(() => undefined)
    await this.timers.run(SETUP_MS, () => isDone)
    invariant(isDone, 'a step of setting up ends')
    return done
  }

  /** Everyone knows everyone's address. */
  async #introduce(): Promise<void> {
    for (const node of this.nodes)
      for (const other of this.nodes) {
        const { publicKey } = other.signer
        if (node !== other) await node.engine.remember(publicKey, [`/memory/${bytesToHex(publicKey)}`])
      }
  }

  /** Starts everyone; the first founds a store, admits the rest. */
  found(type = 'core:kv'): Promise<StoreId> {
    return this.finish(this.#found(type, this.nodes))
  }

  async #found(type: string, members: readonly SimNode[]): Promise<StoreId> {
    for (const node of this.nodes) await node.start()
    const [founder, ...others] = members
    const created = await founder!.manager.create(type, { name: 'shared' })
    invariant(created.ok, 'a store can be founded')
    const { id } = created.value
    for (const { signer, name } of others) await addMember(created.value, signer.publicKey, name)
    for (const node of others) await node.manager.adopt(id)
    await this.#introduce()
    return id
  }

  /**
   * A space with a child of each type. With a guest, the last device is in nothing but one more child of the first
   * type, which lists its own peers; undefined without.
   */
  foundSpace(types: readonly string[], withGuest: boolean): Promise<{ space: StoreId; children: readonly StoreId[] }> {
    return this.finish(this.#foundSpace(types, withGuest))
  }

  async #foundSpace(types: readonly string[], withGuest: boolean) {
    const space = await this.#found('core:space', withGuest ? this.nodes.slice(0, -1) : this.nodes)
    const children: StoreId[] = []
    const create = async (type: string): Promise<StoreId> => {
      const created = await this.nodes[0]!.manager.create(type, { name: `${type} ${children.length}`, parent: space })
      invariant(created.ok, 'a child can be founded')
      children.push(created.value.id)
      return created.value.id
    }
    for (const type of types) await create(type)
    if (withGuest) {
      const { manager } = this.nodes[0]!
      const guest = this.nodes.at(-1)!
      const id = await create(types[0]!)
      const independent = await makeIndependent(manager, id)
      const added = await addPeer(manager, id, { device: guest.signer.publicKey, name: 'guest', role: 'writer' })
      invariant(independent.ok && added.ok, 'a child can have a guest')
      await guest.manager.adopt(id)
    }
    return { space, children }
  }

  /** Everyone up, every cut healed, every link retried at once. */
  async heal(): Promise<void> {
    for (const a of this.nodes)
      for (const b of this.nodes) if (a !== b) this.network.setCut(a.signer.publicKey, b.signer.publicKey, false)
    await this.finish(Promise.all(this.nodes.map((node) => node.start())))
    for (const node of this.nodes) node.engine.wake()
  }

  nodeOf(key: HexKey): SimNode | undefined {
    return this.nodes.find((node) => bytesToHex(node.signer.publicKey) === key)
  }

  async dispose(): Promise<void> {
    for (const node of this.nodes) node.crash()
    await this.timers.run(1_000)
  }
}

/**
 * One store's standing facts, between and inside transactions: its log, its genesis and its authority. Caches follow
 * the transaction that runs; a transaction that fails drops them.
 */
import { bytesToHex, type HexKey, type PublicKey, type StoreId } from '../core/bytes.ts'
import { parseGenesis } from '../core/intention.ts'
import type { DagReader } from '../dag/port.ts'
import { Authority } from '../state/authority.ts'
import { readMemberEvents } from '../state/members.ts'
import type { StateMachine } from '../state/port.ts'
import type { StoreTypeRegistry } from '../state/registry.ts'
import { openMembers, openSystem } from '../state/table.ts'
import { SystemView } from '../state/system.ts'
import type { StorageReader } from '../storage/port.ts'
import type { CatalogEntry } from './catalog.ts'
import { governing, type Jurisdiction } from './judge.ts'

export interface CoreEnv {
  readonly registry: StoreTypeRegistry
  /** An open store of this device. */
  find(storeHex: HexKey): StoreCore | undefined
  /** Stores whose space this is. */
  childrenOf(storeHex: HexKey): Iterable<StoreCore>
}

interface Genesis {
  readonly type: string
  readonly founder: PublicKey
}

export class StoreCore {
  readonly id: StoreId
  readonly hex: HexKey
  readonly number: number
  entry: CatalogEntry
  readonly #env: CoreEnv
  readonly #committed: { readonly tx: StorageReader; readonly dag: DagReader }
  #active: { readonly tx: StorageReader; readonly dag: DagReader } | undefined
  #genesis: Genesis | undefined
  #authority: Authority | undefined

  constructor(env: CoreEnv, entry: CatalogEntry, committed: { readonly tx: StorageReader; readonly dag: DagReader }) {
    this.#env = env
    this.id = entry.storeId
    this.hex = bytesToHex(entry.storeId)
    this.number = entry.number
    this.entry = entry
    this.#committed = committed
  }

  /** What to read from: the running transaction's view, else what is committed. */
  get view(): { readonly tx: StorageReader; readonly dag: DagReader } {
    return this.#active ?? this.#committed
  }

  enter(view: { readonly tx: StorageReader; readonly dag: DagReader }): void {
    this.#active = view
  }

  leave(): void {
    this.#active = undefined
  }

  /** Drops everything read so far. */
  forget(): void {
    this.#genesis = undefined
    this.#authority = undefined
  }

  /** An event was added: who may do what must be worked out anew. */
  forgetAuthority(): void {
    this.#authority = undefined
  }

  /** Undefined until the genesis is here. */
  get genesis(): Genesis | undefined {
    if (this.#genesis !== undefined) return this.#genesis
    const [first] = this.view.dag.log(0, 1)
    const intention = first === undefined ? undefined : this.view.dag.get(first.hash)
    if (intention === undefined) return undefined
    this.#genesis = { type: parseGenesis(intention.ops).type, founder: intention.author }
    return this.#genesis
  }

  get machine(): StateMachine<unknown> | undefined {
    return this.genesis === undefined ? undefined : this.#env.registry.get(this.genesis.type)?.machine
  }

  get system(): SystemView {
    return new SystemView(openSystem(this.view.tx, this.number))
  }

  /** From the store's own system table. */
  get authority(): Authority {
    if (this.#authority === undefined) {
      const { founder } = this.genesis ?? {}
      this.#authority = new Authority(
        this.hex,
        founder === undefined ? undefined : bytesToHex(founder),
        readMemberEvents(openMembers(this.view.tx, this.number), this.hex),
        (event, of) => this.view.dag.isAncestor(event, of),
      )
    }
    return this.#authority
  }

  get space(): StoreCore | undefined {
    return this.entry.parent === undefined ? undefined : this.#env.find(bytesToHex(this.entry.parent))
  }

  get children(): Iterable<StoreCore> {
    return this.#env.childrenOf(this.hex)
  }

  get jurisdiction(): Jurisdiction {
    const own = this.authority
    const independent = own.isIndependent
    return { storeHex: this.hex, own, independent, space: independent ? undefined : this.space?.authority }
  }

  get governing(): Authority {
    return governing(this.jurisdiction)
  }
}

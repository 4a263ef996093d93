/** A store as the layers above use it: submit, ingest, read, watch. One actor each; all its writes go through it. */
import type { SystemOp } from '#proto/system'
import type { Hash, HexKey, PublicKey, StoreId } from '../core/bytes.ts'
import type { LatticeError, Result } from '../core/result.ts'
import type { DagReader, Witnessed } from '../dag/port.ts'
import type { Change, StateReader } from '../state/port.ts'
import type { StorageWriter } from '../storage/port.ts'
import type { LastWord, Told } from './revocation.ts'

export type Role = 'reader' | 'writer' | 'admin'
export type PeerStatus = 'invited' | 'active' | 'dormant' | 'revoked'

export interface Peer {
  readonly device: PublicKey
  readonly name: string
  readonly role: Role
  readonly status: PeerStatus
}

export interface Invite {
  readonly secretHash: Hash
  readonly role: Role
  readonly expiresMs: number
  readonly uses: number
  readonly used: number
  readonly revoked: boolean
  /** It admits nobody by itself: an admin answers for each device that follows the link. */
  readonly approval: boolean
}

/** Who may do what in a store, resolved through its space where peers are inherited. */
export interface Access {
  peers(): readonly Peer[]
  peer(device: PublicKey): Peer | undefined
  /** Active peers, whatever their role, may read. */
  mayRead(device: PublicKey): boolean
  mayWrite(device: PublicKey): boolean
  mayAdminister(device: PublicKey): boolean
  invites(): readonly Invite[]
  /** The peers are those of the store's space. */
  readonly inherits: boolean
  /** What a device that was revoked once may be shown; undefined: it was not, or its space is to say so. */
  lastWordAbout(device: PublicKey): LastWord | undefined
}

export interface AppDraft {
  readonly app: Uint8Array
  /** What the store's type decodes `app` to, where whoever encoded it has that: it is not decoded again. */
  readonly op?: unknown
}

export type Draft = AppDraft | { readonly system: SystemOp } | { readonly merge: true }

export type SubmitErrorKind =
  'ops-too-large' | 'key-too-long' | 'not-permitted' | 'bad-op' | 'store-closed' | 'disk-full' | 'store-corrupt'
export type SubmitError = LatticeError<SubmitErrorKind>

/** Why one intention of a batch was refused. A refused one leaves no trace but its hash and reason in the events. */
export type RejectKind =
  | 'malformed'
  | 'bad-signature'
  | 'wrong-store'
  | 'bad-chain'
  | 'bad-clock'
  | 'too-large'
  | 'not-a-member'
  | 'floating-full'

export interface Rejected {
  readonly hash: Hash | undefined
  readonly error: LatticeError<RejectKind>
}

export interface IngestReport {
  readonly witnessed: number
  readonly floating: number
  readonly known: number
  readonly rejected: readonly Rejected[]
  /** Parents asked for by what now floats: fetch these from the sender. */
  readonly missing: readonly Hash[]
}

/** One commit's worth of change. `cursor` resumes a watch just after it: the witness position after the commit. */
export interface StoreChange {
  readonly cursor: number
  readonly changes: readonly Change[]
  /** What was witnessed, in order; `local` marks this device's own. */
  readonly witnessed: readonly { readonly hash: Hash; readonly local: boolean }[]
  /** State was refolded: read everything afresh. */
  readonly reset: boolean
  /** Peers, invites, children, the name or the strategy may have changed. */
  readonly system: boolean
}

export interface Store {
  readonly id: StoreId
  readonly type: string
  readonly name: string
  readonly access: Access
  readonly dag: DagReader
  readonly state: StateReader

  /**
   * Signs and commits one intention. `prepare` runs synchronously in the actor, on the state the intention will
   * follow, and says what to write; undefined: nothing, and the result is undefined. Resolves once durable.
   *
   * `alongside` writes records of the caller's own, in tables of its own, in the very same transaction: what the caller
   * remembers of a write is durable exactly when the write is. It runs last, and not at all when the draft is refused.
   */
  submit(
    prepare: (state: StateReader) => Draft | undefined,
    alongside?: (tx: StorageWriter, written: Witnessed | undefined) => void,
  ): Promise<Result<Witnessed | undefined, SubmitError>>

  /**
   * Takes serialised SignedIntentions from a peer, in any order: parses, verifies, witnesses or floats each.
   * One bad intention does not spoil the batch. Resolves once durable.
   */
  ingest(batch: readonly Uint8Array[], from: PublicKey): Promise<Result<IngestReport, LatticeError>>

  /**
   * Every change from `cursor` on (default: now), each exactly once, until the signal aborts or the store closes.
   * Changes queue as witness positions, not values: a slow reader costs nothing and is given merged changes.
   */
  watch(options?: { readonly cursor?: number; readonly signal?: AbortSignal }): AsyncIterable<StoreChange>

  /**
   * Checks what a peer showed as the last word about this device’s rights, without taking it into the log. Undefined: it is known
   * here, or not for this store to say.
   */
  checkLastWord(word: LastWord): Result<Told | undefined, LatticeError>

  /** Deletes state and folds the log again. Resolves with whether any byte of state differed. */
  rebuild(): Promise<{ readonly changed: boolean; readonly intentions: number }>
}

export interface StoreManagerEvents {
  opened(store: Store): void
  /** Its genesis is here: `type` is known from now on. Follows `opened`, at once or when peers delivered it. */
  ready(store: Store): void
  closed(storeId: StoreId): void
  /**
   * An author was first seen to have used one position of its chain twice: a device restored from a backup, or a key
   * in two places. Raised once per store and author. Nothing is lost: the device merges its branches as it writes on.
   */
  forked(store: Store, author: PublicKey): void
}

/** Opens, closes and reconciles stores from live state: a child added on one device appears on the others. */
export interface StoreManager extends AsyncDisposable {
  create(
    type: string,
    options: { readonly name: string; readonly parent?: StoreId },
  ): Promise<Result<Store, LatticeError>>
  /** Makes a store known before anything of it was received: its genesis and log come from peers. */
  adopt(storeId: StoreId): Promise<Result<Store, LatticeError>>
  /** Forgets a store of this device: closes it and deletes its log and state. */
  remove(storeId: StoreId): Promise<void>
  get(storeId: StoreId): Store | undefined
  byHex(storeId: HexKey): Store | undefined
  list(): readonly Store[]
  parentOf(storeId: StoreId): StoreId | undefined
  on<K extends keyof StoreManagerEvents>(event: K, listener: StoreManagerEvents[K]): () => void
}

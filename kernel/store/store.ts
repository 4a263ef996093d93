/**
 * One open store: the actor that all its writes go through. Writes of all stores queue in the storage backend, which
 * runs one body at a time and commits them in groups; what a commit did is told to readers once it is durable.
 */
import { createHash } from 'node:crypto'
import { bytesToHex, type Hash, type PublicKey, type StoreId } from '../core/bytes.ts'
import type { VerifiedIntention } from '../core/intention.ts'
import { err, latticeError, ok, type LatticeError, type Result } from '../core/result.ts'
import type { Clock, Signer } from '../core/signing.ts'
import type { DagReader, Witnessed } from '../dag/port.ts'
import { DagView } from '../dag/view.ts'
import type { StateReader } from '../state/port.ts'
import { dumpState, openState } from '../state/table.ts'
import { StorageError } from '../storage/errors.ts'
import type { StorageBackend, StorageReader, StorageWriter } from '../storage/port.ts'
import { StoreAccess } from './access.ts'
import { append } from './author.ts'
import type { CatalogEntry } from './catalog.ts'
import { StoreCore, type CoreEnv } from './core.ts'
import type { Access, Draft, IngestReport, Store, StoreChange, SubmitError } from './port.ts'
import { receive, type Verifiers } from './receive.ts'
import { checkLastWord, lastWordAbout, type LastWord, type Told } from './revocation.ts'
import { type Turn } from './turn.ts'
import { ChangeFeed, type Commit } from './watch.ts'
import { rebuild, witness } from './witness.ts'

/** What every store of a device shares. */
export interface StoreEnv extends CoreEnv {
  readonly backend: StorageBackend
  readonly signer: Signer
  readonly verifiers: Verifiers
  readonly clock: Clock
  /** Runs a body over stores in one transaction and, once durable, tells their readers. */
  transact<T>(body: (turn: Turn) => T): Promise<T>
}

/** Parents named to the sender of a batch; what is still missing then is named with the next. */
const MISSING_MAX = 1_024

/** A batch goes on in another transaction after this long, so that others get their turn. An intention is never split. */
const TURN_MS_MAX = 20

/** A hash over every row of a store's state. */
const digestState = (tx: StorageReader, storeNumber: number): string => {
  const hash = createHash('sha256')
  for (const [table, key, value] of dumpState(tx, storeNumber))
    hash.update(`${table} ${key.length} ${value.length} `).update(key).update(value)
  return hash.digest('hex')
}

/** What went wrong, and where: damage is the store's own, not that of the others. */
export const nameStore = (storeId: StoreId, { kind, message }: StorageError): string =>
  kind === 'store-corrupt' ? `store ${bytesToHex(storeId)}: ${message}` : message

const CLOSED = latticeError('store-closed', 'permanent', 'the store is closed')

export class LocalStore implements Store {
  readonly id: StoreId
  readonly access: Access
  readonly dag: DagReader
  readonly state: StateReader
  readonly core: StoreCore
  readonly #env: StoreEnv
  readonly #feed: ChangeFeed
  readonly #dag: DagView
  #closed = false

  constructor(env: StoreEnv, entry: CatalogEntry) {
    this.#env = env
    this.id = entry.storeId
    const dag = DagView.open(env.backend, entry.number)
    this.dag = dag
    this.#dag = dag
    this.state = openState(env.backend, entry.number)
    const core = new StoreCore(env, entry, { tx: env.backend, dag })
    this.core = core
    this.#feed = new ChangeFeed(dag.count, entry.resetAt)
    this.access = new StoreAccess({
      authority: () => core.governing,
      names: () => (core.jurisdiction.space === undefined ? core : (core.space ?? core)).system,
      own: () => core.system,
      inherits: () => core.jurisdiction.space !== undefined,
      lastWordAbout: (device) => lastWordAbout(core.authority, dag, device),
    })
  }

  get type(): string {
    return this.core.genesis?.type ?? ''
  }

  get name(): string {
    return this.core.system.name() || (this.core.space?.system.child(this.id)?.name ?? '')
  }

  async submit(
    prepare: (state: StateReader) => Draft | undefined,
    alongside?: (tx: StorageWriter, written: Witnessed | undefined) => void,
  ): Promise<Result<Witnessed | undefined, SubmitError>> {
    if (this.#closed) return err(CLOSED)
    try {
      return await this.#env.transact<Result<Witnessed | undefined, SubmitError>>((turn) => {
        if (this.#closed) return err(CLOSED)
        const draft = prepare(turn.work(this.core).tables)
        const done = draft === undefined ? ok(undefined) : append(turn, this.core, this.#env.signer, draft)
        if (done.ok) alongside?.(turn.tx, done.value)
        return done
      })
    } catch (error) {
      if (error instanceof StorageError && (error.kind === 'disk-full' || error.kind === 'store-corrupt'))
        return err(latticeError(error.kind, error.severity, nameStore(this.id, error)))
      throw error
    }
  }

  async ingest(batch: readonly Uint8Array[], from: PublicKey): Promise<Result<IngestReport, LatticeError>> {
    if (this.#closed) return err(CLOSED)
    const known = (hash: Hash) => this.dag.has(hash)
    const received = await receive(batch, this.id, known, this.#env.verifiers)
    const sum = { witnessed: 0, floating: 0, known: received.known, rejected: [...received.rejected] }
    try {
      for (let rest = received.verified; ;) {
        const step = await this.#env.transact((turn) => (this.#closed ? undefined : this.#ingestSome(turn, rest, from)))
        if (step === undefined) return err(CLOSED)
        const { report, missing, paused } = step
        sum.witnessed += report.witnessed.length
        sum.floating += report.floating
        sum.known += report.known
        sum.rejected.push(...report.rejected)
        rest = rest.slice(report.taken)
        if (rest.length === 0 && !paused) return ok({ ...sum, missing })
      }
    } catch (error) {
      if (error instanceof StorageError) return err(latticeError(error.kind, error.severity, nameStore(this.id, error)))
      throw error
    }
  }

  /** As much of a batch as one transaction may take; `paused`: what that woke is not all looked at either. */
  #ingestSome(turn: Turn, intentions: readonly VerifiedIntention[], from: PublicKey) {
    const { clock } = this.#env
    const endMs = clock.nowMs() + TURN_MS_MAX
    const report = witness(turn, this.core, intentions, from, { pause: () => clock.nowMs() >= endMs })
    const { dag } = turn.work(this.core)
    return { report, missing: dag.missing(MISSING_MAX), paused: dag.isPaused }
  }

  watch(options: { readonly cursor?: number; readonly signal?: AbortSignal } = {}): AsyncIterable<StoreChange> {
    return this.#feed.watch(options.cursor, options.signal)
  }

  async rebuild(): Promise<{ readonly changed: boolean; readonly intentions: number }> {
    return this.#env.transact((turn) => {
      const before = digestState(turn.tx, this.core.number)
      const intentions = rebuild(turn, this.core)
      const changed = digestState(turn.tx, this.core.number) !== before
      if (changed) turn.work(this.core).noteReset()
      return { changed, intentions }
    })
  }

  checkLastWord(word: LastWord): Result<Told | undefined, LatticeError> {
    if (this.access.inherits) return ok(undefined)
    const { signer, verifiers } = this.#env
    const sources = { storeId: this.id, access: this.access, dag: this.dag, verifier: verifiers.verifier }
    return checkLastWord(sources, signer.publicKey, word)
  }

  /** When the next intention that is ahead of the clock may be applied, in unix ms. */
  nextDueMs(): number | undefined {
    return this.#dag.nextDueMs()
  }

  /** Tells readers what became durable. */
  publish(commit: Commit): void {
    this.#feed.publish(commit)
  }

  /** Ends every watch once it has told what is committed. Further writes are refused. */
  close(): void {
    this.#closed = true
    this.#feed.close()
  }
}

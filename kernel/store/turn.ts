/**
 * One write transaction over one or more stores: what it reads, what it gathers, what it will tell once it is
 * durable. All of it is synchronous and runs inside the storage backend's write body.
 */
import { ByteMap } from '../core/byte-map.ts'
import type { HexKey, PublicKey } from '../core/bytes.ts'
import type { VerifiedIntention } from '../core/intention.ts'
import { InvariantError } from '../core/result.ts'
import { DagWriter, type Admission } from '../dag/dag.ts'
import type { Witnessed } from '../dag/port.ts'
import type { Change } from '../state/port.ts'
import { StoreTables } from '../state/table.ts'
import type { StorageWriter } from '../storage/port.ts'
import { putEntry, type CatalogEntry } from './catalog.ts'
import type { StoreCore } from './core.ts'
import { foldIntention } from './fold.ts'
import type { Leg } from './judge.ts'
import { Naming } from './naming.ts'
import type { Commit } from './watch.ts'

/** One store's part of a transaction. */
export class Work {
  readonly core: StoreCore
  readonly tx: StorageWriter
  readonly dag: DagWriter
  readonly tables: StoreTables
  readonly naming: Naming
  readonly #from: number
  readonly #entry: CatalogEntry
  readonly #changes = new ByteMap<Change>()
  readonly #witnessed: { hash: Witnessed['hash']; local: boolean }[] = []
  /** Decides for the log; set by whoever inserts into it. */
  admit: (intention: VerifiedIntention) => Admission = () => {
    throw new InvariantError('nothing may be inserted outside of witness()')
  }
  readonly #forked: PublicKey[] = []
  /** Takes what was witnessed; set as `admit` is. */
  witnessed: (witnessed: Witnessed, intention: VerifiedIntention) => void = () => {}
  /** Whether it is time to end the transaction; set as `admit` is. */
  pause: () => boolean = () => false
  #reset = false
  #system = false

  constructor(core: StoreCore, tx: StorageWriter) {
    this.core = core
    this.tx = tx
    this.dag = new DagWriter(tx, core.number, {
      admit: (intention) => this.admit(intention),
      witnessed: (witnessed, intention) => this.witnessed(witnessed, intention),
      pause: () => this.pause(),
    })
    this.tables = new StoreTables(tx, core.number)
    this.naming = new Naming(tx, core.number)
    this.#from = this.dag.count
    this.#entry = core.entry
  }

  /** Folds what is witnessed and allowed; notes what changed. */
  fold(leg: Leg, intention: Witnessed): void {
    const { changes, system } = foldIntention(leg, intention, this.dag, this.tables, this.core.machine)
    for (const change of changes) this.#changes.set(change.key, change)
    if (system) this.#system = true
  }

  noteWitnessed(hash: Witnessed['hash'], local: boolean): void {
    this.#witnessed.push({ hash, local })
  }

  noteForked(authors: readonly PublicKey[]): void {
    this.#forked.push(...authors)
  }

  /** State was folded anew. */
  noteReset(): void {
    this.#reset = true
    this.#system = true
    this.setEntry({ ...this.core.entry, resetAt: this.dag.count })
  }

  /** Peers, invites, children, the name or the strategy may have changed. */
  noteSystem(): void {
    this.#system = true
  }

  setEntry(entry: CatalogEntry): void {
    this.core.entry = entry
    putEntry(this.tx, entry)
  }

  /** The transaction failed: what the store's core has seen of it never happened. */
  undo(): void {
    this.core.entry = this.#entry
    this.core.forget()
  }

  /** Undefined: nothing happened here. */
  commit(): Commit | undefined {
    const to = this.dag.count
    if (to === this.#from && !this.#reset && !this.#system) return undefined
    return {
      from: this.#from,
      to,
      changes: this.#changes.values(),
      witnessed: this.#witnessed,
      reset: this.#reset,
      system: this.#system,
      forked: this.#forked,
    }
  }
}

/** All that one transaction does. */
export class Turn {
  readonly tx: StorageWriter
  readonly nowMs: number
  readonly #works = new Map<HexKey, Work>()

  constructor(tx: StorageWriter, nowMs: number) {
    this.tx = tx
    this.nowMs = nowMs
  }

  work(core: StoreCore): Work {
    let work = this.#works.get(core.hex)
    if (work === undefined) {
      work = new Work(core, this.tx)
      this.#works.set(core.hex, work)
      core.enter(work)
    }
    return work
  }

  get works(): Iterable<Work> {
    return this.#works.values()
  }

  /** Writes what the logs have gathered; the last thing a body does. Says what to tell readers once it is durable. */
  finish(): (readonly [StoreCore, Commit])[] {
    const commits: (readonly [StoreCore, Commit])[] = []
    for (const work of this.works) {
      work.dag.flush()
      const commit = work.commit()
      if (commit !== undefined) commits.push([work.core, commit])
    }
    return commits
  }

  /** Ends the transaction's view of every store it touched. */
  leave(failed: boolean): void {
    for (const work of this.works) {
      work.core.leave()
      work.tables.forget()
      if (failed) work.undo()
    }
  }
}

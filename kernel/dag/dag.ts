/**
 * Writes one store's DAG, inside a transaction of the caller. Open one per body, insert, `flush` at the end; a body
 * that throws drops it with its writes. Everything that reads through it sees what it has inserted so far.
 *
 * An intention is witnessed when its parents are, its time has come and `admit` lets it; else it floats. Each witness
 * is handed to `witnessed` before the next is looked at, so that the fold may change what `admit` answers.
 */
import { bytesToHex, compareBytes, concatBytes, type Hash, type HexKey, type PublicKey } from '../core/bytes.ts'
import { dueMs, hlcToMs } from '../core/hlc.ts'
import type { VerifiedIntention } from '../core/intention.ts'
import { invariant, latticeError, type LatticeError } from '../core/result.ts'
import type { StorageWriter } from '../storage/port.ts'
import { Floating, type FloatingLimits } from './floating.ts'
import type { RangeIndex, Witnessed } from './port.ts'
import { RangeTreeWriter } from './rangetree.ts'
import { encodeRecord, mergeVectors, nextChain, seqIn, type WitnessRecord } from './records.ts'
import { addTo } from './sum.ts'
import { writeSummary, type LogSummary } from './summary.ts'
import {
  authorKey,
  chainKey,
  keyOf,
  positionBytes,
  positionKey,
  readUint,
  TABLE,
  type StoreNumber,
  under,
} from './tables.ts'
import { DagView, toWitnessed } from './view.ts'

/** `float`: its author's grant is not known yet; `wakeGated` asks again. */
export type Admission = 'apply' | 'exclude' | 'float'

export interface DagHooks {
  /** Asked when everything else is satisfied: may this intention count? Called in witness order. */
  admit(intention: VerifiedIntention, dag: DagWriter): Admission
  /** Folds what was just witnessed, before anything else happens. */
  witnessed(witnessed: Witnessed, intention: VerifiedIntention, dag: DagWriter): void
  /** Whether the transaction has taken long enough: what is left to wake waits for `resume`, in a later one. */
  pause(): boolean
}

export type DagRejectKind = 'wrong-store' | 'bad-chain' | 'bad-clock' | 'floating-full'

export interface DagRejection {
  readonly hash: Hash
  readonly error: LatticeError<DagRejectKind>
}

export interface Arrival {
  readonly wallMs: number
  /** Who sent it; undefined: this device. */
  readonly from: PublicKey | undefined
}

/** What one call did. `witnessed` is in witness order and includes what it woke; so does `rejected`. */
export interface Insertion {
  readonly outcome: 'witnessed' | 'floating' | 'known' | 'rejected'
  readonly witnessed: readonly Witnessed[]
  readonly rejected: readonly DagRejection[]
  /** Authors seen to reuse a seq for the first time. */
  readonly forked: readonly PublicKey[]
}

interface Tally {
  readonly witnessed: Witnessed[]
  readonly rejected: DagRejection[]
  readonly forked: PublicKey[]
  /** How many of `witnessed` had their children woken. */
  asked: number
}

const newTally = (): Tally => ({ witnessed: [], rejected: [], forked: [], asked: 0 })
const toInsertion = (outcome: Insertion['outcome'], { witnessed, rejected, forked }: Tally): Insertion => ({
  outcome,
  witnessed,
  rejected,
  forked,
})

/** Records kept in memory while a transaction lasts; the parents of what comes next are among the latest. */
const RECORDS_MAX = 2_048

export class DagWriter extends DagView {
  readonly #tx: StorageWriter
  readonly #hooks: DagHooks
  readonly #summary: LogSummary
  readonly #tree: RangeTreeWriter
  readonly #floating: Floating
  readonly #records = new Map<number, WitnessRecord>()
  readonly #positions = new Map<HexKey, number>()
  readonly #authors = new Map<HexKey, number>()
  readonly #forked = new Set<number>()

  constructor(tx: StorageWriter, number: StoreNumber, hooks: DagHooks, limits?: FloatingLimits) {
    super(tx, number)
    this.#tx = tx
    this.#hooks = hooks
    this.#summary = super.summary()
    this.#tree = new RangeTreeWriter(tx, number)
    this.#floating = new Floating(tx, number, this.#summary, limits)
    for (const [key] of tx.range(TABLE.authors, under(authorKey.forkedAll(number))))
      this.#forked.add(readUint(key, 5, 4))
  }

  override get ranges(): RangeIndex {
    return this.#tree
  }

  /** Takes one verified intention and everything that it wakes. */
  insert(intention: VerifiedIntention, arrival: Arrival): Insertion {
    const tally = newTally()
    if (this.has(intention.hash) || this.floats(intention.hash)) return toInsertion('known', tally)
    const outcome = this.#settle(intention, arrival, tally, false)
    this.#wakeChildren(arrival.wallMs, tally)
    return toInsertion(outcome, tally)
  }

  /** Goes on waking where an earlier transaction paused. Always makes some progress. */
  resume(wallMs: number): Insertion {
    const tally = newTally()
    for (const parent of this.#floating.postponed()) {
      this.#floating.resume(parent)
      this.#wakeChildrenOf(parent, wallMs, tally)
      this.#wakeChildren(wallMs, tally)
      if (this.#hooks.pause()) break
    }
    return toInsertion(tally.witnessed.length > 0 ? 'witnessed' : 'floating', tally)
  }

  /** Whether `resume` has something to do. */
  get isPaused(): boolean {
    return this.#floating.postponed().length > 0
  }

  /** Looks again at intentions that wait for a grant: of one author, or of all. */
  wakeGated(wallMs: number, author?: PublicKey): Insertion {
    return this.#wakeAll(this.#floating.gated(author), wallMs)
  }

  /** Applies what was ahead of the clock and no longer is. */
  wakeDue(wallMs: number): Insertion {
    return this.#wakeAll(this.#floating.due(wallMs), wallMs)
  }

  /** Forgets what has floated for longer than the limits allow. Returns what was dropped. */
  expire(wallMs: number): readonly Hash[] {
    return this.#floating.expire(wallMs)
  }

  /** Marks a witnessed intention as beyond (or back within) its author's right to write. */
  setExcluded(hash: Hash, excluded: boolean): void {
    const position = this.positionOf(hash)
    invariant(position !== undefined, 'only what is witnessed can be excluded')
    this.#putRecord({ ...this.recordAt(position), excluded })
  }

  /** Writes what the transaction has gathered. Call it at the end of the body, once or more. */
  flush(): void {
    this.#tree.flush()
    writeSummary(this.#tx, this.number, this.#summary)
  }

  protected override summary(): LogSummary {
    return this.#summary
  }

  protected override positionOf(hash: Hash): number | undefined {
    return this.#positions.get(bytesToHex(hash)) ?? super.positionOf(hash)
  }

  protected override recordAt(position: number): WitnessRecord {
    const known = this.#records.get(position)
    if (known) return known
    const record = super.recordAt(position)
    this.#remember(record)
    return record
  }

  protected override authorNumber(author: PublicKey): number | undefined {
    const hex = bytesToHex(author)
    const known = this.#authors.get(hex) ?? super.authorNumber(author)
    if (known !== undefined) this.#authors.set(hex, known)
    return known
  }

  protected override floats(hash: Hash): boolean {
    return this.#summary.floatingCount > 0 && super.floats(hash)
  }

  protected override isForked(author: number): boolean {
    return this.#forked.has(author)
  }

  #wakeAll(hashes: readonly Hash[], wallMs: number): Insertion {
    const tally = newTally()
    for (const hash of hashes) {
      this.#wake(hash, wallMs, tally)
      this.#wakeChildren(wallMs, tally)
    }
    return toInsertion(tally.witnessed.length > 0 ? 'witnessed' : 'floating', tally)
  }

  /** Breadth first, in the order things were witnessed and then of hashes. */
  #wakeChildren(wallMs: number, tally: Tally): void {
    while (tally.asked < tally.witnessed.length) {
      const parent = tally.witnessed[tally.asked++]!.hash
      if (this.#summary.floatingCount === 0) continue
      if (this.#hooks.pause()) this.#floating.postpone(parent)
      else this.#wakeChildrenOf(parent, wallMs, tally)
    }
  }

  /** At least one of them. */
  #wakeChildrenOf(parent: Hash, wallMs: number, tally: Tally): void {
    for (const [i, child] of this.#floating.childrenOf(parent).entries()) {
      if (i > 0 && this.#hooks.pause()) return this.#floating.postpone(parent)
      this.#wake(child, wallMs, tally)
    }
  }

  #wake(hash: Hash, wallMs: number, tally: Tally): void {
    const waiting = this.#floating.take(hash)
    if (waiting) this.#settle(waiting.intention, { wallMs, from: waiting.from }, tally, waiting.arrivedMs)
  }

  /** Witnesses, floats or rejects. `since`: when it arrived, for what floated before; false: it is new. */
  #settle(intention: VerifiedIntention, arrival: Arrival, tally: Tally, since: number | false): Insertion['outcome'] {
    const reject = (kind: DagRejectKind, message: string) => {
      tally.rejected.push({ hash: intention.hash, error: latticeError(kind, 'permanent', message) })
      return 'rejected' as const
    }
    if (compareBytes(intention.storeId, this.#summary.storeId) !== 0)
      return reject('wrong-store', 'the intention belongs to another store')
    const float = (wait: 'parents' | 'clock' | 'grant', missing: readonly Hash[] = []) =>
      this.#floating.add(intention, {
        wait,
        missing,
        from: arrival.from,
        arrivedMs: since === false ? arrival.wallMs : since,
      })
        ? ('floating' as const)
        : reject('floating-full', 'too much of what was sent still waits for something that is missing')
    const names = intention.prev ? [intention.prev, ...intention.deps] : intention.deps
    const positions = names.map((name) => this.positionOf(name))
    if (positions.includes(undefined))
      return float(
        'parents',
        names.filter((_, i) => positions[i] === undefined),
      )
    const parents = (positions as number[]).map((position) => this.recordAt(position))
    const wrong = this.#misfit(intention, parents)
    if (wrong) return reject(...wrong)
    if (dueMs(intention.hlc) > arrival.wallMs) return float('clock')
    const admission = this.#hooks.admit(intention, this)
    if (admission === 'float') return float('grant')
    const witnessed = this.#witness(intention, parents, admission === 'exclude', arrival.wallMs, tally)
    tally.witnessed.push(witnessed)
    this.#hooks.witnessed(witnessed, intention, this)
    return 'witnessed'
  }

  /** What makes an intention impossible once its parents are known. */
  #misfit(intention: VerifiedIntention, parents: readonly WitnessRecord[]): [DagRejectKind, string] | undefined {
    const { prev, seq, hlc } = intention
    const author = this.authorNumber(intention.author)
    if (prev && (parents[0]!.author !== author || parents[0]!.seq !== seq - 1))
      return ['bad-chain', 'prev is not the author’s previous intention']
    if (parents.some((parent) => parent.hlc >= hlc)) return ['bad-clock', 'its time is not after that of its parents']
    return undefined
  }

  #witness(
    intention: VerifiedIntention,
    parents: readonly WitnessRecord[],
    excluded: boolean,
    wallMs: number,
    tally: Tally,
  ): Witnessed {
    const { hash, seq, hlc } = intention
    const summary = this.#summary
    const author = this.#authorFor(intention.author)
    const past = parents.reduce<WitnessRecord['vector']>((vector, parent) => mergeVectors(vector, parent.vector), [])
    const record: WitnessRecord = {
      position: summary.count,
      hash,
      chain: nextChain(summary.chain, hash),
      wallMs,
      excluded,
      author,
      seq,
      hlc,
      generation: parents.reduce((most, parent) => Math.max(most, parent.generation + 1), 0),
      parents: parents.map((parent) => parent.position),
      vector: mergeVectors(past, [author, seq]),
    }
    if (this.#putChain(author, seq, record.position)) tally.forked.push(intention.author)
    this.#putRecord(record)
    this.#tx.put(TABLE.bodies, positionKey(this.number, record.position), intention.bytes)
    this.#tx.put(TABLE.intentions, keyOf(this.number, hash), positionBytes(record.position))
    this.#positions.set(bytesToHex(hash), record.position)
    this.#tree.insert(BigInt(hlcToMs(hlc)), hash)
    summary.count++
    summary.chain = record.chain
    addTo(summary.fingerprint, hash)
    summary.vector = mergeVectors(summary.vector, [author, seq])
    for (const parent of parents) summary.heads.delete(bytesToHex(parent.hash))
    summary.heads.set(bytesToHex(hash), hash)
    return toWitnessed(intention, record)
  }

  /** Returns whether the author reused a seq and was not known to. */
  #putChain(author: number, seq: number, position: number): boolean {
    const key = chainKey(this.number, author, seq)
    const reused = seq <= seqIn(this.#summary.vector, author)
    const others = reused ? this.#tx.get(TABLE.chains, key) : undefined
    this.#tx.put(TABLE.chains, key, others ? concatBytes(others, positionBytes(position)) : positionBytes(position))
    if (!reused || this.#forked.has(author)) return false
    this.#forked.add(author)
    this.#tx.put(TABLE.authors, authorKey.forked(this.number, author), new Uint8Array())
    return true
  }

  #authorFor(author: PublicKey): number {
    const known = this.authorNumber(author)
    if (known !== undefined) return known
    const number = this.#summary.authors++
    this.#authors.set(bytesToHex(author), number)
    this.#tx.put(TABLE.authors, authorKey.byPublicKey(this.number, author), keyOf(number))
    this.#tx.put(TABLE.authors, authorKey.byNumber(this.number, number), author)
    return number
  }

  #putRecord(record: WitnessRecord): void {
    this.#tx.put(TABLE.log, positionKey(this.number, record.position), encodeRecord(record))
    this.#remember(record)
  }

  #remember(record: WitnessRecord): void {
    this.#records.set(record.position, record)
    if (this.#records.size > RECORDS_MAX) this.#records.delete(this.#records.keys().next().value!)
  }
}

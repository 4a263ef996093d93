/**
 * Reads one store's DAG. A view has no state of its own worth the name: every call reads storage, so it is as current
 * as its reader, and opening one costs nothing whatever the length of the log.
 */
import type { FloatingRecord } from '#proto/storage'
import { bytesToHex, equalBytes, type Hash, type HexKey, type PublicKey } from '../core/bytes.ts'
import { readStoredIntention, type VerifiedIntention } from '../core/intention.ts'
import { StorageError } from '../storage/errors.ts'
import { keyAfter } from '../storage/keys.ts'
import type { StorageReader } from '../storage/port.ts'
import { decodeFloatingRecord } from './floating.ts'
import type { Branching, DagReader, Dot, LogEntry, RangeIndex, VersionVector, Witnessed } from './port.ts'
import { RangeTree } from './rangetree.ts'
import { decodeRecord, seqIn, type WitnessRecord } from './records.ts'
import { readSummary, type LogSummary } from './summary.ts'
import {
  authorKey,
  chainKey,
  FIRST_AT,
  keyOf,
  KIND,
  positionKey,
  readPositions,
  readUint,
  seqOfChainKey,
  TABLE,
  timeOfKey,
  under,
  waitKey,
  type StoreNumber,
} from './tables.ts'
import { commonAncestors, isAncestorByWalk, pathBetween } from './walk.ts'

const damaged = (why: string) => new StorageError('store-corrupt', `the log is damaged: ${why}`)

export class DagView implements DagReader {
  readonly number: StoreNumber
  protected readonly reader: StorageReader

  protected constructor(reader: StorageReader, number: StoreNumber) {
    this.reader = reader
    this.number = number
  }

  /** Over committed state, or inside a transaction over what it has flushed. */
  static open(reader: StorageReader, number: StoreNumber): DagView {
    return new DagView(reader, number)
  }

  get count(): number {
    return this.summary().count
  }

  get ranges(): RangeIndex {
    return new RangeTree(this.reader, this.number)
  }

  has(hash: Hash): boolean {
    return this.positionOf(hash) !== undefined
  }

  get(hash: Hash): Witnessed | undefined {
    const position = this.positionOf(hash)
    return position === undefined ? undefined : this.witnessedAt(position)
  }

  signedBytes(hash: Hash): Uint8Array | undefined {
    const position = this.positionOf(hash)
    return position === undefined ? this.floatingRecord(hash)?.signed : this.bodyAt(position)
  }

  heads(): readonly Hash[] {
    return [...this.summary().heads.values()]
  }

  vector(): VersionVector {
    const { vector } = this.summary()
    const out = new Map<HexKey, number>()
    for (let i = 0; i < vector.length; i += 2) out.set(bytesToHex(this.authorAt(vector[i]!)), vector[i + 1]!)
    return out
  }

  forkedAuthors(): ReadonlySet<HexKey> {
    const forked = new Set<HexKey>()
    for (const [key] of this.reader.range(TABLE.authors, under(authorKey.forkedAll(this.number))))
      forked.add(bytesToHex(this.authorAt(readUint(key, 5, 4))))
    return forked
  }

  fingerprint(): Uint8Array {
    return this.summary().fingerprint.slice()
  }

  /** `SHA-256(previous chain ‖ hash)` of the last witness record: names this node's whole order. */
  logChain(): Hash {
    return this.summary().chain
  }

  *chain(author: PublicKey, fromSeq: number, toSeq: number): Generator<{ hash: Hash; seq: number }> {
    const number = this.authorNumber(author)
    if (number === undefined || toSeq < fromSeq) return
    const range = {
      gte: chainKey(this.number, number, Math.max(0, fromSeq)),
      lt: chainKey(this.number, number, toSeq + 1),
    }
    for (const [key, value] of this.reader.range(TABLE.chains, range))
      for (const position of readPositions(value)) yield { hash: this.recordAt(position).hash, seq: seqOfChainKey(key) }
  }

  *log(fromWitnessSeq = 0, limit = Infinity): Generator<LogEntry> {
    const range = { gte: positionKey(this.number, fromWitnessSeq), lt: keyOf(this.number + 1), limit }
    for (const [key, value] of this.reader.range(TABLE.log, range)) {
      const { position, hash, wallMs } = decodeRecord(readUint(key, 4, 6), value)
      yield { witnessSeq: position, hash, wallMs }
    }
  }

  missing(limit: number): readonly Hash[] {
    const missing: Hash[] = []
    const all = under(waitKey.all(this.number, KIND.parent))
    for (let from = all.gte!; missing.length < limit;) {
      const next = this.reader.range(TABLE.waiting, { gte: from, lt: all.lt, limit: 1 })[Symbol.iterator]().next()
      if (next.done) break
      const parent = next.value[0].slice(FIRST_AT, FIRST_AT + 32) as Hash
      if (!this.floats(parent)) missing.push(parent)
      from = keyAfter(keyOf(this.number, [KIND.parent, 1], parent, new Uint8Array(32).fill(0xff)))
    }
    return missing
  }

  /** When the next intention that is ahead of the clock may be applied, in unix ms. */
  nextDueMs(): number | undefined {
    const due = under(waitKey.all(this.number, KIND.due))
    for (const [key] of this.reader.range(TABLE.waiting, { ...due, limit: 1 })) return timeOfKey(key)
    return undefined
  }

  floatingCount(): number {
    return this.summary().floatingCount
  }

  isAncestor(ancestor: Dot, of: Hash): boolean {
    if (equalBytes(ancestor.hash, of)) return true
    const position = this.positionOf(of)
    const author = this.authorNumber(ancestor.author)
    if (position === undefined || author === undefined) return false
    const record = this.recordAt(position)
    if (seqIn(record.vector, author) < ancestor.seq) return false
    if (!this.isForked(author)) return true
    const start = this.positionOf(ancestor.hash)
    return start !== undefined && isAncestorByWalk(this.recordAt(start), record, (p) => this.recordAt(p))
  }

  /** The maximal common ancestors: usually one; several after a criss-cross; none when either is not witnessed. */
  lca(a: Hash, b: Hash): readonly Hash[] {
    return this.branches([a, b]).fork
  }

  /** Every intention after `from`, up to and including `to`, that lies on a way between them, parents first. */
  path(from: Hash, to: Hash): readonly Hash[] {
    const start = this.positionOf(from)
    const end = this.positionOf(to)
    if (start === undefined || end === undefined) return []
    const at = (position: number) => this.recordAt(position)
    return pathBetween(at(start), at(end), at).map((position) => at(position).hash)
  }

  /** Heads that are not witnessed are left out. */
  branches(heads: readonly Hash[]): Branching {
    const starts: number[] = []
    for (const head of heads) {
      const position = this.positionOf(head)
      if (position === undefined) return { fork: [], branches: new Map() }
      starts.push(position)
    }
    const hashAt = (position: number) => this.recordAt(position).hash
    const { fork, own } = commonAncestors(starts, (position) => this.recordAt(position))
    const branches = heads.map((head, i) => [bytesToHex(head), own[i]!.map(hashAt)] as const)
    return { fork: fork.map(hashAt), branches: new Map(branches) }
  }

  protected summary(): LogSummary {
    return readSummary(this.reader, this.number)
  }

  protected positionOf(hash: Hash): number | undefined {
    const value = this.reader.get(TABLE.intentions, keyOf(this.number, hash))
    return value && readPositions(value)[0]
  }

  protected recordAt(position: number): WitnessRecord {
    const bytes = this.reader.get(TABLE.log, positionKey(this.number, position))
    if (!bytes) throw damaged(`witness record ${position} is missing`)
    return decodeRecord(position, bytes)
  }

  /** Both ways must agree: an author taken for another would give its chain a second start. */
  protected authorNumber(author: PublicKey): number | undefined {
    const value = this.reader.get(TABLE.authors, authorKey.byPublicKey(this.number, author))
    if (!value) return undefined
    const number = readUint(value, 0, 4)
    const key = this.reader.get(TABLE.authors, authorKey.byNumber(this.number, number))
    if (!key || !equalBytes(key, author)) throw damaged('the number of an author is not its own')
    return number
  }

  protected authorAt(number: number): PublicKey {
    const key = this.reader.get(TABLE.authors, authorKey.byNumber(this.number, number))
    if (!key) throw damaged(`author ${number} is missing`)
    const value = this.reader.get(TABLE.authors, authorKey.byPublicKey(this.number, key as PublicKey))
    if (!value || readUint(value, 0, 4) !== number) throw damaged(`author ${number} is not what it was`)
    return key as PublicKey
  }

  protected isForked(author: number): boolean {
    return this.reader.get(TABLE.authors, authorKey.forked(this.number, author)) !== undefined
  }

  protected floats(hash: Hash): boolean {
    return this.reader.count(TABLE.floating, under(keyOf(this.number, hash))) > 0
  }

  protected floatingRecord(hash: Hash): FloatingRecord | undefined {
    const bytes = this.reader.get(TABLE.floating, keyOf(this.number, hash))
    return bytes && decodeFloatingRecord(bytes)
  }

  protected bodyAt(position: number): Uint8Array {
    const bytes = this.reader.get(TABLE.bodies, positionKey(this.number, position))
    if (!bytes) throw damaged(`intention ${position} is missing`)
    return bytes
  }

  /** The intention at a position of the witness log; a gap is damage, not an answer. */
  witnessedAt(position: number): Witnessed {
    const intention = readStoredIntention(this.bodyAt(position))
    const record = this.recordAt(position)
    if (!intention || !equalBytes(intention.hash, record.hash))
      throw damaged(`intention ${position} is not what was signed`)
    return toWitnessed(intention, record)
  }
}

export const toWitnessed = (intention: VerifiedIntention, record: WitnessRecord): Witnessed => ({
  hash: intention.hash,
  author: intention.author,
  seq: intention.seq,
  hlc: intention.hlc,
  prev: intention.prev,
  deps: intention.deps,
  ops: intention.ops,
  witnessSeq: record.position,
  generation: record.generation,
  excluded: record.excluded,
})

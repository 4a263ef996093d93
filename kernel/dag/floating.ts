/**
 * Intentions that are valid but cannot be applied yet, indexed by what they wait for, bounded per peer and in total,
 * and dropped when nothing came for too long. Dropping loses nothing: peers that have one send it again.
 */
import { create, fromBinary, toBinary } from '@bufbuild/protobuf'
import { FloatingRecordSchema, type FloatingRecord } from '#proto/storage'
import type { Hash, PublicKey } from '../core/bytes.ts'
import { dueMs } from '../core/hlc.ts'
import { readStoredIntention, type VerifiedIntention } from '../core/intention.ts'
import { StorageError } from '../storage/errors.ts'
import type { StorageWriter } from '../storage/port.ts'
import type { LogSummary } from './summary.ts'
import { hashOfKey, keyOf, KIND, readUint, TABLE, timeOfKey, under, waitKey, type StoreNumber } from './tables.ts'

export interface FloatingLimits {
  readonly countMax: number
  readonly bytesMax: number
  readonly peerBytesMax: number
  readonly ageMsMax: number
}

/** One message is at most 4 MiB; a peer may have a few on their way, and a bootstrap arrives from several at once. */
export const FLOATING_LIMITS: FloatingLimits = {
  countMax: 50_000,
  bytesMax: 64 * 1_024 * 1_024,
  peerBytesMax: 16 * 1_024 * 1_024,
  ageMsMax: 7 * 24 * 3_600 * 1_000,
}

export interface Wait {
  readonly wait: 'parents' | 'clock' | 'grant'
  readonly missing: readonly Hash[]
  readonly from: PublicKey | undefined
  readonly arrivedMs: number
}

export interface Taken {
  readonly intention: VerifiedIntention
  readonly from: PublicKey | undefined
  readonly arrivedMs: number
}

const NOTHING = new Uint8Array()

export class Floating {
  readonly #tx: StorageWriter
  readonly #store: StoreNumber
  readonly #summary: LogSummary
  readonly #limits: FloatingLimits

  constructor(tx: StorageWriter, store: StoreNumber, summary: LogSummary, limits: FloatingLimits = FLOATING_LIMITS) {
    this.#tx = tx
    this.#store = store
    this.#summary = summary
    this.#limits = limits
  }

  /** False: there is no room. What this device wrote itself always has room. */
  add(intention: VerifiedIntention, { wait, missing, from, arrivedMs }: Wait): boolean {
    const { hash, author, hlc, bytes } = intention
    const peerBytes = from ? this.#peerBytes(from) + bytes.length : 0
    const { floatingCount, floatingBytes } = this.#summary
    const { countMax, bytesMax, peerBytesMax } = this.#limits
    if (from && (floatingCount >= countMax || floatingBytes + bytes.length > bytesMax || peerBytes > peerBytesMax))
      return false
    const record = create(FloatingRecordSchema, { arrivedMs: BigInt(arrivedMs), from: from ?? NOTHING, signed: bytes })
    this.#tx.put(TABLE.floating, keyOf(this.#store, hash), toBinary(FloatingRecordSchema, record))
    const put = (key: Uint8Array) => this.#tx.put(TABLE.waiting, key, NOTHING)
    if (wait === 'parents') for (const parent of missing) put(waitKey.parent(this.#store, parent, hash))
    if (wait === 'clock') put(waitKey.due(this.#store, dueMs(hlc), hash))
    if (wait === 'grant') put(waitKey.gate(this.#store, author, hash))
    put(waitKey.arrival(this.#store, arrivedMs, hash))
    this.#summary.floatingCount++
    this.#summary.floatingBytes += bytes.length
    if (from) this.#setPeerBytes(from, peerBytes)
    return true
  }

  /** Removes one, so that it can be looked at again. */
  take(hash: Hash): Taken | undefined {
    const key = keyOf(this.#store, hash)
    const bytes = this.#tx.get(TABLE.floating, key)
    if (!bytes) return undefined
    const taken = decodeFloating(bytes)
    const { intention, from, arrivedMs } = taken
    const { author, hlc, prev, deps } = intention
    this.#tx.delete(TABLE.floating, key)
    const drop = (waiting: Uint8Array) => this.#tx.delete(TABLE.waiting, waiting)
    for (const parent of prev ? [prev, ...deps] : deps) drop(waitKey.parent(this.#store, parent, hash))
    drop(waitKey.due(this.#store, Math.max(0, dueMs(hlc)), hash))
    drop(waitKey.gate(this.#store, author, hash))
    drop(waitKey.arrival(this.#store, arrivedMs, hash))
    this.#summary.floatingCount--
    this.#summary.floatingBytes -= intention.bytes.length
    if (from) this.#setPeerBytes(from, this.#peerBytes(from) - intention.bytes.length)
    return taken
  }

  /** What waits for this parent, in order of hashes. */
  childrenOf(parent: Hash): Hash[] {
    if (this.#summary.floatingCount === 0) return []
    return this.#hashes(waitKey.all(this.#store, KIND.parent, parent))
  }

  /** Notes that what waits for this parent is to be woken by a later transaction. */
  postpone(parent: Hash): void {
    this.#tx.put(TABLE.waiting, waitKey.resume(this.#store, parent), NOTHING)
  }

  /** Parents whose children were put off. */
  postponed(): Hash[] {
    return this.#hashes(waitKey.all(this.#store, KIND.resume))
  }

  /** Takes a parent off that list. */
  resume(parent: Hash): void {
    this.#tx.delete(TABLE.waiting, waitKey.resume(this.#store, parent))
  }

  gated(author?: PublicKey): Hash[] {
    return this.#hashes(waitKey.all(this.#store, KIND.gate, ...(author ? [author] : [])))
  }

  due(wallMs: number): Hash[] {
    return this.#until(KIND.due, wallMs)
  }

  expire(wallMs: number): Hash[] {
    const old = this.#until(KIND.arrival, wallMs - this.#limits.ageMsMax)
    for (const hash of old) this.take(hash)
    return old
  }

  #hashes(prefix: Uint8Array): Hash[] {
    return [...this.#tx.range(TABLE.waiting, under(prefix))].map(([key]) => hashOfKey(key))
  }

  #until(kind: number, timeMs: number): Hash[] {
    const hashes: Hash[] = []
    for (const [key] of this.#tx.range(TABLE.waiting, under(waitKey.all(this.#store, kind)))) {
      if (timeOfKey(key) > timeMs) break
      hashes.push(hashOfKey(key))
    }
    return hashes
  }

  #peerBytes(peer: PublicKey): number {
    const value = this.#tx.get(TABLE.waiting, waitKey.peer(this.#store, peer))
    return value ? readUint(value, 0, 6) : 0
  }

  #setPeerBytes(peer: PublicKey, bytes: number): void {
    const key = waitKey.peer(this.#store, peer)
    if (bytes > 0) this.#tx.put(TABLE.waiting, key, keyOf(0, [bytes, 6]).subarray(4))
    else this.#tx.delete(TABLE.waiting, key)
  }
}

const damaged = (cause?: unknown): StorageError =>
  new StorageError('store-corrupt', 'the record of a floating intention is damaged', cause)

export const decodeFloatingRecord = (bytes: Uint8Array): FloatingRecord => {
  try {
    return fromBinary(FloatingRecordSchema, bytes)
  } catch (error) {
    throw damaged(error)
  }
}

export const decodeFloating = (bytes: Uint8Array): Taken => {
  const record = decodeFloatingRecord(bytes)
  const intention = readStoredIntention(record.signed)
  if (!intention) throw damaged()
  const from = record.from.length === 32 ? (record.from as PublicKey) : undefined
  return { intention, from, arrivedMs: Number(record.arrivedMs) }
}

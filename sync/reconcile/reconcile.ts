/**
 * Range-based set reconciliation, Negentropy protocol V1: finds which ids two devices do not share, in
 * O(log n) rounds and bytes in proportion to the difference.
 *
 * Pure and stateless: each message is a function of the index as it is and of the message before, so the set may
 * grow between rounds. The opener calls `initiate`, then `reconcile` on each answer until it has no next message;
 * the other side calls `respond`. Only the opener learns the difference.
 *
 * `frameLimit` in bytes, 0 for none, else at least 4096: no message is longer. What does not fit is covered by one
 * fingerprint and comes up again in the next round.
 */
import { createHash } from 'node:crypto'
import { bytesToHex, compareBytes, type Hash } from '#kernel/core/bytes.ts'
import { err, invariant, latticeError, ok, type LatticeError, type Result } from '#kernel/core/result.ts'
import type { RangeIndex } from '#kernel/dag/port.ts'
import {
  boundBetween,
  compareBounds,
  FINGERPRINT_LENGTH,
  HIGHEST,
  ID_LENGTH,
  isHighest,
  LOWEST,
  MessageError,
  MODE_FINGERPRINT,
  MODE_ID_LIST,
  MODE_SKIP,
  PROTOCOL_VERSION,
  Reader,
  Writer,
  type Bound,
} from './wire.ts'

export type ReconcileErrorKind = 'reconcile-malformed' | 'reconcile-version'
export type ReconcileError = LatticeError<ReconcileErrorKind>

export const FRAME_LIMIT_MIN = 4096

/** Room kept for what follows once the limit is near: a skip, a bound, the fingerprint of the rest. */
const FRAME_RESERVE = 200
/** A range splits into this many; below twice as many items it is listed instead. */
const BUCKETS = 16

/** What one round found. With frame limits a range may come up again in a later round, and its ids with it. */
export interface Difference {
  /** Ids here that the peer lacks. */
  readonly have: readonly Hash[]
  /** Ids at the peer that are lacking here. */
  readonly need: readonly Hash[]
  /** Undefined: the difference is complete. */
  readonly message: Uint8Array | undefined
}

/** First 16 bytes of SHA-256 over the sum of the ids mod 2^256 (little-endian) and varint(count). */
export const fingerprintOf = (sum: Uint8Array, count: number): Uint8Array => {
  const writer = new Writer()
  writer.varint(count)
  return createHash('sha256').update(sum).update(writer.bytes()).digest().subarray(0, FINGERPRINT_LENGTH)
}

/** The opener's first message. */
export const initiate = (index: RangeIndex, frameLimit = 0): Uint8Array => {
  checkLimit(frameLimit)
  const out = new Writer()
  out.byte(PROTOCOL_VERSION)
  writeSplit(index, 0, index.size, HIGHEST, out)
  return out.bytes()
}

/** The answer to an opener's message. To another version of the protocol it is the version spoken here, alone. */
export const respond = (index: RangeIndex, message: Uint8Array, frameLimit = 0): Result<Uint8Array, ReconcileError> =>
  guarded(() => {
    const reader = new Reader(message)
    if (!readVersion(reader)) return Uint8Array.of(PROTOCOL_VERSION)
    return walk(index, reader, frameLimit, undefined).bytes()
  })

/** The opener's next message, and what the answer gave away of the difference. */
export const reconcile = (
  index: RangeIndex,
  message: Uint8Array,
  frameLimit = 0,
): Result<Difference, ReconcileError> => {
  const have: Hash[] = []
  const need: Hash[] = []
  const written = guarded(() => {
    const reader = new Reader(message)
    if (!readVersion(reader)) return undefined
    return walk(index, reader, frameLimit, { have, need })
  })
  if (!written.ok) return written
  if (written.value === undefined)
    return err(latticeError('reconcile-version', 'permanent', 'the peer speaks another version of set reconciliation'))
  return ok({ have, need, message: written.value.length === 1 ? undefined : written.value.bytes() })
}

const checkLimit = (frameLimit: number): void =>
  invariant(frameLimit === 0 || frameLimit >= FRAME_LIMIT_MIN, `a frame limit is 0 or at least ${FRAME_LIMIT_MIN}`)

const guarded = <T>(body: () => T): Result<T, ReconcileError> => {
  try {
    return ok(body())
  } catch (error) {
    if (error instanceof MessageError) return err(latticeError('reconcile-malformed', 'permanent', error.message))
    throw error
  }
}

/** False: a Negentropy message of another version. */
const readVersion = (reader: Reader): boolean => {
  const version = reader.byte()
  if (version < 0x60 || version > 0x6f) throw new MessageError('not a Negentropy message')
  return version === PROTOCOL_VERSION
}

/** Answers each range of a message. `difference` is given to the opener, who collects instead of listing. */
const walk = (
  index: RangeIndex,
  reader: Reader,
  frameLimit: number,
  difference: { have: Hash[]; need: Hash[] } | undefined,
): Writer => {
  checkLimit(frameLimit)
  const isFull = (length: number): boolean => frameLimit !== 0 && length > frameLimit - FRAME_RESERVE
  const out = new Writer()
  out.byte(PROTOCOL_VERSION)
  let lower = 0
  let lowerBound = LOWEST
  let skipped = false
  const flushSkip = (): void => {
    if (!skipped) return
    skipped = false
    out.bound(lowerBound)
    out.varint(MODE_SKIP)
  }
  while (!reader.done) {
    const bound = reader.bound()
    if (compareBounds(bound, lowerBound) < 0) throw new MessageError('ranges are out of order')
    let upper = Math.max(lower, positionOf(index, bound))
    let splitAt: number | undefined
    const mode = reader.varint()
    if (mode === BigInt(MODE_SKIP)) {
      skipped = true
    } else if (mode === BigInt(MODE_FINGERPRINT)) {
      const theirs = reader.take(FINGERPRINT_LENGTH)
      if (compareBytes(theirs, fingerprint(index, lower, upper)) === 0) {
        skipped = true
      } else {
        flushSkip()
        splitAt = out.length
        writeSplit(index, lower, upper, bound, out)
      }
    } else if (mode === BigInt(MODE_ID_LIST)) {
      const ids = reader.take(reader.length(ID_LENGTH) * ID_LENGTH)
      if (difference) {
        skipped = true
        collect(index, lower, upper, ids, difference)
      } else {
        flushSkip()
        upper = writeIds(index, lower, upper, bound, out, isFull)
      }
    } else {
      throw new MessageError('a range has an unknown mode')
    }
    if (isFull(out.length)) {
      // A list was cut to fit and stays. A split is taken back and comes up again; the skip before it stays, or else
      // the fingerprint of the rest would not cover the range that the peer reads it for.
      if (splitAt !== undefined) {
        out.truncate(splitAt)
        upper = lower
      }
      out.bound(HIGHEST)
      out.varint(MODE_FINGERPRINT)
      out.raw(fingerprint(index, upper, index.size))
      break
    }
    lower = upper
    lowerBound = bound
  }
  return out
}

const positionOf = (index: RangeIndex, bound: Bound): number =>
  isHighest(bound) ? index.size : index.lowerBound(bound.timestamp, bound.prefix)

const fingerprint = (index: RangeIndex, from: number, to: number): Uint8Array =>
  fingerprintOf(index.sum(from, to), to - from)

const writeSplit = (index: RangeIndex, lower: number, upper: number, bound: Bound, out: Writer): void => {
  const count = upper - lower
  if (count < BUCKETS * 2) {
    out.bound(bound)
    out.varint(MODE_ID_LIST)
    out.varint(count)
    for (const item of index.items(lower, upper)) out.raw(item.id)
    return
  }
  let at = lower
  for (let bucket = 0; bucket < BUCKETS; bucket++) {
    const from = at
    at += Math.floor(count / BUCKETS) + (bucket < count % BUCKETS ? 1 : 0)
    out.bound(at === upper ? bound : boundBetween(index.at(at - 1)!, index.at(at)!))
    out.varint(MODE_FINGERPRINT)
    out.raw(fingerprint(index, from, at))
  }
}

/** Lists a range as far as it fits; returns the position it got to. */
const writeIds = (
  index: RangeIndex,
  lower: number,
  upper: number,
  bound: Bound,
  out: Writer,
  isFull: (length: number) => boolean,
): number => {
  const ids: Hash[] = []
  let end = bound
  for (const item of index.items(lower, upper)) {
    if (isFull(out.length + ids.length * ID_LENGTH)) {
      end = { timestamp: item.timestampMs, prefix: item.id }
      break
    }
    ids.push(item.id)
  }
  out.bound(end)
  out.varint(MODE_ID_LIST)
  out.varint(ids.length)
  for (const id of ids) out.raw(id)
  return lower + ids.length
}

/** Compares a range here with the peer's list of it. A repeated id counts once. */
const collect = (
  index: RangeIndex,
  lower: number,
  upper: number,
  ids: Uint8Array,
  difference: { have: Hash[]; need: Hash[] },
): void => {
  const theirs = new Map<string, Hash>()
  for (let at = 0; at < ids.length; at += ID_LENGTH) {
    const id = ids.slice(at, at + ID_LENGTH) as Hash
    theirs.set(bytesToHex(id), id)
  }
  for (const item of index.items(lower, upper)) if (!theirs.delete(bytesToHex(item.id))) difference.have.push(item.id)
  difference.need.push(...theirs.values())
}

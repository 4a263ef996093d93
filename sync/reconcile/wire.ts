/**
 * The bytes of Negentropy protocol V1 (github.com/hoytech/negentropy, docs/negentropy-protocol-v1.md).
 *
 * Varint: base 128, most significant group first, high bit set on all bytes but the last, minimal.
 * Bound: varint(0) for infinity, else varint(1 + timestamp − previous timestamp of this message); varint(length);
 * that many bytes of an id. Range: its upper bound, varint(mode), payload. A message is 0x61 and then ranges, each
 * starting where the one before ended; what lies after the last is skipped.
 *
 * `Reader` throws `MessageError` and nothing else, on any input; `reconcile.ts` turns it into a `Result`.
 */
import { compareBytes } from '#kernel/core/bytes.ts'

export const PROTOCOL_VERSION = 0x61
export const ID_LENGTH = 32
export const FINGERPRINT_LENGTH = 16
export const INFINITY_TIMESTAMP = 0xffff_ffff_ffff_ffffn

export const MODE_SKIP = 0
export const MODE_FINGERPRINT = 1
export const MODE_ID_LIST = 2

/** Separates items: those less than it from the rest. `(INFINITY_TIMESTAMP, empty)` is above every item. */
export interface Bound {
  readonly timestamp: bigint
  /** 0 to 32 bytes; as if followed by zeros. */
  readonly prefix: Uint8Array
}

const NO_PREFIX = new Uint8Array(0)
export const LOWEST: Bound = { timestamp: 0n, prefix: NO_PREFIX }
export const HIGHEST: Bound = { timestamp: INFINITY_TIMESTAMP, prefix: NO_PREFIX }

export const isHighest = (bound: Bound): boolean => bound.timestamp === INFINITY_TIMESTAMP && bound.prefix.length === 0

/** A message that is not Negentropy V1. */
export class MessageError extends Error {
  override readonly name = 'MessageError'
}

export class Reader {
  #bytes: Uint8Array
  #at = 0
  #lastTimestamp = 0n

  constructor(bytes: Uint8Array) {
    this.#bytes = bytes
  }

  get done(): boolean {
    return this.#at === this.#bytes.length
  }

  byte(): number {
    const byte = this.#bytes[this.#at]
    if (byte === undefined) throw new MessageError('the message ends early')
    this.#at++
    return byte
  }

  /** A view into the message. */
  take(length: number): Uint8Array {
    if (length > this.#bytes.length - this.#at) throw new MessageError('the message ends early')
    this.#at += length
    return this.#bytes.subarray(this.#at - length, this.#at)
  }

  varint(): bigint {
    let byte = this.byte()
    if (byte === 0x80) throw new MessageError('a number is not minimal')
    let value = BigInt(byte & 0x7f)
    while (byte & 0x80) {
      byte = this.byte()
      value = (value << 7n) | BigInt(byte & 0x7f)
      if (value > INFINITY_TIMESTAMP) throw new MessageError('a number exceeds 64 bits')
    }
    return value
  }

  /** A count of things that take at least `unitBytes` each in what is left of the message. */
  length(unitBytes: number): number {
    const value = this.varint()
    if (value * BigInt(unitBytes) > BigInt(this.#bytes.length - this.#at))
      throw new MessageError('a length exceeds the message')
    return Number(value)
  }

  bound(): Bound {
    const encoded = this.varint()
    let timestamp = encoded === 0n ? INFINITY_TIMESTAMP : this.#lastTimestamp + encoded - 1n
    if (timestamp > INFINITY_TIMESTAMP) timestamp = INFINITY_TIMESTAMP
    this.#lastTimestamp = timestamp
    const length = this.length(1)
    if (length > ID_LENGTH) throw new MessageError('an id prefix is longer than an id')
    return { timestamp, prefix: this.take(length) }
  }
}

/** Grows by doubling; `bytes()` hands out a copy. */
export class Writer {
  #buffer = new Uint8Array(1024)
  #length = 0
  #lastTimestamp = 0n

  get length(): number {
    return this.#length
  }

  /** Forgets what was written after `length`. Only infinity may be written as a bound from here on. */
  truncate(length: number): void {
    this.#length = length
  }

  bytes(): Uint8Array {
    return this.#buffer.slice(0, this.#length)
  }

  byte(value: number): void {
    this.#reserve(1)
    this.#buffer[this.#length++] = value
  }

  raw(bytes: Uint8Array): void {
    this.#reserve(bytes.length)
    this.#buffer.set(bytes, this.#length)
    this.#length += bytes.length
  }

  varint(value: bigint | number): void {
    let rest = BigInt(value)
    const groups = [Number(rest & 0x7fn)]
    while ((rest >>= 7n) !== 0n) groups.push(Number(rest & 0x7fn) | 0x80)
    for (let i = groups.length - 1; i >= 0; i--) this.byte(groups[i]!)
  }

  bound(bound: Bound): void {
    this.varint(bound.timestamp === INFINITY_TIMESTAMP ? 0n : bound.timestamp - this.#lastTimestamp + 1n)
    this.#lastTimestamp = bound.timestamp
    this.varint(bound.prefix.length)
    this.raw(bound.prefix)
  }

  #reserve(extra: number): void {
    if (this.#length + extra <= this.#buffer.length) return
    const grown = new Uint8Array(Math.max(this.#buffer.length * 2, this.#length + extra))
    grown.set(this.#buffer.subarray(0, this.#length))
    this.#buffer = grown
  }
}

/** Order of bounds, prefixes as if padded with zeros; nothing is above `HIGHEST`. */
export const compareBounds = (a: Bound, b: Bound): number => {
  if (isHighest(a) || isHighest(b)) return Number(isHighest(a)) - Number(isHighest(b))
  if (a.timestamp !== b.timestamp) return a.timestamp < b.timestamp ? -1 : 1
  const shared = Math.min(a.prefix.length, b.prefix.length)
  const common = compareBytes(a.prefix.subarray(0, shared), b.prefix.subarray(0, shared))
  if (common !== 0) return common
  const isZero = (rest: Uint8Array): boolean => rest.every((byte) => byte === 0)
  if (!isZero(a.prefix.subarray(shared))) return 1
  return isZero(b.prefix.subarray(shared)) ? 0 : -1
}

/** The shortest bound above `before` and not above `item`. The two are neighbours in order. */
export const boundBetween = (
  before: { readonly timestampMs: bigint; readonly id: Uint8Array },
  item: { readonly timestampMs: bigint; readonly id: Uint8Array },
): Bound => {
  let shared = 0
  if (before.timestampMs === item.timestampMs) while (before.id[shared] === item.id[shared]) shared++
  // An empty prefix at the greatest timestamp would read as infinity, hence at least one byte there.
  else if (item.timestampMs !== INFINITY_TIMESTAMP) return { timestamp: item.timestampMs, prefix: NO_PREFIX }
  return { timestamp: item.timestampMs, prefix: item.id.subarray(0, shared + 1) }
}

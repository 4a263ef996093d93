/**
 * The tables of the log and the keys in them. Every key starts with the store's local number, 4 bytes big-endian, so
 * that one table serves all stores of a home and numbers stay short. docs/spec/dag.md fixes the bytes.
 */
import type { Hash, PublicKey } from '../core/bytes.ts'
import { prefixEnd } from '../storage/keys.ts'
import type { KeyRange } from '../storage/port.ts'

export const TABLE = {
  /** storeId → number; `00` → next free number; `01 ‖ number` → nothing: a removed store, its rows being deleted. */
  stores: 'stores',
  /** number → StoreLog: heads, count, fingerprint, chain, vector. */
  dags: 'dags',
  /** hash → position in the witness log. */
  intentions: 'intentions',
  /** position → witness record: causality without the content. */
  log: 'log',
  /** position → serialised SignedIntention. */
  bodies: 'bodies',
  /** author number, seq → positions; more than one for a forked author. */
  chains: 'chains',
  /** public key ↔ author number, and which are forked. */
  authors: 'authors',
  /** node number → node of the order-statistic tree. */
  ranges: 'ranges',
  /** hash → FloatingRecord. */
  floating: 'floating',
  /** what floats, by what it waits for. */
  waiting: 'waiting',
} as const

export const LOG_TABLES: readonly string[] = Object.values(TABLE)

/** All keys that start with `prefix`. */
export const under = (prefix: Uint8Array): KeyRange => ({ gte: prefix, lt: prefixEnd(prefix) })

/** Local number of a store on this device. */
export type StoreNumber = number

const POSITION_BYTES = 6

const writeUint = (out: Uint8Array, at: number, length: number, value: number): void => {
  for (let i = at + length - 1, v = value; i >= at; i--, v = Math.floor(v / 256)) out[i] = v % 256
}
export const readUint = (bytes: Uint8Array, at: number, length: number): number => {
  let value = 0
  for (let i = at; i < at + length; i++) value = value * 256 + bytes[i]!
  return value
}

/** `store ‖ parts`: numbers with their width in bytes, byte strings as they are. */
export const keyOf = (
  store: StoreNumber,
  ...parts: readonly (Uint8Array | readonly [value: number, width: number])[]
) => {
  let length = 4
  for (const part of parts) length += part instanceof Uint8Array ? part.length : part[1]
  const key = new Uint8Array(length)
  writeUint(key, 0, 4, store)
  let at = 4
  for (const part of parts) {
    if (part instanceof Uint8Array) {
      key.set(part, at)
      at += part.length
    } else {
      writeUint(key, at, part[1], part[0])
      at += part[1]
    }
  }
  return key
}

export const positionKey = (store: StoreNumber, position: number) => keyOf(store, [position, POSITION_BYTES])
export const positionBytes = (position: number): Uint8Array => {
  const bytes = new Uint8Array(POSITION_BYTES)
  writeUint(bytes, 0, POSITION_BYTES, position)
  return bytes
}
/** The positions packed in a value of `intentions` or `chains`. */
export const readPositions = (bytes: Uint8Array): number[] => {
  const positions: number[] = []
  for (let at = 0; at + POSITION_BYTES <= bytes.length; at += POSITION_BYTES)
    positions.push(readUint(bytes, at, POSITION_BYTES))
  return positions
}

const SEQ_BYTES = 7
export const chainKey = (store: StoreNumber, author: number, seq: number) => keyOf(store, [author, 4], [seq, SEQ_BYTES])
export const seqOfChainKey = (key: Uint8Array): number => readUint(key, 8, SEQ_BYTES)

export const authorKey = {
  byPublicKey: (store: StoreNumber, author: PublicKey) => keyOf(store, [0, 1], author),
  byNumber: (store: StoreNumber, author: number) => keyOf(store, [1, 1], [author, 4]),
  forked: (store: StoreNumber, author: number) => keyOf(store, [2, 1], [author, 4]),
  forkedAll: (store: StoreNumber) => keyOf(store, [2, 1]),
}

const TIME_BYTES = 6
export const waitKey = {
  /** Waits for a parent. */
  parent: (store: StoreNumber, parent: Hash, hash: Hash) => keyOf(store, [0, 1], parent, hash),
  /** Waits until the clock catches up. */
  due: (store: StoreNumber, dueMs: number, hash: Hash) => keyOf(store, [1, 1], [dueMs, TIME_BYTES], hash),
  /** Waits for a grant of its author. */
  gate: (store: StoreNumber, author: PublicKey, hash: Hash) => keyOf(store, [2, 1], author, hash),
  /** Not a wait: by time of arrival, to expire. */
  arrival: (store: StoreNumber, arrivedMs: number, hash: Hash) => keyOf(store, [3, 1], [arrivedMs, TIME_BYTES], hash),
  /** Not a wait: how much floats for a peer. */
  peer: (store: StoreNumber, peer: PublicKey) => keyOf(store, [4, 1], peer),
  /** Not a wait: a witnessed intention whose children are still to be looked at. */
  resume: (store: StoreNumber, parent: Hash) => keyOf(store, [5, 1], parent),
  all: (store: StoreNumber, kind: number, ...rest: readonly Uint8Array[]) => keyOf(store, [kind, 1], ...rest),
}
export const KIND = { parent: 0, due: 1, gate: 2, arrival: 3, resume: 5 } as const
/** In keys of kind `parent` and `gate` after store and kind; in `due` and `arrival` the time. */
export const FIRST_AT = 5
export const timeOfKey = (key: Uint8Array): number => readUint(key, FIRST_AT, TIME_BYTES)
/** The floating intention's hash: the last 32 bytes of any waiting key. */
export const hashOfKey = (key: Uint8Array): Hash => key.slice(-32) as Hash

/** The StoreLog record: what a store's log adds up to, and the numbers stores have on this device. */
import { create, fromBinary, toBinary } from '@bufbuild/protobuf'
import { AuthorSeqSchema, StoreLogSchema } from '#proto/storage'
import {
  bytesToHex,
  compareBytes,
  HASH_LENGTH,
  concatBytes,
  type Hash,
  type HexKey,
  type StoreId,
} from '../core/bytes.ts'
import { StorageError } from '../storage/errors.ts'
import type { StorageReader, StorageWriter, TableName } from '../storage/port.ts'
import { keyOf, readUint, TABLE, type StoreNumber } from './tables.ts'
import { GENESIS_CHAIN, type PackedVector } from './records.ts'
import { zeroSum } from './sum.ts'

/** Working copy of a StoreLog; a transaction changes it in place and writes it back once. */
export interface LogSummary {
  readonly storeId: StoreId
  count: number
  chain: Hash
  readonly fingerprint: Uint8Array
  readonly heads: Map<HexKey, Hash>
  vector: PackedVector
  authors: number
  floatingCount: number
  floatingBytes: number
}

const VERSION = 1
const NEXT_NUMBER = Uint8Array.of(0)
const RETIRED = Uint8Array.of(1)
const RETIRED_LENGTH = 5
const retiredKey = (number: StoreNumber): Uint8Array => concatBytes(RETIRED, keyOf(number))

export const emptySummary = (storeId: StoreId): LogSummary => ({
  storeId,
  count: 0,
  chain: GENESIS_CHAIN,
  fingerprint: zeroSum(),
  heads: new Map(),
  vector: [],
  authors: 0,
  floatingCount: 0,
  floatingBytes: 0,
})

export const readSummary = (reader: StorageReader, store: StoreNumber): LogSummary => {
  const bytes = reader.get(TABLE.dags, keyOf(store))
  if (!bytes) throw new StorageError('store-corrupt', `store number ${store} has no log record`)
  try {
    const record = fromBinary(StoreLogSchema, bytes)
    const hashes = [record.storeId, record.chain, record.fingerprint, ...record.heads]
    const counts = [record.count, record.floatingCount, record.floatingBytes, ...record.vector.map(({ seq }) => seq)]
    if (record.version !== VERSION || hashes.some((hash) => hash.length !== HASH_LENGTH))
      throw new RangeError('unknown version or wrong lengths')
    if (counts.some((count) => count > Number.MAX_SAFE_INTEGER)) throw new RangeError('an impossible count')
    return {
      storeId: record.storeId as Hash,
      count: Number(record.count),
      chain: record.chain as Hash,
      fingerprint: record.fingerprint.slice(),
      heads: new Map(record.heads.map((head) => [bytesToHex(head), head as Hash])),
      vector: record.vector.flatMap(({ author, seq }) => [author, Number(seq)]),
      authors: record.authors,
      floatingCount: Number(record.floatingCount),
      floatingBytes: Number(record.floatingBytes),
    }
  } catch (error) {
    throw new StorageError('store-corrupt', `the log record of store number ${store} is damaged`, error)
  }
}

export const writeSummary = (tx: StorageWriter, store: StoreNumber, summary: LogSummary): void => {
  const { storeId, chain, fingerprint, authors } = summary
  const vector = []
  for (let i = 0; i < summary.vector.length; i += 2)
    vector.push(create(AuthorSeqSchema, { author: summary.vector[i]!, seq: BigInt(summary.vector[i + 1]!) }))
  const record = create(StoreLogSchema, {
    version: VERSION,
    storeId,
    count: BigInt(summary.count),
    chain,
    fingerprint,
    heads: [...summary.heads.values()].sort(compareBytes),
    vector,
    authors,
    floatingCount: BigInt(summary.floatingCount),
    floatingBytes: BigInt(summary.floatingBytes),
  })
  tx.put(TABLE.dags, keyOf(store), toBinary(StoreLogSchema, record))
}

/** The number of a store on this device, if it has one. */
export const storeNumber = (reader: StorageReader, storeId: StoreId): StoreNumber | undefined => {
  const number = reader.get(TABLE.stores, storeId)
  return number && readUint(number, 0, 4)
}

/** Gives a store its number and an empty log; the number it has when it is known already. Numbers are never reused. */
export const allocateStore = (tx: StorageWriter, storeId: StoreId): StoreNumber => {
  const known = storeNumber(tx, storeId)
  if (known !== undefined) return known
  const next = tx.get(TABLE.stores, NEXT_NUMBER)
  const number = next ? readUint(next, 0, 4) : 1
  tx.put(TABLE.stores, storeId, keyOf(number))
  tx.put(TABLE.stores, NEXT_NUMBER, keyOf(number + 1))
  writeSummary(tx, number, emptySummary(storeId))
  return number
}

/** All stores of this device, by number. */
export const listStores = (reader: StorageReader): { storeId: StoreId; number: StoreNumber }[] =>
  [...reader.range(TABLE.stores)]
    .filter(([key]) => key.length === 32)
    .map(([key, value]) => ({ storeId: key as Hash, number: readUint(value, 0, 4) }))
    .sort((a, b) => a.number - b.number)

/** Forgets a store: its rows, under its number, are swept away later. Returns the number, if it had one. */
export const retireStore = (tx: StorageWriter, storeId: StoreId): StoreNumber | undefined => {
  const number = storeNumber(tx, storeId)
  if (number === undefined) return undefined
  tx.delete(TABLE.stores, storeId)
  tx.put(TABLE.stores, retiredKey(number), new Uint8Array(0))
  return number
}

/** Numbers of forgotten stores whose rows have not all been swept away. */
export const retiredStores = (reader: StorageReader): StoreNumber[] =>
  [...reader.range(TABLE.stores, { gte: RETIRED, lt: Uint8Array.of(RETIRED[0]! + 1) })]
    .filter(([key]) => key.length === RETIRED_LENGTH)
    .map(([key]) => readUint(key, 1, 4))

/** One step of sweeping: at most this many rows or bytes, a few milliseconds' work. */
const SWEEP_ROWS = 1_000
const SWEEP_BYTES = 2 * 1_024 * 1_024

/**
 * Deletes some rows of a retired store in `tables`, which all have the store's number in front of their keys. False:
 * there may be more. Once there are none, the number itself is forgotten.
 */
export const sweepRetired = (tx: StorageWriter, number: StoreNumber, tables: readonly TableName[]): boolean => {
  const range = { gte: keyOf(number), lt: keyOf(number + 1) }
  let [rows, bytes] = [0, 0]
  for (const table of tables)
    for (const [key, value] of tx.range(table, range)) {
      if (rows >= SWEEP_ROWS || bytes >= SWEEP_BYTES) return false
      tx.delete(table, key)
      rows++
      bytes += value.length
    }
  tx.delete(TABLE.stores, retiredKey(number))
  return true
}

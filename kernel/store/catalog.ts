/** The stores this device knows, in one small table: id → number, parent, refold position (docs/spec/state.md). */
import { create, fromBinary, toBinary } from '@bufbuild/protobuf'
import { StoreRecordSchema } from '#proto/state'
import { bytesToHex, HASH_LENGTH, type StoreId } from '../core/bytes.ts'
import { StorageError } from '../storage/errors.ts'
import type { StorageReader, StorageWriter, TableName } from '../storage/port.ts'

const CATALOG = 'catalog'
const NAMING = 'naming'

/** Tables of the store layer that are not folded state. */
export const STORE_TABLES: readonly TableName[] = [CATALOG, NAMING]

export interface CatalogEntry {
  readonly storeId: StoreId
  readonly number: number
  readonly parent: StoreId | undefined
  /** Removed from this device; its space does not bring it back. */
  readonly forgotten: boolean
  /** Witness position of the last refold; -1: never. */
  readonly resetAt: number
}

export const putEntry = (tx: StorageWriter, entry: CatalogEntry): void => {
  const { number, parent, forgotten, resetAt } = entry
  const record = create(StoreRecordSchema, { number, parent, forgotten, resetAt: BigInt(resetAt + 1) })
  tx.put(CATALOG, entry.storeId, toBinary(StoreRecordSchema, record))
}

/** Throws `store-corrupt` where the record is damaged. */
export const decodeEntry = (storeId: Uint8Array, bytes: Uint8Array): CatalogEntry => {
  const damaged = (cause?: unknown): StorageError =>
    new StorageError('store-corrupt', `the record of store ${bytesToHex(storeId)} is damaged`, cause)
  let record
  try {
    record = fromBinary(StoreRecordSchema, bytes)
  } catch (cause) {
    throw damaged(cause)
  }
  const { number, parent, forgotten, resetAt } = record
  const isSound = parent.length === 0 || parent.length === HASH_LENGTH
  if (!isSound || resetAt > Number.MAX_SAFE_INTEGER || storeId.length !== HASH_LENGTH) throw damaged()
  return {
    storeId: storeId.slice() as StoreId,
    number,
    parent: parent.length === 0 ? undefined : (parent as StoreId),
    forgotten,
    resetAt: Number(resetAt) - 1,
  }
}

export const readEntry = (tx: StorageReader, storeId: StoreId): CatalogEntry | undefined => {
  const bytes = tx.get(CATALOG, storeId)
  return bytes === undefined ? undefined : decodeEntry(storeId, bytes)
}

/**
 * What is damaged is left out: one record must not keep the other stores from opening. `onDamage` is for the reader
 * that opens the stores; the others need not tell it again.
 */
export const readCatalog = (tx: StorageReader, onDamage?: (error: unknown) => void): CatalogEntry[] => {
  const entries: CatalogEntry[] = []
  for (const [key, value] of tx.range(CATALOG))
    try {
      entries.push(decodeEntry(key, value))
    } catch (error) {
      onDamage?.(error)
    }
  return entries
}

/** Rows of the naming index, see naming.ts. */
export const NAMING_TABLE = NAMING

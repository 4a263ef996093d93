/** The stores this device knows, in one small table: id → number, parent, refold position (docs/spec/state.md). */
import { create, fromBinary, toBinary } from '@bufbuild/protobuf'
import { StoreRecordSchema } from '#proto/state'
import { bytesToHex, type HexKey, type StoreId } from '../core/bytes.ts'
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

const decode = (storeId: Uint8Array, bytes: Uint8Array): CatalogEntry => {
  const { number, parent, forgotten, resetAt } = fromBinary(StoreRecordSchema, bytes)
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
  return bytes === undefined ? undefined : decode(storeId, bytes)
}

export const readCatalog = (tx: StorageReader): Map<HexKey, CatalogEntry> =>
  new Map([...tx.range(CATALOG)].map(([key, value]) => [bytesToHex(key), decode(key, value)]))

/** Rows of the naming index, see naming.ts. */
export const NAMING_TABLE = NAMING

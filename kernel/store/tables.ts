/** Every table the kernel keeps in the storage backend. */
import { LOG_TABLES, TABLE } from '../dag/tables.ts'
import { STATE_TABLES } from '../state/table.ts'
import { NAMING_TABLE, STORE_TABLES } from './catalog.ts'

export const KERNEL_TABLES: readonly string[] = [...LOG_TABLES, ...STATE_TABLES, ...STORE_TABLES]

/** Those whose keys start with a store's number: all there is of one store, besides its number and catalogue entry. */
export const ROW_TABLES: readonly string[] = [
  ...LOG_TABLES.filter((table) => table !== TABLE.stores),
  ...STATE_TABLES,
  NAMING_TABLE,
]

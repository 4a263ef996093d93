/** Every table the kernel keeps in the storage backend. */
import { LOG_TABLES } from '../dag/tables.ts'
import { STATE_TABLES } from '../state/table.ts'
import { STORE_TABLES } from './catalog.ts'

export const KERNEL_TABLES: readonly string[] = [...LOG_TABLES, ...STATE_TABLES, ...STORE_TABLES]

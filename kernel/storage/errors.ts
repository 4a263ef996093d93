/**
 * Failures of storage. They are thrown, not returned: a body in the middle of a transaction cannot go on without its
 * store, and `StorageBackend.write` turns the throw into a rejected promise. Each is also a `LatticeError`.
 */
import type { LatticeError, Severity } from '../core/result.ts'
import type { StorageErrorKind } from './port.ts'

export class StorageError extends Error implements LatticeError<StorageErrorKind> {
  override readonly name = 'StorageError'
  readonly kind: StorageErrorKind
  readonly severity: Severity

  constructor(kind: StorageErrorKind, message: string, cause?: unknown) {
    super(message, cause === undefined ? undefined : { cause })
    this.kind = kind
    this.severity = SEVERITY[kind]
  }
}

const SEVERITY: Record<StorageErrorKind, Severity> = {
  'home-in-use': 'retryable',
  'disk-full': 'retryable',
  'store-corrupt': 'corrupt',
  'storage-io': 'retryable',
}

const ENOSPC = 28
const EDQUOT = 122
const EFBIG = 27
const MDB_MAP_FULL = -30792
/** MDB_PAGE_NOTFOUND, MDB_CORRUPTED, MDB_PANIC, MDB_VERSION_MISMATCH, MDB_INVALID, MDB_BAD_TXN. */
const CORRUPT_CODES = new Set([-30797, -30796, -30795, -30794, -30793])

/** Names what LMDB or the file system reported. `path` is where the data lies, for the person who reads it. */
export const toStorageError = (cause: unknown, path: string): StorageError => {
  if (cause instanceof StorageError) return cause
  const { code, message } = cause as { code?: unknown; message?: unknown }
  const text = typeof message === 'string' ? message : String(cause)
  if (code === ENOSPC || code === EDQUOT || code === EFBIG || code === MDB_MAP_FULL || code === 'ENOSPC')
    return new StorageError('disk-full', `the disk that holds ${path} is full: free some space and try again`, cause)
  if (/No space left|File too large|Disk quota/i.test(text))
    return new StorageError('disk-full', `the disk that holds ${path} is full: free some space and try again`, cause)
  if (CORRUPT_CODES.has(code as number) || /MDB_(CORRUPTED|INVALID|PANIC|PAGE_NOTFOUND|VERSION)/.test(text))
    return new StorageError('store-corrupt', `the data in ${path} is damaged (${text})`, cause)
  return new StorageError('storage-io', `cannot read or write ${path}: ${text}`, cause)
}

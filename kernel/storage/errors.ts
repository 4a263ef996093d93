/**
 * Failures of storage. They are thrown, not returned: a body in the middle of a transaction cannot go on without its
 * store, and `StorageBackend.write` turns the throw into a rejected promise. Each is also a `LatticeError`.
 */
import { statfsSync } from 'node:fs'
import type { LatticeError, Severity } from '../core/result.ts'
import type { StorageErrorKind } from './port.ts'

export class StorageError extends Error implements LatticeError<StorageErrorKind> {
  override readonly name: string = 'StorageError'
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
const EIO = 5
const MDB_MAP_FULL = -30792
/** MDB_PAGE_NOTFOUND, MDB_CORRUPTED, MDB_PANIC, MDB_VERSION_MISMATCH, MDB_INVALID, MDB_BAD_TXN. */
const CORRUPT_CODES = new Set([-30797, -30796, -30795, -30794, -30793])

/** LMDB reports a write that was cut short as EIO; with less room than this left, that is what happened. */
const ROOM_BYTES_MIN = 1_024 * 1_024

const isFull = (path: string): boolean => {
  try {
    const { bavail, bsize } = statfsSync(path)
    return bavail * bsize < ROOM_BYTES_MIN
  } catch {
    return false // cannot tell: the error keeps its own name
  }
}

const FULL_CODES = new Set<unknown>([ENOSPC, EDQUOT, EFBIG, MDB_MAP_FULL, 'ENOSPC', 'EDQUOT', 'EFBIG'])

/** Names what LMDB or the file system reported. `path` is where the data lies, for the person who reads it. */
export const toStorageError = (cause: unknown, path: string): StorageError => {
  if (cause instanceof StorageError) return cause
  const { code, message } = cause as { code?: unknown; message?: unknown }
  const text = typeof message === 'string' ? message : String(cause)
  if (FULL_CODES.has(code) || (code === EIO && isFull(path)))
    return new StorageError('disk-full', `the disk that holds ${path} is full: free some space and try again`, cause)
  if (CORRUPT_CODES.has(code as number) || /MDB_(CORRUPTED|INVALID|PANIC|PAGE_NOTFOUND|VERSION)/.test(text))
    return new StorageError('store-corrupt', `the data in ${path} is damaged (${text})`, cause)
  return new StorageError('storage-io', `cannot read or write ${path}: ${text}`, cause)
}

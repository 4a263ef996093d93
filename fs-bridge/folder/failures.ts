/** What went wrong in the folder's loop, said so that a person can act on it. All of it is tried again. */
import { latticeError } from '#kernel/core/result.ts'
import { StorageError } from '#kernel/storage/errors.ts'
import { isFull } from './disk.ts'
import { DiskFullError } from './batch.ts'
import type { FolderError, FolderErrorKind } from './status.ts'

export class RootGoneError extends Error {
  override readonly name = 'RootGoneError'
  constructor(root: string) {
    super(`${root} is not there, or is not this folder any more: is its disk mounted?`)
  }
}

/** The store refused what was to be said, or what keeps content refused to keep it. */
export class RefusedError extends Error {
  override readonly name = 'RefusedError'
  readonly kind: FolderErrorKind
  constructor(kind: string, message: string) {
    super(message)
    this.kind = kind === 'disk-full' || kind === 'not-permitted' || kind === 'store-closed' ? kind : 'folder-io'
  }
}

export const folderFailure = (error: unknown): FolderError => {
  const code = (error as NodeJS.ErrnoException).code ?? ''
  const [kind, message]: [FolderErrorKind, string] =
    error instanceof RootGoneError
      ? ['folder-gone', error.message]
      : error instanceof DiskFullError || isFull(code)
        ? ['disk-full', 'the disk is full: syncing goes on when there is room again']
        : error instanceof RefusedError
          ? [error.kind, error.message]
          : error instanceof StorageError
            ? [error.kind === 'disk-full' ? 'disk-full' : 'folder-io', error.message]
            : code !== ''
              ? ['folder-io', `the disk reported an error (${code})`]
              : ['folder-failed', `an internal error: ${error instanceof Error ? error.message : String(error)}`]
  return latticeError(kind, 'retryable', message)
}

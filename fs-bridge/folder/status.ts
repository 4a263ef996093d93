/** What a synced folder tells the outside: its state, its problems, and why it could not be opened. */
import type { LatticeError } from '#kernel/core/result.ts'

export type FolderErrorKind =
  | 'folder-missing'
  | 'folder-not-a-directory'
  | 'folder-nested'
  | 'folder-holds-home'
  | 'folder-not-writable'
  | 'folder-of-another-store'
  | 'folder-marker-missing'
  | 'folder-gone'
  | 'folder-io'
  | 'folder-failed'
  | 'disk-full'
  | 'store-closed'
  | 'not-permitted'

export type FolderError = LatticeError<FolderErrorKind>

/**
 * Why one entry does not sync. The rest of the folder goes on.
 * `missing-content`: no peer that is connected has the bytes yet. `blocked`: something of the user's is in the way.
 */
export type ProblemKind =
  | 'unreadable'
  | 'unwritable'
  | 'special-file'
  | 'bad-name'
  | 'name-too-long'
  | 'other-filesystem'
  | 'missing-content'
  | 'bad-content'
  | 'blocked'
  | 'rejected'

export interface Problem {
  /** '/'-separated, relative to the folder. */
  readonly path: string
  readonly kind: ProblemKind
  readonly message: string
}

export type FolderState = 'scanning' | 'syncing' | 'idle' | 'paused' | 'error'

export interface FolderStatus {
  readonly state: FolderState
  /** Set when `state` is 'error'. */
  readonly error: FolderError | undefined
  /** Entries on disk that sync: files and symlinks, not directories. */
  readonly files: number
  readonly bytes: number
  /** How many of the store's intentions the other figures take into account. */
  readonly witnessed: number
  /** Inodes whose witnessed changes are not on disk yet. */
  readonly pendingIn: number
  /** Entries on disk that changed and are not submitted yet. */
  readonly pendingOut: number
  /** Conflicts that stand in the store. */
  readonly conflicts: number
  /** How changes are noticed: by the system's events, or by periodic rescans because watches ran out. */
  readonly watching: 'events' | 'rescans'
  readonly problems: readonly Problem[]
}

/** Time as the folder needs it. Every use of `after` is a deadline, a quiet period or a back-off. */
export interface FolderTimers {
  nowMs(): number
  /** Calls back once; returns the cancel. */
  after(delayMs: number, callback: () => void): () => void
}

export const systemTimers: FolderTimers = {
  nowMs: () => Date.now(),
  after: (delayMs, callback) => {
    const timer = setTimeout(callback, delayMs)
    return () => clearTimeout(timer)
  },
}

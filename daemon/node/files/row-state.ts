/** How one thing in a folder is, and why: what everyone sees of it held against this disk. */
import { join } from 'node:path'
import { FileState } from '#proto/file_api'
import { equalBytes } from '#kernel/core/bytes.ts'
import type { Visible } from '#fs-bridge/filestore/port.ts'
import { errnoOf, isRealDir, look, unchanged, type Looked } from '#fs-bridge/folder/disk.ts'
import type { Problem } from '#fs-bridge/folder/status.ts'
import type { SyncedFolder } from '#fs-bridge/folder/synced-folder.ts'
import type { FolderEntry } from '../parts.ts'

export interface RowState {
  readonly state: FileState
  /** One sentence; empty for what is in sync. */
  readonly why: string
}

/** What a row is judged by: the folder as it is on this disk. */
export interface Judging {
  readonly entry: FolderEntry
  /** Undefined while it is not open here. */
  readonly folder: SyncedFolder | undefined
  readonly problems: ReadonlyMap<string, Problem>
  /** Looks at what lies in the directory that is judged; never through a symlink. */
  readonly look: (path: string) => Looked | undefined
}

/** For the things in the directory `dir`, '' for the folder itself. */
export const judgingOf = (entry: FolderEntry, folder: SyncedFolder | undefined, dir: string): Judging => ({
  entry,
  folder,
  look: isRealDir(join(entry.path, dir)) ? (path) => lookSafely(join(entry.path, path)) : () => undefined,
  problems: new Map((entry.status?.problems ?? []).map((problem) => [problem.path, problem])),
})

/** Undefined: nothing is there, or it cannot be looked at. */
export const lookSafely = (path: string): Looked | undefined => {
  try {
    return look(path)
  } catch (cause) {
    errnoOf(cause)
    return undefined
  }
}

const SYNCED: RowState = { state: FileState.SYNCED, why: '' }
const out = (why: string): RowState => ({ state: FileState.PENDING_OUT, why })
const incoming = (why: string): RowState => ({ state: FileState.PENDING_IN, why })

const sameHead = (a: Uint8Array | undefined, b: Uint8Array | undefined): boolean =>
  a === b || (a !== undefined && b !== undefined && equalBytes(a, b))

/** `path` as seen; `conflict`: the id of the conflict it is a side of, or ''. */
export const judgeVisible = (judging: Judging, path: string, visible: Visible, conflict: string): RowState => {
  const problem = judging.problems.get(path)
  if (problem) return { state: FileState.PROBLEM, why: problem.message }
  if (conflict !== '')
    return { state: FileState.CONFLICTED, why: 'it was changed on two sides, and nobody has settled which one stays' }
  const { folder, entry } = judging
  if (entry.path === '') return incoming('the folder is kept nowhere on this device')
  if (folder === undefined) return judgeClosed(judging.look(path), visible)
  const recorded = folder.recorded(visible)
  const slash = path.lastIndexOf('/')
  const onDisk = recorded ? path.slice(0, slash + 1) + recorded.name : path
  const looked = judging.look(onDisk)
  if (recorded === undefined) {
    const ignored = folder.explain(path)
    if (ignored !== undefined) return { state: FileState.IGNORED, why: `it does not sync here because of ${ignored}` }
    return looked ? out('it is on this disk and not recorded yet') : incoming('it is known and not on this disk yet')
  }
  if (looked === undefined) return out('it was deleted or moved on this disk, which is not recorded yet')
  if (!unchanged(recorded, looked)) return out('it was changed on this disk, which is not recorded yet')
  const isNewest = visible.kind === 'dir' || sameHead(recorded.contentHead, visible.contentHead)
  return isNewest ? SYNCED : incoming('a newer version is known and not on this disk yet')
}

/** A paused folder has no index to ask: what its files look like has to do. */
const judgeClosed = (looked: Looked | undefined, { kind, content }: Visible): RowState => {
  if (looked === undefined) return incoming('it is not on this disk, and the folder is not syncing')
  const isAlike =
    looked.kind === kind &&
    (kind === 'dir' || (content !== undefined && looked.size === content.size && looked.mtimeNs === content.mtimeNs))
  return isAlike ? SYNCED : out('it differs from what is known, and the folder is not syncing')
}

/** Of something that is on this disk only. */
export const judgeLocal = ({ folder, problems }: Judging, path: string, looked: Looked | undefined): RowState => {
  const problem = problems.get(path)
  if (problem) return { state: FileState.PROBLEM, why: problem.message }
  const why = folder?.explain(path)
  if (why !== undefined) return { state: FileState.IGNORED, why: `it does not sync because of ${why}` }
  if (looked?.kind === 'special')
    return { state: FileState.PROBLEM, why: 'it is neither a file, a directory nor a symlink, and does not sync' }
  return out(
    folder ? 'it is on this disk and not recorded yet' : 'it is on this disk only, and the folder is not syncing',
  )
}

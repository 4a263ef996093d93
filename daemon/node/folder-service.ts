/** The folder commands of the API, over the keeper of folders and the levels of peers. */
import type { MessageInitShape } from '@bufbuild/protobuf'
import {
  FolderState,
  type FolderSchema,
  type FolderService,
  type RemovalSchema,
  type WaitFolderResponseSchema,
} from '#proto/folder_api'
import { isAbsolute } from 'node:path'
import { err, latticeError, ok, type LatticeError, type Result } from '#kernel/core/result.ts'
import type { Store } from '#kernel/store/port.ts'
import type { SyncedFolder } from '#fs-bridge/folder/synced-folder.ts'
import type { FolderState as DiskState, FolderStatus } from '#fs-bridge/folder/status.ts'
import type { ServiceApi } from '../rpc/port.ts'
import type { Activity } from './files/activity.ts'
import type { Away } from './bindings.ts'
import { DirtySet, type Changes } from './dirty.ts'
import { answering } from './files/turns.ts'
import { notHere, type FolderKeeper } from './folders.ts'
import { deviceNameIn } from './lookup.ts'
import type { FolderEntry, Levels, PeerLevel, Removed } from './parts.ts'
import { removalWords, writable } from './removals.ts'

const STATES: Readonly<Record<DiskState, FolderState>> = {
  scanning: FolderState.SCANNING,
  syncing: FolderState.SYNCING,
  idle: FolderState.IDLE,
  paused: FolderState.PAUSED,
  error: FolderState.ERROR,
}

const stateOf = ({ path, paused, status, failure, removal }: FolderEntry): FolderState => {
  if (removal) return FolderState.REVOKED
  if (path === '') return FolderState.AVAILABLE
  if (failure) return FolderState.ERROR
  if (paused) return FolderState.PAUSED
  // Not started yet: it waits to be admitted, and to catch up with a peer.
  return !status || status.state === 'paused' ? FolderState.SYNCING : STATES[status.state]
}

export const describeRemoval = ({
  storeId,
  name,
  by,
  byName,
  timeMs,
}: Removed): MessageInitShape<typeof RemovalSchema> => ({
  storeId,
  name,
  by,
  byName,
  timeMs: BigInt(timeMs),
})

export const describeFolder = (
  entry: FolderEntry,
  isIndependent: (store: Store) => boolean,
  latest?: Activity,
  bytesIn = 0n,
): MessageInitShape<typeof FolderSchema> => {
  const { store, path, status, failure, removal } = entry
  return {
    storeId: store.id,
    name: store.name,
    path,
    state: stateOf(entry),
    files: BigInt(status?.files ?? 0),
    bytes: BigInt(status?.bytes ?? 0),
    pendingIn: status?.pendingIn ?? 0,
    pendingOut: status?.pendingOut ?? 0,
    conflicts: status?.conflicts ?? 0,
    problem: removal ? removalWords(removal) : (failure?.message ?? status?.error?.message ?? ''),
    independent: isIndependent(store),
    bytesIn,
    changedMs: latest?.timeMs,
    changedPath: latest?.path,
    changedBy: latest?.device,
    ...(removal && { removal: describeRemoval(removal) }),
  }
}

/** What was removed here and other devices have. */
export const describeAway = ({ storeId, name, formerPath }: Away): MessageInitShape<typeof FolderSchema> => ({
  storeId,
  name,
  formerPath,
  state: FolderState.AVAILABLE,
})

type Progress = MessageInitShape<typeof WaitFolderResponseSchema>

/** What a peer is behind with; undefined: nothing. */
const behindWords = (name: string, folder: string, level: PeerLevel): string | undefined => {
  switch (level.at) {
    case 'level':
      return undefined
    case 'silent':
      return `${name} is connected but has not said how far it is with ${folder}`
    case 'apart':
      return `${name} and this device do not have the same changes yet`
    case 'writing':
      return level.pendingIn > 0
        ? `${name} has ${level.pendingIn} changes still to write to its disk`
        : `${name} is still working on its folder`
  }
}

/** What this device is behind with itself. */
const ownWords = (ingested: boolean, status: FolderStatus | undefined, lastError: FolderStatus['error']): string[] => {
  const words: string[] = []
  if (lastError) words.push(lastError.message)
  else if (!status || status.state === 'paused') words.push('no peer has let this device in and sent the folder yet')
  else if (!ingested) words.push(`changes on this disk are still being recorded (${status.pendingOut} known)`)
  const missing = status?.problems.find((problem) => problem.kind === 'missing-content')
  if (missing) words.push(`no connected device has the content of ${missing.path}`)
  if (status && status.pendingIn > 0) words.push(`${status.pendingIn} changes are still to be written here`)
  return words
}

export interface FolderServiceDeps {
  readonly keeper: FolderKeeper
  readonly levels: Levels
  readonly changes: Changes
  readonly describe: (entry: FolderEntry) => MessageInitShape<typeof FolderSchema>
  /** All that are here or could be. */
  readonly folders: () => readonly MessageInitShape<typeof FolderSchema>[]
}

/** One wait: what it has reached, and its end. */
class Waiting {
  ingested = false
  readonly ended: Promise<'level' | 'aborted'>

  constructor(folder: SyncedFolder, store: Store, levels: Levels, signal: AbortSignal, changed: () => void) {
    const run = async (): Promise<'level'> => {
      await folder.settled(signal)
      this.ingested = true
      changed()
      await levels.settled(store, signal)
      // What came in while the peers caught up is on disk as well.
      await folder.settled(signal)
      return 'level'
    }
    this.ended = run().catch((cause: unknown) => {
      if (signal.aborted) return 'aborted'
      throw cause
    })
    void this.ended.then(changed, changed)
  }
}

async function* waitUntilLevel(
  { levels, changes, keeper }: FolderServiceDeps,
  entry: FolderEntry,
  folder: SyncedFolder,
  timeoutMs: number,
  gone: AbortSignal,
): AsyncGenerator<Result<Progress, LatticeError>> {
  const { store } = entry
  const signal = timeoutMs === 0 ? gone : AbortSignal.any([gone, AbortSignal.timeout(timeoutMs)])
  const dirty = new DirtySet()
  const unsubscribe = changes.subscribe((key) => dirty.add(key))
  const waiting = new Waiting(folder, store, levels, signal, () => dirty.add('wait'))
  const nameOf = deviceNameIn(store.access)
  // A folder in trouble tries again and again: between two tries it has no error to show.
  let lastError: FolderStatus['error']
  const progress = (): Progress => {
    const { pendingIn = 0, pendingOut = 0, error, state } = keeper.synced(store)?.status() ?? {}
    if (error || state === 'idle') lastError = error
    const peers = levels
      .peers(store)
      .map(({ device, level }) => ({ device, name: nameOf(device), level: level.at === 'level' }))
    return { ingested: waiting.ingested, pendingIn, pendingOut, peers }
  }
  const pending = (): string => {
    const own = ownWords(waiting.ingested, keeper.synced(store)?.status(), lastError)
    const behind = levels.peers(store).flatMap(({ device, level }) => {
      const words = behindWords(nameOf(device), store.name, level)
      return words === undefined ? [] : [words]
    })
    return [...own, ...behind].join('; ') || 'the last changes are on their way'
  }
  try {
    let end: 'level' | 'aborted' | undefined
    void waiting.ended.then((value) => (end = value))
    while (end === undefined && !signal.aborted) {
      yield ok(progress())
      await dirty.take(signal)
    }
    if ((await waiting.ended) === 'level') return yield ok({ ...progress(), level: true })
    const seconds = timeoutMs / 1000
    yield err(latticeError('not-level', 'retryable', `${store.name} is not level after ${seconds} s: ${pending()}`))
  } finally {
    unsubscribe()
  }
}

const notAbsolute = latticeError('bad-request', 'permanent', 'the path of a folder must be absolute')

const paused = (store: Store): LatticeError =>
  latticeError('folder-paused', 'permanent', `${store.name} is paused: resume it first`)

const openFolder = (
  { keeper }: FolderServiceDeps,
  wanted: string,
): Result<{ entry: FolderEntry; folder: SyncedFolder }, LatticeError> => {
  const found = keeper.find(wanted)
  if (!found.ok) return found
  const entry = found.value
  const allowed = writable(entry)
  if (!allowed.ok) return allowed
  if (entry.failure) return err(entry.failure)
  const folder = keeper.synced(entry.store)
  if (folder) return ok({ entry, folder })
  return err(entry.path === '' ? notHere(entry.store.name) : paused(entry.store))
}

export const folderService = (deps: FolderServiceDeps): ServiceApi<typeof FolderService> => {
  const { keeper } = deps
  const describe = (entry: FolderEntry) => ({ folder: deps.describe(entry) })
  return {
    async addFolder({ path, name }) {
      if (!isAbsolute(path)) return err(notAbsolute)
      const added = await keeper.add(path, name)
      return added.ok ? ok(describe(added.value)) : added
    },
    async listFolders() {
      return ok({ folders: [...deps.folders()] })
    },
    async removeFolder({ folder }) {
      const found = keeper.find(folder)
      if (found.ok) return ok({ available: await keeper.remove(found.value) })
      const away = keeper.findAway(folder)
      if (!away.ok) return found
      await keeper.forget(away.value)
      return ok({ available: false })
    },
    async keepFolder({ folder, path, timeoutMs }, signal) {
      if (path !== '' && !isAbsolute(path)) return err(notAbsolute)
      const kept = await keeper.keep(folder, { path, timeoutMs }, signal)
      return kept.ok ? ok(describe(kept.value)) : kept
    },
    async pauseFolder({ folder }) {
      const found = keeper.find(folder)
      return found.ok ? ok(describe(await keeper.pause(found.value))) : found
    },
    async resumeFolder({ folder }) {
      const found = keeper.find(folder)
      if (!found.ok) return found
      const entry = await keeper.resume(found.value)
      return entry.failure ? err(entry.failure) : ok(describe(entry))
    },
    async rescanFolder({ folder: wanted }, signal) {
      const open = openFolder(deps, wanted)
      if (!open.ok) return open
      const { entry, folder } = open.value
      folder.rescan()
      return answering(signal, async () => {
        await folder.settled(signal)
        return ok(describe(keeper.list().find(({ store }) => store === entry.store) ?? entry))
      })
    },
    async *waitFolder({ folder: wanted, timeoutMs }, signal) {
      const open = openFolder(deps, wanted)
      if (!open.ok) return yield open
      yield* waitUntilLevel(deps, open.value.entry, open.value.folder, timeoutMs, signal)
    },
  }
}

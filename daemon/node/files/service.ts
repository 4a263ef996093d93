/** The files of a folder through the API: looking at them now and then, reading, trash, activity, going back in time. */
import { dirname, join } from 'node:path'
import type { MessageInitShape } from '@bufbuild/protobuf'
import type { BrowseRequest, BrowseResponseSchema, FileService } from '#proto/file_api'
import { err, latticeError, ok, type LatticeError, type Result } from '#kernel/core/result.ts'
import type { Store, StoreManager } from '#kernel/store/port.ts'
import type { Visible } from '#fs-bridge/filestore/port.ts'
import { openTree, type Tree } from '#fs-bridge/filestore/tree.ts'
import { isRealDir } from '#fs-bridge/folder/disk.ts'
import type { SyncedFolder } from '#fs-bridge/folder/synced-folder.ts'
import type { ServiceApi } from '../../rpc/port.ts'
import { deviceNameIn, findPeer } from '../lookup.ts'
import type { FolderLookup } from '../parts.ts'
import { writable } from '../removals.ts'
import { listChanges, Trails } from './activity.ts'
import { browseNow, browseSeen } from './browse.ts'
import { DiskListings } from './disk-listing.ts'
import { locate, noSuchFile, type Located } from './places.ts'
import { readNow, readVersion, type ContentSources } from './read-file.ts'
import { previewSteps, takeSteps } from './restore-tree.ts'
import { judgingOf, lookSafely } from './row-state.ts'
import { timelineOf } from './timeline.ts'
import { listTrash, restoreTrash, TrashLists } from './trash.ts'
import { diffTrees } from './tree-diff.ts'
import { PastTrees } from './tree-at.ts'
import { answering, breathing, limitOf } from './turns.ts'

export interface FileServiceDeps extends ContentSources {
  readonly folders: FolderLookup & { synced(store: Store): SyncedFolder | undefined }
  readonly stores: StoreManager
}

const ROWS = 500
const ROWS_MAX = 2000
const ENTRIES = 200
const ENTRIES_MAX = 1000
const BUCKETS = 200
const BUCKETS_MAX = 1000

const treeOf = (store: Store): Tree => openTree(store.state, deviceNameIn(store.access))

const bad = (why: string): Result<never, LatticeError> => err(latticeError('bad-request', 'permanent', why))

/** A time in a message, as far as a clock goes; what is beyond is the end. */
const msOf = (ms: bigint): number => Number(ms > 8_640_000_000_000_000n ? 8_640_000_000_000_000n : ms)

const notADirectory = (path: string): LatticeError =>
  latticeError('not-a-directory', 'permanent', `${path} is not a directory`)

/** The directory looked at; undefined within `ok`: it is on this disk only. */
const dirAt = (tree: Tree, { entry, path }: Located, isPast: boolean): Result<Visible | undefined, LatticeError> => {
  const dir = tree.resolve(path)
  if (dir) return dir.kind === 'dir' ? ok(dir) : err(notADirectory(path))
  const full = join(entry.path, path)
  const looked = isPast || entry.path === '' || !isRealDir(dirname(full)) ? undefined : lookSafely(full)
  if (looked === undefined) return err(noSuchFile(entry.store.name, path))
  return looked.kind === 'dir' ? ok(undefined) : err(notADirectory(path))
}

const browsing = (deps: FileServiceDeps, pasts: PastTrees, listings: DiskListings) => {
  const { folders } = deps
  return async (
    request: BrowseRequest,
    signal: AbortSignal,
  ): Promise<Result<MessageInitShape<typeof BrowseResponseSchema>, LatticeError>> => {
    const located = locate(folders, request.folder, request.path)
    if (!located.ok) return located
    const { entry, path } = located.value
    const page = { after: request.after, limit: limitOf(request.limit, ROWS, ROWS_MAX), breathe: breathing(signal) }
    if (request.atMs > 0n)
      return pasts.use(entry.store, msOf(request.atMs), signal, async (tree) => {
        const dir = dirAt(tree, located.value, true)
        return dir.ok ? ok(await browseSeen({ ...page, tree, dir: dir.value, path })) : dir
      })
    const tree = treeOf(entry.store)
    const dir = dirAt(tree, located.value, false)
    if (!dir.ok) return dir
    const judging = judgingOf(entry, folders.synced(entry.store), path)
    return ok(await browseNow({ ...page, tree, dir: dir.value, path }, judging, listings))
  }
}

/** Compares under the past's own turn, and writes after it: what is to be done does not need the past any more. */
const restoring =
  (deps: FileServiceDeps, pasts: PastTrees): ServiceApi<typeof FileService>['restoreTree'] =>
  async (request, signal) => {
    const located = locate(deps.folders, request.folder, request.path)
    if (!located.ok) return located
    const { entry, path } = located.value
    const allowed = request.preview ? ok(entry) : writable(entry)
    if (!allowed.ok) return allowed
    if (request.atMs === 0n) return bad('say to which time: at_ms is missing')
    const steps = await pasts.use(entry.store, msOf(request.atMs), signal, async (then) => {
      const found = await diffTrees(then, treeOf(entry.store), path, breathing(signal))
      return found
        ? ok(found)
        : err(latticeError('file-not-found', 'permanent', `${entry.store.name} had nothing at ${path} at that time`))
    })
    if (!steps.ok) return steps
    return request.preview ? ok(previewSteps(steps.value)) : takeSteps(deps, entry, steps.value, signal)
  }

const activity =
  ({ folders }: FileServiceDeps, trails: Trails): ServiceApi<typeof FileService>['listActivity'] =>
  async (request, signal) => {
    const located = request.folder === '' ? undefined : locate(folders, request.folder, request.path)
    if (located && !located.ok) return located
    if (!located && request.path !== '') return bad('a path needs the folder it lies in')
    const stores = located ? [located.value.entry.store] : folders.list().map(({ store }) => store)
    const peer = request.device === '' ? undefined : findPeer(stores, request.device)
    if (peer && !peer.ok) return peer
    const filter = {
      device: peer?.value.device,
      path: located?.value.path ?? '',
      fromMs: request.fromMs,
      toMs: request.toMs,
    }
    const wanted = { after: request.after, limit: limitOf(request.limit, ENTRIES, ENTRIES_MAX) }
    const page = await listChanges(stores, filter, wanted, trails, breathing(signal))
    return page ? ok({ entries: [...page.entries], next: page.next }) : bad('“after” is not the “next” of a page')
  }

export const fileService = (deps: FileServiceDeps): ServiceApi<typeof FileService> => {
  const { folders, contents, stores } = deps
  const pasts = new PastTrees(stores)
  const trash = new TrashLists()
  const browse = browsing(deps, pasts, new DiskListings())
  const restore = restoring(deps, pasts)
  const changes = activity(deps, new Trails())
  return {
    browse: (request, signal) => answering(signal, () => browse(request, signal)),
    restoreTree: (request, signal) => answering(signal, () => restore(request, signal)),
    listActivity: (request, signal) => answering(signal, () => changes(request, signal)),

    async *readFile({ folder, path, hash }, signal) {
      const located = locate(folders, folder, path)
      if (!located.ok) return yield located
      const tree = treeOf(located.value.entry.store)
      const pieces =
        hash === ''
          ? readNow(deps, tree, located.value, signal)
          : readVersion(deps, tree, located.value, hash.toLowerCase(), signal)
      for await (const piece of pieces) yield piece.ok ? ok({ data: piece.value }) : piece
    },

    listTrash: (request, signal) =>
      answering(signal, async () => {
        const found = folders.find(request.folder)
        if (!found.ok) return found
        return listTrash(trash, found.value.store, request.after, limitOf(request.limit, ROWS, ROWS_MAX), signal)
      }),

    restoreTrash: (request, signal) =>
      answering(signal, async () => {
        const found = folders.find(request.folder)
        if (!found.ok) return found
        const allowed = writable(found.value)
        if (!allowed.ok) return allowed
        if (request.ids.length === 0 || request.ids.length > ROWS_MAX) return bad(`give 1 to ${ROWS_MAX} ids`)
        return restoreTrash(trash, contents, found.value, request.ids, signal)
      }),

    getTimeline: (request, signal) =>
      answering(signal, async () => {
        const found = folders.find(request.folder)
        if (!found.ok) return found
        const buckets = limitOf(request.buckets, BUCKETS, BUCKETS_MAX)
        return ok(await timelineOf(found.value.store, buckets, breathing(signal)))
      }),
  }
}

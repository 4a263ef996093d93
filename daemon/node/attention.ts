/** Looks at what a person should be told of, when something there changes, and puts up the notices. */
import { stat } from 'node:fs/promises'
import { bytesToHex, equalBytes, type HexKey, type PublicKey } from '#kernel/core/bytes.ts'
import type { Store, StoreManager } from '#kernel/store/port.ts'
import type { ConflictFeed } from './conflict-feed.ts'
import { DirtySet, pause, type Changes } from './dirty.ts'
import { freeBytes } from './doctor.ts'
import { collectPeers } from './lookup.ts'
import {
  isLow,
  NOTHING_SEEN,
  noticesBetween,
  type DeviceSight,
  type DiskSight,
  type FolderSight,
  type NoticeBoard,
  type Sight,
} from './notices.ts'
import type { FolderEntry, FolderLookup } from './parts.ts'

export interface AttentionDeps {
  readonly stores: StoreManager
  readonly folders: FolderLookup
  readonly conflicts: ConflictFeed
  readonly changes: Changes
  readonly notices: NoticeBoard
  readonly self: PublicKey
  readonly home: string
  readonly report: (cause: unknown) => void
}

const PAUSE_MS = 100
/** No system tells when a disk fills up. */
const DISK_LOOK_MS = 60_000

/** A folder in trouble tries again and again, and has no error to show between two tries. */
const errorOf = ({ failure, status, paused, path }: FolderEntry, before: FolderSight | undefined): string => {
  const error = failure ?? status?.error
  if (error) return error.message
  const isWell = path === '' || paused || status?.state === 'idle'
  return isWell ? '' : (before?.error ?? '')
}

const lookAtFolders = (
  { folders, conflicts, self }: AttentionDeps,
  before: Sight['folders'],
): ReadonlyMap<HexKey, FolderSight> => {
  const standing = new Map(conflicts.list().map(({ storeId, conflicts: all }) => [bytesToHex(storeId), all]))
  return new Map(
    folders.list().map((entry) => {
      const hex = bytesToHex(entry.store.id)
      const sights = (standing.get(hex) ?? []).map(({ id = '', path = '', kind = '', heads = [] }) => {
        const other = heads.find(({ device }) => device && !equalBytes(device, self))
        return { id, path, kind, deviceName: other?.deviceName ?? '' }
      })
      return [hex, { name: entry.store.name, conflicts: sights, error: errorOf(entry, before.get(hex)) }]
    }),
  )
}

const lookAtDisks = async (
  { home, folders }: AttentionDeps,
  before: Sight['disks'],
): Promise<ReadonlyMap<string, DiskSight>> => {
  const disks = new Map<string, DiskSight>()
  for (const path of [home, ...folders.list().map((entry) => entry.path)]) {
    if (path === '') continue
    try {
      const disk = `${(await stat(path)).dev}`
      if (!disks.has(disk)) disks.set(disk, { path, low: isLow(await freeBytes(path), before.get(disk)?.low ?? false) })
    } catch (cause) {
      // A folder that is gone is told of by its own error.
      if ((cause as NodeJS.ErrnoException).code === undefined) throw cause
    }
  }
  return disks
}

const lookAtDevices = (stores: readonly Store[], self: PublicKey): ReadonlyMap<HexKey, DeviceSight> =>
  new Map(
    [...collectPeers(stores).values()].map(({ peer: { device, name }, in: memberships }) => {
      const storesWhere = (revoked: boolean): Set<HexKey> =>
        new Set(
          memberships
            .filter(({ peer }) => (peer.status === 'revoked') === revoked)
            .map(({ store }) => bytesToHex(store.id)),
        )
      const sight = {
        name,
        self: equalBytes(device, self),
        activeIn: storesWhere(false),
        revokedFrom: storesWhere(true),
      }
      return [bytesToHex(device), sight]
    }),
  )

/** Puts up notices until the signal aborts. What stands when it is called is not new, but a trouble that lasts is told. */
export const watchOver = (deps: AttentionDeps, signal: AbortSignal): void => {
  const { changes, notices, stores, self, report } = deps
  const dirty = new DirtySet()
  const unsubscribe = changes.subscribe((key) => {
    if (/^(folder|conflicts)\/|^members$/.test(key)) dirty.add(key.split('/')[0]!)
  })
  const timer = setInterval(() => dirty.add('disks'), DISK_LOOK_MS).unref()
  const look = async (before: Sight, what: ReadonlySet<string>): Promise<Sight> => ({
    folders: lookAtFolders(deps, before.folders),
    devices: what.has('members') ? lookAtDevices(stores.list(), self) : before.devices,
    // Last, for when it is done the stores may be closed.
    disks: what.has('disks') ? await lookAtDisks(deps, before.disks) : before.disks,
  })
  const run = async (): Promise<void> => {
    let seen = NOTHING_SEEN
    for (let what = new Set(['disks', 'members']); !signal.aborted; what = new Set(await dirty.take(signal))) {
      const now = await look(seen, what)
      for (const notice of noticesBetween(seen, now)) notices.add(notice)
      seen = now
      await pause(PAUSE_MS, signal)
    }
  }
  run()
    .catch(report)
    .finally(() => {
      unsubscribe()
      clearInterval(timer)
    })
}

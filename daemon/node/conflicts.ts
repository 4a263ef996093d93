/** What was changed on two sides, over all folders, and settling it with one write. */
import { randomBytes } from 'node:crypto'
import type { MessageInitShape } from '@bufbuild/protobuf'
import type { ConflictInfoSchema, ConflictService, ResolveConflictRequest } from '#proto/conflict_api'
import type { FileOp } from '#proto/file'
import { bytesToHex } from '#kernel/core/bytes.ts'
import { hlcToMs } from '#kernel/core/hlc.ts'
import { err, latticeError, ok, type LatticeError, type Result } from '#kernel/core/result.ts'
import type { Store } from '#kernel/store/port.ts'
import { resolveBoth, resolveMerged, resolveTake } from '#fs-bridge/filestore/intents.ts'
import { packOps } from '#fs-bridge/filestore/ops.ts'
import type { Conflict, ContentValue, Inode } from '#fs-bridge/filestore/port.ts'
import { openTree } from '#fs-bridge/filestore/tree.ts'
import { decodeContent, INODE_LENGTH } from '#fs-bridge/filestore/values.ts'
import { pending, pendingStream } from './pending.ts'
import type { ServiceApi } from '../rpc/port.ts'
import { deviceNameIn } from './lookup.ts'
import type { FileContents, FolderEntry, FolderLookup } from './parts.ts'

type ConflictInit = MessageInitShape<typeof ConflictInfoSchema>

/** Heads of contents, and of files that claim one name, hold content; those of links and directories hold none. */
const sizeOf = (value: Uint8Array | undefined, kind: Conflict['kind']): number =>
  value !== undefined && (kind === 'content' || kind === 'name') ? (decodeContent(value)?.content.size ?? 0) : 0

const describe = (store: Store, conflict: Conflict): ConflictInit => ({
  id: conflict.id,
  folder: store.name,
  path: conflict.path,
  kind: conflict.kind,
  heads: conflict.heads.map((head) => ({
    hash: head.hash,
    device: head.author,
    deviceName: head.device,
    timeMs: BigInt(hlcToMs(head.hlc)),
    name: head.name,
    size: BigInt(sizeOf(head.value, conflict.kind)),
    deleted: head.value === undefined,
  })),
})

const conflictsOf = (store: Store): Iterable<Conflict> => openTree(store.state, deviceNameIn(store.access)).conflicts()

interface Found {
  readonly entry: FolderEntry
  readonly conflict: Conflict
}

/** By id, a beginning of it, or path (within the folder, or with the folder's name or directory before it). */
const findConflict = (entries: readonly FolderEntry[], wanted: string): Result<Found, LatticeError> => {
  const found: Found[] = []
  for (const entry of entries)
    for (const conflict of conflictsOf(entry.store)) {
      const names = [conflict.path, `${entry.store.name}/${conflict.path}`, `${entry.path}/${conflict.path}`]
      if (conflict.id === wanted) return ok({ entry, conflict })
      if (names.includes(wanted) || (wanted.length >= 4 && conflict.id.startsWith(wanted.toLowerCase())))
        found.push({ entry, conflict })
    }
  if (found.length === 1) return ok(found[0]!)
  return found.length === 0
    ? err(
        latticeError('conflict-not-found', 'permanent', `there is no conflict “${wanted}”; it may be settled already`),
      )
    : err(latticeError('ambiguous', 'permanent', `“${wanted}” names more than one conflict: use its id`))
}

const findHead = (conflict: Conflict, wanted: string): Result<Conflict['heads'][number], LatticeError> => {
  const byDevice = conflict.heads.filter((head) => head.device === wanted)
  const byHash =
    wanted.length >= 4 ? conflict.heads.filter((head) => bytesToHex(head.hash).startsWith(wanted.toLowerCase())) : []
  const found = byHash.length > 0 ? byHash : byDevice
  if (found.length === 1) return ok(found[0]!)
  const heads = conflict.heads.map((head) => bytesToHex(head.hash).slice(0, 12)).join(' or ')
  return err(latticeError('head-not-found', 'permanent', `“${wanted}” is not one side of this conflict: take ${heads}`))
}

const freshInode = (): Inode => new Uint8Array(randomBytes(INODE_LENGTH)) as Uint8Array as Inode

/** The ops are made on the state they will follow: what arrived meanwhile is seen. */
const settle = async (
  store: Store,
  id: string,
  ops: (tree: ReturnType<typeof openTree>, conflict: Conflict) => FileOp[],
): Promise<Result<void, LatticeError>> => {
  const done = await store.submit((state) => {
    const tree = openTree(state, deviceNameIn(store.access))
    const conflict = [...tree.conflicts()].find((candidate) => candidate.id === id)
    const [app] = conflict ? packOps(ops(tree, conflict)) : []
    return app && { app }
  })
  if (!done.ok) return done
  return done.value
    ? ok(undefined)
    : err(
        latticeError(
          'conflict-not-found',
          'permanent',
          'the conflict cannot be settled that way, or is settled already',
        ),
      )
}

type Resolution = ResolveConflictRequest['resolution']

const resolve = async (
  { entry, conflict }: Found,
  how: Resolution,
  contents: FileContents,
): Promise<Result<void, LatticeError>> => {
  const { store } = entry
  switch (how.case) {
    case 'take': {
      const head = findHead(conflict, how.value)
      return head.ok ? settle(store, conflict.id, (tree, now) => resolveTake(tree, now, head.value.hash)) : head
    }
    case 'both':
      return settle(store, conflict.id, (tree, now) => resolveBoth(tree, now, freshInode))
    case 'mergedFile': {
      const merged: Result<ContentValue, LatticeError> = await contents.take(store, how.value)
      return merged.ok ? settle(store, conflict.id, (tree, now) => resolveMerged(tree, now, merged.value)) : merged
    }
    case 'merged':
      return pending()
    case undefined:
      return err(
        latticeError('bad-request', 'permanent', 'say how to settle it: take one side, keep both, or a merged file'),
      )
  }
}

export const conflictService = (folders: FolderLookup, contents: FileContents): ServiceApi<typeof ConflictService> => ({
  async listConflicts({ folder }) {
    const chosen = folder === '' ? ok(folders.list()) : folders.find(folder)
    if (!chosen.ok) return chosen
    const conflicts = [chosen.value]
      .flat()
      .flatMap(({ store }) => [...conflictsOf(store)].map((conflict) => describe(store, conflict)))
    return ok({ conflicts })
  },

  async resolveConflict({ id, resolution }) {
    const found = findConflict(folders.list(), id)
    if (!found.ok) return found
    const done = await resolve(found.value, resolution, contents)
    return done.ok ? ok({ path: found.value.conflict.path }) : done
  },

  getConflict: pending,
  readSide: pendingStream,
  undoResolution: pending,
})

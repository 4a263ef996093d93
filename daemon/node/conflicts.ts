/** What was changed on two sides, over all folders: listing it, comparing the sides, settling it and taking that back. */
import { randomBytes } from 'node:crypto'
import type { ConflictService, ResolveConflictRequest } from '#proto/conflict_api'
import type { FileOp } from '#proto/file'
import { bytesToHex, equalBytes } from '#kernel/core/bytes.ts'
import { err, latticeError, ok, type LatticeError, type Result } from '#kernel/core/result.ts'
import type { Store } from '#kernel/store/port.ts'
import { resolveBoth, resolveMerged, resolveTake } from '#fs-bridge/filestore/intents.ts'
import { decodeOps, packOps } from '#fs-bridge/filestore/ops.ts'
import type { Conflict, ContentValue, Inode } from '#fs-bridge/filestore/port.ts'
import { openTree, type Tree } from '#fs-bridge/filestore/tree.ts'
import { rememberTouched, stillMeant, type Remembered } from '#fs-bridge/filestore/undo.ts'
import { INODE_LENGTH } from '#fs-bridge/filestore/values.ts'
import type { ServiceApi } from '../rpc/port.ts'
import { describeConflict, listConflicts, treeOf } from './conflict-pages.ts'
import { ConflictSides, contentOfHead, type Side } from './conflict-sides.ts'
import { Undos, type Settled } from './conflict-undo.ts'
import { deviceNameIn } from './lookup.ts'
import { limitOf } from './files/turns.ts'
import type { FileContents, FolderEntry, FolderLookup } from './parts.ts'
import { writable } from './removals.ts'

/** A request has at most 1 MiB, and JSON takes a third more for it. */
const MERGED_BYTES_MAX = 768 * 1024
const MODE_DEFAULT = 0o644
const PAGE = 500
const PAGE_MAX = 2000

interface Found {
  readonly entry: FolderEntry
  readonly conflict: Conflict
}

/** By id, a beginning of it, or path (within the folder, or with the folder's name or directory before it). */
const findConflict = (entries: readonly FolderEntry[], wanted: string): Result<Found, LatticeError> => {
  const found: Found[] = []
  for (const entry of entries) {
    const conflict = treeOf(entry.store).conflict(wanted)
    if (conflict) return ok({ entry, conflict })
  }
  for (const entry of entries)
    for (const conflict of treeOf(entry.store).conflicts()) {
      const names = [conflict.path, `${entry.store.name}/${conflict.path}`, `${entry.path}/${conflict.path}`]
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

const notASide = ({ heads }: Conflict, wanted: string): LatticeError => {
  const all = heads.map(({ hash }) => bytesToHex(hash).slice(0, 12)).join(' or ')
  return latticeError('head-not-found', 'permanent', `“${wanted}” is not one side of this conflict: take ${all}`)
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

const notSettled = latticeError(
  'conflict-not-found',
  'permanent',
  'the conflict cannot be settled that way, or is settled already',
)

const freshInode = (): Inode => new Uint8Array(randomBytes(INODE_LENGTH)) as Uint8Array as Inode

/**
 * The ops are made on the state they will follow: what arrived meanwhile is seen. Those about a large directory need
 * several intentions; the later ones leave alone what somebody has written to since.
 */
const settle = async (
  store: Store,
  id: string,
  ops: (tree: Tree, conflict: Conflict) => FileOp[],
): Promise<Result<Settled, LatticeError>> => {
  let found: { readonly conflict: Conflict; readonly remembered: Remembered } | undefined
  let rest: readonly Uint8Array[] = []
  const done = await store.submit((state) => {
    const tree = openTree(state, deviceNameIn(store.access))
    const conflict = tree.conflict(id)
    const made = conflict ? ops(tree, conflict) : []
    const [app, ...later] = packOps(made)
    if (!conflict || !app) return undefined
    found = { conflict, remembered: rememberTouched(state, conflict, made) }
    rest = later
    return { app }
  })
  if (!done.ok) return done
  if (!done.value || !found) return err(notSettled)
  const { conflict, remembered } = found
  const settlings = [done.value.hash]
  for (const batch of rest) {
    const later = await store.submit((state) => {
      const [app] = packOps(stillMeant(state, remembered, settlings, decodeOps(batch).ops))
      return app && { app }
    })
    if (!later.ok) return later
    if (later.value) settlings.push(later.value.hash)
  }
  return ok({ storeId: store.id, folder: store.name, conflict, remembered, settlings })
}

/** The permissions that a merged text gets: those of the winner. */
const modeOf = (store: Store, conflict: Conflict): number =>
  conflict.heads.flatMap((head) => contentOfHead(store, conflict, head) ?? [])[0]?.mode ?? MODE_DEFAULT

type Resolution = ResolveConflictRequest['resolution']

const resolve = async (
  { entry, conflict }: Found,
  how: Resolution,
  contents: FileContents,
): Promise<Result<Settled, LatticeError>> => {
  const { store } = entry
  const settleMerged = async (merged: Result<ContentValue, LatticeError>) =>
    merged.ok ? settle(store, conflict.id, (tree, now) => resolveMerged(tree, now, merged.value)) : merged
  switch (how.case) {
    case 'take': {
      const head = findHead(conflict, how.value)
      return head.ok ? settle(store, conflict.id, (tree, now) => resolveTake(tree, now, head.value.hash)) : head
    }
    case 'both':
      return settle(store, conflict.id, (tree, now) => resolveBoth(tree, now, freshInode))
    case 'mergedFile':
      return settleMerged(await contents.take(store, how.value))
    case 'merged':
      if (how.value.length > MERGED_BYTES_MAX)
        return err(
          latticeError(
            'bad-request',
            'permanent',
            'what is merged has at most 768 KiB here: name a file that holds it',
          ),
        )
      return settleMerged(await contents.takeBytes(store, how.value, modeOf(store, conflict)))
    case undefined:
      return err(
        latticeError('bad-request', 'permanent', 'say how to settle it: take one side, keep both, or a merged file'),
      )
  }
}

const noContent = latticeError('no-content', 'permanent', 'that side is a place or a directory, which has no bytes')

export const conflictService = (folders: FolderLookup, contents: FileContents): ServiceApi<typeof ConflictService> => {
  const sides = new ConflictSides(contents)
  const undos = new Undos(folders, contents)
  return {
    async listConflicts({ folder, after, limit }) {
      const chosen = folder === '' ? ok(folders.list()) : folders.find(folder)
      if (!chosen.ok) return chosen
      const stores = [chosen.value].flat().map(({ store }) => store)
      return listConflicts(stores, after, limitOf(limit, PAGE, PAGE_MAX))
    },

    async getConflict({ id }, signal) {
      const found = findConflict(folders.list(), id)
      if (!found.ok) return found
      const { entry, conflict } = found.value
      const describeSide = (side: Side) => sides.describe(entry, conflict, side, signal)
      const origins = await sides.origins(entry, conflict, signal)
      const [[base], described] = await Promise.all([
        Promise.all([origins.base ?? []].flat().map(describeSide)),
        Promise.all(origins.sides.map(describeSide)),
      ])
      return ok({
        conflict: describeConflict(entry.store, conflict),
        sides: described,
        base: base?.here ? base : undefined,
      })
    },

    async *readSide({ id, hash }, signal) {
      const found = findConflict(folders.list(), id)
      if (!found.ok) return yield found
      const { entry, conflict } = found.value
      const isIt = (side: Side): boolean => equalBytes(side.hash, hash)
      const base = async (): Promise<Side[]> => [(await sides.origins(entry, conflict, signal)).base ?? []].flat()
      const side = sides.sides(entry, conflict).find(isIt) ?? (await base()).find(isIt)
      if (side === undefined) return yield err(notASide(conflict, bytesToHex(hash)))
      if (side.content === undefined) return yield err(noContent)
      for await (const piece of contents.read(entry, side.content, signal))
        yield piece.ok ? ok({ data: piece.value }) : piece
    },

    async resolveConflict({ id, resolution }) {
      const found = findConflict(folders.list(), id)
      if (!found.ok) return found
      const allowed = writable(found.value.entry)
      if (!allowed.ok) return allowed
      const done = await resolve(found.value, resolution, contents)
      return done.ok ? ok({ path: found.value.conflict.path, undo: undos.keep(done.value) }) : done
    },

    async undoResolution({ undo }, signal) {
      const done = await undos.undo(undo, signal)
      return done.ok ? ok({ id: done.value.id }) : done
    },
  }
}

/**
 * Conflicts as the API tells them, one by one and by pages. A page goes on after a *position*: the store in hex, `/`,
 * and where the last one stands in that store's order, which holds whether that one is still there or not.
 */
import type { MessageInitShape } from '@bufbuild/protobuf'
import type { ConflictInfoSchema, ListConflictsResponseSchema } from '#proto/conflict_api'
import { bytesToHex } from '#kernel/core/bytes.ts'
import { hlcToMs } from '#kernel/core/hlc.ts'
import { err, latticeError, ok, type LatticeError, type Result } from '#kernel/core/result.ts'
import type { Store } from '#kernel/store/port.ts'
import type { Conflict } from '#fs-bridge/filestore/port.ts'
import { inodeState } from '#fs-bridge/filestore/inode.ts'
import { openTree, type Tree } from '#fs-bridge/filestore/tree.ts'
import { decodeLink, isRoot } from '#fs-bridge/filestore/values.ts'
import { contentOfHead } from './conflict-sides.ts'
import { deviceNameIn } from './lookup.ts'

type ConflictInit = MessageInitShape<typeof ConflictInfoSchema>

/** What one page may hold: its reply is smaller than a reply may be. */
const PAGE_BYTES_MAX = 2 * 1024 * 1024
const POSITION = /^([0-9a-f]{64})\/([0-9a-z]+)$/

export const treeOf = (store: Store): Tree => openTree(store.state, deviceNameIn(store.access))

/** Where a side of a `link` conflict has it; the name alone where that directory is not seen any more. */
const placeOf = (tree: Tree, { value }: Conflict['heads'][number]): string => {
  const link = value && decodeLink(value)
  if (!link) return ''
  const [parent] = isRoot(link.parent) ? [] : tree.appearances(link.parent)
  return parent ? `${tree.pathOf(parent)}/${link.name}` : link.name
}

/** What tells a side apart that has no bytes of its own. */
const factsOf = (store: Store, conflict: Conflict, head: Conflict['heads'][number]) => {
  const kind = inodeState(store.state.cells, head.inode)?.kind
  if (conflict.kind === 'link') return { place: placeOf(treeOf(store), head), directory: kind === 'dir' }
  const { data } = (kind === 'symlink' ? contentOfHead(store, conflict, head) : undefined) ?? {}
  return { directory: kind === 'dir', target: data?.kind === 'inline' ? new TextDecoder().decode(data.bytes) : '' }
}

export const describeConflict = (store: Store, conflict: Conflict): ConflictInit => ({
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
    size: BigInt(contentOfHead(store, conflict, head)?.size ?? 0),
    deleted: head.value === undefined,
    ...factsOf(store, conflict, head),
  })),
})

/** At least what the message takes: paths and names come from peers, and may be long. */
const bytesOf = (store: Store, conflict: Conflict): number => {
  const ofHead = (head: Conflict['heads'][number]): number => {
    const { place = '', target = '' } = factsOf(store, conflict, head)
    return 128 + 3 * (head.name.length + head.device.length + place.length + target.length)
  }
  return conflict.heads.reduce((sum, head) => sum + ofHead(head), 256 + 3 * conflict.path.length)
}

export interface Page {
  readonly conflicts: readonly { readonly store: Store; readonly conflict: Conflict }[]
  /** The position of the last one; empty: there are no more. */
  readonly next: string
}

/** As many as fit, at least one if there is one. `after`: within the first store. */
const fitting = (stores: readonly Store[], after: string, limit: number, bytesMax: number): Page => {
  const conflicts: { store: Store; conflict: Conflict }[] = []
  let bytes = 0
  for (const [i, store] of stores.entries())
    for (const conflict of treeOf(store).conflicts(i === 0 ? after : '')) {
      bytes += bytesOf(store, conflict)
      const last = conflicts.at(-1)
      if (last && (conflicts.length === limit || bytes > bytesMax))
        return { conflicts, next: `${bytesToHex(last.store.id)}/${last.conflict.at}` }
      conflicts.push({ store, conflict })
    }
  return { conflicts, next: '' }
}

export const firstConflicts = (store: Store, limit: number, bytesMax: number): Page =>
  fitting([store], '', limit, bytesMax)

export const listConflicts = (
  stores: readonly Store[],
  after: string,
  limit: number,
): Result<MessageInitShape<typeof ListConflictsResponseSchema>, LatticeError> => {
  const [, from = '', at = ''] = POSITION.exec(after) ?? []
  if (after !== '' && from === '')
    return err(latticeError('bad-request', 'permanent', `“${after}” is no place among the conflicts: give a “next”`))
  const inOrder = stores
    .map((store) => ({ store, hex: bytesToHex(store.id) as string }))
    .filter(({ hex }) => hex >= from)
    .sort((a, b) => (a.hex < b.hex ? -1 : 1))
  // A folder that was left meanwhile has no rest.
  const rest = inOrder[0]?.hex === from ? at : ''
  const { conflicts, next } = fitting(
    inOrder.map(({ store }) => store),
    rest,
    limit,
    PAGE_BYTES_MAX,
  )
  return ok({
    conflicts: conflicts.map(({ store, conflict }) => describeConflict(store, conflict)),
    next,
    total: BigInt(stores.reduce((sum, store) => sum + treeOf(store).conflictCount(), 0)),
  })
}

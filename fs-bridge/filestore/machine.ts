/** The `core:filestore` state machine: file operations become cells, and the index the tree is read from. */
import type { FileOp, FileOps } from '#proto/file'
import { ByteMap } from '#kernel/core/byte-map.ts'
import { equalBytes, type Hash } from '#kernel/core/bytes.ts'
import type {
  AppliedAt,
  BlobRef,
  Change,
  StateMachine,
  StateReader,
  StateTables,
  StoreType,
} from '#kernel/state/port.ts'
import { inodeState } from './inode.ts'
import { contentOf, decodeOps, linkOf } from './ops.ts'
import { replace } from './placement.ts'
import type { ContentValue, Inode } from './port.ts'
import {
  contentKey,
  CONTENT_RANGE,
  decodeContent,
  encodeContent,
  encodeLink,
  goneKey,
  isTrash,
  linkKey,
  vacatedKey,
  xattrKey,
} from './values.ts'

export const FILESTORE_TYPE = 'core:filestore'

/**
 * Writes the cells of one op; says whether one of them is in conflict then. A deletion puts away the content its author
 * names, or leaves a tombstone.
 */
const writeCells = (op: FileOp, at: AppliedAt, { cells }: StateTables): boolean => {
  const inode = op.inode as Inode
  let conflicted = false
  const write = (key: Uint8Array, value: Uint8Array | undefined, keep: readonly Uint8Array[]) => {
    if (cells.write(key, value, at, keep as readonly Hash[])) conflicted = true
  }
  const trashed = op.link !== undefined && isTrash(op.link.parent)
  if (op.link) write(linkKey(inode), encodeLink(linkOf(op.link)), op.keepLink)
  if (op.content) write(contentKey(inode), encodeContent({ trashed, content: contentOf(op.content) }), op.keepContent)
  else if (trashed) write(contentKey(inode), undefined, op.keepContent)
  for (const { name, write: change, keep } of op.xattrs)
    write(xattrKey(inode, name), change.case === 'value' ? change.value : undefined, keep)
  return conflicted
}

/**
 * The changes name, by its link key, every inode that was written or hangs elsewhere now; one that lives no more, where
 * that is all there is to it, by a key of no cell (see `goneKey`); and every place left where that may change how others
 * look (see `vacatedKey`).
 */
const apply = (ops: FileOps, at: AppliedAt, tables: StateTables): Change[] => {
  const changes = new ByteMap<Change>()
  const note = (key: Uint8Array, conflicted: boolean) => changes.set(key, { key, conflicted })
  for (const op of ops.ops) {
    const inode = op.inode as Inode
    let conflicted = false
    let isGone = false
    const write = (): void => {
      conflicted = writeCells(op, at, tables)
    }
    for (const { inode: moved, from, to, leavesTrace } of replace(tables, inode, write)) {
      const isOwn = equalBytes(moved, inode)
      if (to === undefined && !leavesTrace) {
        note(goneKey(moved), false)
        isGone ||= isOwn
        continue
      }
      const key = linkKey(moved)
      if (!isOwn && !changes.has(key)) note(key, (tables.cells.cell(key)?.heads.length ?? 0) > 1)
      if (from && leavesTrace) note(vacatedKey(moved, from), false)
    }
    if (!isGone || conflicted) note(linkKey(inode), conflicted)
  }
  return changes.values()
}

/** How long a manifest chunk is, its reference does not say: 0. */
const refsOf = function* ({ data }: ContentValue): Generator<BlobRef> {
  if (data.kind === 'chunks') for (const { cid, length } of data.chunks) yield { cid, length, manifest: false }
  else if (data.kind === 'manifest') yield { cid: data.cid, length: 0, manifest: true }
}

/** The chunks of live contents; of what a deletion put away only while another link keeps the inode in sight. */
const referencedBlobs = function* (tables: StateReader): Generator<BlobRef> {
  for (const [key, cell] of tables.cells.cells(CONTENT_RANGE)) {
    for (const head of cell.heads) {
      const stored = head.value && decodeContent(head.value)
      if (!stored) continue
      if (stored.trashed && inodeState(tables.cells, key.slice(2) as Inode)?.trashed !== false) continue
      yield* refsOf(stored.content)
    }
  }
}

export const filestoreMachine: StateMachine<FileOps> = { decode: decodeOps, apply, referencedBlobs }

export const filestoreType: StoreType<FileOps> = { name: FILESTORE_TYPE, machine: filestoreMachine }

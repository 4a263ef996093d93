/**
 * The branches of a key: where its heads part and what each side did, or, of the content or the place of a file, where
 * they met last, also where that was taken back.
 */
import type { MessageInitShape } from '@bufbuild/protobuf'
import type { BranchSchema, InspectBranchResponseSchema } from '#proto/store_api'
import { bytesToHex, equalBytes, hexToBytes, type Hash, type HexKey } from '#kernel/core/bytes.ts'
import type { Cell } from '#kernel/state/port.ts'
import type { Store } from '#kernel/store/port.ts'
import { lastMeeting, lastMeetingOfPlaces, type Meeting } from '#fs-bridge/filestore/lineage.ts'
import { FILESTORE_TYPE } from '#fs-bridge/filestore/machine.ts'
import type { Inode } from '#fs-bridge/filestore/port.ts'
import { contentKey, decodeLink, isTrash, linkKey } from '#fs-bridge/filestore/values.ts'
import { contentWrites, placeWrites } from './conflict-sides.ts'
import { describeEntry, type EntryInit } from './store-log.ts'

/** Writes since a meeting that are told. */
const JOINED_MAX = 100
const INODE_LENGTH = 16

/** "0x" and hex, or UTF-8. */
export const parseKey = (key: string): Uint8Array => {
  const hex = key.startsWith('0x') ? hexToBytes(key.slice(2)) : undefined
  return hex?.ok ? hex.value : Buffer.from(key, 'utf8')
}

interface Met extends Meeting {
  /** What stands now. */
  readonly heads: readonly Hash[]
}

const hashesOf = (heads: Cell['heads']): Hash[] => heads.map(({ hash }) => hash)

/**
 * Undefined: the key is not that of a file's content or place, or its heads, if it has several, have parted since.
 * Who takes one side of a content writes that the others are gone, which stands beside it as a head without a value.
 */
const findMeeting = async (
  store: Store,
  key: Uint8Array,
  { heads: all }: Cell,
  signal: AbortSignal,
): Promise<Met | undefined> => {
  if (store.type !== FILESTORE_TYPE || key.length < INODE_LENGTH) return undefined
  const inode = key.slice(-INODE_LENGTH) as Inode
  if (equalBytes(contentKey(inode), key)) {
    const heads = hashesOf(all.filter(({ value }) => value !== undefined))
    const met = lastMeeting(await contentWrites(store, inode, signal), heads, store.dag)
    return met && { ...met, heads }
  }
  if (!equalBytes(linkKey(inode), key)) return undefined
  const isPlace = (parent: Inode | undefined): boolean => parent !== undefined && !isTrash(parent)
  const places = hashesOf(all.filter(({ value }) => isPlace(value && decodeLink(value)?.parent)))
  const met = lastMeetingOfPlaces(await placeWrites(store, inode, signal), places, store.dag)
  return met && { ...met, heads: hashesOf(all) }
}

/** What settled it is told in any case. */
const latestOf = ([settling, ...later]: readonly Hash[]): Hash[] =>
  settling ? [settling, ...later.slice(1 - JOINED_MAX)] : []

type BranchInit = MessageInitShape<typeof BranchSchema>

/** Undefined: nobody has written anything there. */
export const inspectBranches = async (
  store: Store,
  key: Uint8Array,
  signal: AbortSignal,
): Promise<MessageInitShape<typeof InspectBranchResponseSchema> | undefined> => {
  const cell = store.state.cells.cell(key)
  if (!cell) return undefined
  const meeting = await findMeeting(store, key, cell, signal)
  const heads = meeting?.heads ?? hashesOf(cell.heads)
  const ends = meeting?.of ?? heads
  const { fork, branches } = store.dag.branches(ends)
  const entryOf = (hash: Hash): EntryInit[] => {
    const entry = store.dag.get(hash)
    return entry ? [describeEntry(store, entry, 0, true)] : []
  }
  const branchOf = (hash: Hash, at: number): BranchInit => {
    const value = meeting ? undefined : cell.heads[at]?.value
    return {
      head: entryOf(hash)[0],
      value,
      deleted: meeting === undefined && value === undefined,
      path: (branches.get(bytesToHex(hash) as HexKey) ?? []).flatMap(entryOf),
    }
  }
  return {
    fork: [...fork],
    forkEntries: fork.flatMap(entryOf),
    branches: ends.map(branchOf),
    joined: latestOf(meeting?.since ?? []).flatMap(entryOf),
    taken: meeting?.taken,
    heads: [...heads],
  }
}

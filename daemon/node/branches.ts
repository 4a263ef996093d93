/**
 * The branches of a key: where its heads part and what each side did, or, of the content of a file, where they met last,
 * also where that was taken back.
 */
import type { MessageInitShape } from '@bufbuild/protobuf'
import type { BranchSchema, InspectBranchResponseSchema } from '#proto/store_api'
import { bytesToHex, equalBytes, hexToBytes, type Hash, type HexKey } from '#kernel/core/bytes.ts'
import type { Store } from '#kernel/store/port.ts'
import { lastMeeting, type Meeting } from '#fs-bridge/filestore/lineage.ts'
import { FILESTORE_TYPE } from '#fs-bridge/filestore/machine.ts'
import type { Inode } from '#fs-bridge/filestore/port.ts'
import { contentKey } from '#fs-bridge/filestore/values.ts'
import { contentWrites } from './conflict-sides.ts'
import { describeEntry, type EntryInit } from './store-log.ts'

/** Writes since a meeting that are told. */
const JOINED_MAX = 100
const INODE_LENGTH = 16

/** "0x" and hex, or UTF-8. */
export const parseKey = (key: string): Uint8Array => {
  const hex = key.startsWith('0x') ? hexToBytes(key.slice(2)) : undefined
  return hex?.ok ? hex.value : Buffer.from(key, 'utf8')
}

/** Undefined: the key is not that of a file's content, or its heads, if it has several, have parted since. */
const findMeeting = async (
  store: Store,
  key: Uint8Array,
  heads: readonly Hash[],
  signal: AbortSignal,
): Promise<Meeting | undefined> => {
  const inode = key.slice(-INODE_LENGTH) as Inode
  if (store.type !== FILESTORE_TYPE || !equalBytes(contentKey(inode), key)) return undefined
  return lastMeeting(await contentWrites(store, inode, signal), heads, store.dag)
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
  // Who takes one side of a file writes that the others are gone, which stands beside it as a head without a value.
  const contents = cell.heads.filter(({ value }) => value !== undefined).map(({ hash }) => hash)
  const meeting = await findMeeting(store, key, contents, signal)
  const heads = meeting ? contents : cell.heads.map(({ hash }) => hash)
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
    heads,
  }
}

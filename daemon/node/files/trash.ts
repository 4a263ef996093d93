/**
 * What was deleted and can be brought back. Listed from the state, where every deleted thing still has its link: one
 * pass over all links in slices, kept until the log grows.
 *
 * An id is the inode and the time of its deletion in hex: of what was brought back and deleted again it is another.
 */
import type { MessageInitShape } from '@bufbuild/protobuf'
import { EntryKind, type ListTrashResponseSchema, type TrashedFileSchema } from '#proto/file_api'
import { bytesToHex, compareBytes, type HexKey } from '#kernel/core/bytes.ts'
import { hlcToMs } from '#kernel/core/hlc.ts'
import { err, latticeError, ok, type LatticeError, type Result } from '#kernel/core/result.ts'
import { StateSnapshot } from '#kernel/state/snapshot.ts'
import type { Store } from '#kernel/store/port.ts'
import { contentHeads, inodeState, type InodeState } from '#fs-bridge/filestore/inode.ts'
import { restoreOps } from '#fs-bridge/filestore/intents.ts'
import { effectivePlace, livingPlace } from '#fs-bridge/filestore/placement.ts'
import type { ContentValue, Inode, Kind } from '#fs-bridge/filestore/port.ts'
import { LINK_RANGE } from '#fs-bridge/filestore/values.ts'
import type { FileContents, FolderEntry } from '../parts.ts'
import { deletedTogether, type Deleted, type Deletion } from './deleted-together.ts'
import { sortInSlices } from './disk-listing.ts'
import { pathOfPlace } from './places.ts'
import { breathing, type Breathe } from './turns.ts'
import { writeInBatches } from './writing.ts'

/** Read without a look at the clock. */
const LINKS_AT_ONCE = 16
/** Contents made sure of, and so kept from being collected, at a time. */
const SECURED_AT_ONCE = 100
/** Paths named of those that nobody has any more; the others are counted. */
const MISSING_MAX = 100
const PREFIX_MIN = 4

const KINDS: Readonly<Record<Kind, EntryKind>> = {
  file: EntryKind.FILE,
  dir: EntryKind.DIRECTORY,
  symlink: EntryKind.SYMLINK,
}

type Trashed = Deletion

const idOf = ({ inode, hlc }: Trashed): string => bytesToHex(inode) + hlc.toString(16).padStart(16, '0')

const parseId = (id: string): Trashed | undefined =>
  /^[0-9a-f]{48}$/.test(id)
    ? { inode: new Uint8Array(Buffer.from(id.slice(0, 32), 'hex')) as Inode, hlc: BigInt(`0x${id.slice(32)}`) }
    : undefined

const newestFirst = (a: Trashed, b: Trashed): number =>
  a.hlc === b.hlc ? compareBytes(a.inode, b.inode) : a.hlc < b.hlc ? 1 : -1

/** The state of what is in trash and in sight nowhere, as of that deletion if one is given. */
const trashedState = (state: StateSnapshot, inode: Inode, hlc?: bigint): InodeState | undefined => {
  const found = inodeState(state.cells, inode)
  if (!found?.trashed || livingPlace(state, found)) return undefined
  return hlc === undefined || found.head.hlc === hlc ? found : undefined
}

export class TrashLists {
  /** One store's; trash is looked through folder by folder. */
  #kept: { readonly store: HexKey; readonly count: number; readonly all: readonly Trashed[] } | undefined

  async all(store: Store, signal: AbortSignal): Promise<readonly Trashed[]> {
    const count = store.dag.count
    const hex = bytesToHex(store.id)
    if (this.#kept?.store === hex && this.#kept.count === count) return this.#kept.all
    const breathe = breathing(signal)
    const found: Trashed[] = []
    for (let from: Uint8Array | undefined = LINK_RANGE.gte; from !== undefined;) {
      const snapshot = new StateSnapshot(store.state)
      const keys: readonly Uint8Array[] = [
        ...snapshot.cells.cells({ ...LINK_RANGE, gte: from, limit: LINKS_AT_ONCE }),
      ].map(([key]) => key)
      for (const key of keys) {
        const state = trashedState(snapshot, key.slice(2) as Inode)
        if (state) found.push({ inode: state.inode, hlc: state.head.hlc })
      }
      from = keys.length < LINKS_AT_ONCE ? undefined : Uint8Array.of(...keys.at(-1)!, 0)
      await breathe()
    }
    const all = await sortInSlices(found, newestFirst, breathe)
    this.#kept = { store: hex, count, all }
    return all
  }
}

const contentOf = (state: StateSnapshot, found: InodeState): ContentValue | undefined =>
  contentHeads(state.cells, found)[0]?.content

const describe = (store: Store, trashed: Trashed): MessageInitShape<typeof TrashedFileSchema>[] => {
  const state = new StateSnapshot(store.state)
  const found = trashedState(state, trashed.inode, trashed.hlc)
  if (!found) return []
  const from = effectivePlace(state.derived, found)
  const size = found.kind === 'dir' ? 0 : (contentOf(state, found)?.size ?? 0)
  return [
    {
      id: idOf(trashed),
      path: pathOfPlace(state, from) ?? from.name,
      kind: KINDS[found.kind],
      size: BigInt(size),
      deletedMs: BigInt(hlcToMs(found.head.hlc)),
      deletedBy: found.head.author,
    },
  ]
}

export const listTrash = async (
  lists: TrashLists,
  store: Store,
  after: string,
  limit: number,
  signal: AbortSignal,
): Promise<Result<MessageInitShape<typeof ListTrashResponseSchema>, LatticeError>> => {
  const last = after === '' ? undefined : parseId(after)
  if (after !== '' && !last) return err(latticeError('bad-request', 'permanent', `“${after}” is no id of trash`))
  const all = await lists.all(store, signal)
  const start = last ? firstAfter(all, last) : 0
  const page = all.slice(start, start + limit)
  const breathe = breathing(signal)
  const files = []
  for (const trashed of page) {
    files.push(...describe(store, trashed))
    await breathe()
  }
  return ok({ files, more: start + limit < all.length })
}

const firstAfter = (all: readonly Trashed[], last: Trashed): number => {
  let low = 0
  let high = all.length
  while (low < high) {
    const middle = (low + high) >> 1
    if (newestFirst(all[middle]!, last) <= 0) low = middle + 1
    else high = middle
  }
  return low
}

/** Ids in full, or unique beginnings of them. */
const findIds = async (
  all: readonly Trashed[],
  ids: readonly string[],
  breathe: Breathe,
): Promise<Result<readonly Trashed[], LatticeError>> => {
  const found = new Map<string, Trashed>()
  const beginnings = new Map<string, string[]>()
  for (const id of ids) {
    const parsed = parseId(id)
    if (parsed) found.set(id, parsed)
    else beginnings.set(id.toLowerCase().slice(0, PREFIX_MIN), [])
  }
  // Few begin alike: each beginning is then looked for among those alone.
  for (const each of beginnings.size > 0 ? all : []) {
    beginnings.get(bytesToHex(each.inode.subarray(0, PREFIX_MIN / 2)))?.push(idOf(each))
    await breathe()
  }
  for (const id of ids.filter((each) => parseId(each) === undefined)) {
    const prefix = id.toLowerCase()
    const alike = beginnings.get(prefix.slice(0, PREFIX_MIN)) ?? []
    const matching = alike.filter((hex) => hex.startsWith(prefix))
    if (prefix.length < PREFIX_MIN || matching.length === 0)
      return err(latticeError('trashed-not-found', 'permanent', `nothing in trash has the id “${id}”`))
    if (matching.length > 1)
      return err(latticeError('ambiguous', 'permanent', `“${id}” begins more than one id: give more of it`))
    found.set(matching[0]!, parseId(matching[0]!)!)
    await breathe()
  }
  return ok([...found.values()])
}

/** As `deletedTogether` looks at it. */
const lookAt = ({ store }: FolderEntry, { inode, hlc }: Trashed): Deleted | undefined => {
  const snapshot = new StateSnapshot(store.state)
  const state = trashedState(snapshot, inode, hlc)
  return state && { inode, hlc, state, from: effectivePlace(snapshot.derived, state) }
}

/** Directories with what was in them, each thing once. What is not in trash any more is passed over. */
const withContent = async (
  lists: TrashLists,
  entry: FolderEntry,
  wanted: readonly Trashed[],
  signal: AbortSignal,
): Promise<readonly Trashed[]> => {
  const found = new Map<string, Trashed>()
  const breathe = breathing(signal)
  for (const trashed of wanted) {
    const deleted = lookAt(entry, trashed)
    if (!deleted || found.has(idOf(trashed))) continue
    const isDirectory = deleted.state.kind === 'dir'
    const all = isDirectory ? await lists.all(entry.store, signal) : []
    const look = (each: Trashed): Deleted | undefined => lookAt(entry, each)
    const some = isDirectory ? await deletedTogether(all, deleted, look, breathe) : [deleted]
    for (const each of some) found.set(idOf(each), each)
    await breathe()
  }
  return [...found.values()]
}

/** Content is made sure of before anything is written. */
export const restoreTrash = async (
  lists: TrashLists,
  contents: FileContents,
  entry: FolderEntry,
  ids: readonly string[],
  signal: AbortSignal,
): Promise<Result<{ restored: number; missing: string[]; notRestored: number }, LatticeError>> => {
  const { store } = entry
  const needsList = ids.some((id) => parseId(id) === undefined)
  const named = await findIds(needsList ? await lists.all(store, signal) : [], ids, breathing(signal))
  if (!named.ok) return named
  const wanted = await withContent(lists, entry, named.value, signal)
  const missing: string[] = []
  let [restored, notRestored] = [0, 0]
  for (let at = 0; at < wanted.length; at += SECURED_AT_ONCE) {
    using secured = new DisposableStack()
    const ready: Trashed[] = []
    for (const trashed of wanted.slice(at, at + SECURED_AT_ONCE)) {
      signal.throwIfAborted()
      const state = new StateSnapshot(store.state)
      const found = trashedState(state, trashed.inode, trashed.hlc)
      if (!found) continue
      const content = contentOf(state, found)
      const here = content && (await contents.secure(entry, content, signal))
      const isMissing = found.kind !== 'dir' && !here?.ok
      if (here?.ok) secured.use(here.value)
      if (!isMissing) ready.push(trashed)
      else if (++notRestored <= MISSING_MAX)
        missing.push(pathOfPlace(state, effectivePlace(state.derived, found)) ?? found.link.name)
    }
    const opsFor = (tree: Parameters<typeof restoreOps>[0], { inode, hlc }: Trashed) =>
      trashedState(new StateSnapshot(tree.state), inode, hlc) ? restoreOps(tree, inode) : []
    const done = await writeInBatches(store, ready, opsFor, () => restored++)
    if (!done.ok) return done
  }
  return ok({ restored, missing, notRestored })
}

/**
 * What was changed, newest first, read from the log by time and backwards, in pages: never more of it than a page and
 * what a filter passes over. One intention may tell of many files, so a page may end within it.
 *
 * A cursor says, for each store, how far it was read: `<store>:<hlc>.<hash>.<op>`, in hex but for the op, with commas between.
 */
import type { MessageInitShape } from '@bufbuild/protobuf'
import type { FileOp } from '#proto/file'
import type { ActivityEntrySchema } from '#proto/file_api'
import { bytesToHex, compareBytes, equalBytes, type Hash, type PublicKey } from '#kernel/core/bytes.ts'
import { hlcToMs } from '#kernel/core/hlc.ts'
import type { Witnessed } from '#kernel/dag/port.ts'
import type { StateReader } from '#kernel/state/port.ts'
import type { Store } from '#kernel/store/port.ts'
import { inodeState } from '#fs-bridge/filestore/inode.ts'
import { linkOf } from '#fs-bridge/filestore/ops.ts'
import { effectivePlace } from '#fs-bridge/filestore/placement.ts'
import type { Inode } from '#fs-bridge/filestore/port.ts'
import { isRoot, isTrash, type LinkValue, type Place } from '#fs-bridge/filestore/values.ts'
import { decodeFileOps } from '../history.ts'
import { isWithin } from './places.ts'
import type { Breathe } from './turns.ts'
import { isSamePlace } from './writing.ts'

export type Activity = MessageInitShape<typeof ActivityEntrySchema> & { readonly path: string }

/** Intentions a call looks at: a filter that nothing passes gives an empty page and the way on, not a long silence. */
const LOOKED_AT_MAX = 5_000
/**
 * Later intentions that are looked at for where things were, by a reader who does not begin with the latest. Beyond them
 * the present state tells of one move of each thing.
 */
const LATER_MAX = 20_000
/** Readers whose way is remembered from page to page. */
const TRAILS_MAX = 8

/** Places inodes had before the intentions read so far, which are later than those that follow. By inode in hex. */
type Earlier = Map<string, Place>

const noteEarlier = (ops: readonly FileOp[], earlier: Earlier): void => {
  for (const { inode, link } of [...ops].reverse())
    if (link?.replaced) earlier.set(bytesToHex(inode), linkOf(link).replaced!)
}

/** Where an inode hung just after a moment, as far as the state and what was read so far tell. */
const placeThen = (state: StateReader, inode: Inode, hlc: bigint, earlier: Earlier): Place | undefined => {
  const known = earlier.get(bytesToHex(inode))
  if (known) return known
  const found = inodeState(state.cells, inode)
  if (found === undefined) return undefined
  const { link, head } = found
  const wasLater = head.hlc > hlc || isTrash(link.parent)
  return wasLater ? (link.replaced ?? link) : effectivePlace(state.derived, found)
}

/** Two who did not know of each other may have moved each of two directories into the other: such a path ends early. */
const pathThen = (state: StateReader, place: Place, hlc: bigint, earlier: Earlier): string => {
  const names = [place.name]
  const passed = new Set<string>()
  for (let at = place; !isRoot(at.parent) && !isTrash(at.parent) && !passed.has(bytesToHex(at.parent));) {
    passed.add(bytesToHex(at.parent))
    const above = placeThen(state, at.parent, hlc, earlier)
    if (above === undefined) break
    names.push(above.name)
    at = above
  }
  return names.reverse().join('/')
}

const changeOf = (op: FileOp, link: LinkValue | undefined): string => {
  if (link === undefined) return 'edited'
  // Letting go of one side of a conflict is written as a deletion that keeps the place.
  if (isTrash(link.parent)) return op.keepLink.length > 0 ? 'resolved' : 'deleted'
  if (link.replaced === undefined) return 'created'
  if (!isSamePlace(link, link.replaced)) return 'renamed'
  return op.content || link.kind === 'dir' ? 'restored' : 'resolved'
}

/** What an op of an intention did, with paths as they were then; notes where its inode was before. */
const describe = (store: Store, written: Witnessed, op: FileOp, earlier: Earlier): Activity => {
  const { hlc, author, hash } = written
  const inode = op.inode as Inode
  const link = op.link && linkOf(op.link)
  const change = changeOf(op, link)
  const isGone = change === 'deleted' || change === 'resolved'
  const here = (isGone ? link?.replaced : link) ?? placeThen(store.state, inode, hlc, earlier)
  const path = here ? pathThen(store.state, here, hlc, earlier) : bytesToHex(inode)
  if (link?.replaced) earlier.set(bytesToHex(inode), link.replaced)
  return {
    timeMs: BigInt(hlcToMs(hlc)),
    device: author,
    storeId: store.id,
    path,
    change,
    fromPath: change === 'renamed' && link?.replaced ? pathThen(store.state, link.replaced, hlc, earlier) : '',
    size: op.content?.size ?? 0n,
    hash,
  }
}

/** The last thing an intention says of a file; undefined: it is about none. */
export const lastChangeIn = (store: Store, written: Witnessed): Activity | undefined => {
  const op = decodeFileOps(written.ops).at(-1)
  return op && describe(store, written, op, new Map())
}

/** How far a store was read: everything up to and with this op. */
interface Cursor {
  readonly hlc: bigint
  readonly hash: string
  readonly op: number
}

/** Hex digits of ids in a cursor: enough to tell them apart, and little enough for hundreds of folders. */
const SHORT = 16
const CURSOR = /^([0-9a-f]{16}):([0-9a-f]{1,16})\.([0-9a-f]{16})\.(\d{1,6})$/

const short = (id: Uint8Array): string => bytesToHex(id).slice(0, SHORT)

/** Undefined: no cursor of ours. */
const parseCursors = (text: string): ReadonlyMap<string, Cursor> | undefined => {
  const cursors = new Map<string, Cursor>()
  for (const part of text === '' ? [] : text.split(',')) {
    const match = CURSOR.exec(part)
    if (!match) return undefined
    cursors.set(match[1]!, { hlc: BigInt(`0x${match[2]!}`), hash: match[3]!, op: Number(match[4]!) })
  }
  return cursors
}

const formatCursors = (cursors: ReadonlyMap<string, Cursor>): string =>
  [...cursors].map(([hex, { hlc, hash, op }]) => `${hex}:${hlc.toString(16)}.${hash}.${op}`).join()

export interface ActivityFilter {
  readonly device: PublicKey | undefined
  readonly path: string
  readonly fromMs: bigint
  /** Exclusive; 0: to the end. */
  readonly toMs: bigint
}

interface Told {
  readonly at: Cursor
  /** Undefined: an intention about no file, or one that does not pass; it counts as looked at. */
  readonly entry: Activity | undefined
}

const passes = ({ device, path }: ActivityFilter, entry: Activity): boolean =>
  (device === undefined || equalBytes(device, entry.device!)) &&
  (isWithin(entry.path, path) || (entry.fromPath !== '' && isWithin(entry.fromPath ?? '', path)))

/** The end of the times that a filter and a cursor leave, exclusive; undefined: they leave all up to now. */
const endOf = ({ toMs }: ActivityFilter, after: Cursor | undefined): bigint | undefined => {
  const afterMs = after && BigInt(hlcToMs(after.hlc)) + 1n
  if (toMs === 0n || afterMs === undefined) return toMs === 0n ? afterMs : toMs
  return toMs < afterMs ? toMs : afterMs
}

/**
 * What was written from one time up to another, exclusive, newest first; what is of one millisecond by its counter. Goes
 * on by time and not by place in the log: what comes in meanwhile is told if it is older, and moves nothing out of sight.
 */
async function* backwards(
  { dag }: Store,
  fromMs: bigint,
  toMs: bigint | undefined,
  breathe: Breathe,
): AsyncGenerator<Witnessed> {
  const { ranges } = dag
  const before = (ms: bigint): number => ranges.lowerBound(ms, new Uint8Array())
  for (let end = toMs === undefined ? ranges.size : before(toMs); end > 0;) {
    const { timestampMs } = ranges.at(end - 1)!
    if (timestampMs < fromMs) return
    // Without what they say: an intention may be long, and those of a millisecond many.
    const found: { readonly hlc: bigint; readonly hash: Hash }[] = []
    for (const { id } of [...ranges.items(before(timestampMs), end)]) {
      const written = dag.get(id)
      if (written) found.push({ hlc: written.hlc, hash: id })
      await breathe()
    }
    found.sort((a, b) => (a.hlc === b.hlc ? compareBytes(b.hash, a.hash) : a.hlc < b.hlc ? 1 : -1))
    for (const { hash } of found) {
      const written = dag.get(hash)
      if (written) yield written
      await breathe()
    }
    end = before(timestampMs)
  }
}

/** The changes of one store, newest first, after a cursor. */
async function* changesOf(
  store: Store,
  filter: ActivityFilter,
  after: Cursor | undefined,
  earlier: Earlier,
  breathe: Breathe,
): AsyncGenerator<Told> {
  for await (const written of backwards(store, filter.fromMs, endOf(filter, after), breathe))
    yield* changesIn(store, written, filter, after, earlier)
}

/** Where things were at a time, from what was written since. */
const lookBack = async (store: Store, ms: bigint, earlier: Earlier, breathe: Breathe): Promise<void> => {
  let looked = 0
  for await (const written of backwards(store, ms, undefined, breathe)) {
    if (looked++ >= LATER_MAX) return
    if (!written.excluded) noteEarlier(decodeFileOps(written.ops), earlier)
  }
}

function* changesIn(
  store: Store,
  written: Witnessed,
  filter: ActivityFilter,
  after: Cursor | undefined,
  earlier: Earlier,
): Generator<Told> {
  const { hlc } = written
  const hash = short(written.hash)
  const ops = written.excluded ? [] : decodeFileOps(written.ops)
  if (after && (hlc > after.hlc || (hlc === after.hlc && hash > after.hash))) return noteEarlier(ops, earlier)
  const isHalfRead = after?.hash === hash
  const rest = isHalfRead ? ops.slice(0, after.op) : ops
  if (isHalfRead) noteEarlier(ops.slice(after.op), earlier)
  if (rest.length === 0 && !isHalfRead) yield { at: { hlc, hash, op: 0 }, entry: undefined }
  for (let op = rest.length - 1; op >= 0; op--) {
    const entry = describe(store, written, rest[op]!, earlier)
    yield { at: { hlc, hash, op }, entry: passes(filter, entry) ? entry : undefined }
  }
}

/** Where things were at the ends of the pages told last, by the cursor that goes on from there. */
export class Trails {
  readonly #kept = new Map<string, ReadonlyMap<string, Earlier>>()

  keep(next: string, earlier: ReadonlyMap<string, Earlier>): void {
    this.#kept.set(next, earlier)
    for (const oldest of this.#kept.keys()) if (this.#kept.size > TRAILS_MAX) this.#kept.delete(oldest)
  }

  take(after: string): ReadonlyMap<string, Earlier> | undefined {
    const found = this.#kept.get(after)
    this.#kept.delete(after) // it is carried on by who asks
    return found
  }
}

interface Stream {
  readonly hex: string
  readonly told: AsyncGenerator<Told>
  readonly earlier: Earlier
  next: IteratorResult<Told>
}

const openStream = async (
  store: Store,
  filter: ActivityFilter,
  after: Cursor | undefined,
  known: Earlier | undefined,
  breathe: Breathe,
): Promise<Stream> => {
  const earlier: Earlier = known ?? new Map<string, Place>()
  const endMs = endOf(filter, after)
  if (!known && endMs !== undefined) await lookBack(store, endMs, earlier, breathe)
  const told = changesOf(store, filter, after, earlier, breathe)
  return { hex: short(store.id), told, earlier, next: await told.next() }
}

const newestOf = (streams: readonly Stream[]): { readonly stream: Stream; readonly told: Told } | undefined => {
  let newest: { readonly stream: Stream; readonly told: Told } | undefined
  for (const stream of streams)
    if (!stream.next.done && (!newest || stream.next.value.at.hlc > newest.told.at.hlc))
      newest = { stream, told: stream.next.value }
  return newest
}

/** A page of the changes of some stores, newest first. Undefined: `after` is no cursor. `next` is empty at the end. */
export const listChanges = async (
  stores: readonly Store[],
  filter: ActivityFilter,
  { after, limit }: { readonly after: string; readonly limit: number },
  trails: Trails,
  breathe: Breathe,
): Promise<{ readonly entries: readonly Activity[]; readonly next: string } | undefined> => {
  const cursors = parseCursors(after)
  if (cursors === undefined) return undefined
  const known = after === '' ? undefined : trails.take(after)
  const reached = new Map(cursors)
  const streams: Stream[] = []
  for (const store of stores) {
    const hex = short(store.id)
    streams.push(await openStream(store, filter, cursors.get(hex), known?.get(hex), breathe))
    await breathe()
  }
  const entries: Activity[] = []
  for (let looked = 0; entries.length < limit && looked < LOOKED_AT_MAX; looked++) {
    const newest = newestOf(streams)
    if (!newest) return { entries, next: '' }
    const { stream, told } = newest
    if (told.entry) entries.push(told.entry)
    reached.set(stream.hex, told.at)
    stream.next = await stream.told.next()
    await breathe()
  }
  if (newestOf(streams) === undefined) return { entries, next: '' }
  const next = formatCursors(reached)
  trails.keep(next, new Map(streams.map(({ hex, earlier }) => [hex, earlier])))
  return { entries, next }
}

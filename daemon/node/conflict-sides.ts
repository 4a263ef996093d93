/** The sides of a conflict as content: what each is, what both were made from, and the bytes of them. */
import type { MessageInitShape } from '@bufbuild/protobuf'
import type { ConflictSideSchema } from '#proto/conflict_api'
import type { FileOp } from '#proto/file'
import { bytesToHex, equalBytes, type Hash } from '#kernel/core/bytes.ts'
import { hlcToMs } from '#kernel/core/hlc.ts'
import type { Store } from '#kernel/store/port.ts'
import { inodeState, sameData } from '#fs-bridge/filestore/inode.ts'
import { forkPoint, type CellWrite, type ContentWrite, type PlaceWrite } from '#fs-bridge/filestore/lineage.ts'
import { contentOf, linkOf } from '#fs-bridge/filestore/ops.ts'
import type { Conflict, ContentValue, Inode } from '#fs-bridge/filestore/port.ts'
import { decodeContent, isTrash, type Place } from '#fs-bridge/filestore/values.ts'
import { opsAbout } from './history.ts'
import { deviceNameIn } from './lookup.ts'
import { mediaType } from './media-type.ts'
import type { FileContents, FolderEntry } from './parts.ts'

export interface Side {
  readonly hash: Hash
  /** Undefined for what holds no bytes: a directory, a place. */
  readonly content: ContentValue | undefined
  /** Who wrote this content into the file first; undefined: not looked for. */
  readonly first?: Pick<ContentWrite, 'author' | 'hlc'> | undefined
}

/** What the log tells of a conflict. */
export interface Origins {
  /** The content that all sides were made from; files made apart have none. */
  readonly base: Side | undefined
  /** In the order of the heads. */
  readonly sides: readonly Side[]
}

/** How long a peer may take to show that it has a side. */
const PROBE_MS_MAX = 10_000
/** Origins that were found, which is a walk through the log; they never change. */
const ORIGINS_MAX = 64

/** Heads of contents, and of files that claim one name, hold content; those of links and directories hold none. */
export const contentOfHead = (
  store: Store,
  { kind }: Conflict,
  { inode, value }: Conflict['heads'][number],
): ContentValue | undefined => {
  const isDirectory = inodeState(store.state.cells, inode)?.kind === 'dir'
  return value === undefined || kind === 'link' || isDirectory ? undefined : decodeContent(value)?.content
}

/** `read`: what an op says of one cell of its inode; undefined: nothing. */
const writesOf = async <V>(
  store: Store,
  inode: Inode,
  signal: AbortSignal,
  read: (op: FileOp) => Pick<CellWrite<V>, 'keep' | 'value'> | undefined,
): Promise<CellWrite<V>[]> => {
  const writes: CellWrite<V>[] = []
  for await (const { written, op } of opsAbout(store, inode, signal)) {
    const said = equalBytes(op.inode, inode) ? read(op) : undefined
    if (said === undefined) continue
    const { hash, author, seq, hlc, prev } = written
    // Of two writes of one batch the later stands.
    if (writes.at(-1)?.hash === hash) writes.pop()
    writes.push({ hash, author, seq, hlc, prev, ...said })
  }
  return writes
}

/** All writes of an inode's contents, in the order of the log. */
export const contentWrites = (store: Store, inode: Inode, signal: AbortSignal): Promise<ContentWrite[]> =>
  writesOf<ContentValue>(store, inode, signal, ({ link, content, keepContent }) =>
    content || (link && isTrash(link.parent))
      ? { keep: keepContent as Hash[], value: content && contentOf(content) }
      : undefined,
  )

/** All writes of an inode's links, in the order of the log. */
export const placeWrites = (store: Store, inode: Inode, signal: AbortSignal): Promise<PlaceWrite[]> =>
  writesOf<Place>(
    store,
    inode,
    signal,
    ({ link, keepLink }) =>
      link && { keep: keepLink as Hash[], value: isTrash(link.parent) ? undefined : linkOf(link) },
  )

export class ConflictSides {
  readonly #contents: FileContents
  readonly #origins = new Map<string, Origins>()

  constructor(contents: FileContents) {
    this.#contents = contents
  }

  /** In the order of the heads. */
  sides({ store }: FolderEntry, conflict: Conflict): readonly Side[] {
    return conflict.heads.map((head) => ({ hash: head.hash, content: contentOfHead(store, conflict, head) }))
  }

  async origins(entry: FolderEntry, conflict: Conflict, signal: AbortSignal): Promise<Origins> {
    const sides = this.sides(entry, conflict)
    if (conflict.kind !== 'content') return { base: undefined, sides }
    const heads = conflict.heads.map(({ hash }) => hash)
    const key = heads.map((hash) => bytesToHex(hash)).join()
    const known = this.#origins.get(key)
    if (known) return known
    const { store } = entry
    const writes = await contentWrites(store, conflict.heads[0]!.inode, signal)
    const withFirst = (side: Side): Side => ({
      ...side,
      first: writes.find(({ value }) => value && side.content && sameData(value, side.content)),
    })
    const base = forkPoint(writes, heads, store.dag)
    const found = { base: base && { hash: base.hash, content: base.value }, sides: sides.map(withFirst) }
    // A walk that was broken off says nothing.
    if (signal.aborted) return { base: undefined, sides }
    this.#origins.set(key, found)
    for (const oldest of this.#origins.keys()) if (this.#origins.size > ORIGINS_MAX) this.#origins.delete(oldest)
    return found
  }

  async describe(
    entry: FolderEntry,
    conflict: Conflict,
    { hash, content, first }: Side,
    gone: AbortSignal,
  ): Promise<MessageInitShape<typeof ConflictSideSchema>> {
    if (content === undefined) return { hash }
    const signal = AbortSignal.any([gone, AbortSignal.timeout(PROBE_MS_MAX)])
    const bytes = await this.#contents.probe(entry, content, signal)
    const type = bytes && mediaType(conflict.path, bytes, bytes.length === content.size)
    const written = first && {
      writtenBy: first.author,
      writtenByName: deviceNameIn(entry.store.access)(first.author),
      writtenMs: BigInt(hlcToMs(first.hlc)),
    }
    return { hash, size: BigInt(content.size), type, here: bytes !== undefined, ...written }
  }
}

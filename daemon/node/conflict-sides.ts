/** The sides of a conflict as content: what each is, what both were made from, and the bytes of them. */
import type { MessageInitShape } from '@bufbuild/protobuf'
import type { ConflictSideSchema } from '#proto/conflict_api'
import { bytesToHex, equalBytes, type Hash } from '#kernel/core/bytes.ts'
import type { Store } from '#kernel/store/port.ts'
import { inodeState } from '#fs-bridge/filestore/inode.ts'
import { forkPoint, type ContentWrite } from '#fs-bridge/filestore/lineage.ts'
import { contentOf } from '#fs-bridge/filestore/ops.ts'
import type { Conflict, ContentValue, Inode } from '#fs-bridge/filestore/port.ts'
import { decodeContent, isTrash } from '#fs-bridge/filestore/values.ts'
import { opsAbout } from './history.ts'
import { mediaType } from './media-type.ts'
import type { FileContents, FolderEntry } from './parts.ts'

export interface Side {
  readonly hash: Hash
  /** Undefined for what holds no bytes: a directory, a place. */
  readonly content: ContentValue | undefined
}

/** How long a peer may take to show that it has a side. */
const PROBE_MS_MAX = 10_000
/** Bases that were found, which is a walk through the log; they never change. */
const BASES_MAX = 64

/** Heads of contents, and of files that claim one name, hold content; those of links and directories hold none. */
export const contentOfHead = (
  store: Store,
  { kind }: Conflict,
  { inode, value }: Conflict['heads'][number],
): ContentValue | undefined => {
  const isDirectory = inodeState(store.state.cells, inode)?.kind === 'dir'
  return value === undefined || kind === 'link' || isDirectory ? undefined : decodeContent(value)?.content
}

/** In the order of the log. */
export const contentWrites = async (store: Store, inode: Inode, signal: AbortSignal): Promise<ContentWrite[]> => {
  const writes: ContentWrite[] = []
  for await (const { written, op } of opsAbout(store, inode, signal)) {
    const drops = op.link !== undefined && isTrash(op.link.parent)
    if (!equalBytes(op.inode, inode) || (op.content === undefined && !drops)) continue
    const { hash, author, seq, hlc, prev } = written
    // Of two writes of one batch the later stands.
    if (writes.at(-1)?.hash === hash) writes.pop()
    const content = op.content && contentOf(op.content)
    writes.push({ hash, author, seq, hlc, prev, keep: op.keepContent as Hash[], content })
  }
  return writes
}

export class ConflictSides {
  readonly #contents: FileContents
  readonly #bases = new Map<string, Side | undefined>()

  constructor(contents: FileContents) {
    this.#contents = contents
  }

  /** In the order of the heads. */
  sides({ store }: FolderEntry, conflict: Conflict): readonly Side[] {
    return conflict.heads.map((head) => ({ hash: head.hash, content: contentOfHead(store, conflict, head) }))
  }

  /** The content that all sides were made from; files made apart have none. */
  async base({ store }: FolderEntry, conflict: Conflict, signal: AbortSignal): Promise<Side | undefined> {
    if (conflict.kind !== 'content') return undefined
    const heads = conflict.heads.map(({ hash }) => hash)
    const key = heads.map((hash) => bytesToHex(hash)).join()
    if (this.#bases.has(key)) return this.#bases.get(key)
    const found = forkPoint(await contentWrites(store, conflict.heads[0]!.inode, signal), heads, store.dag)
    // A walk that was broken off says nothing.
    if (signal.aborted) return undefined
    this.#bases.set(key, found)
    for (const oldest of this.#bases.keys()) if (this.#bases.size > BASES_MAX) this.#bases.delete(oldest)
    return found
  }

  async describe(
    entry: FolderEntry,
    conflict: Conflict,
    { hash, content }: Side,
    gone: AbortSignal,
  ): Promise<MessageInitShape<typeof ConflictSideSchema>> {
    if (content === undefined) return { hash }
    const signal = AbortSignal.any([gone, AbortSignal.timeout(PROBE_MS_MAX)])
    const first = await this.#contents.probe(entry, content, signal)
    const type = first && mediaType(conflict.path, first, first.length === content.size)
    return { hash, size: BigInt(content.size), type, here: first !== undefined }
  }
}

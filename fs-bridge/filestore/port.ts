/**
 * What a synced folder looks like: the projection of a filestore's cells into one tree that everyone sees alike.
 * Pure: a function of the state and of the device names given in. No disk here.
 */
import type { Branded, Hash, PublicKey } from '#kernel/core/bytes.ts'
import type { ChunkRef } from '#kernel/cas/port.ts'
import type { Change, Head } from '#kernel/state/port.ts'

/** 16 random bytes: a file, directory or symlink, whatever it is called. */
export type Inode = Branded<Uint8Array, 'Inode'>
export type Kind = 'file' | 'dir' | 'symlink'

/** Content as a cell holds it. `chunks` are unresolved for a manifest: its CID must be read first. */
export interface ContentValue {
  readonly size: number
  readonly mtimeNs: bigint
  /** Permission bits, 07777. */
  readonly mode: number
  readonly data:
    | { readonly kind: 'inline'; readonly bytes: Uint8Array }
    | { readonly kind: 'chunks'; readonly chunks: readonly ChunkRef[] }
    | { readonly kind: 'manifest'; readonly cid: Hash }
}

/**
 * One thing at one name. A file in conflict appears several times: the winner under its name, each loser beside it.
 * (`inode`, `contentHead`) tells appearances apart.
 */
export interface Visible {
  readonly inode: Inode
  /** The directory it is seen in: of merged directories the one that keeps the name. */
  readonly parent: Inode
  /** NFC, as everyone sees it, conflict suffix included; not yet escaped for a platform. */
  readonly name: string
  readonly kind: Kind
  /** Undefined for a directory whose attributes nobody set. */
  readonly content: ContentValue | undefined
  readonly contentHead: Hash | undefined
  readonly linkHead: Hash
  /** Why the name is not the plain one. */
  readonly conflict: 'none' | 'content' | 'name' | 'kind'
}

export interface Conflict {
  /**
   * Stable while the conflict lasts: hex of the inode, `link-` and hex of the inode for its links, or the hexes of all
   * inodes joined by `-` for a clash of names.
   */
  readonly id: string
  /** Where it stands among the conflicts of its tree, which are in the order of these; for `conflicts`. */
  readonly at: string
  readonly path: string
  readonly kind: 'content' | 'link' | 'name' | 'kind'
  /** Winner first. */
  readonly heads: readonly (Head & { readonly inode: Inode; readonly device: string; readonly name: string })[]
}

export interface FileTree {
  /** What is seen at one name of a directory. */
  at(parent: Inode, name: string): Visible | undefined
  /** Every appearance of an inode: none if it is in trash or unreachable. */
  appearances(inode: Inode): readonly Visible[]
  /** In no particular order; lazily; synchronous. Lists the children of all directories merged into this one. */
  children(dir: Inode): Iterable<Visible>
  /** '/'-separated, relative to the root; '' is the root itself. */
  resolve(path: string): Visible | undefined
  pathOf(visible: Visible): string
  /**
   * The cost is that of the conflicts there are, not of the tree. `after`: the `at` of one that was given before,
   * whether it still is there or not; of a text that is no `at`, all.
   */
  conflicts(after?: string): Iterable<Conflict>
  /** The one of that id; the cost is that of one. */
  conflict(id: string): Conflict | undefined
  /** How many `conflicts` gives; cheap enough to ask after every commit. */
  conflictCount(): number
  /**
   * The inodes whose appearances may have changed: those named by the changes and those they share a name with, now
   * or before. Never fewer than truly changed, but what merely hangs below a directory that comes, goes or moves
   * is not named. The cost does not grow with the size of the tree. Takes the changes `apply` gave, all of them.
   */
  affected(changes: readonly Change[]): readonly Affected[]
}

export interface Affected {
  readonly inode: Inode
  /** It lived no more after one of the changes, and nothing but a change that is told later made it live again. */
  readonly isGone: boolean
}

export type DeviceName = (device: PublicKey) => string

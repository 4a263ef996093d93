/** What the services of a node see of its folders and their content. */
import type { PublicKey } from '#kernel/core/bytes.ts'
import type { LatticeError, Result } from '#kernel/core/result.ts'
import type { Store } from '#kernel/store/port.ts'
import type { ContentValue } from '#fs-bridge/filestore/port.ts'
import type { Removal } from '#sync/revoked.ts'
import type { FolderStatus } from '#fs-bridge/folder/status.ts'

/** A folder of this device. Without a path it is known, but kept nowhere here. */
export interface FolderEntry {
  readonly store: Store
  readonly path: string
  readonly paused: boolean
  /** Undefined while it is not open. */
  readonly status: FolderStatus | undefined
  /** Why it could not be opened; it is tried again when resumed and when the node starts. */
  readonly failure: LatticeError | undefined
  /** This device was removed from it: it is not open, whatever else is told. */
  readonly removal?: Removed | undefined
}

/** See `Removal` in the contract. */
export interface Removed extends Removal {
  readonly name: string
}

export interface FolderLookup {
  list(): readonly FolderEntry[]
  /** By name, store id or path. */
  find(wanted: string): Result<FolderEntry, LatticeError>
  /** The folder that holds an absolute path, and the path within it ('/'-separated, '' for the folder itself). */
  containing(path: string): Result<{ readonly entry: FolderEntry; readonly relative: string }, LatticeError>
}

export interface FileContents {
  /** Hashes a file of the user's and keeps its chunks, so that peers can have them. */
  take(store: Store, path: string): Promise<Result<ContentValue, LatticeError>>
  /**
   * Makes sure that all chunks of a content are here, from the folder's trash or from peers where needed: else says
   * that nobody has them. They stay until what is returned is disposed of, by when a live version should name them.
   */
  secure(entry: FolderEntry, content: ContentValue, signal: AbortSignal): Promise<Result<Secured, LatticeError>>
  /** Keeps bytes as content. `bytes`: at most BYTES_MAX of `cutBytes`; `mode`: permission bits. */
  takeBytes(store: Store, bytes: Uint8Array, mode: number): Promise<Result<ContentValue, LatticeError>>
  /** `secure`, and independent of the user's files: they may go away right after. */
  hold(entry: FolderEntry, content: ContentValue, signal: AbortSignal): Promise<Result<Secured, LatticeError>>
  /**
   * The first bytes of a content, at least 64 KiB of it or all; undefined: neither this device nor a connected peer has
   * it. An answer takes no longer than until the signal aborts, and then means that nobody has it.
   */
  probe(entry: FolderEntry, content: ContentValue, signal: AbortSignal): Promise<Uint8Array | undefined>
  /** All bytes in pieces of at most 256 KiB, which may share memory; an error is the last thing yielded. */
  read(entry: FolderEntry, content: ContentValue, signal: AbortSignal): AsyncIterable<Result<Uint8Array, LatticeError>>
}

export type Secured = Disposable

/**
 * What stands between a connected peer and being level: it has said nothing of the store yet, it does not hold the same
 * changes, or it holds them and has still to write some to its disk.
 */
export type PeerLevel =
  { readonly at: 'level' | 'silent' | 'apart' } | { readonly at: 'writing'; readonly pendingIn: number }

/** How far the peers of a store are. */
export interface Levels {
  /** Connected peers that may read the store. */
  peers(store: Store): readonly { readonly device: PublicKey; readonly level: PeerLevel }[]
  /** Resolves once all of them are level; rejects with the signal's reason. */
  settled(store: Store, signal: AbortSignal): Promise<void>
}

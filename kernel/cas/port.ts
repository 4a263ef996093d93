/** Content by hash. Every operation names its store: "do you have CID X?" without a store is not a question. */
import type { Cid, StoreId } from '../core/bytes.ts'
import type { LatticeError, Result } from '../core/result.ts'
import type { StorageWriter } from '../storage/port.ts'

export const CHUNK_MIN = 64 * 1024
export const CHUNK_AVERAGE = 256 * 1024
export const CHUNK_MAX = 1024 * 1024
/** Content up to this many bytes travels in the op itself. */
export const INLINE_MAX = 512
/** A longer list of chunks becomes a manifest chunk. */
export const OP_CHUNKS_MAX = 32

export interface ChunkRef {
  readonly cid: Cid
  readonly length: number
}

/** The content of one file, as an op names it. A manifest's CID leads to all chunks, over parts if there are many. */
export type FileContent =
  | { readonly kind: 'inline'; readonly bytes: Uint8Array }
  | { readonly kind: 'chunks'; readonly chunks: readonly ChunkRef[] }
  | { readonly kind: 'manifest'; readonly cid: Cid; readonly chunks: readonly ChunkRef[] }

/** `missing`: not here. `damaged`: the bytes found do not hash to the CID. A copy of our own is then forgotten. */
export type CasErrorKind = 'chunk-missing' | 'chunk-damaged' | 'disk-full' | 'cas-io'
export type CasError = LatticeError<CasErrorKind>

/** Room for so many bytes, for those who read much and can use a buffer again. */
export type Room = (length: number) => Uint8Array<ArrayBuffer>

export interface CasBackend {
  has(store: StoreId, cid: Cid): boolean
  /** Verified against the CID on every read. The buffer is the caller's; it may lie in the room given, or not. */
  read(store: StoreId, cid: Cid, room?: Room): Promise<Result<Uint8Array, CasError>>
}

/** Chunks kept in files of our own; small ones packed in LMDB. `write` hashes before it stores. */
export interface StoringBackend extends CasBackend {
  write(
    store: StoreId,
    chunks: readonly { readonly cid: Cid; readonly bytes: Uint8Array }[],
  ): Promise<Result<void, CasError>>
  remove(store: StoreId, cids: readonly Cid[]): Promise<void>
}

/** Where a chunk lies in a file of the user's own. `file` is a name only the owner of the folder can turn into a path. */
export interface InplaceLocation {
  readonly file: Uint8Array
  readonly offset: number
}

/** Chunks that lie in the user's own folder: nothing is stored twice. */
export interface InplaceBackend extends CasBackend {
  /** Replaces all that was known of `file` by these chunks, laid end to end from offset 0. */
  register(
    store: StoreId,
    files: readonly { readonly file: Uint8Array; readonly chunks: readonly ChunkRef[] }[],
  ): Promise<void>
  /** From now on nothing is known of these files. What there was to know is removed later, by `tidy`. */
  forget(store: StoreId, files: readonly Uint8Array[]): Promise<void>
  /** As `forget`, within a transaction of the caller's. */
  forgetIn(tx: StorageWriter, store: StoreId, files: readonly Uint8Array[]): void
  /**
   * Removes what there was to know of files that were forgotten. It lies in random places: much at a time touches no
   * more pages than little, so this is for moments of rest.
   */
  tidy(store: StoreId, signal: AbortSignal): Promise<void>
  /** Whether anything is registered of `file`. */
  knows(store: StoreId, file: Uint8Array): boolean
  locate(store: StoreId, cid: Cid): InplaceLocation | undefined
  /** The folder's owner says where a file is now; undefined: gone. */
  attach(store: StoreId, resolve: (file: Uint8Array) => string | undefined): () => void
}

/** What hashing a file on disk found. `unstable`: it changed while being read; try again when it settles. */
export type HashedFile =
  | { readonly kind: 'hashed'; readonly path: string; readonly stat: FileStat; readonly content: FileContent }
  | { readonly kind: 'unstable' | 'gone' | 'unreadable'; readonly path: string; readonly message: string }

export interface FileStat {
  readonly size: number
  readonly mtimeNs: bigint
  readonly ctimeNs: bigint
  readonly ino: bigint
  readonly dev: bigint
  readonly mode: number
}

/** CPU-heavy work on content, in worker threads: the main thread never blocks for more than 50 ms. */
export interface ContentHasher extends AsyncDisposable {
  /** Chunks and hashes regular files; never follows a symlink. Results in the order asked. */
  hashFiles(paths: readonly string[], signal?: AbortSignal): Promise<readonly HashedFile[]>
}

/** Content from peers. Implemented by the blob exchange, used by materialising and by the mount. */
export interface BlobSource {
  /**
   * Fetches chunks of a store, hash-checked, each handed to `onChunk` once, in any order; its promise is the
   * back-pressure. A `length` of 0 stands for one not known yet (a manifest). The bytes may share memory with others:
   * copy what is kept for long. Resolves with what no reachable peer had; waits for a peer only while one is connected.
   */
  fetch(
    store: StoreId,
    chunks: readonly ChunkRef[],
    onChunk: (cid: Cid, bytes: Uint8Array) => Promise<void>,
    options?: { readonly urgent?: boolean; readonly signal?: AbortSignal },
  ): Promise<{ readonly missing: readonly Cid[] }>
}

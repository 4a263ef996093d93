/**
 * `.lattice/` in a synced folder: the marker that says which store the folder belongs to, and our working space.
 *
 *   .lattice/folder     {"format":1,"store":"<hex>","folder":"<16 hex>"}: without it nothing counts as deleted
 *   .lattice/tmp/       files being written; emptied at start
 *   .lattice/partial/   long files that arrive, under the name of their content; kept until they are complete
 *   .lattice/parked/    files on their way between two names; put back at start
 *   .lattice/trash/     what peers deleted or replaced, by day
 *   .lattice/watch/     cookies that tell when the watcher has caught up
 */
import { randomBytes } from 'node:crypto'
import fs from 'node:fs'
import { join, sep } from 'node:path'
import { bytesToHex, encodeUtf8, hexToBytes, type StoreId } from '#kernel/core/bytes.ts'
import { err, latticeError, ok, type Result } from '#kernel/core/result.ts'
import type { StorageBackend } from '#kernel/storage/port.ts'
import { errnoOf, look, removeOwn } from './disk.ts'
import type { FolderError } from './status.ts'

export const CONTROL_DIR = '.lattice'

export interface ControlPaths {
  readonly root: string
  readonly control: string
  readonly marker: string
  readonly tmp: string
  readonly partial: string
  readonly parked: string
  readonly trash: string
  readonly watch: string
}

export const controlPaths = (root: string): ControlPaths => {
  const control = join(root, CONTROL_DIR)
  return {
    root,
    control,
    marker: join(control, 'folder'),
    tmp: join(control, 'tmp'),
    partial: join(control, 'partial'),
    parked: join(control, 'parked'),
    trash: join(control, 'trash'),
    watch: join(control, 'watch'),
  }
}

const permanent = (kind: FolderError['kind'], message: string): Result<never, FolderError> =>
  err(latticeError(kind, 'permanent', message))

/**
 * Whether `path` can become a synced folder. `others`: roots of the other synced folders; `home`: the data directory.
 * Resolves to the real path, links followed: two names of one directory are one folder.
 */
export const checkRoot = (path: string, others: readonly string[] = [], home?: string): Result<string, FolderError> => {
  let root: string
  try {
    root = fs.realpathSync.native(path)
    if (!fs.statSync(root).isDirectory()) return permanent('folder-not-a-directory', `${path} is not a directory`)
  } catch (error) {
    const code = errnoOf(error)
    if (code === 'ENOENT') return permanent('folder-missing', `${path} does not exist`)
    if (code === 'ENOTDIR') return permanent('folder-not-a-directory', `${path} is not a directory`)
    return permanent('folder-not-writable', `${path} cannot be opened (${code})`)
  }
  for (const other of others) {
    if (holds(other, root)) return permanent('folder-nested', `${path} lies inside the synced folder ${other}`)
    if (holds(root, other)) return permanent('folder-nested', `${path} contains the synced folder ${other}`)
  }
  if (home !== undefined && (holds(root, home) || holds(home, root)))
    return permanent('folder-holds-home', `${path} and Lattice's own data directory ${home} overlap`)
  try {
    fs.accessSync(root, fs.constants.R_OK | fs.constants.W_OK | fs.constants.X_OK)
  } catch (error) {
    return permanent('folder-not-writable', `${path} cannot be written to (${errnoOf(error)})`)
  }
  return ok(root)
}

const holds = (outer: string, inner: string): boolean =>
  inner === outer || inner.startsWith(outer.endsWith(sep) ? outer : outer + sep)

export interface Marker {
  readonly format: 1
  readonly store: string
  readonly folder: string
}

const isText = (value: unknown): value is string => typeof value === 'string'

/** Undefined for anything but what `claimRoot` writes. */
export const parseMarker = (text: string): Marker | undefined => {
  let parsed: { format?: unknown; store?: unknown; folder?: unknown } | null
  try {
    parsed = JSON.parse(text) as typeof parsed
  } catch {
    return undefined // no JSON: not ours, or damaged
  }
  const { format, store, folder } = parsed ?? {}
  if (format !== 1 || !isText(store) || !isText(folder) || !/^[0-9a-f]{16}$/.test(folder)) return undefined
  return { format, store, folder }
}

const readMarker = (path: string): Marker | undefined => {
  try {
    return parseMarker(fs.readFileSync(path, 'utf8').slice(0, 4096))
  } catch (error) {
    if (isMissing(errnoOf(error))) return undefined
    throw error
  }
}

const isMissing = (code: string): boolean => code === 'ENOENT' || code === 'ENOTDIR'

const rootKey = (storeId: StoreId, root: string): Uint8Array => encodeUtf8(`root ${bytesToHex(storeId)} ${root}`)

/**
 * The 8-byte name of the folder's index. A directory that never was this folder gets a fresh one (its content is then
 * merged, never taken for deleted); one that was, but lost its marker, is refused: its disk may not be mounted.
 */
export const claimRoot = async (
  paths: ControlPaths,
  storeId: StoreId,
  backend: StorageBackend,
): Promise<Result<Uint8Array, FolderError>> => {
  const key = rootKey(storeId, paths.root)
  const known = backend.get('folder-meta', key)
  const marker = readMarker(paths.marker)
  const store = bytesToHex(storeId)
  if (marker && marker.store !== store)
    return permanent('folder-of-another-store', `${paths.root} already belongs to another shared folder`)
  if (!marker && known)
    return permanent('folder-marker-missing', `${paths.marker} is gone: is the disk mounted? Nothing was changed`)
  const named = marker && hexToBytes(marker.folder)
  let folder: Uint8Array | undefined = named?.ok ? named.value : undefined
  // A copy of a folder carries the marker along, but not the index: only the directory it was made for may use that.
  if (folder && !(known && bytesToHex(known) === bytesToHex(folder))) folder = undefined
  if (!folder) {
    folder = new Uint8Array(randomBytes(8))
    const fresh = folder
    fs.mkdirSync(paths.control, { recursive: true, mode: 0o700 })
    const text = JSON.stringify({ format: 1, store, folder: bytesToHex(fresh) } satisfies Marker)
    removeOwn(`${paths.marker}.new`)
    fs.writeFileSync(`${paths.marker}.new`, text + '\n', { flag: 'wx', flush: true })
    await backend.write((tx) => tx.put('folder-meta', key, fresh))
    fs.renameSync(`${paths.marker}.new`, paths.marker)
  }
  removeOwn(paths.tmp)
  removeOwn(paths.watch)
  for (const dir of [paths.tmp, paths.partial, paths.parked, paths.watch, paths.trash])
    fs.mkdirSync(dir, { recursive: true, mode: 0o700 })
  return ok(folder)
}

/** Forgets that `root` was a folder of the store: it may then be added anew. Files stay. */
export const releaseRoot = async (root: string, storeId: StoreId, backend: StorageBackend): Promise<void> => {
  await backend.write((tx) => tx.delete('folder-meta', rootKey(storeId, root)))
  fs.rmSync(controlPaths(root).marker, { force: true })
}

/** The folder is still there and still ours. Asked before anything counts as deleted. */
export const markerPresent = (paths: ControlPaths): boolean => {
  try {
    return look(paths.marker)?.kind === 'file'
  } catch (error) {
    errnoOf(error) // an unreadable root is as good as gone
    return false
  }
}

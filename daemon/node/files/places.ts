/** Which folder and which path in it a call is about. */
import { err, latticeError, ok, type LatticeError, type Result } from '#kernel/core/result.ts'
import { isSafeName } from '#fs-bridge/folder/disk.ts'
import { CONTROL_DIR } from '#fs-bridge/folder/marker.ts'
import type { Place } from '#fs-bridge/filestore/values.ts'
import { isRoot } from '#fs-bridge/filestore/values.ts'
import { inodeState } from '#fs-bridge/filestore/inode.ts'
import { effectivePlace } from '#fs-bridge/filestore/placement.ts'
import type { StateReader } from '#kernel/state/port.ts'
import type { FolderEntry, FolderLookup } from '../parts.ts'

/** Deeper than any path; a deleted directory may hang in itself by way of others. */
const DEPTH_MAX = 1024

export interface Located {
  readonly entry: FolderEntry
  /** NFC, '/'-separated, '' for the folder itself; no name in it leads elsewhere. */
  readonly path: string
}

const badPath = (path: string): LatticeError =>
  latticeError('bad-request', 'permanent', `“${path}” is not a path within a folder: give names separated by “/”`)

export const noSuchFile = (folder: string, path: string): LatticeError =>
  latticeError('file-not-found', 'permanent', `${folder} has nothing at ${path === '' ? 'its top' : path}`)

/** Without a folder the path is an absolute one, of something in a folder of this device. */
export const locate = (folders: FolderLookup, folder: string, path: string): Result<Located, LatticeError> => {
  const found = folder === '' ? folders.containing(path) : folders.find(folder)
  if (!found.ok) return found
  const { entry, relative } = 'entry' in found.value ? found.value : { entry: found.value, relative: path }
  const names = relative === '' ? [] : relative.split('/')
  if (!names.every(isSafeName) || names[0] === CONTROL_DIR) return err(badPath(relative))
  return ok({ entry, path: relative.normalize('NFC') })
}

/** The path of a place, whether what is above it lives or not; undefined: it does not lead to the top. */
export const pathOfPlace = (state: StateReader, place: Place): string | undefined => {
  const names = [place.name]
  let { parent } = place
  for (let depth = 0; !isRoot(parent); depth++) {
    const found = inodeState(state.cells, parent)
    if (found === undefined || depth > DEPTH_MAX) return undefined
    const above = effectivePlace(state.derived, found)
    names.push(above.name)
    parent = above.parent
  }
  return names.reverse().join('/')
}

/** Whether a path is another or lies below it. Everything lies below ''. */
export const isWithin = (path: string, top: string): boolean => top === '' || path === top || path.startsWith(`${top}/`)

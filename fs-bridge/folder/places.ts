/**
 * Whether a directory lies where the index has it. A path alone says nothing: the directory may have been renamed a
 * moment ago, and another one may have its name. What is found, or missing, under a path tells of an entry only if the
 * directory there is the entry's own.
 */
import { join } from 'node:path'
import { equalBytes } from '#kernel/core/bytes.ts'
import type { Inode } from '../filestore/port.ts'
import { errnoOf, look, sameIdentity } from './disk.ts'
import { PARKED_INODE, ROOT_INODE, type FolderIndex } from './folder-index.ts'

export const isInPlace = (index: FolderIndex, root: string, dir: Inode): boolean => {
  if (equalBytes(dir, ROOT_INODE) || equalBytes(dir, PARKED_INODE)) return true
  const entry = index.placesOf(dir)[0]
  const path = entry && index.pathOf(entry)
  if (entry === undefined || path === undefined) return false
  try {
    const there = look(join(root, path))
    return there !== undefined && sameIdentity(entry, there)
  } catch (error) {
    errnoOf(error) // a directory above cannot be looked into: nothing is known
    return false
  }
}

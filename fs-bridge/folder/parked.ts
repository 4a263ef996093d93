/** Files that a crash caught in `.lattice/parked`, on their way between two names. */
import fs from 'node:fs'
import { join } from 'node:path'
import { hexToBytes } from '#kernel/core/bytes.ts'
import type { Inode } from '../filestore/port.ts'
import { look, trashPath } from './disk.ts'
import type { FolderIndex } from './folder-index.ts'
import type { ControlPaths } from './marker.ts'

/**
 * Puts them back to the name the index has for them, before anything is taken for deleted. One whose name was given
 * to its successor already goes to trash, which is where it was going; one the index has as parked stays.
 */
export const unpark = (paths: ControlPaths, index: FolderIndex, day: string): void => {
  for (const name of fs.readdirSync(paths.parked)) {
    const inode = hexToBytes(name.slice(0, 32))
    const slot = Number(name.slice(33))
    const entry = inode.ok && index.placesOf(inode.value as Inode).find((e) => e.slot === slot)
    const path = entry ? index.pathOf(entry) : undefined
    const parked = join(paths.parked, name)
    if (path === undefined) fs.renameSync(parked, trashPath(paths.control, day, name))
    else if (join(paths.root, path) === parked) continue
    else if (look(join(paths.root, path))) fs.renameSync(parked, trashPath(paths.control, day, path))
    else fs.renameSync(parked, join(paths.root, path))
  }
}

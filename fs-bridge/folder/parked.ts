/** What a crash caught in `.lattice/parked`: on its way between two names, or looked at before it goes to trash. */
import fs from 'node:fs'
import { join } from 'node:path'
import { hexToBytes } from '#kernel/core/bytes.ts'
import type { Inode } from '../filestore/port.ts'
import { errnoOf, isGone, look, placeNew, sameIdentity, stillAs, trashPath } from './disk.ts'
import { PARKED_INODE, PARKED_PATH, type FolderIndex } from './folder-index.ts'
import type { Entry } from './index-codec.ts'
import { isInPlace } from './places.ts'
import type { ControlPaths } from './marker.ts'

/** False too if the directory went this very moment. */
const placed = (from: string, to: string): boolean => {
  try {
    return placeNew(from, to)
  } catch (error) {
    if (isGone(errnoOf(error))) return false
    throw error
  }
}

/**
 * Puts them back to the name the index has for them, before anything is taken for deleted. Where that is taken by now
 * (by the other one of a swap, or by the file's own next content), or its directory went elsewhere while nothing ran,
 * the index has it as parked from here on: what is to become of it is then found like for any other name.
 */
export const unpark = (paths: ControlPaths, index: FolderIndex, day: string): void => {
  for (const name of fs.readdirSync(paths.parked)) {
    const inode = hexToBytes(name.slice(0, 32))
    const slot = Number(name.slice(33))
    const places = inode.ok ? index.placesOf(inode.value as Inode) : []
    const entry = places.find((e) => e.slot === slot)
    const path = entry ? index.pathOf(entry) : undefined
    const parked = join(paths.parked, name)
    const there = entry && path !== undefined ? look(join(paths.root, path)) : undefined
    if (!entry || path === undefined) fs.renameSync(parked, trashPath(paths.control, day, name))
    else if (join(paths.root, path) === parked) continue
    else if (!there && isInPlace(index, paths.root, entry.parent) && placed(parked, join(paths.root, path))) {
      const now = look(join(paths.root, path))
      // Our own moves changed its ctime: that is no edit.
      if (now && stillAs(entry, now)) index.put({ ...entry, stat: now })
    } else if (there && there.ino === look(parked)?.ino)
      fs.unlinkSync(parked) // it had not left yet
    else index.move(entry, { ...entry, parent: PARKED_INODE, name, visibleName: name })
  }
}

/** What went to trash from there, whichever day, has its name there still, or one made from it. */
export const isParkedInTrash = (paths: ControlPaths, entry: Entry): boolean =>
  listIfThere(paths.trash).some((day) => {
    const dir = join(paths.trash, day, PARKED_PATH)
    return listIfThere(dir).some((name) => {
      const there = name.startsWith(entry.name) ? look(join(dir, name)) : undefined
      return there !== undefined && sameIdentity(entry, there)
    })
  })

const listIfThere = (dir: string): readonly string[] => {
  try {
    return fs.readdirSync(dir)
  } catch (error) {
    const code = errnoOf(error)
    if (isGone(code)) return []
    throw error
  }
}

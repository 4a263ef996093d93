/**
 * Where entries may be that are gone from their names: the two events of a rename may come in different batches, so
 * the new name is looked for among the paths that still wait to be looked at. Stat only.
 */
import { inodeKey } from '../filestore/values.ts'
import { join } from 'node:path'
import type { Spot } from './dirty.ts'
import { errnoOf, look, sameIdentity, type Looked } from './disk.ts'
import type { FolderIndex } from './folder-index.ts'
import type { Entry } from './index-codec.ts'

const keyOf = ({ parent, name }: Entry): string => inodeKey(parent) + name

/**
 * Those of `waiting` at which a gone entry stands, or something of a gone directory; at which its name is taken again;
 * and directories that are not the ones the index has there, for anything may be in them. `undefined` between looks.
 */
export function* whereabouts(
  { root, index }: { readonly root: string; readonly index: FolderIndex },
  gone: readonly Entry[],
  waiting: readonly Spot[],
): Generator<Spot | undefined> {
  const keys = new Set(gone.map(keyOf))
  const isGone = (entry: Entry | undefined): boolean => {
    for (let at = entry; at; at = index.placesOf(at.parent)[0]) if (keys.has(keyOf(at))) return true
    return false
  }
  for (const spot of waiting) {
    const path = spot.path()
    const there = lookQuietly(join(root, path))
    const { entry } = index.at(path)
    const isIt =
      there &&
      ((entry && keys.has(keyOf(entry))) ||
        (there.kind === 'dir' && !(entry && sameIdentity(entry, there))) ||
        index.byIno(there.ino).some((known) => sameIdentity(known, there) && isGone(known)))
    yield isIt ? spot : undefined
  }
}

const lookQuietly = (path: string): Looked | undefined => {
  try {
    return look(path)
  } catch (error) {
    errnoOf(error) // it is looked at in its turn, and then told
    return undefined
  }
}

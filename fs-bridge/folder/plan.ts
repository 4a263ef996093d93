/**
 * What a batch of observations means: from what was seen on disk to changes of inodes. Pure but for the names of new
 * inodes.
 *
 * A name keeps its inode: a file that editors replace (write aside, rename over) is an edit. An inode follows its
 * file to another name when its old name is gone, or when the files of several names changed places. Directories
 * always follow. What then has no name left is deleted.
 */
import { inodeKey } from '../filestore/values.ts'
import type { Inode } from '../filestore/port.ts'
import { sameContent, sameIdentity, type Looked } from './disk.ts'
import { newInode } from './folder-index.ts'
import type { Entry } from './index-codec.ts'
import { type Present, type Seen } from './observe.ts'

export interface LocalChange {
  /** Where it is now; for a deletion, where it was. */
  readonly path: string
  readonly inode: Inode
  /** What the index had of it; undefined: new. */
  readonly before: Entry | undefined
  /** Where it hangs now; undefined: deleted. */
  readonly place: { readonly parent: Inode; readonly name: string } | undefined
  readonly looked: Looked | undefined
  /** Its bytes must be read: they are new, or may differ. */
  readonly reread: boolean
  /** It is to be said even if it is what was said before. */
  readonly sayAgain: boolean
}

export interface PlanLookups {
  /** Index entries last seen with this inode number. */
  byIno(ino: bigint): readonly Entry[]
  children(dir: Inode): readonly Entry[]
  pathOf(entry: Entry): string | undefined
  /** What lies at an index entry's place right now. */
  look(entry: Entry): Looked | undefined
}

const placeKey = (place: { readonly parent: Inode; readonly name: string }): string =>
  inodeKey(place.parent) + place.name

export const planChanges = (seen: readonly Seen[], lookups: PlanLookups): LocalChange[] => {
  const present = new Map<string, Present>()
  const gone = new Map<string, Entry>()
  for (const one of asNew(seen)) {
    if (one.what === 'present') present.set(placeKey(one), one)
    else if (one.what === 'gone') gone.set(placeKey(one.entry), one.entry)
  }
  for (const key of present.keys()) gone.delete(key)
  for (const one of seen) if (one.what === 'same') gone.delete(placeKey(one.entry))
  const movedDirs = [...present.values()].flatMap(({ movedFrom }) => (movedFrom ? [placeKey(movedFrom)] : []))
  const moved = new Set(movedDirs)
  for (const entry of [...gone.values()]) withContents(entry, gone, moved, lookups)
  const changes: LocalChange[] = []
  const displaced: Entry[] = []
  const origins = originsOf(present, lookups)
  const claimed = new Set([...origins.values()].map(placeKey))

  for (const one of present.values()) {
    const origin = origins.get(one)
    // What a file under another name has taken over is no more what this name stands for.
    const kept = one.entry && !claimed.has(placeKey(one.entry)) ? one.entry : undefined
    if (origin) {
      moved.add(placeKey(origin))
      gone.delete(placeKey(origin))
      if (kept && placeKey(kept) !== placeKey(origin)) displaced.push(kept)
      changes.push(toChange(one, origin))
    } else if (kept && kept.kind !== one.looked.kind) {
      displaced.push(kept)
      changes.push(toChange(one, undefined))
    } else changes.push(toChange(one, kept))
  }
  for (const entry of displaced) withContents(entry, gone, moved, lookups)
  for (const entry of gone.values()) {
    if (moved.has(placeKey(entry))) continue
    const path = lookups.pathOf(entry) ?? entry.name
    changes.push({ path, inode: entry.inode, before: entry, place: undefined, looked: undefined, ...NOTHING_TO_SAY })
  }
  return changes
}

/**
 * A directory that took the name of one that is gone stands for it, with all it holds. If that one turns out to have
 * moved, the other is a new one, and so is what it holds.
 */
const asNew = (seen: readonly Seen[]): readonly Seen[] => {
  const moved = new Set<string>()
  for (const one of seen) if (one.what === 'present' && one.movedFrom) moved.add(inodeKey(one.inode))
  if (moved.size === 0) return seen
  const fresh = new Map<string, Inode>()
  const isNew = (one: Present): boolean =>
    one.looked.kind === 'dir' && !one.movedFrom && one.entry !== undefined && moved.has(inodeKey(one.inode))
  const tops = seen.flatMap((one) => (one.what === 'present' && isNew(one) ? [one.path] : []))
  if (tops.length === 0) return seen
  const inNew = (path: string): boolean => tops.some((top) => path === top || path.startsWith(`${top}/`))
  for (const one of seen)
    if (one.what === 'present' && one.looked.kind === 'dir' && !one.movedFrom && inNew(one.path))
      fresh.set(one.path, newInode())
  return seen.map((one) => {
    if (one.what !== 'present' || !inNew(one.path)) return one
    const parent = fresh.get(one.path.slice(0, Math.max(0, one.path.lastIndexOf('/')))) ?? one.parent
    return { ...one, parent, entry: undefined, inode: fresh.get(one.path) ?? one.inode }
  })
}

/** A directory's deletion lists what it held, but for what was moved out of it. */
const withContents = (
  entry: Entry,
  gone: Map<string, Entry>,
  moved: ReadonlySet<string>,
  lookups: PlanLookups,
): void => {
  if (moved.has(placeKey(entry))) return void gone.delete(placeKey(entry))
  gone.set(placeKey(entry), entry)
  if (entry.kind === 'dir') for (const child of lookups.children(entry.inode)) withContents(child, gone, moved, lookups)
}

/** Of what is gone. */
const NOTHING_TO_SAY = { reread: false, sayAgain: false } as const

const toChange = (one: Present, before: Entry | undefined): LocalChange => ({
  path: one.path,
  inode: before?.inode ?? one.inode,
  before,
  place: { parent: one.parent, name: one.name },
  looked: one.looked,
  reread: one.looked.kind !== 'dir' && !(before && one.entry !== before && sameContent(before, one.looked)),
  sayAgain: one.sayAgain === true,
})

/** Where things came from that had another name; nothing has two heirs. */
const originsOf = (present: ReadonlyMap<string, Present>, lookups: PlanLookups): ReadonlyMap<Present, Entry> => {
  const files = new Origins(present, lookups)
  const origins = new Map<Present, Entry>()
  const claimed = new Set<string>()
  for (const one of present.values()) {
    const origin = one.movedFrom ?? files.of(one)
    if (!origin || claimed.has(placeKey(origin))) continue
    claimed.add(placeKey(origin))
    origins.set(one, origin)
  }
  return origins
}

/** Which index entry a file came from, if it is one that had another name. */
class Origins {
  readonly #byFile = new Map<bigint, Present>()
  readonly #lookups: PlanLookups

  constructor(present: ReadonlyMap<string, Present>, lookups: PlanLookups) {
    this.#lookups = lookups
    for (const one of present.values()) if (one.looked.kind !== 'dir') this.#byFile.set(one.looked.ino, one)
  }

  of(one: Present): Entry | undefined {
    if (one.looked.kind === 'dir' || (one.entry && sameIdentity(one.entry, one.looked))) return undefined
    const origin = this.#lookups
      .byIno(one.looked.ino)
      .find((entry) => sameIdentity(entry, one.looked) && !this.#stillThere(entry))
    if (!origin) return undefined
    return one.entry === undefined || this.#livesElsewhere(one.entry) ? origin : undefined
  }

  /** Its old name still shows it, or has been taken by a file that is to be an edit of it. */
  #stillThere(entry: Entry): boolean {
    const there = this.#lookups.look(entry)
    if (!there) return false
    if (sameIdentity(entry, there)) return true
    return there.kind === entry.kind && !this.#known(there)
  }

  #known(file: Looked): boolean {
    return this.#lookups.byIno(file.ino).some((entry) => sameIdentity(entry, file))
  }

  #livesElsewhere(entry: Entry): boolean {
    const other = this.#byFile.get(entry.stat.ino)
    return other !== undefined && sameIdentity(entry, other.looked)
  }
}

/** New files with the content of one that is gone: a move that the filesystem does not tell (copy and delete). */
export const pairByContent = (
  created: readonly { readonly change: LocalChange; readonly content: string }[],
  gone: readonly { readonly change: LocalChange; readonly content: string }[],
): ReadonlyMap<LocalChange, LocalChange> => {
  const left = new Map<string, LocalChange[]>()
  for (const { change, content } of gone) left.set(content, [...(left.get(content) ?? []), change])
  const pairs = new Map<LocalChange, LocalChange>()
  for (const { change, content } of created) {
    const origin = left.get(content)?.pop()
    if (origin) pairs.set(change, origin)
  }
  return pairs
}

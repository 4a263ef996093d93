/**
 * What the disk looks like compared with the index: the entries that appeared, changed or went. Stat only; nothing is
 * read or written here. New directories are followed by the watcher before they are listed, so nothing slips between.
 */
import fs from 'node:fs'
import { join } from 'node:path'
import { equalBytes } from '#kernel/core/bytes.ts'
import type { FileTree, Inode } from '../filestore/port.ts'
import { errnoOf, fitsDisk, isGone, look, sameIdentity, unchanged, type Looked } from './disk.ts'
import { joinPath, newInode, PARKED_INODE, PARKED_PATH, ROOT_INODE, type FolderIndex } from './folder-index.ts'
import type { IgnoreRules } from './ignore-rules.ts'
import type { Entry } from './index-codec.ts'
import { CONTROL_DIR } from './marker.ts'
import { isInPlace } from './places.ts'
import type { ProblemKind } from './status.ts'
import type { DirIdentity, FolderWatcher } from './watcher.ts'

export interface Present {
  readonly what: 'present'
  readonly path: string
  readonly parent: Inode
  readonly name: string
  readonly looked: Looked
  /** What the index has at this place. */
  readonly entry: Entry | undefined
  /** A directory that had another place: its inode comes along, and with it all it holds. */
  readonly movedFrom: Entry | undefined
  /** For a directory: the inode its children belong to. */
  readonly inode: Inode
  /** It is to be said again, although nothing happened to it: nobody else has this version. */
  readonly sayAgain?: true
}

export interface Gone {
  readonly what: 'gone'
  readonly entry: Entry
  /** Missed in another directory that has taken the path of its own, which may be found elsewhere, and this in it. */
  readonly inAnother?: true
}

/**
 * In its place, as the index has it. Told only of what lies in a directory that was found elsewhere: while the directory
 * was on its way there, the same entry may have been taken for gone.
 */
export interface Same {
  readonly what: 'same'
  readonly entry: Entry
}

/** Ignored by now: it leaves the index, not the store. */
export interface Dropped {
  readonly what: 'dropped'
  readonly entry: Entry
}

export type Seen = Present | Gone | Same | Dropped

export interface Observing {
  readonly root: string
  readonly index: FolderIndex
  readonly rules: IgnoreRules
  readonly tree: FileTree
  readonly watcher: FolderWatcher | undefined
  readonly rootDev: bigint
  problem(path: string, kind: ProblemKind, message: string): void
  fine(path: string): void
  /** At the last look something at the path, or below it, could not be read. */
  wasClosed(path: string): boolean
  /** The directory left the path while it was walked: what it holds is to be looked at where it is found. */
  missed(path: string, dir: Inode): void
  /** An entry that must be read although its stat is as expected: a power loss or a crash may have left it half done. */
  suspect(entry: Entry): boolean
  /** A parked entry that was taken to trash. */
  isTrashed(entry: Entry): boolean
}

/**
 * Looks at paths, directories before what is in them: of what lay in one that is gone as a whole nothing else can be
 * said, wherever it went. `walk`: which of the directories at these paths are walked.
 */
export function* observeSome(at: Observing, paths: readonly string[], walk: Walk = 'new'): Generator<Seen | undefined> {
  const goneDirs = new Set<string>()
  for (const path of [...paths].sort((a, b) => a.length - b.length)) {
    if (isBelow(goneDirs, path)) continue
    for (const seen of observe(at, path, walk)) {
      if (seen?.what === 'gone' && seen.entry.kind === 'dir') {
        const dir = at.index.pathOf(seen.entry)
        if (dir !== undefined) goneDirs.add(dir)
      }
      yield seen
    }
  }
}

/** Whether the path lies in one of the directories, however deep. */
export const isBelow = (dirs: ReadonlySet<string>, path: string): boolean => {
  if (dirs.size === 0) return false
  for (let end = path.lastIndexOf('/'); end > 0; end = path.lastIndexOf('/', end - 1))
    if (dirs.has(path.slice(0, end))) return true
  return false
}

/**
 * Looks at one path; a directory that is new, or moved here, is walked. Where the directory above is not the one the
 * index knows, it is that which is looked at: what it held is where it went. Yields `undefined` between steps to pause.
 */
function* observe(at: Observing, path: string, walk: Walk): Generator<Seen | undefined> {
  if (yield* observeInPlace(at, path, walk)) return
  const slash = path.lastIndexOf('/')
  if (slash > 0) yield* observe(at, path.slice(0, slash), 'new')
  // A directory that was away for a moment is found unchanged: then nobody looked at what happened in it.
  yield* observeInPlace(at, path, walk)
}

/** Looks first, then at the directory: false if it is not the one that the index knows. */
function* observeInPlace(at: Observing, path: string, walk: Walk): Generator<Seen | undefined, boolean> {
  const { parent, name, entry } = at.index.at(path)
  if (parent === undefined) return false
  const found = lookFor(at, path, parent, name, entry)
  if (!isInPlace(at.index, at.root, parent)) return false
  yield* observeEntry(at, found, walk)
  return true
}

/** A name, and what was found there. */
interface Found {
  readonly path: string
  readonly parent: Inode
  readonly name: string
  readonly entry: Entry | undefined
  readonly wasClosed: boolean
  readonly looked: Looked | undefined | 'unreadable'
  /** As of what is gone. */
  readonly inAnother?: true
}

const lookFor = (at: Observing, path: string, parent: Inode, name: string, entry: Entry | undefined): Found => {
  const wasClosed = entry?.kind === 'dir' && at.wasClosed(path) // before the look, which may find it open
  return { path, parent, name, entry, wasClosed, looked: lookSafely(at, path) }
}

/** Names looked at before the directory is looked at again: all of it is one turn of work. */
const LOOKS_AT_ONCE = 64

/** Which subdirectories are walked: the new ones; all; all, and what is unchanged is told too. */
type Walk = 'new' | 'all' | 'tell'

/** The whole folder, compared with what the index says of it; what is parked too. */
export function* observeAll(at: Observing): Generator<Seen | undefined> {
  const self = lookSafely(at, '')
  if (self !== undefined && self !== 'unreadable') yield* walkDir(at, '', ROOT_INODE, self, 'all')
  for (const entry of at.index.children(PARKED_INODE)) {
    const path = joinPath(PARKED_PATH, entry.name)
    const there = lookSafely(at, path)
    if (there === 'unreadable') continue
    if (there === undefined) {
      // A crash came after it had left from there, and before the index knew: for the trash, or for a name, from which
      // the user has taken it since.
      if (!at.isTrashed(entry)) yield { what: 'gone', entry }
    } else if (entry.kind === 'dir' && sameIdentity(entry, there)) yield* walkDir(at, path, entry.inode, there, 'all')
  }
}

/** `self` is the directory that is meant: whenever another one has its path, nothing was learnt. */
function* walkDir(at: Observing, path: string, dir: Inode, self: DirIdentity, walk: Walk): Generator<Seen | undefined> {
  at.watcher?.follow(path, self)
  let names: string[]
  try {
    names = fs.readdirSync(join(at.root, path))
  } catch (error) {
    const code = errnoOf(error)
    if (!isGone(code)) at.problem(path, 'unreadable', `the directory cannot be listed (${code})`)
    return
  }
  const known = new Map(at.index.children(dir).map((entry) => [entry.name, entry]))
  const own = at.index.placesOf(dir)[0]
  const isOwn = !own || (own.stat.ino === self.ino && own.stat.birthNs === self.birthNs)
  const missed = isOwn ? {} : ({ inAnother: true } as const)
  const there = new Set(names)
  for (let from = 0; from === 0 || from < names.length; from += LOOKS_AT_ONCE) {
    const some = names.slice(from, from + LOOKS_AT_ONCE)
    const found = some.map((name) => ({ ...lookFor(at, joinPath(path, name), dir, name, known.get(name)), ...missed }))
    const now = lookSafely(at, path)
    if (now === undefined || now === 'unreadable' || now.ino !== self.ino || now.birthNs !== self.birthNs)
      return at.missed(path, dir)
    if (from === 0)
      for (const entry of known.values()) if (!there.has(entry.name)) yield { what: 'gone', entry, ...missed }
    for (const one of found) yield* observeEntry(at, one, walk)
  }
}

function* observeEntry(at: Observing, found: Found, walk: Walk): Generator<Seen | undefined> {
  const { path, parent, name, entry, wasClosed, looked, inAnother } = found
  if (name === CONTROL_DIR && equalBytes(parent, ROOT_INODE)) return
  if (looked === 'unreadable') return
  if (!looked) {
    if (name.includes('\ufffd')) at.problem(path, 'bad-name', 'the name is not valid UTF-8')
    if (entry) yield { what: 'gone', entry, ...(inAnother && { inAnother }) }
    else yield undefined
    return
  }
  // What is parked and known was not ignored under its name, which the rules of the directories above may speak of.
  const isKept = entry && path.startsWith(`${PARKED_PATH}/`)
  if (!isKept && at.rules.explain(path, looked.kind === 'dir')) {
    if (entry) yield { what: 'dropped', entry }
    return
  }
  const wrong = refusal(at, name, looked)
  if (wrong) {
    at.problem(path, wrong[0], wrong[1])
    if (entry) yield { what: 'dropped', entry }
    return
  }
  if (looked.kind !== 'dir') {
    if (entry && unchanged(entry, looked) && !at.suspect(entry))
      yield walk === 'tell' ? { what: 'same', entry } : undefined
    else yield { what: 'present', path, parent, name, looked, entry, movedFrom: undefined, inode: freshInode(at) }
    return
  }
  if (entry && sameIdentity(entry, looked)) {
    if (walk === 'tell') yield { what: 'same', entry }
    if (walk !== 'new') yield* walkDir(at, path, entry.inode, looked, walk)
    else if (wasClosed) yield* walkDir(at, path, entry.inode, looked, 'all')
    else at.watcher?.follow(path, looked)
    return
  }
  const movedFrom = movedDirectory(at, looked)
  const inode =
    movedFrom?.inode ?? (entry?.kind === 'dir' ? entry.inode : (adoptable(at, parent, name) ?? freshInode(at)))
  const oldPath = movedFrom && at.index.pathOf(movedFrom)
  if (oldPath !== undefined) at.watcher?.moved(oldPath, path, looked)
  yield { what: 'present', path, parent, name, looked, entry, movedFrom, inode }
  yield* walkDir(at, path, inode, looked, movedFrom ? 'tell' : 'all')
}

const lookSafely = (at: Observing, path: string): Looked | undefined | 'unreadable' => {
  try {
    const looked = look(join(at.root, path))
    at.fine(path)
    return looked
  } catch (error) {
    at.problem(path, 'unreadable', `it cannot be looked at (${errnoOf(error)})`)
    return 'unreadable'
  }
}

const refusal = (at: Observing, name: string, looked: Looked): readonly [ProblemKind, string] | undefined => {
  if (looked.kind === 'special') return ['special-file', 'only files, directories and symlinks sync; this is none']
  if (looked.dev !== at.rootDev) return ['other-filesystem', 'another filesystem is mounted here']
  if (!fitsDisk(name.normalize('NFC'))) return ['name-too-long', 'the name is longer than 255 bytes']
  return undefined
}

/** The index's entry for a directory that now lies elsewhere; undefined if it is a new one, or still where it was. */
const movedDirectory = (at: Observing, looked: Looked): Entry | undefined => {
  for (const entry of at.index.byIno(looked.ino)) {
    if (!sameIdentity(entry, looked)) continue
    const path = at.index.pathOf(entry)
    const there = path === undefined ? undefined : lookSafely(at, path)
    if (there === undefined || there === 'unreadable' || !sameIdentity(entry, there)) return entry
  }
  return undefined
}

/** A directory everyone sees at this place, but which the index does not have yet: both are one. */
const adoptable = (at: Observing, parent: Inode, name: string): Inode | undefined => {
  const visible = at.tree.at(parent, name.normalize('NFC'))
  if (visible?.kind !== 'dir' || at.index.placesOf(visible.inode).length > 0) return undefined
  return visible.inode
}

const freshInode = ({ index }: Observing): Inode => {
  const inode = newInode()
  index.noteFresh(inode)
  return inode
}

/**
 * System calls on the user's folder, synchronous on purpose: a small file takes about 40 µs this way on ext4 and
 * 55 µs through the thread pool; callers work in slices that stay far below 50 ms.
 *
 * A path from a peer never leaves the folder: names are checked one by one, and a directory is used only after the
 * kernel resolved it to the very path we meant, so that a symlink put in its place redirects nothing.
 */
import { constants } from 'node:fs'
import fs from 'node:fs'
import { basename, dirname, join } from 'node:path'
import { truncateUtf8 } from '../filestore/conflict-names.ts'
import type { Kind } from '../filestore/port.ts'
import type { DiskStat, Entry } from './index-codec.ts'

export interface Looked extends DiskStat {
  readonly kind: Kind | 'special'
  readonly dev: bigint
}

export const errnoOf = (error: unknown): string => {
  const code = (error as NodeJS.ErrnoException | undefined)?.code
  if (typeof code !== 'string') throw error
  return code
}

export const isGone = (code: string): boolean => code === 'ENOENT' || code === 'ENOTDIR'
export const isFull = (code: string): boolean => code === 'ENOSPC' || code === 'EDQUOT'

/** Never follows a symlink. Undefined: nothing is there. Throws what the system says otherwise. */
export const look = (path: string): Looked | undefined => {
  let st: fs.BigIntStats | undefined
  try {
    st = fs.lstatSync(path, { bigint: true, throwIfNoEntry: false })
  } catch (error) {
    if (isGone(errnoOf(error))) return undefined
    throw error
  }
  return st && lookedOf(st)
}

const lookedOf = (st: fs.BigIntStats): Looked => ({
  kind: st.isFile() ? 'file' : st.isDirectory() ? 'dir' : st.isSymbolicLink() ? 'symlink' : 'special',
  size: Number(st.size),
  mtimeNs: st.mtimeNs,
  ctimeNs: st.ctimeNs,
  birthNs: st.birthtimeNs,
  ino: st.ino,
  dev: st.dev,
  mode: Number(st.mode & 0o7777n),
})

/** Nothing happened to it since: not to its content, its attributes or its name. */
export const unchanged = (entry: Entry, now: Looked): boolean =>
  now.kind === entry.kind &&
  now.ino === entry.stat.ino &&
  now.mode === entry.stat.mode &&
  (entry.kind === 'dir' ||
    (now.size === entry.stat.size && now.mtimeNs === entry.stat.mtimeNs && now.ctimeNs === entry.stat.ctimeNs))

/** What was moved by us is what we had looked at before: the move itself changes nothing but ctime. */
export const stillAs = (entry: Entry, now: Looked | undefined): boolean =>
  now !== undefined && now.ino === entry.stat.ino && sameContent(entry, now)

/** The bytes and attributes are those we knew; only its place or link count may have changed (that moves ctime). */
export const sameContent = (entry: Entry, now: Looked): boolean =>
  now.kind === entry.kind &&
  now.size === entry.stat.size &&
  now.mtimeNs === entry.stat.mtimeNs &&
  now.mode === entry.stat.mode

/** The very file of the filesystem: inode numbers are reused, birth times are not. */
export const sameIdentity = (entry: Entry, now: Looked): boolean =>
  now.kind === entry.kind &&
  now.ino === entry.stat.ino &&
  now.birthNs === entry.stat.birthNs &&
  (now.birthNs !== 0n || now.kind === 'dir' || sameContent(entry, now))

export const NAME_BYTES_MAX = 255

/** What every component of a path from a peer must be before it touches the disk. */
export const isSafeName = (name: string): boolean =>
  name !== '' && name !== '.' && name !== '..' && !name.includes('/') && !name.includes('\0')

export const fitsDisk = (name: string): boolean => Buffer.byteLength(name) <= NAME_BYTES_MAX

/** `dir` is a real directory at exactly this path: no component is a symlink. */
export const isRealDir = (path: string): boolean => {
  try {
    return fs.realpathSync.native(path) === path && look(path)?.kind === 'dir'
  } catch (error) {
    errnoOf(error) // gone, unreadable or a loop of links: whatever it is, not a directory to write into
    return false
  }
}

/** Seconds with the nanoseconds a double can carry: the index records what the disk made of it. */
export const nsToSeconds = (ns: bigint): number => Number(ns / 1_000_000_000n) + Number(ns % 1_000_000_000n) / 1e9

export interface Attributes {
  readonly mode: number
  readonly mtimeNs: bigint
}

const WRITE_NEW = constants.O_WRONLY | constants.O_CREAT | constants.O_EXCL | (constants.O_NOFOLLOW ?? 0)

/** Creates a file of our own; throws EEXIST rather than touch one that is there. */
export const writeFileNew = (path: string, bytes: Uint8Array, attributes: Attributes): void => {
  const fd = fs.openSync(path, WRITE_NEW, 0o600)
  try {
    for (let at = 0; at < bytes.length;) at += fs.writeSync(fd, bytes, at)
    setAttributes(fd, attributes)
  } finally {
    fs.closeSync(fd)
  }
}

export const openNew = (path: string): number => fs.openSync(path, WRITE_NEW, 0o600)

export const setAttributes = (fd: number, attributes: Attributes): void => {
  const seconds = nsToSeconds(attributes.mtimeNs)
  fs.fchmodSync(fd, attributes.mode & 0o777)
  fs.futimesSync(fd, seconds, seconds)
}

/** Sets mode and mtime of a regular file, if it is still as `expected` describes it; gives what it is then. */
export const touchFile = (path: string, attributes: Attributes, expected: Entry): Looked | undefined => {
  const fd = fs.openSync(path, constants.O_RDONLY | (constants.O_NOFOLLOW ?? 0) | (constants.O_NONBLOCK ?? 0))
  try {
    const lookAt = (): Looked => lookedOf(fs.fstatSync(fd, { bigint: true }))
    if (!unchanged(expected, lookAt())) return undefined
    setAttributes(fd, attributes)
    return lookAt()
  } finally {
    fs.closeSync(fd)
  }
}

/** Moves a file of ours to a name that must be free. False: something is there. */
export const placeNew = (from: string, to: string): boolean => {
  try {
    fs.linkSync(from, to)
  } catch (error) {
    const code = errnoOf(error)
    if (code === 'EEXIST') return false
    if (code !== 'EPERM' && code !== 'ENOTSUP' && code !== 'EOPNOTSUPP' && code !== 'EMLINK') throw error
    if (look(to)) return false // no hard links here: a check and a rename is the best this filesystem offers
    fs.renameSync(from, to)
    return true
  }
  try {
    fs.unlinkSync(from)
  } catch (error) {
    fs.unlinkSync(to) // it may not leave where it is: then it has not moved, and has one name as before
    throw error
  }
  return true
}

/** Moves back what was taken aside: to its name, or, where that was taken meanwhile, to a free one beside it. */
export const putBack = (from: string, to: string): void => {
  const isDir = look(from)?.kind === 'dir'
  for (let free = to, n = 2; ; free = numbered(to, n++)) {
    if (!isDir && placeNew(from, free)) return
    if (!isDir || look(free)) continue
    fs.renameSync(from, free)
    return
  }
}

/** Removes a tree of our own making (under `.lattice`); nothing there is no error. */
export const removeOwn = (path: string): void => fs.rmSync(path, { recursive: true, force: true })

/** Empties a directory of our own that holds files only. */
export const emptyOwn = (dir: string): void => {
  for (const name of fs.readdirSync(dir)) removeOwn(join(dir, name))
}

/** The nth name for a path whose own is taken, no longer than the system takes. */
const numbered = (path: string, n: number): string => {
  const suffix = ` (${n})`
  return join(dirname(path), truncateUtf8(basename(path), NAME_BYTES_MAX - suffix.length) + suffix)
}

/** A free path in the trash for what lay at `relative`, its directories made. */
export const trashPath = (control: string, day: string, relative: string): string => {
  const top = join(control, 'trash', day)
  const dir = makeTrashDir(top, dirname(relative))
  const path = join(dir, basename(relative))
  let free = path
  for (let n = 2; look(free); n++) free = numbered(path, n)
  return free
}

/** What was trashed earlier the same day may lie where a directory is needed now. */
const makeTrashDir = (top: string, relative: string): string => {
  let dir = join(top, relative)
  try {
    fs.mkdirSync(dir, { recursive: true })
    return dir
  } catch (error) {
    const code = errnoOf(error)
    if (code !== 'EEXIST' && code !== 'ENOTDIR') throw error
  }
  dir = top
  for (const name of relative.split('/')) {
    const path = join(dir, name)
    dir = path
    for (let n = 2; (look(dir)?.kind ?? 'dir') !== 'dir'; n++) dir = numbered(path, n)
  }
  fs.mkdirSync(dir, { recursive: true })
  return dir
}

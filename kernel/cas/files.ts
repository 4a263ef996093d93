/** Reading the user's files: synchronous, never through a symlink, never blocked by a pipe. */
import { closeSync, constants, fstatSync, openSync, readSync, type BigIntStats } from 'node:fs'
import type { FileStat, HashedFile } from './port.ts'

/** O_NONBLOCK: opening a named pipe that stands where a file stood must not wait for a writer. */
export const READ_FLAGS = constants.O_RDONLY | (constants.O_NOFOLLOW ?? 0) | (constants.O_NONBLOCK ?? 0)

export const openForRead = (path: string): number => openSync(path, READ_FLAGS)

/** Reads until `into` is full or the file ends; the number of bytes read. */
export const readFully = (fd: number, into: Uint8Array, position: number): number => {
  let done = 0
  while (done < into.length) {
    const count = readSync(fd, into, done, into.length - done, position + done)
    if (count === 0) break
    done += count
  }
  return done
}

export const statOf = (stats: BigIntStats): FileStat => ({
  size: Number(stats.size),
  mtimeNs: stats.mtimeNs,
  ctimeNs: stats.ctimeNs,
  ino: stats.ino,
  dev: stats.dev,
  mode: Number(stats.mode),
})

export const sameStat = (a: FileStat, b: FileStat): boolean =>
  a.size === b.size && a.mtimeNs === b.mtimeNs && a.ctimeNs === b.ctimeNs && a.ino === b.ino && a.dev === b.dev

type Failure = Extract<HashedFile, { readonly message: string }>

export const unstable = (path: string): Failure => ({
  kind: 'unstable',
  path,
  message: 'the file changed while it was being read',
})

export const unreadable = (path: string, message: string): Failure => ({ kind: 'unreadable', path, message })

/** What a failed system call says about a file. An error that is none of the system's is a bug and passes on. */
export const fileFailure = (path: string, error: unknown): Failure => {
  if (!(error instanceof Error) || !('code' in error)) throw error
  if (error.code === 'ENOENT' || error.code === 'ENOTDIR')
    return { kind: 'gone', path, message: 'there is no such file' }
  if (error.code === 'ELOOP') return unreadable(path, 'it is a symbolic link')
  return unreadable(path, error.message)
}

/**
 * Opens a regular file, reads it with `body`, and closes it; `unstable` if it changed meanwhile.
 * `expected`: the file must still be as it was then.
 */
export const withFile = <T extends { readonly kind: string }>(
  path: string,
  body: (fd: number, stat: FileStat) => T,
  expected?: FileStat,
): T | Failure => {
  let fd: number
  try {
    fd = openForRead(path)
  } catch (error) {
    return fileFailure(path, error)
  }
  try {
    const stats = fstatSync(fd, { bigint: true })
    if (!stats.isFile()) return unreadable(path, 'it is not a regular file')
    const stat = statOf(stats)
    if (expected !== undefined && !sameStat(expected, stat)) return unstable(path)
    const result = body(fd, stat)
    return sameStat(stat, statOf(fstatSync(fd, { bigint: true }))) ? result : unstable(path)
  } catch (error) {
    return fileFailure(path, error)
  } finally {
    closeSync(fd)
  }
}

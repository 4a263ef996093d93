/**
 * Where a node listens for its clients: `<home>/lattice.sock`. The kernel takes no socket path over about 104 bytes
 * (108 on Linux, 104 on macOS); a home deeper than that gets a socket in a short directory of the user's own, and a
 * pointer file `<home>/lattice.sock.path` that says where.
 */
import { createHash } from 'node:crypto'
import { mkdirSync, readFileSync, writeFileSync, rmSync, lstatSync } from 'node:fs'
import { tmpdir, userInfo } from 'node:os'
import { join } from 'node:path'
import { invariant } from '#kernel/core/result.ts'

const SOCKET_PATH_BYTES_MAX = 103

const plainPath = (home: string): string => join(home, 'lattice.sock')
const pointerPath = (home: string): string => join(home, 'lattice.sock.path')

const runtimeDirectory = (): string => process.env['XDG_RUNTIME_DIR'] ?? join(tmpdir(), `lattice-${userInfo().uid}`)

/** Chooses the path for the node that owns `home`, makes its directory (0700) and the pointer where one is needed. */
export const prepareSocketPath = (home: string): string => {
  const plain = plainPath(home)
  if (Buffer.byteLength(plain) <= SOCKET_PATH_BYTES_MAX) {
    rmSync(pointerPath(home), { force: true })
    return plain
  }
  const directory = runtimeDirectory()
  mkdirSync(directory, { recursive: true, mode: 0o700 })
  const { uid, mode } = lstatSync(directory)
  invariant(uid === userInfo().uid && (mode & 0o077) === 0, `${directory} must belong to this user alone`)
  const path = join(directory, `${createHash('sha256').update(home).digest('hex').slice(0, 16)}.sock`)
  writeFileSync(pointerPath(home), path, { mode: 0o600 })
  return path
}

/** Where the clients of `home` find its node. */
export const findSocketPath = (home: string): string => {
  const plain = plainPath(home)
  if (Buffer.byteLength(plain) <= SOCKET_PATH_BYTES_MAX) return plain
  try {
    return readFileSync(pointerPath(home), 'utf8')
  } catch {
    return plain // no pointer: no node has run here; connecting to the plain path says so
  }
}

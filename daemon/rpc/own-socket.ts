/** Making room for the socket of a node; apart from socket.ts because no client needs it. */
import { createHash } from 'node:crypto'
import { lstatSync, mkdirSync, rmSync, writeFileSync } from 'node:fs'
import { tmpdir, userInfo } from 'node:os'
import { join } from 'node:path'
import { invariant } from '#kernel/core/result.ts'
import { plainPath, pointerPath, SOCKET_PATH_BYTES_MAX } from './socket.ts'

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

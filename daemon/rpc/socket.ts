/**
 * Where a node listens for its clients: `<home>/lattice.sock`. The kernel takes no socket path over about 104 bytes
 * (108 on Linux, 104 on macOS); a home deeper than that gets a socket in a short directory of the user's own, and a
 * pointer file `<home>/lattice.sock.path` that says where.
 */
import { readFileSync } from 'node:fs'
import { join } from 'node:path'

export const SOCKET_PATH_BYTES_MAX = 103

export const plainPath = (home: string): string => join(home, 'lattice.sock')
export const pointerPath = (home: string): string => join(home, 'lattice.sock.path')

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

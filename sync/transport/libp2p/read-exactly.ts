/** Reading a few bytes: a whole short message of a stream, the first bytes of a socket. */
import { concatBytes } from '#kernel/core/bytes.ts'
import type { ByteStream } from '../port.ts'
import type { LaneSocket } from './lane-socket.ts'

/** All that the peer sends until it ends its side; undefined when that is more than `maxBytes`. */
export const readMessage = async (stream: ByteStream, maxBytes: number): Promise<Uint8Array | undefined> => {
  const parts: Uint8Array[] = []
  let bytes = 0
  for (let part = await stream.read(); part; part = await stream.read()) {
    parts.push(part)
    bytes += part.length
    if (bytes > maxBytes) return undefined
  }
  return concatBytes(...parts)
}

/** The next `length` bytes; leaves the socket paused. Rejects when it closes before, or when more than those came. */
export const readSocket = ({ socket, listen }: LaneSocket, length: number): Promise<Uint8Array> =>
  new Promise((resolve, reject) => {
    let found = Buffer.alloc(0)
    const settle = (): void => {
      socket.pause()
      listen(undefined)
      socket.off('end', onEnd)
      socket.off('close', onEnd)
    }
    const onData = (bytes: Uint8Array): void => {
      found = Buffer.concat([found, bytes])
      if (found.length < length) return
      settle()
      if (found.length === length) resolve(found)
      else reject(new Error('more bytes than were asked for'))
    }
    const onEnd = (): void => {
      settle()
      reject(new Error('the socket was closed'))
    }
    listen(onData)
    socket.once('end', onEnd)
    socket.once('close', onEnd)
    socket.resume()
  })

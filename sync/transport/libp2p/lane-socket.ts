/**
 * A TLS socket whose bytes are lent to a listener rather than given: one buffer serves all reads. A buffer for each
 * TLS record would be 65,536 in a GiB, and collecting them costs the receiver as much as decrypting what they hold.
 */
import { connect, type ConnectionOptions, type TLSSocket } from 'node:tls'

/** The bytes are the socket's again after the call. */
type OnBytes = (bytes: Uint8Array) => void

export interface LaneSocket {
  readonly socket: TLSSocket
  /** In place of the listener before. Undefined: none; what comes meanwhile is kept for the next. */
  listen(onBytes: OnBytes | undefined): void
}

/** More than a record holds. */
const ROOM_BYTES = 64 * 1024

export const connectLane = (options: ConnectionOptions): LaneSocket => {
  const early: Uint8Array[] = []
  let listener: OnBytes | undefined
  const onread = {
    buffer: Buffer.allocUnsafeSlow(ROOM_BYTES),
    callback: (length: number, room: Uint8Array): boolean => {
      const bytes = room.subarray(0, length)
      if (listener) listener(bytes)
      else early.push(new Uint8Array(bytes))
      return true
    },
  }
  const listen = (onBytes: OnBytes | undefined): void => {
    listener = onBytes
    while (listener && early.length > 0) listener(early.shift()!)
  }
  // Taken by tls.connect as by net.connect, but documented for the latter alone.
  return { socket: connect({ ...options, onread } as ConnectionOptions), listen }
}

/** Of a socket that somebody else connected, Node can only give a buffer for each record. */
export const acceptedLane = (socket: TLSSocket): LaneSocket => {
  let listener: OnBytes | undefined
  const listen = (onBytes: OnBytes | undefined): void => {
    if (listener) socket.off('data', listener)
    listener = onBytes
    if (listener) socket.on('data', listener)
  }
  return { socket, listen }
}

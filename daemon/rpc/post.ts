/**
 * One HTTP request over a Unix socket, written and read by hand: loading `node:http` takes a command longer than all
 * else it does. It is made as HTTP/1.0, whose answer has no transfer encoding and ends where the connection does.
 */
import { connect, type Socket } from 'node:net'

/** The longest head taken, in bytes. */
const HEAD_MAX = 16 * 1024
const HEAD_END = '\r\n\r\n'

export interface Answer {
  readonly status: number
  /** The body; undefined: it ends with the connection. */
  readonly length: number | undefined
  /** Throws what broke the connection. */
  readonly body: AsyncIterable<Buffer>
  close(): void
}

/** What answered does not speak HTTP. */
export class BadAnswerError extends Error {
  override readonly name = 'BadAnswerError'
}

const parseHead = (head: string): { readonly status: number; readonly length: number | undefined } => {
  const status = /^HTTP\/1\.[01] (\d{3})\b/.exec(head)
  if (!status) throw new BadAnswerError('no HTTP answer')
  const length = /^content-length: *(\d{1,10}) *$/im.exec(head)
  return { status: Number(status[1]), length: length ? Number(length[1]) : undefined }
}

/** Resolves with the head of the answer; what came with it of the body is put back. */
const readHead = (socket: Socket): Promise<{ readonly status: number; readonly length: number | undefined }> =>
  new Promise((resolve, reject) => {
    let held: Buffer = Buffer.alloc(0)
    const end = (): void => {
      socket.off('data', take).off('error', fail).off('end', cut)
      socket.pause()
    }
    const fail = (cause: Error): void => {
      end()
      reject(cause)
    }
    const cut = (): void => fail(new BadAnswerError('it breaks off'))
    const take = (part: Buffer): void => {
      held = held.length === 0 ? part : Buffer.concat([held, part])
      const at = held.indexOf(HEAD_END)
      if (at < 0 && held.length <= HEAD_MAX) return
      end()
      try {
        resolve(parseHead(held.toString('latin1', 0, Math.max(at, 0) + 2)))
      } catch (cause) {
        reject(cause as Error)
      }
      const rest = held.subarray(at + HEAD_END.length)
      if (at >= 0 && rest.length > 0) socket.unshift(rest)
    }
    socket.on('data', take).on('error', fail).on('end', cut)
  })

/** Rejects with the system's error when nobody listens, with the signal's reason when it aborts. */
export const post = async (
  socketPath: string,
  path: string,
  contentType: string,
  body: Uint8Array,
  signal?: AbortSignal,
): Promise<Answer> => {
  signal?.throwIfAborted()
  const socket = connect(socketPath)
  // Whoever reads is told of a failure; the listener keeps one that comes between two reads from being thrown.
  socket.on('error', () => undefined)
  const abort = (): unknown => socket.destroy(signal!.reason as Error)
  signal?.addEventListener('abort', abort, { once: true })
  socket.once('close', () => signal?.removeEventListener('abort', abort))
  const head =
    `POST ${path} HTTP/1.0\r\nhost: lattice\r\ncontent-type: ${contentType}\r\n` +
    `content-length: ${body.length}\r\nconnect-protocol-version: 1\r\n\r\n`
  socket.write(Buffer.concat([Buffer.from(head, 'latin1'), body]))
  try {
    return { ...(await readHead(socket)), body: socket, close: () => socket.destroy() }
  } catch (cause) {
    socket.destroy()
    throw cause
  }
}

/**
 * The RPC server on a Unix socket: Connect and gRPC-Web over HTTP/1.1, gRPC (and the others) over cleartext HTTP/2,
 * all on one path. A connection's first bytes tell which: HTTP/2 opens with a fixed preface (RFC 9113, 3.4).
 *
 * Limits: one message 1 MiB, 64 connections, 10 s for a new connection to say something.
 */
import { chmod, rm } from 'node:fs/promises'
import { createServer as createHttp1, type Server as Http1Server } from 'node:http'
import { createServer as createHttp2, type Http2Server, type ServerHttp2Session } from 'node:http2'
import { createServer, type Server, type Socket } from 'node:net'
import { connectNodeAdapter } from '@connectrpc/connect-node'
import type { NodeApi } from './port.ts'
import { routes } from './routes.ts'

export const MESSAGE_MAX = 1024 * 1024
const CONNECTIONS_MAX = 64
const FIRST_BYTES_DEADLINE_MS = 10_000
const HTTP2_PREFACE = Buffer.from('PRI * HTTP/2.0\r\n\r\nSM\r\n\r\n', 'latin1')

export interface RpcServer extends AsyncDisposable {
  readonly socketPath: string
}

type Protocol = 'http1' | 'http2' | 'undecided'

/** What the first bytes of a connection speak; `undecided` while they are a mere beginning of the preface. */
export const sniffProtocol = (first: Buffer): Protocol => {
  const n = Math.min(first.length, HTTP2_PREFACE.length)
  if (!first.subarray(0, n).equals(HTTP2_PREFACE.subarray(0, n))) return 'http1'
  return n === HTTP2_PREFACE.length ? 'http2' : 'undecided'
}

const dispatch = (socket: Socket, http1: Http1Server, http2: Http2Server): void => {
  let seen: Buffer = Buffer.alloc(0)
  const onData = (bytes: Buffer): void => {
    seen = seen.length === 0 ? bytes : Buffer.concat([seen, bytes])
    const protocol = sniffProtocol(seen)
    if (protocol === 'undecided') return
    socket.off('data', onData)
    socket.off('error', onError)
    socket.setTimeout(0)
    socket.pause()
    socket.unshift(seen)
    ;(protocol === 'http2' ? http2 : http1).emit('connection', socket)
    if (protocol === 'http1') socket.resume()
  }
  const onError = (): void => void socket.destroy()
  socket.on('data', onData)
  socket.on('error', onError)
  socket.setTimeout(FIRST_BYTES_DEADLINE_MS, () => socket.destroy())
}

const listen = (server: Server, path: string): Promise<void> =>
  new Promise((resolve, reject) => {
    server.once('error', reject)
    server.listen(path, () => {
      server.off('error', reject)
      resolve()
    })
  })

/**
 * Serves `api` on `socketPath`, which the caller owns (it holds the lock of the home): a socket left over by a node
 * that was killed is replaced.
 */
export const serveRpc = async (
  api: NodeApi,
  socketPath: string,
  report: (cause: unknown) => void,
): Promise<RpcServer> => {
  const adapter = connectNodeAdapter({
    routes: routes(api, report),
    readMaxBytes: MESSAGE_MAX,
    writeMaxBytes: 4 * MESSAGE_MAX,
  })
  const handler: typeof adapter = (request, response) => {
    // A socket has no host. What a client calls it need not be one, and the adapter would make a URL of it.
    request.headers[request.httpVersionMajor === 2 ? ':authority' : 'host'] = 'lattice'
    adapter(request, response)
  }
  const http1 = createHttp1({ maxHeaderSize: 16 * 1024 }, handler)
  const http2 = createHttp2({ maxSessionMemory: 4 }, handler)
  const sessions = new Set<ServerHttp2Session>()
  http2.on('session', (session) => {
    sessions.add(session)
    session.on('error', () => session.destroy())
    session.on('close', () => sessions.delete(session))
  })
  http1.on('clientError', (_, socket) => void socket.destroy())
  const sockets = new Set<Socket>()
  const server = createServer((socket) => {
    sockets.add(socket)
    socket.on('close', () => sockets.delete(socket))
    dispatch(socket, http1, http2)
  })
  server.maxConnections = CONNECTIONS_MAX
  await rm(socketPath, { force: true })
  await listen(server, socketPath)
  await chmod(socketPath, 0o600)
  return {
    socketPath,
    async [Symbol.asyncDispose]() {
      const closed = new Promise<void>((resolve) => server.close(() => resolve()))
      for (const session of sessions) session.close()
      for (const socket of sockets) socket.destroySoon() // replies already written still arrive
      await closed
    },
  }
}

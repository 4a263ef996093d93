/**
 * The web UI and the API over HTTP/1.1, for browsers on this machine: 127.0.0.1 and ::1, nothing else. What a request
 * must be is in `guard.ts`; what a page may do is said to the browser by the headers below.
 *
 * Limits: 64 connections an address, 16 KiB of headers in 10 s, a body of 1 MiB in 30 s.
 */
import { createServer, type IncomingMessage, type Server, type ServerResponse } from 'node:http'
import type { AddressInfo } from 'node:net'
import { connectNodeAdapter } from '@connectrpc/connect-node'
import { err, latticeError, ok, type LatticeError, type Result } from '#kernel/core/result.ts'
import type { NodeApi } from '../rpc/port.ts'
import { routes } from '../rpc/routes.ts'
import type { WebFiles } from './files.ts'
import { BODY_MAX, judge, RPC_PREFIX, type Refusal } from './guard.ts'

const CONNECTIONS_MAX = 64
const HEADERS_BYTES_MAX = 16 * 1024
const HEADERS_COUNT_MAX = 64
const HEADERS_MS_MAX = 10_000
const REQUEST_MS_MAX = 30_000
/** How often a free port of one address may turn out to be taken on the other. */
const PORT_ATTEMPTS = 8

const POLICY =
  "default-src 'none'; script-src 'self'; style-src 'self'; img-src 'self' data: blob:; font-src 'self'; " +
  "connect-src 'self'; base-uri 'none'; form-action 'none'; frame-ancestors 'none'"

/** Every feature of a browser that a page could ask a person for, and none that this one does. */
const FEATURES = [
  'accelerometer',
  'autoplay',
  'bluetooth',
  'browsing-topics',
  'camera',
  'display-capture',
  'encrypted-media',
  'fullscreen',
  'gamepad',
  'geolocation',
  'gyroscope',
  'hid',
  'identity-credentials-get',
  'idle-detection',
  'local-fonts',
  'magnetometer',
  'microphone',
  'midi',
  'payment',
  'picture-in-picture',
  'publickey-credentials-get',
  'screen-wake-lock',
  'serial',
  'storage-access',
  'usb',
  'web-share',
  'xr-spatial-tracking',
]

const HEADERS: readonly (readonly [string, string])[] = [
  ['content-security-policy', POLICY],
  ['cross-origin-embedder-policy', 'require-corp'],
  ['cross-origin-opener-policy', 'same-origin'],
  ['cross-origin-resource-policy', 'same-origin'],
  ['permissions-policy', FEATURES.map((feature) => `${feature}=()`).join(', ')],
  ['referrer-policy', 'no-referrer'],
  ['x-content-type-options', 'nosniff'],
  ['x-frame-options', 'DENY'],
]

export interface WebServer extends AsyncDisposable {
  /** `http://127.0.0.1:PORT/`, without the token. */
  readonly url: string
  readonly port: number
}

export interface WebOptions {
  /** 0: one that is free. */
  readonly port: number
  readonly token: string
  readonly files: WebFiles
  readonly api: NodeApi
  /** Is told of exceptions, which are bugs of ours. */
  readonly report: (cause: unknown) => void
}

const refuse = (response: ServerResponse, { status, message, allow }: Refusal): void => {
  if (allow !== undefined) response.setHeader('allow', allow)
  if (status === 401) response.setHeader('www-authenticate', 'Bearer')
  // Whatever else the client has to say on this connection is not read.
  const body = JSON.stringify({ code: status === 401 ? 'unauthenticated' : 'permission_denied', message })
  response.writeHead(status, {
    'content-type': 'application/json',
    'content-length': Buffer.byteLength(body),
    'cache-control': 'no-store',
    connection: 'close',
  })
  response.end(body)
}

const serveFile = (response: ServerResponse, files: WebFiles, path: string): void => {
  const file = files.get(path)
  if (!file) {
    response.writeHead(404, { 'content-type': 'text/plain; charset=utf-8', 'cache-control': 'no-store' })
    response.end('There is no such page.\n')
    return
  }
  response.writeHead(200, {
    'content-type': file.type,
    'content-length': file.body.length,
    'cache-control': file.immutable ? 'public, max-age=31536000, immutable' : 'no-store',
  })
  response.end(file.body)
}

type Handler = (request: IncomingMessage, response: ServerResponse) => void

const createListener = ({ api, report, files, token }: WebOptions, port: () => number): Handler => {
  const rpc = connectNodeAdapter({
    routes: routes(api, report),
    requestPathPrefix: RPC_PREFIX,
    grpc: false,
    grpcWeb: false,
    readMaxBytes: BODY_MAX,
    writeMaxBytes: 4 * BODY_MAX,
  })
  return (request, response) => {
    for (const [name, value] of HEADERS) response.setHeader(name, value)
    const head = { method: request.method ?? '', target: request.url ?? '', rawHeaders: request.rawHeaders }
    const verdict = judge(head, { port: port(), token })
    if (verdict.to === 'nowhere') return refuse(response, verdict.why)
    if (verdict.to === 'file') return serveFile(response, files, verdict.path)
    response.setHeader('cache-control', 'no-store')
    rpc(request, response)
  }
}

const createBounded = (listener: Handler): Server => {
  const server = createServer(
    {
      maxHeaderSize: HEADERS_BYTES_MAX,
      headersTimeout: HEADERS_MS_MAX,
      requestTimeout: REQUEST_MS_MAX,
      connectionsCheckingInterval: HEADERS_MS_MAX / 2,
    },
    listener,
  )
  server.maxHeadersCount = HEADERS_COUNT_MAX
  server.maxConnections = CONNECTIONS_MAX
  server.on('clientError', (_, socket) => void socket.destroy())
  return server
}

/** The system's error code; undefined: it listens. */
const listen = (server: Server, host: string, port: number): Promise<string | undefined> =>
  new Promise((resolve) => {
    const failed = (cause: NodeJS.ErrnoException): void => resolve(cause.code ?? cause.message)
    server.once('error', failed)
    server.listen({ host, port, ipv6Only: true }, () => {
      server.off('error', failed)
      resolve(undefined)
    })
  })

const close = (server: Server): Promise<void> =>
  new Promise((resolve) => {
    server.close(() => resolve())
    server.closeAllConnections()
  })

const isMissing = (code: string): boolean => code === 'EADDRNOTAVAIL' || code === 'EAFNOSUPPORT'

/** Both addresses on one port; a machine may lack one of them. */
const listenOnLoopback = async (listener: Handler, wanted: number): Promise<Result<Server[], string>> => {
  for (let attempt = 1; ; attempt++) {
    const [v4, v6] = [createBounded(listener), createBounded(listener)]
    const first = await listen(v4, '127.0.0.1', wanted)
    if (first !== undefined && !isMissing(first)) return err(first)
    const port = first === undefined ? (v4.address() as AddressInfo).port : wanted
    const second = await listen(v6, '::1', port)
    const listening = [...(first === undefined ? [v4] : []), ...(second === undefined ? [v6] : [])]
    if (listening.length > 0 && (second === undefined || isMissing(second))) return ok(listening)
    for (const server of listening) await close(server)
    if (wanted !== 0 || attempt === PORT_ATTEMPTS) return err(second ?? first ?? 'EADDRINUSE')
  }
}

const cannotListen = (port: number, code: string): LatticeError =>
  code === 'EADDRINUSE'
    ? latticeError('port-in-use', 'permanent', `port ${port} is in use: choose another one with --web PORT`)
    : latticeError('port-unusable', 'permanent', `cannot serve the web page on port ${port} (${code})`)

/** Kinds: `port-in-use`, `port-unusable`. */
export const serveWeb = async (options: WebOptions): Promise<Result<WebServer, LatticeError>> => {
  let port = options.port
  const servers = await listenOnLoopback(
    createListener(options, () => port),
    options.port,
  )
  if (!servers.ok) return err(cannotListen(options.port, servers.error))
  const { address, family, port: given } = servers.value[0]!.address() as AddressInfo
  port = given
  return ok({
    url: `http://${family === 'IPv6' ? `[${address}]` : address}:${port}/`,
    port,
    async [Symbol.asyncDispose]() {
      await Promise.all(servers.value.map(close))
    },
  })
}

/** What browsers, other pages and programs can do with the web server, through real sockets. */
import { once } from 'node:events'
import { chmod, mkdir, mkdtemp, readFile, rm, stat, symlink, writeFile } from 'node:fs/promises'
import { connect, createServer, type AddressInfo } from 'node:net'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { createClient, Code, ConnectError } from '@connectrpc/connect'
import { createConnectTransport } from '@connectrpc/connect-node'
import { afterEach, beforeEach, describe, expect, test } from 'vitest'
import { EventService } from '#proto/event_api'
import { NodeService } from '#proto/node_api'
import { ok } from '#kernel/core/result.ts'
import type { NodeApi } from '../rpc/port.ts'
import { readWebFiles, type WebFiles } from './files.ts'
import { serveWeb, type WebServer } from './server.ts'
import { loadToken, parseToken } from './token.ts'

let directory: string
let server: WebServer
let token: string
let calls: number
let watchers: Set<AbortSignal>
let gone: () => void

/** Only the calls the tests make. */
const api = {
  node: {
    async getStatus() {
      calls++
      return ok({ name: 'laptop', bytesSent: 2n ** 40n })
    },
  },
  events: {
    async *watch(_: unknown, signal: AbortSignal) {
      watchers.add(signal)
      yield ok({ sequence: 1n })
      yield ok({ sequence: 2n })
      await new Promise((resolve) => signal.addEventListener('abort', resolve, { once: true }))
      gone()
    },
  },
} as unknown as NodeApi
for (const service of ['folders', 'invites', 'peers', 'conflicts', 'history', 'stores', 'files'])
  Object.assign(api, { [service]: {} })

const filesIn = (name: string): WebFiles => {
  const files = readWebFiles(join(directory, name))
  if (!files.ok) throw new Error(files.error.message)
  return files.value
}

const serve = (port = 0) =>
  serveWeb({
    port,
    token,
    files: filesIn('web'),
    api,
    report: (cause) => expect(cause).toBe(undefined),
  })

beforeEach(async () => {
  directory = await mkdtemp(join(tmpdir(), 'lattice-web-'))
  await mkdir(join(directory, 'web', 'assets'), { recursive: true })
  await writeFile(join(directory, 'secret.txt'), 'a secret')
  await symlink(join(directory, 'secret.txt'), join(directory, 'web', 'linked.txt'))
  await writeFile(join(directory, 'web', 'index.html'), '<!doctype html><title>the page</title>')
  await writeFile(join(directory, 'web', 'icon.svg'), '<svg/>')
  await writeFile(join(directory, 'web', 'assets', 'index-4fK2x9aB.js'), 'void 0')
  await writeFile(join(directory, 'web', 'assets', 'index-4fK2x9aB.js.map'), '{}')
  calls = 0
  watchers = new Set()
  gone = () => undefined
  const loaded = loadToken(directory)
  token = loaded.ok ? loaded.value : ''
  const served = await serve()
  if (!served.ok) throw new Error(served.error.message)
  server = served.value
})
afterEach(async () => {
  await server[Symbol.asyncDispose]()
  await rm(directory, { recursive: true })
})

/** What a connection says until it ends; what was not asked to stay open is closed by us. */
const talk = async (text: string, host = '127.0.0.1'): Promise<string> => {
  const socket = connect(server.port, host)
  socket.on('error', () => undefined)
  let said = ''
  socket.setEncoding('latin1').on('data', (part: string) => (said += part))
  socket.write(text, 'latin1')
  await once(socket, 'close')
  return said
}
const host = () => `127.0.0.1:${server.port}`
const request = (line: string, ...headers: string[]): Promise<string> =>
  talk([`${line} HTTP/1.1`, ...headers, 'connection: close', '', ''].join('\r\n'))
const statusOf = (answer: string): number => Number(/^HTTP\/1\.1 (\d{3})/.exec(answer)?.[1])
const bodyOf = (answer: string): string => answer.slice(answer.indexOf('\r\n\r\n') + 4)
const headerOf = (answer: string, name: string): string | undefined =>
  new RegExp(`^${name}: (.*)\r$`, 'im').exec(answer)?.[1]

const CALL = 'POST /rpc/lattice.v1.NodeService/GetStatus'
const JSON_BODY = ['content-type: application/json', 'content-length: 2']
const call = (...headers: string[]): Promise<string> =>
  talk([`${CALL} HTTP/1.1`, ...headers, ...JSON_BODY, 'connection: close', '', '{}'].join('\r\n'))
const bearer = () => `authorization: Bearer ${token}`

describe('the token', () => {
  test('is 256 bits, made once, in a file of the user’s alone', async () => {
    expect(Buffer.from(token, 'base64url')).toHaveLength(32)
    await chmod(join(directory, 'web.token'), 0o644)
    expect(loadToken(directory)).toEqual(ok(token))
    expect((await stat(join(directory, 'web.token'))).mode & 0o777).toBe(0o600)
    expect((await readFile(join(directory, 'web.token'), 'utf8')).trim()).toBe(token)
  })

  test('a damaged one is told, and never replaced', async () => {
    await writeFile(join(directory, 'web.token'), 'short')
    const loaded = loadToken(directory)
    expect(!loaded.ok && loaded.error.kind).toBe('web-token-damaged')
    expect(parseToken(`${token}x`)).toBe(undefined)
  })

  test('lets calls in, by every name of the host', async () => {
    for (const name of [host(), `localhost:${server.port}`, `[::1]:${server.port}`]) {
      const answer = await call(`host: ${name}`, `origin: http://${name}`, bearer())
      expect(statusOf(answer)).toBe(200)
      expect(JSON.parse(bodyOf(answer))).toEqual({ name: 'laptop', bytesSent: `${2n ** 40n}` })
    }
    expect(calls).toBe(3)
  })

  test.each([
    ['none', () => []],
    ['an empty one', () => ['authorization: Bearer ']],
    ['another one', () => [`authorization: Bearer ${Buffer.alloc(32).toString('base64url')}`]],
    ['a beginning', () => [`authorization: Bearer ${token.slice(0, 42)}`]],
    ['one that goes on', () => [`authorization: Bearer ${token}A`]],
    ['another case', () => [`authorization: Bearer ${token.toLowerCase()}`]],
    ['another scheme', () => [`authorization: Basic ${token}`]],
    ['two headers', () => [bearer(), bearer()]],
    ['a cookie', () => [`cookie: token=${token}`]],
  ])('%s: no call', async (_, headers) => {
    const answer = await call(`host: ${host()}`, ...headers())
    expect(statusOf(answer)).toBe(401)
    expect(JSON.parse(bodyOf(answer))).toMatchObject({ code: 'unauthenticated' })
    expect(calls).toBe(0)
  })

  test('in the address is none', async () => {
    const line = `${CALL}?token=${token}&access_token=${token}`
    expect(statusOf(await request(line, `host: ${host()}`, 'content-length: 0'))).toBe(401)
  })
})

describe('other pages', () => {
  test.each([
    ['evil.example', (port: number) => `evil.example:${port}`],
    ['a name with ours in it', (port: number) => `localhost.evil.example:${port}`],
    ['no port', () => 'localhost'],
    ['another port', (port: number) => `localhost:${port + 1}`],
    ['another address of this machine', (port: number) => `127.0.0.2:${port}`],
    ['two names', (port: number) => `localhost:${port}\r\nhost: evil.example:${port}`],
  ])('with the host %s get neither files nor calls', async (_, name) => {
    const given = `host: ${name(server.port)}`
    expect([400, 421]).toContain(statusOf(await request('GET /', given)))
    expect([400, 421]).toContain(statusOf(await call(given, bearer())))
    expect(calls).toBe(0)
  })

  test('nothing is served without a host', async () => {
    expect(statusOf(await request('GET /'))).toBe(400)
    expect(statusOf(await talk('GET / HTTP/1.0\r\n\r\n'))).toBe(421)
  })

  test.each(['http://evil.example', 'null', 'https://localhost', 'http://localhost', ''])(
    'of the origin %j get nothing, even with the token',
    async (origin) => {
      expect(statusOf(await call(`host: ${host()}`, `origin: ${origin}`, bearer()))).toBe(403)
      expect(statusOf(await request('GET /', `host: ${host()}`, `origin: ${origin}`))).toBe(403)
      expect(calls).toBe(0)
    },
  )

  test('get no leave to ask: no preflight, no CORS header', async () => {
    const answers = [
      await request('OPTIONS /rpc/lattice.v1.NodeService/GetStatus', `host: ${host()}`, 'origin: http://evil.example'),
      await request('OPTIONS /', `host: ${host()}`, 'access-control-request-method: POST'),
      await request('GET /', `host: ${host()}`),
      await call(`host: ${host()}`, bearer()),
    ]
    expect(answers.map(statusOf)).toEqual([403, 405, 200, 200])
    for (const answer of answers) expect(answer).not.toMatch(/access-control|set-cookie/i)
  })
})

describe('files', () => {
  test('the page is never kept, what is named by its content for ever', async () => {
    for (const path of ['/', '/index.html', '/?x=1']) {
      const page = await request(`GET ${path}`, `host: ${host()}`)
      expect([statusOf(page), headerOf(page, 'cache-control')]).toEqual([200, 'no-store'])
      expect(bodyOf(page)).toContain('the page')
    }
    const script = await request('GET /assets/index-4fK2x9aB.js', `host: ${host()}`)
    expect(headerOf(script, 'cache-control')).toBe('public, max-age=31536000, immutable')
    expect(headerOf(script, 'content-type')).toBe('text/javascript; charset=utf-8')
    expect(headerOf(await request('GET /icon.svg', `host: ${host()}`), 'cache-control')).toBe('no-store')
  })

  test('every answer, good or bad, tells the browser what it may not do', async () => {
    const answers = [
      await request('GET /', `host: ${host()}`),
      await request('GET /none', `host: ${host()}`),
      await request('GET /', 'host: evil.example'),
      await request('PUT /', `host: ${host()}`),
      await call(`host: ${host()}`),
      await call(`host: ${host()}`, bearer()),
    ]
    expect(answers.map(statusOf)).toEqual([200, 404, 421, 405, 401, 200])
    for (const answer of answers) {
      expect(headerOf(answer, 'content-security-policy')).toBe(
        "default-src 'none'; script-src 'self'; style-src 'self'; img-src 'self' data: blob:; font-src 'self'; " +
          "connect-src 'self'; base-uri 'none'; form-action 'none'; frame-ancestors 'none'",
      )
      expect(headerOf(answer, 'x-content-type-options')).toBe('nosniff')
      expect(headerOf(answer, 'referrer-policy')).toBe('no-referrer')
      expect(headerOf(answer, 'cross-origin-opener-policy')).toBe('same-origin')
      expect(headerOf(answer, 'cross-origin-resource-policy')).toBe('same-origin')
      expect(headerOf(answer, 'permissions-policy')).toContain('camera=(), ')
    }
  })

  test.each([
    '/../secret.txt',
    '/assets/../../secret.txt',
    '/..%2fsecret.txt',
    '/%2e%2e/secret.txt',
    '/..\\secret.txt',
    '//secret.txt',
    '/assets',
    '/assets/',
    '/linked.txt',
    '/assets/index-4fK2x9aB.js.map',
    '/index.html%00.js',
    '/__proto__',
    '/etc/passwd',
  ])('%s is no page', async (path) => {
    const answer = await request(`GET ${path}`, `host: ${host()}`)
    expect(statusOf(answer)).toBe(404)
    expect(answer).not.toContain('secret')
  })

  test.each(['http://127.0.0.1/', '*', 'secret.txt'])('a target such as %s is refused', async (target) => {
    expect(statusOf(await request(`GET ${target}`, `host: ${host()}`))).not.toBe(200)
  })

  test('where the UI is not built, a page says so', () => {
    expect(`${filesIn('none').get('/')?.body}`).toContain('not built')
  })
})

describe('bounds', () => {
  test.each(['HEAD', 'POST', 'PUT', 'DELETE', 'PATCH', 'TRACE'])('files are not for %s', async (method) => {
    const answer = await request(`${method} /`, `host: ${host()}`, 'content-length: 0')
    expect([statusOf(answer), headerOf(answer, 'allow')]).toEqual([405, 'GET'])
  })

  test.each(['GET', 'PUT', 'HEAD'])('calls are not for %s', async (method) => {
    const path = '/rpc/lattice.v1.NodeService/GetStatus?connect=v1&encoding=json&message=%7B%7D'
    const answer = await request(`${method} ${path}`, `host: ${host()}`, bearer())
    expect([statusOf(answer), headerOf(answer, 'allow')]).toEqual([405, 'POST'])
    expect(calls).toBe(0)
  })

  test('headers over 16 KiB are refused', async () => {
    expect(statusOf(await request('GET /', `host: ${host()}`, `x: ${'y'.repeat(20_000)}`))).not.toBe(200)
  })

  test('a body over 1 MiB is refused, said to be so or not', async () => {
    const head = [`${CALL} HTTP/1.1`, `host: ${host()}`, bearer(), 'content-type: application/json']
    const large = `{"x":"${'y'.repeat(1_100_000)}"}`
    expect(statusOf(await talk([...head, `content-length: ${large.length}`, '', ''].join('\r\n')))).toBe(413)
    const chunked = [
      'transfer-encoding: chunked',
      'connection: close',
      '',
      large.length.toString(16),
      large,
      '0',
      '',
      '',
    ]
    expect([0, 200]).not.toContain(statusOf(await talk([...head, ...chunked].join('\r\n'))))
    expect(calls).toBe(0)
  })

  test('of 80 connections at once 16 are closed and 64 are served, and then there is room again', async () => {
    const sockets = Array.from({ length: 80 }, () => connect(server.port, '127.0.0.1').on('error', () => undefined))
    await new Promise<void>((resolve) => {
      let count = 0
      for (const socket of sockets) socket.once('close', () => ++count === 16 && resolve())
    })
    const left = sockets.filter(({ destroyed }) => !destroyed)
    const answers = await Promise.all(
      left.map(async (socket) => {
        let said = ''
        socket.setEncoding('latin1').on('data', (part: string) => (said += part))
        socket.write(`GET / HTTP/1.1\r\nhost: ${host()}\r\nconnection: close\r\n\r\n`)
        await once(socket, 'close')
        return statusOf(said)
      }),
    )
    expect(answers).toEqual(Array(64).fill(200))
    expect(statusOf(await request('GET /', `host: ${host()}`))).toBe(200)
  })

  test('garbage does no harm', async () => {
    for (const bytes of [
      '\0\0\0\r\n\r\n',
      'PRI * HTTP/2.0\r\n\r\nSM\r\n\r\n',
      'GET / HTTP/9\r\n\r\n',
      'CONNECT x:1 HTTP/1.1\r\nhost: x\r\n\r\n',
    ])
      expect(statusOf(await talk(bytes))).not.toBe(200)
    expect(statusOf(await request('GET /', `host: ${host()}`))).toBe(200)
  })

  test('an upgrade is not made', async () => {
    const answer = await request('GET /', `host: ${host()}`, 'upgrade: websocket', 'sec-websocket-key: x')
    expect(statusOf(answer)).not.toBe(101)
  })
})

describe('the client of a page', () => {
  const transport = (name: string) =>
    createConnectTransport({
      baseUrl: `http://${name}/rpc`,
      httpVersion: '1.1',
      interceptors: [
        (next) => (each) => {
          each.header.set('authorization', `Bearer ${token}`)
          return next(each)
        },
      ],
    })

  test('calls, on both addresses where the machine has them', async () => {
    const names = [host()]
    const socket = connect(server.port, '::1').on('error', () => undefined)
    const isThere = await Promise.race([
      once(socket, 'connect').then(() => true),
      once(socket, 'close').then(() => false),
    ])
    socket.destroy()
    if (isThere) names.push(`[::1]:${server.port}`)
    for (const name of names)
      expect((await createClient(NodeService, transport(name)).getStatus({})).bytesSent).toBe(2n ** 40n)
  })

  test('follows a stream, and the node notices when it leaves', async () => {
    const left = new Promise<void>((resolve) => (gone = resolve))
    const seen: bigint[] = []
    const leave = new AbortController()
    const follow = async (): Promise<void> => {
      const stream = createClient(EventService, transport(host())).watch({}, { signal: leave.signal })
      for await (const { sequence } of stream) if (seen.push(sequence) === 2) leave.abort()
    }
    await expect(follow()).rejects.toMatchObject({ code: Code.Canceled })
    expect(seen).toEqual([1n, 2n])
    await left
    expect([...watchers].map(({ aborted }) => aborted)).toEqual([true])
  })

  test('learns that its token is wrong', async () => {
    token = 'x'
    const failure = await createClient(NodeService, transport(host())).getStatus({}).catch(ConnectError.from)
    expect(failure).toMatchObject({ code: Code.Unauthenticated })
  })
})

test('a port in use is one clear error', async () => {
  const other = createServer().listen(0, '127.0.0.1')
  await once(other, 'listening')
  const { port } = other.address() as AddressInfo
  const served = await serve(port)
  expect(!served.ok && served.error).toMatchObject({
    kind: 'port-in-use',
    message: `port ${port} is in use: choose another one with --web PORT`,
  })
  other.close()
})

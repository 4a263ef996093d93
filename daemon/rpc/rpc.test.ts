import { connect, createServer } from 'node:net'
import { mkdtemp, rm, stat } from 'node:fs/promises'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { createClient, ConnectError } from '@connectrpc/connect'
import { createConnectTransport, createGrpcTransport, createGrpcWebTransport } from '@connectrpc/connect-node'
import { afterEach, beforeEach, describe, expect, test } from 'vitest'
import { ErrorDetailSchema } from '#proto/error_api'
import { FolderService } from '#proto/folder_api'
import { NodeService } from '#proto/node_api'
import { err, latticeError, ok } from '#kernel/core/result.ts'
import { createRpcClient } from './client.ts'
import type { NodeApi } from './port.ts'
import { clientHolds, serverHolds } from './rpc.property.ts'
import { serveRpc, sniffProtocol, type RpcServer } from './server.ts'

const notFound = latticeError('folder-not-found', 'permanent', 'there is no folder “x”')

/** Only the calls the tests make; every other one is answered as a bug would be. */
const api = {
  node: { getStatus: async () => ok({ name: 'laptop', bytesSent: 2n ** 40n }) },
  folders: {
    pauseFolder: async () => err(notFound),
    async resumeFolder() {
      throw new Error('a bug')
    },
    async *waitFolder() {
      yield ok({ pendingIn: 3 })
      yield ok({ level: true })
    },
    addFolder: async ({ path }: { path: string }) => ok({ folder: { path } }),
  },
  invites: {},
  peers: {},
  conflicts: {},
  history: {},
  stores: {},
  files: {},
  events: {},
} as unknown as NodeApi

let directory: string
let server: RpcServer
let reported: unknown[]

beforeEach(async () => {
  directory = await mkdtemp(join(tmpdir(), 'lattice-rpc-'))
  reported = []
  server = await serveRpc(api, join(directory, 's'), (cause) => reported.push(cause))
})
afterEach(async () => {
  await server[Symbol.asyncDispose]()
  await rm(directory, { recursive: true })
})

const first = async <T>(items: AsyncIterable<T>): Promise<T[]> => {
  const all: T[] = []
  for await (const item of items) all.push(item)
  return all
}

describe('the small client', () => {
  test('gets a reply, 64-bit numbers whole', async () => {
    const reply = await createRpcClient(server.socketPath).unary(NodeService.method.getStatus, {})
    expect(reply.ok && reply.value.name).toBe('laptop')
    expect(reply.ok && reply.value.bytesSent).toBe(2n ** 40n)
  })

  test('gets our errors with their kind and sentence', async () => {
    const reply = await createRpcClient(server.socketPath).unary(FolderService.method.pauseFolder, { folder: 'x' })
    expect(reply).toEqual(err(notFound))
  })

  test('learns that a bug happened, the node lives on and its log has the cause', async () => {
    const client = createRpcClient(server.socketPath)
    const reply = await client.unary(FolderService.method.resumeFolder, { folder: 'x' })
    expect(!reply.ok && reply.error.kind).toBe('internal')
    expect(reported).toHaveLength(1)
    expect((await client.unary(NodeService.method.getStatus, {})).ok).toBe(true)
  })

  test('follows a stream to its end', async () => {
    const replies = await first(
      createRpcClient(server.socketPath).stream(FolderService.method.waitFolder, { folder: 'x' }),
    )
    expect(replies.map((r) => r.ok && [r.value.pendingIn, r.value.level])).toEqual([
      [3, false],
      [0, true],
    ])
  })

  test('says that no node runs', async () => {
    const reply = await createRpcClient(join(directory, 'none')).unary(NodeService.method.getStatus, {})
    expect(!reply.ok && reply.error.kind).toBe('node-not-running')
  })

  test.each([
    ['too long', 'x'.repeat(20_000)],
    ['a NUL', 'a\0b'],
  ])('a text that is %s is refused', async (_, path) => {
    const reply = await createRpcClient(server.socketPath).unary(FolderService.method.addFolder, { path })
    expect(!reply.ok && reply.error.kind).toBe('bad-request')
  })

  test('a message over the limit is refused', async () => {
    const reply = await createRpcClient(server.socketPath).unary(FolderService.method.addFolder, {
      path: 'x'.repeat(2_000_000),
    })
    expect(reply.ok).toBe(false)
  })
})

describe('the protocols of one socket', () => {
  const nodeOptions = () => ({ socketPath: server.socketPath })
  test.each([
    [
      'Connect',
      () => createConnectTransport({ baseUrl: 'http://lattice', httpVersion: '1.1', nodeOptions: nodeOptions() }),
    ],
    [
      'gRPC-Web',
      () => createGrpcWebTransport({ baseUrl: 'http://lattice', httpVersion: '1.1', nodeOptions: nodeOptions() }),
    ],
    [
      'gRPC',
      () => createGrpcTransport({ baseUrl: 'http://lattice', nodeOptions: { path: server.socketPath } as never }),
    ],
  ])('%s: a reply, a stream and an error with its detail', async (_, transport) => {
    const t = transport()
    expect((await createClient(NodeService, t).getStatus({})).name).toBe('laptop')
    const folders = createClient(FolderService, t)
    expect(await first(folders.waitFolder({}))).toHaveLength(2)
    const failure = await folders.pauseFolder({}).catch((cause: unknown) => ConnectError.from(cause))
    expect(failure).toBeInstanceOf(ConnectError)
    expect((failure as ConnectError).findDetails(ErrorDetailSchema)[0]?.kind).toBe('folder-not-found')
  })

  test.each([
    ['', 'undecided'],
    ['PRI * HT', 'undecided'],
    ['PRI * HTTP/2.0\r\n\r\nSM\r\n\r\n', 'http2'],
    ['PRI * HTTP/2.0\r\n\r\nSM\r\n\r\nmore', 'http2'],
    ['POST /', 'http1'],
    ['PRIVATE', 'http1'],
  ])('%j is %s', (bytes, protocol) => {
    expect(sniffProtocol(Buffer.from(bytes, 'latin1'))).toBe(protocol)
  })
})

test('the socket is the user’s alone, and replaces one left over by a killed node', async () => {
  expect((await stat(server.socketPath)).mode & 0o777).toBe(0o600)
  const path = join(directory, 'left-over')
  const dead = createServer().listen(path)
  await new Promise((resolve) => dead.once('listening', resolve))
  const again = await serveRpc(api, path, () => {})
  expect((await createRpcClient(path).unary(NodeService.method.getStatus, {})).ok).toBe(true)
  await again[Symbol.asyncDispose]()
  dead.close()
})

test('garbage on the socket does no harm', async () => {
  for (const bytes of [
    '\0\0\0',
    'GET / HTTP/9\r\n\r\n',
    'PRI * HTTP/2.0\r\n\r\nSM\r\n\r\n\xff\xff\xff\xff',
    'POST /x HTTP/1.1\r\nhost: x\r\ncontent-length: 5\r\n\r\nab',
    'POST /lattice.v1.NodeService/GetStatus HTTP/1.1\r\nhost: l]ttice\r\nconnection: close\r\n\r\n',
    'POST /lattice.v1.NodeService/GetStatus HTTP/1.0\r\n\r\n',
  ]) {
    const socket = connect(server.socketPath)
    socket.on('error', () => {})
    socket.end(Buffer.from(bytes, 'latin1'))
    await new Promise((resolve) => socket.once('close', resolve).resume())
  }
  expect((await createRpcClient(server.socketPath).unary(NodeService.method.getStatus, {})).ok).toBe(true)
})

describe('whatever the other end says', () => {
  test('the server holds', () => serverHolds(directory, 200))
  test('the client holds, and ends a stream with the first failure', () => clientHolds(directory, 200))
})

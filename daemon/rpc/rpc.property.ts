/** Both ends of the socket against whatever the other end says; shared by the test and the fuzz campaign. */
import { once } from 'node:events'
import { connect, createServer, type Socket } from 'node:net'
import { join } from 'node:path'
import { create, toBinary } from '@bufbuild/protobuf'
import fc from 'fast-check'
import { expect } from 'vitest'
import { FolderService } from '#proto/folder_api'
import { NodeService } from '#proto/node_api'
import { ok } from '#kernel/core/result.ts'
import { createRpcClient } from './client.ts'
import type { NodeApi } from './port.ts'
import { serveRpc } from './server.ts'

/** Answers every call: what is tested is what comes before a call. */
const answers: unknown = new Proxy(
  {},
  {
    get: (_, name) =>
      name === 'waitFolder' || name === 'watch'
        ? async function* () {
            yield ok({})
          }
        : async () => ok({}),
  },
)
const api = new Proxy({}, { get: () => answers }) as NodeApi

const noise = fc.uint8Array({ maxLength: 200 })
const spoilt = (valid: fc.Arbitrary<Uint8Array>): fc.Arbitrary<Uint8Array> =>
  fc.oneof(
    valid,
    noise,
    fc.tuple(valid, fc.nat(), fc.nat(255), fc.nat(300)).map(([bytes, at, to, end]) => {
      const changed = bytes.slice(0, end)
      if (changed.length > 0) changed[at % changed.length] = to
      return changed
    }),
  )
const concat = (...parts: readonly (string | Uint8Array)[]): Buffer =>
  Buffer.concat(parts.map((part) => (typeof part === 'string' ? Buffer.from(part, 'latin1') : part)))
const envelope = (flags: number, message: Uint8Array): Buffer => {
  const header = Buffer.alloc(5)
  header[0] = flags
  header.writeUInt32BE(message.length, 1)
  return concat(header, message)
}

const add = FolderService.method.addFolder
const message = fc
  .record({ path: fc.oneof(fc.string({ unit: 'binary' }), fc.constant('\0')), name: fc.string() })
  .map((fields) => toBinary(add.input, create(add.input, fields)))
const body = fc.oneof(
  spoilt(message),
  spoilt(message.map((bytes) => envelope(0, bytes))),
  fc.json().map((text) => Buffer.from(text)),
)
const methods = [
  'FolderService/AddFolder',
  'FolderService/WaitFolder',
  'NodeService/GetStatus',
  'NodeService/None',
  '..',
]
const request = fc
  .record({
    method: fc.constantFrom(...methods),
    type: fc.constantFrom('proto', 'json', 'connect+proto', 'connect+json', 'grpc-web+proto', 'grpc', '\xff'),
    encoding: fc.constantFrom('', 'gzip', 'br', 'x'),
    body,
    /** How much more or less is announced than sent. */
    off: fc.constantFrom(0, 0, 0, 1, -1),
  })
  .map(({ method, type, encoding, body, off }) => {
    const head = [
      `POST /lattice.v1.${method} HTTP/1.1`,
      'host: lattice',
      'connection: close',
      `content-type: application/${type}`,
      `content-length: ${Math.max(0, body.length + off)}`,
      'connect-protocol-version: 1',
      ...(encoding === '' ? [] : [`content-encoding: ${encoding}`, `connect-content-encoding: ${encoding}`]),
    ]
    return concat(`${head.join('\r\n')}\r\n\r\n`, body)
  })
const frame = fc
  .record({ type: fc.nat(11), flags: fc.nat(255), stream: fc.nat(5), payload: fc.uint8Array({ maxLength: 60 }) })
  .map(({ type, flags, stream, payload }) =>
    concat(Uint8Array.of(0, 0, payload.length, type, flags, 0, 0, 0, stream), payload),
  )
const http2 = fc
  .array(frame, { maxLength: 4 })
  .map((frames) => concat('PRI * HTTP/2.0\r\n\r\nSM\r\n\r\n', Uint8Array.of(0, 0, 0, 4, 0, 0, 0, 0, 0), ...frames))

/** Says all of it, then that nothing more comes; resolves when the other end is done. */
const say = async (path: string, bytes: Uint8Array): Promise<void> => {
  const socket = connect(path)
  socket.on('error', () => undefined) // a reset is an answer, too
  const closed = once(socket, 'close')
  socket.resume().end(bytes)
  await closed
}

/** Whatever is said, the server answers or closes, meets no exception of its own, and serves the next one. */
export const serverHolds = async (directory: string, numRuns: number): Promise<void> => {
  const reported: unknown[] = []
  await using server = await serveRpc(api, join(directory, 'any'), (cause) => reported.push(cause))
  const client = createRpcClient(server.socketPath)
  await fc.assert(
    fc.asyncProperty(fc.oneof(spoilt(request), http2, noise), async (bytes) => {
      await say(server.socketPath, bytes)
      expect(reported).toEqual([])
    }),
    { numRuns },
  )
  expect((await client.unary(NodeService.method.getStatus, {})).ok).toBe(true)
}

const reply = fc.oneof(
  spoilt(message),
  fc.array(fc.tuple(fc.constantFrom(0, 0, 2, 3, 255), body), { maxLength: 3 }).map((messages) => {
    const envelopes = messages.map(([flags, bytes]) => envelope(flags, bytes))
    return concat(...envelopes)
  }),
  fc
    .record({ code: fc.string(), message: fc.jsonValue(), details: fc.jsonValue() }, { requiredKeys: [] })
    .chain((error) => fc.constantFrom(error, { error }))
    .map((error) => Buffer.from(JSON.stringify(error))),
  fc.jsonValue().map((value) => envelope(2, Buffer.from(JSON.stringify({ error: { details: [value] } })))),
)
const answer = fc
  .record({
    status: fc.constantFrom('200 OK', '200', '404 Not Found', '999', 'x'),
    length: fc.constantFrom(undefined, 0, 1, -1),
    reply,
  })
  .map(({ status, length, reply }) =>
    concat(
      `HTTP/1.1 ${status}\r\n`,
      length === undefined ? '' : `content-length: ${reply.length + length}\r\n`,
      '\r\n',
      reply,
    ),
  )

/** Whatever a server answers, the client ends with replies and at most one failure, after which nothing comes. */
export const clientHolds = async (directory: string, numRuns: number): Promise<void> => {
  let next: Uint8Array = new Uint8Array()
  const server = createServer((socket: Socket) =>
    socket
      .on('error', () => undefined)
      .resume()
      .end(next),
  )
  const path = join(directory, 'c')
  server.listen(path)
  await once(server, 'listening')
  const client = createRpcClient(path)
  try {
    await fc.assert(
      fc.asyncProperty(fc.oneof(answer, spoilt(answer)), async (bytes) => {
        next = bytes
        const unary = await client.unary(add, {})
        if (!unary.ok) expect(unary.error).toMatchObject({ kind: expect.any(String), message: expect.any(String) })
        let failed = false
        for await (const each of client.stream(FolderService.method.waitFolder, {})) {
          expect(failed).toBe(false)
          failed = !each.ok
        }
      }),
      { numRuns },
    )
  } finally {
    server.close()
  }
}

/** Both ends of the desktop shell's port over a real `MessageChannel`, in front of services that answer for real. */
import { MessageChannel, type MessagePort as NodePort } from 'node:worker_threads'
import { create, toBinary } from '@bufbuild/protobuf'
import { Code, ConnectError, createClient } from '@connectrpc/connect'
import { afterEach, expect, test } from 'vitest'
import { ErrorDetailSchema } from '#proto/error_api'
import { EventService } from '#proto/event_api'
import { FileService } from '#proto/file_api'
import { NodeService } from '#proto/node_api'
import { PortFrameSchema } from '#proto/port'
import { err, latticeError, ok } from '#kernel/core/result.ts'
import { serve, type Router } from '#daemon/rpc/routes.ts'
import { bridgeServices, CALLS_MAX, serveBridge, type BridgePort } from '#electron/bridge.ts'
import { createPortTransport } from '#renderer/connection/port-transport.ts'

const fromNode = (port: NodePort): BridgePort => ({
  postMessage: (bytes) => port.postMessage(bytes),
  onMessage: (listener) => void port.on('message', listener),
  onClose: (listener) => void port.on('close', listener),
  start: () => port.start(),
  close: () => port.close(),
})

const bug = (cause: unknown): never => {
  throw new Error('a bug was reported', { cause })
}

/** What the services saw. */
class Seen {
  made = 0
  readonly aborted = Promise.withResolvers<void>()
  readonly started = Promise.withResolvers<void>()
  readonly ended = Promise.withResolvers<void>()
}

const never = (): never => bug('not called here')

/** Answers that show what came through: an echo, a failure of ours, a stream without end, a call that waits. */
const testRoutes =
  (seen: Seen) =>
  (router: Router): void => {
    serve(
      router,
      NodeService,
      {
        getStatus: async () => ok({ name: 'here', peersConnected: 3 }),
        diagnose: (_, signal) =>
          new Promise((resolve) => {
            seen.started.resolve()
            signal.addEventListener('abort', () => {
              seen.aborted.resolve()
              resolve(ok({}))
            })
          }),
        shutdown: async () => err(latticeError('disk-full', 'retryable', 'the disk is full')),
        getSettings: never,
        changeSettings: async ({ deviceName }) => ok({ settings: { deviceName: deviceName ?? '' } }),
        getStorageUse: never,
        async *readLogs() {
          yield ok({ lines: [{ text: 'one' }] })
          yield err(latticeError('log-not-found', 'permanent', 'there is no log'))
        },
        exportDiagnostics: never,
      },
      bug,
    )
    serve(
      router,
      EventService,
      {
        async *watch(_, signal) {
          try {
            while (!signal.aborted) {
              seen.made++
              yield ok({ sequence: BigInt(seen.made) })
            }
          } finally {
            seen.ended.resolve()
          }
        },
      },
      bug,
    )
  }

const closing: (() => void)[] = []
afterEach(() => {
  for (const close of closing.splice(0)) close()
})

const connect = () => {
  const seen = new Seen()
  const { port1, port2 } = new MessageChannel()
  const services = bridgeServices(testRoutes(seen))
  const close = serveBridge(fromNode(port1), services)
  closing.push(close, () => port2.close())
  return { seen, port: port2, close }
}

const connectClient = () => {
  const ends = connect()
  // Node's ports are those of the browser, with more methods; the type of the browser is what the page has.
  const transport = createPortTransport(ends.port as unknown as Parameters<typeof createPortTransport>[0])
  return {
    ...ends,
    node: createClient(NodeService, transport),
    events: createClient(EventService, transport),
    transport,
  }
}

const failureOf = async (call: Promise<unknown>): Promise<ConnectError> =>
  await call.then(
    () => Promise.reject(new Error('the call did not fail')),
    (cause: unknown) => ConnectError.from(cause),
  )

test('a call is answered, and its request arrives whole', async () => {
  const { node } = connectClient()
  expect((await node.getStatus({})).name).toBe('here')
  expect((await node.changeSettings({ deviceName: 'ä'.repeat(1000) })).settings?.deviceName).toBe('ä'.repeat(1000))
})

test('calls at the same time get their own answers', async () => {
  const { node } = connectClient()
  const names = Array.from({ length: 50 }, (_, at) => `name ${at}`)
  const replies = await Promise.all(names.map((deviceName) => node.changeSettings({ deviceName })))
  expect(replies.map(({ settings }) => settings?.deviceName)).toEqual(names)
})

test('a failure keeps its code, its kind and its sentence', async () => {
  const { node } = connectClient()
  const failure = await failureOf(node.shutdown({}))
  expect([failure.code, failure.rawMessage]).toEqual([Code.Unavailable, 'the disk is full'])
  expect(failure.findDetails(ErrorDetailSchema)).toMatchObject([{ kind: 'disk-full', severity: 'retryable' }])
})

test('a stream gives what came before its failure, then the failure', async () => {
  const { node } = connectClient()
  const texts: string[] = []
  const failure = await failureOf(
    (async () => {
      for await (const { lines } of node.readLogs({})) texts.push(...lines.map(({ text }) => text))
    })(),
  )
  expect(texts).toEqual(['one'])
  expect([failure.code, failure.rawMessage]).toEqual([Code.NotFound, 'there is no log'])
})

test('a stream makes no more than its reader has room for, in order, and ends when it is aborted', async () => {
  const { events, node, seen } = connectClient()
  const taken: bigint[] = []
  const stop = new AbortController()
  for await (const { sequence } of events.watch({}, { signal: stop.signal })) {
    taken.push(sequence)
    await node.getStatus({}) // one round trip: what may come has come
    expect(seen.made).toBeLessThanOrEqual(taken.length + 20)
    if (taken.length === 200) break
  }
  expect(taken).toEqual(Array.from({ length: 200 }, (_, at) => BigInt(at + 1)))
  stop.abort()
  await seen.ended.promise
})

test('an aborted call is aborted in the node too', async () => {
  const { node, seen } = connectClient()
  const stop = new AbortController()
  const failure = failureOf(node.diagnose({}, { signal: stop.signal }))
  await seen.started.promise
  stop.abort()
  await seen.aborted.promise
  expect((await failure).code).toBe(Code.Canceled)
})

test('when the page goes away its calls are aborted', async () => {
  const { node, seen, port } = connectClient()
  const failure = failureOf(node.diagnose({}))
  await seen.started.promise
  port.close()
  await seen.aborted.promise
  expect((await failure).code).toBe(Code.Unavailable)
})

test('when the shell closes the port, calls fail as unavailable, and so do new ones', async () => {
  const { node, seen, close } = connectClient()
  const failure = failureOf(node.diagnose({}))
  await seen.started.promise
  close()
  expect((await failure).code).toBe(Code.Unavailable)
  expect((await failureOf(node.getStatus({}))).code).toBe(Code.Unavailable)
})

test('what is outside of the contract is refused', async () => {
  const { transport } = connectClient()
  const failure = await failureOf(createClient(FileService, transport).browse({}))
  expect(failure.code).toBe(Code.Unimplemented)
})

test('a request that is too long is refused, and the port goes on', async () => {
  const { node } = connectClient()
  const failure = await failureOf(node.changeSettings({ deviceName: 'a'.repeat(20_000) }))
  expect(failure.findDetails(ErrorDetailSchema)).toMatchObject([{ kind: 'bad-request' }])
  expect((await node.getStatus({})).name).toBe('here')
})

test('there is a limit of calls at once', async () => {
  const { node, seen } = connectClient()
  const stop = new AbortController()
  const calls = Array.from({ length: CALLS_MAX }, () => failureOf(node.diagnose({}, { signal: stop.signal })))
  await seen.started.promise
  const failure = await failureOf(node.getStatus({}))
  expect(failure.findDetails(ErrorDetailSchema)).toMatchObject([{ kind: 'too-many-calls' }])
  stop.abort()
  await Promise.all(calls)
  expect((await node.getStatus({})).name).toBe('here')
})

const start = { service: 'lattice.v1.NodeService', method: 'Diagnose', request: new Uint8Array(), credit: 0 }
const frame = (init: Parameters<typeof create<typeof PortFrameSchema>>[1]) =>
  toBinary(PortFrameSchema, create(PortFrameSchema, init))

test.each<[string, unknown]>([
  ['a text', 'hello'],
  ['an object', { call: 1 }],
  ['nothing', undefined],
  ['bytes that are no frame', new Uint8Array([255, 255, 255])],
  ['a frame without a call', frame({ call: 0, frame: { case: 'start', value: start } })],
  ['a frame without content', frame({ call: 2 })],
  ['an answer', frame({ call: 2, frame: { case: 'end', value: {} } })],
  ['a number that is in use', frame({ call: 1, frame: { case: 'start', value: start } })],
  ['too many bytes', new Uint8Array(3 << 20)],
])('garbage closes the port and aborts its calls: %s', async (_, garbage) => {
  const { port, seen } = connect()
  const closed = new Promise((resolve) => port.once('close', resolve))
  port.postMessage(frame({ call: 1, frame: { case: 'start', value: start } }))
  await seen.started.promise
  port.postMessage(garbage)
  await Promise.all([closed, seen.aborted.promise])
})

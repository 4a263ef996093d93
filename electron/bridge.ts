/**
 * The shell's end of the port that a page of ours talks through: the services of the contract, and nothing else.
 *
 * A frame is a `PortFrame` (port.proto) as bytes. What the page sends is hostile until parsed: a frame that is none
 * closes the port, and with it every call. Limits: 256 calls at once, a request 1 MiB, a reply 4 MiB. A stream sends as
 * many messages as the page gave credit for, then waits: what is not read here is not made there.
 */
import {
  create,
  fromBinary,
  toBinary,
  type DescMessage,
  type DescMethod,
  type Message,
  type MessageInitShape,
} from '@bufbuild/protobuf'
import { Code, ConnectError, createHandlerContext, type HandlerContext } from '@connectrpc/connect'
import { ErrorDetailSchema } from '#proto/error_api'
import { PortFrameSchema, type PortFrame, type PortStart } from '#proto/port'
import { latticeError } from '#kernel/core/result.ts'
import { toConnectError } from '#daemon/rpc/errors.ts'
import type { Router } from '#daemon/rpc/routes.ts'
import { MESSAGE_MAX } from '#daemon/rpc/server.ts'

export const CALLS_MAX = 256
/** A request and the names around it. */
const FRAME_MAX = MESSAGE_MAX + 1024
const REPLY_MAX = 4 * MESSAGE_MAX
/** More credit than any stream can use; what goes beyond it is cut. */
const CREDIT_MAX = 65_536

/** What the two kinds of message ports (Electron's and Node's) have in common. */
export interface BridgePort {
  postMessage(bytes: Uint8Array): void
  onMessage(listener: (data: unknown) => void): void
  /** The other end is gone. */
  onClose(listener: () => void): void
  start(): void
  close(): void
}

/** What the routes make of a method; a stream gives an iterable, the others a promise. */
type Implementation = (request: Message, context: HandlerContext) => Promise<Reply> | AsyncIterable<Reply>
type Reply = MessageInitShape<DescMessage>

interface Served {
  readonly method: DescMethod
  readonly call: Implementation
}

/** The methods that may be called, by "service/method"; for any number of ports. */
export type BridgeServices = ReadonlyMap<string, Served>

/** What `routes` serves. */
export const bridgeServices = (routes: (router: Router) => void): BridgeServices => {
  const served = new Map<string, Served>()
  routes({
    service(service, implementation) {
      for (const [name, method] of Object.entries<DescMethod>(service.method)) {
        if (method.methodKind !== 'unary' && method.methodKind !== 'server_streaming') continue
        // The types of `ServiceImpl` pair every method with its kind; the loop over them cannot express it.
        const call = implementation[name as keyof typeof implementation] as unknown as Implementation
        served.set(`${service.typeName}/${method.name}`, { method, call })
      }
    },
  })
  return served
}

const parseFrame = (data: unknown): PortFrame | undefined => {
  if (!(data instanceof Uint8Array) || data.length > FRAME_MAX) return undefined
  try {
    const frame = fromBinary(PortFrameSchema, data)
    return frame.call === 0 ? undefined : frame
  } catch {
    return undefined
  }
}

/** How many more messages a stream may send. */
class Credit {
  #left: number
  #wake: (() => void) | undefined

  constructor(first: number) {
    this.#left = Math.min(first, CREDIT_MAX)
  }

  add(more: number): void {
    this.#left = Math.min(this.#left + more, CREDIT_MAX)
    this.#wake?.()
  }

  /** Resolves once one message may be sent, or the call is over. */
  async take(signal: AbortSignal): Promise<void> {
    while (this.#left === 0 && !signal.aborted)
      await new Promise<void>((resolve) => {
        this.#wake = resolve
        signal.addEventListener('abort', () => resolve(), { once: true })
      })
    this.#left = Math.max(0, this.#left - 1)
  }
}

interface Call {
  readonly stop: AbortController
  readonly credit: Credit
}

class Bridge {
  readonly #port: BridgePort
  readonly #services: BridgeServices
  readonly #calls = new Map<number, Call>()
  #closed = false

  constructor(port: BridgePort, services: BridgeServices) {
    this.#port = port
    this.#services = services
  }

  close(): void {
    if (this.#closed) return
    this.#closed = true
    for (const { stop } of this.#calls.values()) stop.abort()
    this.#calls.clear()
    this.#port.close()
  }

  take(data: unknown): void {
    if (this.#closed) return
    const parsed = parseFrame(data)
    if (parsed === undefined) return this.close()
    const { call, frame } = parsed
    switch (frame.case) {
      case 'start':
        // A number used twice while its call runs: both would answer under it.
        if (this.#calls.has(call)) return this.close()
        this.#start(call, frame.value)
        return
      // Calls end while these are on their way, so a number that is not known is no fault.
      case 'cancel':
        this.#calls.get(call)?.stop.abort()
        return
      case 'credit':
        this.#calls.get(call)?.credit.add(frame.value)
        return
      case 'message':
      case 'end':
      case 'failure':
      case undefined:
        this.close()
    }
  }

  #start(id: number, { service, method: name, request, credit }: PortStart): void {
    const served = this.#services.get(`${service}/${name}`)
    if (this.#calls.size >= CALLS_MAX)
      return this.#fail(
        id,
        toConnectError(latticeError('too-many-calls', 'retryable', `more than ${CALLS_MAX} calls are under way`)),
      )
    if (served === undefined) return this.#fail(id, new ConnectError('there is no such call', Code.Unimplemented))
    const message = parseMessage(served.method.input, request)
    if (message === undefined)
      return this.#fail(
        id,
        toConnectError(latticeError('bad-request', 'permanent', `the request is no ${served.method.input.name}`)),
      )
    const call = { stop: new AbortController(), credit: new Credit(credit) }
    this.#calls.set(id, call)
    this.#run(id, served, message, call)
      .then(
        () => this.#send(id, { case: 'end', value: {} }),
        (cause: unknown) => this.#fail(id, ConnectError.from(cause)),
      )
      .finally(() => this.#calls.delete(id))
      .catch(() => this.close()) // the port takes no messages any more
  }

  async #run(id: number, { method, call }: Served, request: Message, { stop, credit }: Call): Promise<void> {
    const context = createHandlerContext({
      service: method.parent,
      method,
      protocolName: 'port',
      requestMethod: 'POST',
      url: `lattice-port:/${method.parent.typeName}/${method.name}`,
      requestSignal: stop.signal,
    })
    const answer = call(request, context)
    if (!(Symbol.asyncIterator in answer)) return this.#reply(id, method, await answer)
    const replies = answer[Symbol.asyncIterator]()
    try {
      for (;;) {
        await credit.take(stop.signal)
        if (stop.signal.aborted) return
        const reply = await replies.next()
        if (reply.done === true) return
        this.#reply(id, method, reply.value)
      }
    } finally {
      await replies.return?.()
    }
  }

  #reply(id: number, { output }: DescMethod, reply: Reply): void {
    const value = toBinary(output, create(output, reply))
    if (value.length > REPLY_MAX)
      throw toConnectError(latticeError('reply-too-long', 'permanent', 'the answer is longer than 4 MiB: ask for less'))
    this.#send(id, { case: 'message', value })
  }

  #fail(id: number, error: ConnectError): void {
    const [detail] = error.findDetails(ErrorDetailSchema)
    this.#send(id, { case: 'failure', value: { code: error.code, message: error.rawMessage, detail } })
  }

  #send(call: number, frame: MessageInitShape<typeof PortFrameSchema>['frame']): void {
    if (!this.#closed) this.#port.postMessage(toBinary(PortFrameSchema, create(PortFrameSchema, { call, frame })))
  }
}

const parseMessage = (schema: DescMessage, bytes: Uint8Array): Message | undefined => {
  if (bytes.length > MESSAGE_MAX) return undefined
  try {
    return fromBinary(schema, bytes)
  } catch {
    return undefined
  }
}

/** Serves a port until the page or the shell closes it. The function that is given back closes it. */
export const serveBridge = (port: BridgePort, services: BridgeServices): (() => void) => {
  const bridge = new Bridge(port, services)
  port.onMessage((data) => bridge.take(data))
  port.onClose(() => bridge.close())
  port.start()
  return () => bridge.close()
}

/**
 * The page's end of the desktop shell's port: a Connect `Transport`. Frames are `PortFrame`s (port.proto) as bytes.
 *
 * A stream gives the shell credit for 16 messages, and for one more whenever one is taken, so no more than those wait
 * here. Aborting a call's signal cancels it there; leaving the loop over a stream does not, since Connect's clients do
 * not tell their transport. When the port closes, every call fails as unavailable; open a new port then.
 */
import {
  create,
  fromBinary,
  toBinary,
  type DescMessage,
  type DescMethodStreaming,
  type DescMethodUnary,
  type MessageInitShape,
  type MessageShape,
} from '@bufbuild/protobuf'
import { Code, ConnectError, type ContextValues, createContextValues, type Transport } from '@connectrpc/connect'
import { runStreamingCall, runUnaryCall } from '@connectrpc/connect/protocol'
import { ErrorDetailSchema } from '#proto/error_api'
import { PortFrameSchema, type PortFailure } from '#proto/port'

/** Messages of a stream that may be under way before one is taken. */
const STREAM_CREDIT = 16

/** What the preload script puts on the window of a page in the desktop app. */
export interface Shell {
  /** Asks for a port; it arrives as a `message` event on the window, with `data` as below. */
  requestPort(): void
  /** Where a dropped file lies on the disk; empty: nowhere. */
  pathForFile(file: File): string
}

/** `data` of the message that carries the port. */
export const PORT_MESSAGE = 'lattice-port'

/** The shell that shows this page; undefined in a browser. */
export const findShell = (): Shell | undefined => (globalThis as { lattice?: Shell }).lattice

type Arrival = { readonly bytes: Uint8Array } | { readonly end: true } | { readonly failure: ConnectError }

/** What arrived of one call and was not taken yet. */
class Inbox {
  readonly #arrived: Arrival[] = []
  #wake: (() => void) | undefined

  put(arrival: Arrival): void {
    this.#arrived.push(arrival)
    this.#wake?.()
  }

  /** Throws the failure that ended the call, or the reason of the abort. Undefined: the call is over. */
  async take(signal: AbortSignal): Promise<Uint8Array | undefined> {
    while (this.#arrived.length === 0) {
      signal.throwIfAborted()
      await new Promise<void>((resolve) => {
        this.#wake = resolve
        signal.addEventListener('abort', () => resolve(), { once: true })
      })
    }
    const arrival = this.#arrived.shift()!
    if ('failure' in arrival) throw arrival.failure
    return 'bytes' in arrival ? arrival.bytes : undefined
  }
}

const toError = ({ code, message, detail }: PortFailure): ConnectError =>
  new ConnectError(
    message,
    code in Code ? code : Code.Unknown,
    undefined,
    detail && [{ desc: ErrorDetailSchema, value: detail }],
  )

const portClosed = (): ConnectError => new ConnectError('the connection to the app is lost', Code.Unavailable)

const badReply = (): ConnectError => new ConnectError('the answer of the app makes no sense', Code.Internal)

/** The calls of one port. */
class PortCalls {
  readonly #port: MessagePort
  readonly #inboxes = new Map<number, Inbox>()
  #last = 0
  #closed = false

  constructor(port: MessagePort) {
    this.#port = port
    port.addEventListener('message', (event) => this.#take(event.data))
    port.addEventListener('close', () => this.#close())
    port.start()
  }

  start(method: DescMethodUnary | DescMethodStreaming, request: Uint8Array, credit: number): number {
    if (this.#closed) throw portClosed()
    const call = ++this.#last
    this.#inboxes.set(call, new Inbox())
    this.send(call, { case: 'start', value: { service: method.parent.typeName, method: method.name, request, credit } })
    return call
  }

  take(call: number, signal: AbortSignal): Promise<Uint8Array | undefined> {
    const inbox = this.#inboxes.get(call)
    return inbox ? inbox.take(signal) : Promise.resolve(undefined)
  }

  /** After this nothing of the call is kept; one that still runs is cancelled. */
  finish(call: number, over: boolean): void {
    if (this.#inboxes.delete(call) && !over) this.send(call, { case: 'cancel', value: {} })
  }

  send(call: number, frame: MessageInitShape<typeof PortFrameSchema>['frame']): void {
    if (!this.#closed) this.#port.postMessage(toBinary(PortFrameSchema, create(PortFrameSchema, { call, frame })))
  }

  #take(data: unknown): void {
    let parsed
    try {
      if (!(data instanceof Uint8Array)) return this.#close()
      parsed = fromBinary(PortFrameSchema, data)
    } catch {
      return this.#close()
    }
    const inbox = this.#inboxes.get(parsed.call)
    const { frame } = parsed
    if (frame.case === 'message') inbox?.put({ bytes: frame.value })
    else if (frame.case === 'failure') inbox?.put({ failure: toError(frame.value) })
    else if (frame.case === 'end') inbox?.put({ end: true })
  }

  #close(): void {
    if (this.#closed) return
    this.#closed = true
    for (const inbox of this.#inboxes.values()) inbox.put({ failure: portClosed() })
    this.#port.close()
  }
}

const decode = <O extends DescMessage>(schema: O, bytes: Uint8Array): MessageShape<O> => {
  try {
    return fromBinary(schema, bytes)
  } catch {
    throw badReply()
  }
}

async function* replies<O extends DescMessage>(
  calls: PortCalls,
  method: DescMethodStreaming<DescMessage, O>,
  request: Uint8Array,
  signal: AbortSignal,
): AsyncGenerator<MessageShape<O>> {
  // Only now that somebody reads: who never does would leave the call open.
  const call = calls.start(method, request, STREAM_CREDIT)
  let over = false
  // A reader that left its loop never comes back here: only the signal tells.
  signal.addEventListener('abort', () => calls.finish(call, over), { once: true })
  try {
    for (;;) {
      const bytes = await calls.take(call, signal).catch((cause: unknown) => {
        over = cause instanceof ConnectError && !signal.aborted
        throw cause
      })
      if (bytes === undefined) {
        over = true
        return
      }
      calls.send(call, { case: 'credit', value: 1 })
      yield decode(method.output, bytes)
    }
  } finally {
    calls.finish(call, over)
  }
}

const callUnary = async <O extends DescMessage>(
  calls: PortCalls,
  method: DescMethodUnary<DescMessage, O>,
  request: Uint8Array,
  signal: AbortSignal,
): Promise<MessageShape<O>> => {
  const call = calls.start(method, request, 0)
  let over = false
  try {
    const bytes = await calls.take(call, signal)
    over = true
    if (bytes === undefined) throw badReply()
    return decode(method.output, bytes)
  } finally {
    calls.finish(call, over || !signal.aborted)
  }
}

const firstOf = async <T>(input: AsyncIterable<T>): Promise<T> => {
  for await (const message of input) return message
  throw new ConnectError('a call needs a request', Code.Internal)
}

const head = <M extends DescMethodUnary | DescMethodStreaming>(method: M, header: HeadersInit | undefined) => ({
  service: method.parent,
  method,
  requestMethod: 'POST',
  url: `lattice-port:/${method.parent.typeName}/${method.name}`,
  header: new Headers(header),
})

/** Headers and trailers are not carried: the contract uses none. */
export const createPortTransport = (port: MessagePort): Transport => {
  const calls = new PortCalls(port)
  return {
    async unary(method, signal, timeoutMs, header, input, contextValues?: ContextValues) {
      const values = contextValues ?? createContextValues()
      return await runUnaryCall({
        signal,
        timeoutMs,
        req: { stream: false, ...head(method, header), contextValues: values, message: input },
        next: async (req) => {
          const message = await callUnary(calls, method, toBinary(method.input, req.message), req.signal)
          return {
            stream: false,
            service: method.parent,
            method,
            header: new Headers(),
            trailer: new Headers(),
            message,
          }
        },
      })
    },
    async stream(method, signal, timeoutMs, header, input, contextValues?: ContextValues) {
      const values = contextValues ?? createContextValues()
      return await runStreamingCall({
        signal,
        timeoutMs,
        req: { stream: true, ...head(method, header), contextValues: values, message: input },
        next: async (req) => {
          const request = toBinary(method.input, await firstOf(req.message))
          const message = replies(calls, method, request, req.signal)
          return {
            stream: true,
            service: method.parent,
            method,
            header: new Headers(),
            trailer: new Headers(),
            message,
          }
        },
      })
    },
  }
}

/** The transport to the desktop shell; undefined where there is none. */
export const openPortTransport = async (): Promise<Transport | undefined> => {
  const shell = findShell()
  if (shell === undefined) return undefined
  const port = await new Promise<MessagePort>((resolve) => {
    const take = (event: MessageEvent): void => {
      const [first] = event.ports
      if (event.source !== window || event.data !== PORT_MESSAGE || first === undefined) return
      window.removeEventListener('message', take)
      resolve(first)
    }
    window.addEventListener('message', take)
    shell.requestPort()
  })
  return createPortTransport(port)
}

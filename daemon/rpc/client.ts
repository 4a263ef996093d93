/**
 * A Connect client over a Unix socket, small enough that a command starts at once: unary and server-streaming calls
 * with the binary codec (https://connectrpc.com/docs/protocol), nothing else. The full-featured libraries speak to
 * the same socket; loading one costs a command more than its work does.
 */
import {
  create,
  fromBinary,
  toBinary,
  type DescMessage,
  type DescMethodServerStreaming,
  type DescMethodUnary,
  type MessageInitShape,
  type MessageShape,
} from '@bufbuild/protobuf'
import { ErrorDetailSchema } from '#proto/error_api'
import { err, latticeError, ok, type LatticeError, type Result, type Severity } from '#kernel/core/result.ts'
import { concatBytes } from '#kernel/core/bytes.ts'
import { BadAnswerError, post, type Answer } from './post.ts'

/** The largest reply taken, in bytes. */
const REPLY_MAX = 4 * 1024 * 1024
const ENVELOPE_HEADER = 5
const END_STREAM = 0x02

type Reply<O extends DescMessage> = Result<MessageShape<O>, LatticeError>

export interface RpcClient {
  unary<I extends DescMessage, O extends DescMessage>(
    method: DescMethodUnary<I, O>,
    request: MessageInitShape<I>,
    signal?: AbortSignal,
  ): Promise<Reply<O>>
  /** Ends after the first failure. Leaving the loop ends the call. */
  stream<I extends DescMessage, O extends DescMessage>(
    method: DescMethodServerStreaming<I, O>,
    request: MessageInitShape<I>,
    signal?: AbortSignal,
  ): AsyncIterable<Reply<O>>
}

const badReply = (what: string): LatticeError =>
  latticeError(
    'bad-reply',
    'permanent',
    `the node's answer makes no sense (${what}); do its version and this one agree?`,
  )

/** Nobody listens: distinguished because every command says it in the same words. */
const connectionError = (cause: Error & { code?: string }): LatticeError => {
  if (cause instanceof BadAnswerError) return badReply(cause.message)
  return cause.code === 'ENOENT' || cause.code === 'ECONNREFUSED'
    ? latticeError('node-not-running', 'permanent', 'no node is running')
    : latticeError('node-unreachable', 'retryable', `the node does not answer: ${cause.message}`)
}

interface ErrorJson {
  readonly message?: unknown
  readonly details?: unknown
}

const detailOf = (json: ErrorJson): { kind: string; severity: Severity } => {
  const details = Array.isArray(json.details) ? (json.details as { type?: unknown; value?: unknown }[]) : []
  const ours = details.find((d) => d.type === ErrorDetailSchema.typeName && typeof d.value === 'string')
  if (!ours) return { kind: 'rpc-failed', severity: 'permanent' }
  const detail = fromBinary(ErrorDetailSchema, Buffer.from(ours.value as string, 'base64'))
  return { kind: detail.kind, severity: detail.severity as Severity }
}

/** The Connect error object, as a unary body or as `error` of an end-of-stream message. */
const parseError = (text: string, pick: (json: { error?: ErrorJson } & ErrorJson) => ErrorJson | undefined) => {
  try {
    const json = pick(JSON.parse(text) as ErrorJson)
    if (json === undefined) return undefined
    const { kind, severity } = detailOf(json)
    return latticeError(kind, severity, typeof json.message === 'string' ? json.message : 'the call failed')
  } catch {
    return badReply('an error that is no JSON')
  }
}

const readAll = async ({ body, length }: Answer): Promise<Uint8Array> => {
  const parts: Uint8Array[] = []
  let total = 0
  for await (const part of body) {
    total += part.length
    if (total > REPLY_MAX) throw new BadAnswerError('too long')
    parts.push(part)
  }
  if (length !== undefined && length !== total) throw new BadAnswerError('it breaks off')
  return concatBytes(...parts)
}

const decode = <O extends DescMessage>(schema: O, bytes: Uint8Array): Reply<O> => {
  try {
    return ok(fromBinary(schema, bytes))
  } catch {
    return err(badReply(`not a ${schema.name}`))
  }
}

/** Cuts enveloped messages (1 byte of flags, 4 of big-endian length, the message) out of a byte stream. */
async function* envelopes({ body }: Answer): AsyncGenerator<{ flags: number; bytes: Buffer }> {
  let held: Buffer = Buffer.alloc(0)
  for await (const part of body) {
    held = held.length === 0 ? part : Buffer.concat([held, part])
    while (held.length >= ENVELOPE_HEADER) {
      const end = ENVELOPE_HEADER + held.readUInt32BE(1)
      if (end > REPLY_MAX) throw new BadAnswerError('a message is too long')
      if (held.length < end) break
      yield { flags: held[0]!, bytes: held.subarray(ENVELOPE_HEADER, end) }
      held = held.subarray(end)
    }
  }
}

async function* readStream<O extends DescMessage>(schema: O, answer: Answer): AsyncGenerator<Reply<O>> {
  for await (const { flags, bytes } of envelopes(answer)) {
    if ((flags & END_STREAM) === 0) {
      const reply = decode(schema, bytes)
      yield reply
      if (reply.ok) continue
      return
    }
    const error = parseError(bytes.toString('utf8'), (json) => json.error)
    if (error) yield err(error)
    return
  }
  yield err(badReply('it breaks off'))
}

const pathOf = (method: DescMethodUnary | DescMethodServerStreaming): string =>
  `/${method.parent.typeName}/${method.name}`

export const createRpcClient = (socketPath: string): RpcClient => ({
  async unary(method, request, signal) {
    const body = toBinary(method.input, create(method.input, request))
    try {
      const answer = await post(socketPath, pathOf(method), 'application/proto', body, signal)
      const reply = await readAll(answer)
      if (answer.status === 200) return decode(method.output, reply)
      return err(parseError(Buffer.from(reply).toString('utf8'), (json) => json) ?? badReply('an empty error'))
    } catch (cause) {
      return err(connectionError(cause as Error))
    }
  },

  async *stream(method, request, signal) {
    const message = toBinary(method.input, create(method.input, request))
    const header = new Uint8Array(ENVELOPE_HEADER)
    new DataView(header.buffer).setUint32(1, message.length)
    const body = concatBytes(header, message)
    let answer: Answer | undefined
    try {
      answer = await post(socketPath, pathOf(method), 'application/connect+proto', body, signal)
      yield* readStream(method.output, answer)
    } catch (cause) {
      yield err(connectionError(cause as Error))
    } finally {
      answer?.close()
    }
  },
})

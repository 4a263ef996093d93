/** What libp2p and the sockets throw, as the port's typed errors. */
import { latticeError } from '#kernel/core/result.ts'
import { StreamClosedError, type TransportError } from '../port.ts'

export const closed = (why: string): TransportError => latticeError('closed', 'retryable', why)
export const badAddress = (why: string): TransportError => latticeError('bad-address', 'permanent', why)
export const protocolUnknown = (protocol: string): TransportError =>
  latticeError('protocol-unknown', 'permanent', `the device does not serve ${protocol}`)

export const tooManyStreams = (protocol: string): TransportError =>
  latticeError('refused', 'retryable', `too many streams of ${protocol} are open`)

/** The errors inside an error, itself first: a dial of many addresses fails with one error for each. */
function* flatten(error: unknown, depth = 0): Generator<{ name: string; message: string; code: string }> {
  if (!(error instanceof Error) || depth > 4) return
  yield { name: error.name, message: error.message, code: String((error as NodeJS.ErrnoException).code ?? '') }
  if (error instanceof AggregateError) for (const inner of error.errors) yield* flatten(inner, depth + 1)
  yield* flatten(error.cause, depth + 1)
}

/** Why a dial failed. A wrong identity outranks the rest: it is what a person must look at. */
export const dialError = (error: unknown): TransportError => {
  const causes = [...flatten(error)]
  const has = (pattern: RegExp): boolean => causes.some((cause) => pattern.test(`${cause.name} ${cause.code}`))
  // libp2p wraps what TLS and Noise say about the key in an error of its own; only the text is left.
  const wrongKey = /unexpected peer|does not match expected remote identity/i
  if (has(/UnexpectedPeer/) || causes.some((cause) => wrongKey.test(cause.message)))
    return latticeError('identity-mismatch', 'denied', 'another device answers at this address')
  if (has(/^AbortError/)) return closed('the dial was cancelled')
  if (has(/InvalidMultiaddr|NoValidAddresses|UnsupportedProtocol|InvalidParameters/))
    return badAddress('no address of the device is one that can be dialled')
  if (has(/DialDenied|ConnectionIntercepted|ConnectionDenied|StreamReset|EncryptionFailed|MuxerUnavailable/))
    return latticeError('refused', 'denied', 'the device refused the connection')
  const detail = causes.at(-1)?.message ?? 'unknown reason'
  return latticeError('unreachable', 'retryable', `no address of the device answers: ${detail}`)
}

/** Why a stream did not open. */
export const openError = (error: unknown, protocol: string): TransportError => {
  for (const cause of flatten(error)) {
    if (cause.name === 'UnsupportedProtocolError') return protocolUnknown(protocol)
    if (/^TooMany/.test(cause.name)) return tooManyStreams(protocol)
  }
  return closed(`the stream could not be opened: ${messageOf(error)}`)
}

export const streamClosed = (why: unknown): StreamClosedError =>
  why instanceof StreamClosedError ? why : new StreamClosedError(messageOf(why))

export const messageOf = (error: unknown): string => (error instanceof Error ? error.message : String(error))

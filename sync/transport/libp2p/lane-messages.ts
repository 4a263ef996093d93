/**
 * The messages of `/lattice/lane/1`, the libp2p protocol by which a device asks another for a bulk lane.
 * Layout: docs/spec/bulk-lane.md. Every decoder is strict: one encoding per value, nothing after it.
 */
import { concatBytes, encodeUtf8, type Branded } from '#kernel/core/bytes.ts'
import { err, latticeError, ok, type LatticeError, type Result } from '#kernel/core/result.ts'

export const LANE_PROTOCOL = '/lattice/lane/1'
export const TOKEN_LENGTH = 16
export const PROTOCOL_NAME_MAX = 255
export const REQUEST_MAX = 1 + PROTOCOL_NAME_MAX
export const REPLY_MAX = 1 + 2 + TOKEN_LENGTH

/** Names one lane, once, for a few seconds. */
export type LaneToken = Branded<Uint8Array, 'LaneToken'>

export type LaneReply =
  | { readonly kind: 'granted'; readonly port: number; readonly token: LaneToken }
  | { readonly kind: 'no-lane' | 'protocol-unknown' | 'too-many' }

type BadMessage = LatticeError<'bad-lane-message'>
const bad = (what: string): { ok: false; error: BadMessage } =>
  err(latticeError('bad-lane-message', 'permanent', `not a valid lane message: ${what}`))

const GRANTED = 0
const refusals = ['no-lane', 'protocol-unknown', 'too-many'] as const

export const parseToken = (bytes: Uint8Array): Result<LaneToken, BadMessage> =>
  bytes.length === TOKEN_LENGTH ? ok(new Uint8Array(bytes) as LaneToken) : bad('the length of the token')

/** u8 length, then the name in UTF-8. Undefined when the name has no encoding: empty or above 255 bytes. */
export const encodeRequest = (protocol: string): Uint8Array | undefined => {
  const name = encodeUtf8(protocol)
  if (name.length === 0 || name.length > PROTOCOL_NAME_MAX) return undefined
  return concatBytes(Uint8Array.of(name.length), name)
}

export const decodeRequest = (bytes: Uint8Array): Result<string, BadMessage> => {
  const length = bytes[0]
  if (length === undefined || length === 0 || bytes.length !== 1 + length) return bad('the length of the name')
  try {
    return ok(new TextDecoder('utf-8', { fatal: true, ignoreBOM: true }).decode(bytes.subarray(1)))
  } catch {
    return bad('the name is not UTF-8')
  }
}

export const encodeReply = (reply: LaneReply): Uint8Array => {
  if (reply.kind !== 'granted') return Uint8Array.of(1 + refusals.indexOf(reply.kind))
  return concatBytes(Uint8Array.of(GRANTED, reply.port >> 8, reply.port & 0xff), reply.token)
}

export const decodeReply = (bytes: Uint8Array): Result<LaneReply, BadMessage> => {
  const status = bytes[0]
  if (status === undefined) return bad('it is empty')
  if (status !== GRANTED) {
    const kind = refusals[status - 1]
    return kind !== undefined && bytes.length === 1 ? ok({ kind }) : bad('an unknown status')
  }
  const port = (bytes[1] ?? 0) * 256 + (bytes[2] ?? 0)
  const token = parseToken(bytes.subarray(3))
  if (!token.ok) return token
  return port === 0 ? bad('port 0') : ok({ kind: 'granted', port, token: token.value })
}

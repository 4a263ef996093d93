/** Strict, bounded decoding of what peers say. Whatever the bytes, the outcome is a message or one typed error. */
import { fromBinary, type DescMessage, type MessageShape } from '@bufbuild/protobuf'
import { PushMessageSchema, SessionMessageSchema, type PushMessage, type SessionMessage } from '#proto/wire'
import { HASH_LENGTH } from '#kernel/core/bytes.ts'
import { SIGNED_BYTES_MAX } from '#kernel/core/intention.ts'
import { GRANTS_MAX } from '#kernel/store/revocation.ts'
import { err, latticeError, ok, type LatticeError, type Result } from '#kernel/core/result.ts'

export type MessageErrorKind = 'message-malformed'
export type MessageError = LatticeError<MessageErrorKind>

export const HASHES_MAX = 4096
export const VECTOR_MAX = 4096
export const TAGS_MAX = 4096
export const LINKS_MAX = 256
export const ADDRESSES_MAX = 32
export const ADDRESS_BYTES_MAX = 512
export const ITEMS_MAX = 4096
export const RECONCILE_BYTES_MAX = 512 * 1024

/** Parses protobuf without keeping unknown fields. */
export const decode = <D extends DescMessage>(schema: D, bytes: Uint8Array): Result<MessageShape<D>, MessageError> => {
  try {
    return ok(fromBinary(schema, bytes, { readUnknownFields: false }))
  } catch {
    return malformed('the bytes are no message')
  }
}

export const malformed = (why: string): { readonly ok: false; readonly error: MessageError } =>
  err(latticeError('message-malformed', 'permanent', `the peer sent something malformed: ${why}`))

const isHash = (bytes: Uint8Array): boolean => bytes.length === HASH_LENGTH
const isCount = (value: bigint): boolean => value <= BigInt(Number.MAX_SAFE_INTEGER)
const areItems = (items: readonly Uint8Array[]): boolean =>
  items.length <= ITEMS_MAX && items.every((item) => item.length <= SIGNED_BYTES_MAX)
const areHashes = (hashes: readonly Uint8Array[], max = HASHES_MAX): boolean =>
  hashes.length <= max && hashes.every(isHash)

export const areAddresses = (addresses: readonly string[]): boolean =>
  addresses.length <= ADDRESSES_MAX && addresses.every((address) => address.length <= ADDRESS_BYTES_MAX)

/** The leg that is set of a session message, all its limits checked. */
export type SessionLeg = Exclude<SessionMessage['message'], { case: undefined }>
export type PushLeg = Exclude<PushMessage['message'], { case: undefined }>

export const decodeSession = (bytes: Uint8Array): Result<SessionLeg, MessageError> => {
  const decoded = decode(SessionMessageSchema, bytes)
  if (!decoded.ok) return decoded
  const leg = decoded.value.message
  if (leg.case === undefined) return malformed('an empty session message')
  return isSound(leg) ? ok(leg) : malformed(`a ${leg.case} out of bounds`)
}

const isSound = (leg: SessionLeg): boolean => {
  switch (leg.case) {
    case 'hello': {
      const { storeId, fingerprint, count, vector } = leg.value
      return (
        isHash(storeId) &&
        isHash(fingerprint) &&
        isCount(count) &&
        vector.length <= VECTOR_MAX &&
        vector.every((end) => isHash(end.author) && isCount(end.seq))
      )
    }
    case 'intentions':
      return areItems(leg.value.items)
    case 'reconcile':
      return leg.value.message.length <= RECONCILE_BYTES_MAX
    case 'fetch':
      return areHashes(leg.value.hashes)
    case 'finished':
      return isCount(leg.value.count) && isHash(leg.value.fingerprint)
    case 'failed':
      return leg.value.kind.length <= 64
    case 'credit':
    case 'refused':
      return true
  }
}

export const decodePush = (bytes: Uint8Array): Result<PushLeg, MessageError> => {
  const decoded = decode(PushMessageSchema, bytes)
  if (!decoded.ok) return decoded
  const leg = decoded.value.message
  if (leg.case === undefined) return malformed('an empty push message')
  return isSoundPush(leg) ? ok(leg) : malformed(`a ${leg.case} out of bounds`)
}

const isSoundPush = (leg: PushLeg): boolean => {
  switch (leg.case) {
    case 'announce':
      return (
        areHashes(leg.value.tags, TAGS_MAX) &&
        areHashes(leg.value.declined, TAGS_MAX) &&
        areAddresses(leg.value.addresses)
      )
    case 'progress':
      return (
        isHash(leg.value.storeId) &&
        isHash(leg.value.fingerprint) &&
        isCount(leg.value.count) &&
        isCount(leg.value.pendingIn)
      )
    case 'intentions':
      return isHash(leg.value.storeId) && areItems(leg.value.items)
    case 'links':
      return leg.value.links.length <= LINKS_MAX && leg.value.links.every(({ peer }) => isHash(peer))
    case 'rights': {
      const { storeId, word, grants } = leg.value
      return isHash(storeId) && grants.length <= GRANTS_MAX && areItems([word, ...grants])
    }
    case 'have':
    case 'fetch':
      return isHash(leg.value.storeId) && areHashes(leg.value.hashes)
  }
}

/** What is said on `/lattice/join/1`, parsed and bounded: a stranger's question, and the inviter's answers to it. */
import { create } from '@bufbuild/protobuf'
import { JoinAnswerSchema, JoinLeaveSchema, JoinRequestSchema, JoinRevealSchema, type JoinAnswer } from '#proto/wire'
import { Role as WireRole } from '#proto/system'
import { encodeUtf8, equalBytes, parseHash, type Hash, type StoreId } from '#kernel/core/bytes.ts'
import { err, latticeError, ok, type LatticeError, type Result } from '#kernel/core/result.ts'
import type { Role } from '#kernel/store/port.ts'
import { areAddresses, decode } from '../messages.ts'
import { SECRET_LENGTH } from './link.ts'
import { NONCE_LENGTH } from './words.ts'

export const JOIN_PROTOCOL = '/lattice/join/1'
export const JOIN_VERSION = 1
export const NAME_BYTES_MAX = 64
export const JOIN_FRAME_MAX = 32 * 1024
/** A device waits so long for a person's answer, over all its connections. */
export const WAIT_MS = 10 * 60_000

export const REFUSALS = {
  'invite-unknown': 'the inviting device does not know this invite',
  'invite-expired': 'the invite has expired: ask for a new one',
  'invite-used-up': 'the invite was used already: ask for a new one',
  'invite-revoked': 'the invite was taken back: ask for a new one',
  'too-many-attempts': 'the inviting device was asked too often: try again in a minute',
  'too-many-waiting': 'the inviting device has too many to answer: try again later',
  'join-refused': 'the person asked did not let this device in',
  'join-expired': 'nobody answered in time: say that you wait, and follow the link again',
  'join-mismatched': 'the words could not be agreed on: this device did not say what it had committed to',
  'join-failed': 'the inviting device could not admit this one: try again',
} as const
export type RefusalKind = keyof typeof REFUSALS
export type JoinErrorKind = RefusalKind | 'not-reachable' | 'join-garbled' | 'join-cancelled' | 'words-differ'
export type JoinError = LatticeError<JoinErrorKind>

const isRefusal = (kind: string): kind is RefusalKind => Object.hasOwn(REFUSALS, kind)

export const WIRE_ROLES: Readonly<Record<Role, WireRole>> = {
  reader: WireRole.READER,
  writer: WireRole.WRITER,
  admin: WireRole.ADMIN,
}

export interface Request {
  readonly storeId: Hash
  readonly secret: Uint8Array
  /** 1 to 64 bytes, as the stranger says it: clean it before it is shown. */
  readonly deviceName: string
  /** To the nonce that it reveals if a person is asked. */
  readonly commitment: Hash
  /** The inviter's nonce of the round that it was in when its connection broke. */
  readonly round: Uint8Array | undefined
}

/** The question of a stranger. */
export const parseRequest = (bytes: Uint8Array): Request | undefined => {
  const decoded = decode(JoinRequestSchema, bytes)
  if (!decoded.ok || decoded.value.version !== JOIN_VERSION) return undefined
  const { secret, deviceName, round } = decoded.value
  const storeId = parseHash(decoded.value.storeId)
  const commitment = parseHash(decoded.value.commitment)
  const isNamed = deviceName.length > 0 && encodeUtf8(deviceName).length <= NAME_BYTES_MAX
  const isRound = round.length === 0 || round.length === NONCE_LENGTH
  if (!storeId.ok || secret.length !== SECRET_LENGTH || !isNamed || !commitment.ok || !isRound) return undefined
  return {
    storeId: storeId.value,
    secret,
    deviceName,
    commitment: commitment.value,
    round: round.length === 0 ? undefined : round,
  }
}

/** The stranger's nonce. */
export const parseReveal = (bytes: Uint8Array): Uint8Array | undefined => {
  const decoded = decode(JoinRevealSchema, bytes)
  return decoded.ok && decoded.value.nonce.length === NONCE_LENGTH ? decoded.value.nonce : undefined
}

export const WORDS_DIFFER = 'words-differ'

/** Whether a device that leaves says that the words differ. */
export const saysWordsDiffer = (bytes: Uint8Array): boolean => {
  const decoded = decode(JoinLeaveSchema, bytes)
  return decoded.ok && decoded.value.kind === WORDS_DIFFER
}

/** Without what could steer a screen or hide in it: controls, marks of direction, white space at a stretch. */
export const cleanName = (name: string): string =>
  name
    .replace(/[\p{Cc}\p{Cf}\p{Co}\p{Zl}\p{Zp}]/gu, ' ')
    .replace(/\s+/gu, ' ')
    .trim()

export const refuse = (kind: RefusalKind): JoinAnswer =>
  create(JoinAnswerSchema, { answer: { case: 'refused', value: { kind } } })

export const waiting = (): JoinAnswer => create(JoinAnswerSchema, { answer: { case: 'waiting', value: {} } })

export const sayNonce = (nonce: Uint8Array): JoinAnswer =>
  create(JoinAnswerSchema, { answer: { case: 'nonce', value: { nonce } } })

export type Answer = Extract<JoinAnswer['answer'], { case: 'accepted' | 'waiting' | 'nonce' }>
export type Accepted = Extract<Answer, { case: 'accepted' }>['value']

export const garbled = err(
  latticeError('join-garbled' as const, 'retryable', 'the inviting device gave no clear answer'),
)

/** What the inviter says to whoever asks to join `storeId`: he is in, or a person is asked after a round. */
export const parseAnswer = (bytes: Uint8Array, storeId: StoreId): Result<Answer, JoinError> => {
  const decoded = decode(JoinAnswerSchema, bytes)
  if (!decoded.ok) return garbled
  const { answer: leg } = decoded.value
  if (leg.case === 'refused' && isRefusal(leg.value.kind))
    return err(latticeError(leg.value.kind, 'permanent', REFUSALS[leg.value.kind]))
  if (leg.case === 'waiting') return ok(leg)
  if (leg.case === 'nonce') return leg.value.nonce.length === NONCE_LENGTH ? ok(leg) : garbled
  if (leg.case !== 'accepted' || !equalBytes(leg.value.storeId, storeId) || !areAddresses(leg.value.addresses))
    return garbled
  return ok(leg)
}

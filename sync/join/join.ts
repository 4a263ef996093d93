/**
 * The joiner's side of `/lattice/join/1`: dials the inviter, shows the link's secret, and adopts the store once it is
 * let in. Where a person is asked first, the two agree on words to show, and it waits; when the connection breaks
 * meanwhile, it asks again, to go on in the same round. Where the inviter knows that no more, there are other words.
 */
import { create, toBinary } from '@bufbuild/protobuf'
import { Role as WireRole } from '#proto/system'
import { JoinLeaveSchema, JoinRequestSchema, JoinRevealSchema } from '#proto/wire'
import type { PublicKey, StoreId } from '#kernel/core/bytes.ts'
import { err, latticeError, ok, type LatticeError, type Result } from '#kernel/core/result.ts'
import type { Role, StoreManager } from '#kernel/store/port.ts'
import type { Timers } from '../clock.ts'
import { FrameReader, FrameWriter } from '../framing.ts'
import { StreamClosedError, type ByteStream, type Transport } from '../transport/port.ts'
import { checkExpiry, type InviteLink } from './link.ts'
import {
  garbled,
  JOIN_FRAME_MAX,
  JOIN_PROTOCOL,
  JOIN_VERSION,
  parseAnswer,
  REFUSALS,
  WAIT_MS,
  WORDS_DIFFER,
  type Accepted,
  type Answer,
  type JoinError,
} from './protocol.ts'
import { commitTo, joinWords, NONCE_LENGTH } from './words.ts'

/** Reaching the inviter, and its first answer. */
const DIAL_MS = 60_000
const ANSWER_MS = 30_000
/** Between a connection that broke while a person was asked and the next try. */
const RETRY_MS = 1_000
const RETRY_MS_MAX = 15_000
/** So often the words may be others before the person must ask anew: each round is a draw for who stands between. */
export const ROUNDS_MAX = 8

export interface Joined {
  readonly storeId: StoreId
  readonly type: string
  readonly name: string
  readonly role: Role
}

export interface PartOptions {
  readonly stores: StoreManager
  /** Where the inviter is, for reconnecting: `SyncEngine.remember`. */
  remember(peer: PublicKey, addresses: readonly string[]): Promise<void>
}

export interface AskOptions {
  readonly transport: Pick<Transport, 'self' | 'connect' | 'open'>
  readonly timers: Timers
  /** What this device shall be called, 1 to 64 bytes. */
  readonly deviceName: string
  /** Of a cryptographic generator. */
  readonly randomBytes: (length: number) => Uint8Array
  /** A person is asked there and sees these words: show them too, in place of those before. Once for each round. */
  readonly asked: (words: readonly string[]) => void
  /** Gives up; the inviter is told if it can be. */
  readonly signal?: AbortSignal
  /** The person here says that the words differ: gives up as well, and the inviter is told why. */
  readonly differs?: AbortSignal
}

/** The inviter has let this device in: what is left is to take part. */
export interface Admission {
  readonly link: InviteLink
  readonly accepted: Accepted
}

/** Shows the link's secret to the inviter. Where a person is asked, waits for the answer, up to `WAIT_MS`. */
export const askToJoin = async (link: InviteLink, options: AskOptions): Promise<Result<Admission, LatticeError>> => {
  const fresh = checkExpiry(link, options.timers.nowMs())
  if (!fresh.ok) return fresh
  const accepted = await askUntilAnswered(link, options)
  return accepted.ok ? ok({ link, accepted: accepted.value }) : accepted
}

/** Adopts the store. Its sessions start by themselves. */
export const takePart = async (
  { link, accepted }: Admission,
  { stores, remember }: PartOptions,
): Promise<Result<Joined, LatticeError>> => {
  await remember(link.inviter, [...accepted.addresses, ...link.addresses])
  const adopted = await stores.adopt(link.storeId)
  if (!adopted.ok) return adopted
  const { type, name, role } = accepted
  return ok({ storeId: link.storeId, type, name, role: ROLE_NAMES[role] ?? link.role })
}

const ROLE_NAMES: Readonly<Partial<Record<WireRole, Role>>> = {
  [WireRole.READER]: 'reader',
  [WireRole.WRITER]: 'writer',
  [WireRole.ADMIN]: 'admin',
}

type Failed = { readonly ok: false; readonly error: JoinError }

const notReachable = (why: string): Failed =>
  err(latticeError('not-reachable', 'retryable', `the inviting device cannot be reached: ${why}`))
const cancelled: Failed = err(latticeError('join-cancelled', 'permanent', 'joining was given up'))
const differing: Failed = err(
  latticeError(
    WORDS_DIFFER,
    'permanent',
    'the words differ, so nothing was joined: somebody may stand between the two devices; ask for a new link on another way',
  ),
)
const unanswered: Failed = err(latticeError('join-expired', 'permanent', REFUSALS['join-expired']))

/** Why the caller gives up; undefined: he does not. */
const gaveUp = ({ signal, differs }: AskOptions): Failed | undefined => {
  if (differs?.aborted) return differing
  return signal?.aborted ? cancelled : undefined
}

/** Aborts when the caller gives up, whatever the reason. */
const endOf = ({ signal, differs }: AskOptions): AbortSignal => AbortSignal.any([signal ?? [], differs ?? []].flat())

/** One link being followed. */
interface Attempt {
  readonly link: InviteLink
  readonly options: AskOptions
  readonly untilMs: number
  /** That the inviter has begun: with the first, a broken connection is no failure any more. */
  rounds: number
  /** The last one in which this device has shown its nonce. */
  round: { readonly inviterNonce: Uint8Array; readonly words: readonly string[]; isShown: boolean } | undefined
}

const askUntilAnswered = async (link: InviteLink, options: AskOptions): Promise<Result<Accepted, JoinError>> => {
  const { timers } = options
  const attempt: Attempt = { link, options, untilMs: timers.nowMs() + WAIT_MS, rounds: 0, round: undefined }
  for (let retryMs = RETRY_MS; ; retryMs = Math.min(2 * retryMs, RETRY_MS_MAX)) {
    const answered = await askOnce(attempt)
    if (answered.ok) return answered
    const ended = gaveUp(options)
    if (ended) return ended
    if (!attempt.round || answered.error.kind !== 'not-reachable' || attempt.rounds > ROUNDS_MAX) return answered
    if (timers.nowMs() + retryMs >= attempt.untilMs) return unanswered
    await startPause(timers, retryMs, endOf(options)).over
  }
}

const askOnce = async (attempt: Attempt): Promise<Result<Accepted, JoinError>> => {
  const { link, options } = attempt
  const { transport, timers } = options
  const late = new AbortController()
  const cancel = timers.after(DIAL_MS, () => late.abort())
  const signal = AbortSignal.any([endOf(options), late.signal])
  try {
    const connected = await transport.connect(link.inviter, link.addresses, signal)
    if (!connected.ok) return notReachable(connected.error.message)
    const stream = await transport.open(link.inviter, JOIN_PROTOCOL, { signal })
    if (!stream.ok) return notReachable(stream.error.message)
    return await ask(stream.value, attempt)
  } finally {
    cancel()
  }
}

/** Shows the secret on a fresh stream. Our side of it stays open: its end tells the inviter that we wait no longer. */
const ask = async (stream: ByteStream, attempt: Attempt): Promise<Result<Accepted, JoinError>> => {
  const { storeId, secret, inviter } = attempt.link
  const { transport, timers, deviceName, randomBytes } = attempt.options
  const pair = { inviter, joiner: transport.self }
  const joinerNonce = randomBytes(NONCE_LENGTH)
  const commitment = commitTo(pair, joinerNonce)
  const round = attempt.round?.inviterNonce ?? new Uint8Array()
  const request = create(JoinRequestSchema, { version: JOIN_VERSION, storeId, secret, deviceName, commitment, round })
  const cancel = timers.after(ANSWER_MS, () => stream.abort('no answer in time'))
  try {
    const reader = new FrameReader(stream, JOIN_FRAME_MAX)
    const writer = new FrameWriter(stream)
    await writer.write(toBinary(JoinRequestSchema, request))
    let answer = await nextAnswer(reader, storeId)
    if (answer.ok && answer.value.case === 'nonce') {
      const inviterNonce = answer.value.value.nonce
      if (++attempt.rounds > ROUNDS_MAX) {
        stream.abort('too many rounds')
        return notReachable('the connection broke too often')
      }
      const words = joinWords({ ...pair, secret, inviterNonce, joinerNonce })
      attempt.round = { inviterNonce, words, isShown: false }
      await writer.write(toBinary(JoinRevealSchema, create(JoinRevealSchema, { nonce: joinerNonce })))
      answer = await nextAnswer(reader, storeId)
    }
    cancel()
    // At once: it waits on in the round that it was in.
    if (answer.ok && answer.value.case === 'waiting' && attempt.round) {
      show(attempt.round, attempt.options)
      answer = await whileWaiting(attempt, nextAnswer(reader, storeId))
      if (!answer.ok && answer.error.kind === WORDS_DIFFER)
        await writer.write(toBinary(JoinLeaveSchema, create(JoinLeaveSchema, { kind: WORDS_DIFFER })))
    }
    await endQuietly(stream)
    if (!answer.ok) return answer
    return answer.value.case === 'accepted' ? ok(answer.value.value) : garbled
  } catch (error) {
    if (error instanceof StreamClosedError) return notReachable('the connection broke')
    throw error
  } finally {
    cancel()
  }
}

/** The person at this device sees the words of a round once: what he says of them holds for as long as it lasts. */
const show = (round: NonNullable<Attempt['round']>, { asked }: AskOptions): void => {
  if (!round.isShown) asked(round.words)
  round.isShown = true
}

/** The word that counts was said: a stream that is gone already is no failure. */
const endQuietly = async (stream: ByteStream): Promise<void> => {
  try {
    await stream.end()
  } catch (error) {
    if (!(error instanceof StreamClosedError)) throw error
  }
}

const nextAnswer = async (reader: FrameReader, storeId: StoreId): Promise<Result<Answer, JoinError>> => {
  const frame = await reader.next()
  if (frame.ok && frame.value === undefined) return notReachable('it ended the connection')
  return frame.ok && frame.value ? parseAnswer(frame.value, storeId) : garbled
}

/** What is answered, unless the caller gives up or the time is over first. */
const whileWaiting = async (
  { options, untilMs }: Attempt,
  answered: Promise<Result<Answer, JoinError>>,
): Promise<Result<Answer, JoinError>> => {
  const { timers } = options
  const pause = startPause(timers, untilMs - timers.nowMs(), endOf(options))
  try {
    return await Promise.race([answered, pause.over.then(() => gaveUp(options) ?? unanswered)])
  } finally {
    pause.stop()
    answered.catch(() => undefined) // the stream may break once nobody waits for it any more
  }
}

/** `over` once the time has passed or the signal aborts. */
const startPause = (
  timers: Timers,
  delayMs: number,
  signal: AbortSignal,
): { readonly over: Promise<void>; readonly stop: () => void } => {
  const { promise, resolve } = Promise.withResolvers<void>()
  const cancel = timers.after(Math.max(0, delayMs), resolve)
  signal.addEventListener('abort', () => resolve(), { once: true })
  if (signal.aborted) resolve()
  return { over: promise, stop: cancel }
}

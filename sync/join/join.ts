/**
 * `/lattice/join/1`: the one thing a stranger may say. He shows an invite's secret to the inviter, whose key the
 * transport has authenticated, and is made a peer of the store, or refused with a reason and no trace.
 *
 * Asking again after a lost answer is answered with the same welcome and uses nothing up: the device is a peer by then
 * through that invite. Guesses are limited per device and in total; a secret has 256 bits all the same.
 */
import { create, toBinary } from '@bufbuild/protobuf'
import { Role as WireRole } from '#proto/system'
import { JoinAnswerSchema, JoinRequestSchema, type JoinAnswer } from '#proto/wire'
import {
  bytesToHex,
  equalBytes,
  parseHash,
  type Hash,
  type HexKey,
  type PublicKey,
  type StoreId,
} from '#kernel/core/bytes.ts'
import { err, latticeError, ok, type LatticeError, type Result } from '#kernel/core/result.ts'
import type { Invite, Role, Store, StoreManager } from '#kernel/store/port.ts'
import type { Timers } from '../clock.ts'
import { FrameReader, FrameWriter } from '../framing.ts'
import { ADDRESSES_MAX, areAddresses, decode } from '../messages.ts'
import { StreamClosedError, type ByteStream, type Transport } from '../transport/port.ts'
import { checkExpiry, hashSecret, SECRET_LENGTH, type InviteLink } from './link.ts'

export const JOIN_PROTOCOL = '/lattice/join/1'
const JOIN_VERSION = 1
export const NAME_BYTES_MAX = 64
const JOIN_FRAME_MAX = 32 * 1024
/** A stranger gets so long for his one question, an inviter for its one answer. */
const ASK_MS = 10_000
const ANSWER_MS = 30_000
/** Wrong guesses before nobody is listened to, one forgiven per `FORGIVE_MS`. */
const GUESSES_MAX = 10
const FORGIVE_MS = 6_000

const REFUSALS = {
  'invite-unknown': 'the inviting device does not know this invite',
  'invite-expired': 'the invite has expired: ask for a new one',
  'invite-used-up': 'the invite was used already: ask for a new one',
  'invite-revoked': 'the invite was taken back: ask for a new one',
  'too-many-attempts': 'the inviting device was asked too often: try again in a minute',
  'join-failed': 'the inviting device could not admit this one: try again',
} as const
export type RefusalKind = keyof typeof REFUSALS
export type JoinErrorKind = RefusalKind | 'not-reachable' | 'join-garbled'
export type JoinError = LatticeError<JoinErrorKind>

const isRefusal = (kind: string): kind is RefusalKind => Object.hasOwn(REFUSALS, kind)

export interface Joined {
  readonly storeId: StoreId
  readonly type: string
  readonly name: string
  readonly role: Role
}

export interface JoinServerOptions {
  readonly transport: Transport
  readonly stores: StoreManager
  readonly timers: Timers
  /** Writes the PeerAdd that answers the invite. */
  admit(
    store: Store,
    peer: { readonly device: PublicKey; readonly name: string; readonly role: Role; readonly invite: Hash },
  ): Promise<Result<unknown, LatticeError>>
}

/** Serves invites of every store this device administers; returns the undo. */
export const serveJoin = (options: JoinServerOptions): (() => void) => {
  const guesses = new Guesses()
  /** Invites being answered, so that two joiners cannot both take the last use. */
  let admitting: Promise<unknown> = Promise.resolve()
  return options.transport.handle(JOIN_PROTOCOL, { maxPerPeer: 1 }, async (stream) => {
    const cancel = options.timers.after(ASK_MS, () => stream.abort('no question in time'))
    try {
      const frame = await new FrameReader(stream, JOIN_FRAME_MAX).next()
      cancel()
      const request = frame.ok && frame.value ? parseRequest(frame.value) : undefined
      if (!request) return stream.abort('not a join request')
      const answering = admitting.then(() => answer(options, guesses, stream.peer, request))
      admitting = answering.catch(() => undefined)
      await new FrameWriter(stream).write(toBinary(JoinAnswerSchema, await answering))
      await stream.end()
    } catch (error) {
      cancel()
      if (!(error instanceof StreamClosedError)) throw error
    }
  })
}

export interface Request {
  readonly storeId: Hash
  readonly secret: Uint8Array
  readonly deviceName: string
}

/** The question of a stranger. */
export const parseRequest = (bytes: Uint8Array): Request | undefined => {
  const decoded = decode(JoinRequestSchema, bytes)
  if (!decoded.ok || decoded.value.version !== JOIN_VERSION) return undefined
  const { secret, deviceName } = decoded.value
  const storeId = parseHash(decoded.value.storeId)
  const isNamed = deviceName.length > 0 && new TextEncoder().encode(deviceName).length <= NAME_BYTES_MAX
  if (!storeId.ok || secret.length !== SECRET_LENGTH || !isNamed) return undefined
  return { storeId: storeId.value, secret, deviceName }
}

const refuse = (kind: RefusalKind): JoinAnswer =>
  create(JoinAnswerSchema, { answer: { case: 'refused', value: { kind } } })

const answer = async (
  { stores, timers, transport, admit }: JoinServerOptions,
  guesses: Guesses,
  device: PublicKey,
  request: Request,
): Promise<JoinAnswer> => {
  const nowMs = timers.nowMs()
  if (guesses.areTooMany(bytesToHex(device), nowMs)) return refuse('too-many-attempts')
  const store = stores.get(request.storeId)
  const name = hashSecret(request.secret)
  const invite = store?.access.invites().find(({ secretHash }) => equalBytes(secretHash, name))
  if (!store || !invite || !store.access.mayAdminister(transport.self)) {
    guesses.add(bytesToHex(device), nowMs)
    return refuse('invite-unknown')
  }
  // A device that is in already, with as much right as the invite gives, asks again: it uses nothing up.
  const held = store.access.mayRead(device) ? store.access.peer(device)?.role : undefined
  if (held === undefined || RANKS[held] < RANKS[invite.role]) {
    const why = whyNot(invite, nowMs)
    if (why) return refuse(why)
    const admitted = await admit(store, { device, name: request.deviceName, role: invite.role, invite: name })
    if (!admitted.ok) return refuse('join-failed')
  }
  const addresses = transport.addresses().slice(0, ADDRESSES_MAX)
  const role = WIRE_ROLES[store.access.peer(device)?.role ?? invite.role]
  return create(JoinAnswerSchema, {
    answer: { case: 'accepted', value: { storeId: store.id, type: store.type, name: store.name, role, addresses } },
  })
}

const RANKS: Readonly<Record<Role, number>> = { reader: 1, writer: 2, admin: 3 }

const WIRE_ROLES: Readonly<Record<Role, WireRole>> = {
  reader: WireRole.READER,
  writer: WireRole.WRITER,
  admin: WireRole.ADMIN,
}

const whyNot = (invite: Invite, nowMs: number): RefusalKind | undefined => {
  if (invite.revoked) return 'invite-revoked'
  if (invite.expiresMs <= nowMs) return 'invite-expired'
  return invite.used >= invite.uses ? 'invite-used-up' : undefined
}

/** Wrong guesses, per device and over all: one is forgiven per `FORGIVE_MS`. Bounded by forgetting the forgiven. */
class Guesses {
  readonly #byDevice = new Map<HexKey, { level: number; atMs: number }>()

  areTooMany(device: HexKey, nowMs: number): boolean {
    for (const [key, { level, atMs }] of this.#byDevice)
      if (level - (nowMs - atMs) / FORGIVE_MS <= 0) this.#byDevice.delete(key)
    return this.#byDevice.size >= 10 * GUESSES_MAX || this.#level(device, nowMs) + 1 > GUESSES_MAX
  }

  add(device: HexKey, nowMs: number): void {
    this.#byDevice.set(device, { level: this.#level(device, nowMs) + 1, atMs: nowMs })
  }

  #level(device: HexKey, nowMs: number): number {
    const entry = this.#byDevice.get(device)
    return entry ? Math.max(0, entry.level - (nowMs - entry.atMs) / FORGIVE_MS) : 0
  }
}

export interface JoinOptions {
  readonly transport: Transport
  readonly stores: StoreManager
  readonly timers: Timers
  /** Where the inviter is, for reconnecting: `SyncEngine.remember`. */
  remember(peer: PublicKey, addresses: readonly string[]): Promise<void>
  /** What this device shall be called, 1 to 64 bytes. */
  readonly deviceName: string
  readonly signal?: AbortSignal
}

/** Answers an invite: dials the inviter, shows the secret, adopts the store. Its sessions start by themselves. */
export const join = async (link: InviteLink, options: JoinOptions): Promise<Result<Joined, LatticeError>> => {
  const { transport, stores, timers, signal } = options
  const fresh = checkExpiry(link, timers.nowMs())
  if (!fresh.ok) return fresh
  const connected = await transport.connect(link.inviter, link.addresses, signal)
  if (!connected.ok) return notReachable(connected.error.message)
  const stream = await transport.open(link.inviter, JOIN_PROTOCOL, { signal })
  if (!stream.ok) return notReachable(stream.error.message)
  const answered = await ask(stream.value, link, options)
  if (!answered.ok) return answered
  await options.remember(link.inviter, [...answered.value.addresses, ...link.addresses])
  const adopted = await stores.adopt(link.storeId)
  if (!adopted.ok) return adopted
  const { type, name, role } = answered.value
  return ok({ storeId: link.storeId, type, name, role: ROLE_NAMES[role] ?? link.role })
}

const ROLE_NAMES: Readonly<Partial<Record<WireRole, Role>>> = {
  [WireRole.READER]: 'reader',
  [WireRole.WRITER]: 'writer',
  [WireRole.ADMIN]: 'admin',
}

const notReachable = (why: string): { ok: false; error: JoinError } =>
  err(latticeError('not-reachable', 'retryable', `the inviting device cannot be reached: ${why}`))

export type Accepted = Extract<JoinAnswer['answer'], { case: 'accepted' }>['value']

const ask = async (
  stream: ByteStream,
  link: InviteLink,
  { timers, deviceName }: JoinOptions,
): Promise<Result<Accepted, JoinError>> => {
  const { storeId, secret } = link
  const request = create(JoinRequestSchema, { version: JOIN_VERSION, storeId, secret, deviceName })
  const cancel = timers.after(ANSWER_MS, () => stream.abort('no answer in time'))
  try {
    await new FrameWriter(stream).write(toBinary(JoinRequestSchema, request))
    await stream.end()
    const frame = await new FrameReader(stream, JOIN_FRAME_MAX).next()
    return frame.ok && frame.value ? parseAnswer(frame.value, storeId) : garbled
  } catch (error) {
    if (error instanceof StreamClosedError) return notReachable('the connection broke')
    throw error
  } finally {
    cancel()
  }
}

const garbled = err(latticeError('join-garbled' as const, 'retryable', 'the inviting device gave no clear answer'))

/** What the inviter says to whoever asks to join `storeId`. */
export const parseAnswer = (bytes: Uint8Array, storeId: StoreId): Result<Accepted, JoinError> => {
  const decoded = decode(JoinAnswerSchema, bytes)
  if (!decoded.ok) return garbled
  const { answer: leg } = decoded.value
  if (leg.case === 'refused' && isRefusal(leg.value.kind))
    return err(latticeError(leg.value.kind, 'permanent', REFUSALS[leg.value.kind]))
  if (leg.case !== 'accepted' || !equalBytes(leg.value.storeId, storeId) || !areAddresses(leg.value.addresses))
    return garbled
  return ok(leg.value)
}

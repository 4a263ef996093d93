/**
 * The inviter's side of `/lattice/join/1`, the one thing a stranger may say. He shows an invite's secret to a device
 * whose key the transport has authenticated, and is made a peer of the store, or refused with a reason and no trace;
 * an invite with approval agrees on words with him, and lets him wait until a person has answered.
 *
 * Asking again after a lost answer is answered with the same welcome and uses nothing up: the device is a peer by then
 * through that invite. Guesses are limited per device and in total; a secret has 256 bits all the same. Rounds for words
 * are limited too, and count once our nonce is out: who knows the words then may break off and come for others.
 */
import { create, toBinary } from '@bufbuild/protobuf'
import { JoinAnswerSchema, type JoinAnswer } from '#proto/wire'
import { bytesToHex, equalBytes, type Hash, type PublicKey } from '#kernel/core/bytes.ts'
import { err, latticeError, ok, type LatticeError, type Result } from '#kernel/core/result.ts'
import type { Invite, Role, Store, StoreManager } from '#kernel/store/port.ts'
import type { Timers } from '../clock.ts'
import { FrameReader, FrameWriter } from '../framing.ts'
import { ADDRESSES_MAX } from '../messages.ts'
import { StreamClosedError, type ByteStream, type Transport } from '../transport/port.ts'
import { hashSecret } from './link.ts'
import {
  cleanName,
  JOIN_FRAME_MAX,
  JOIN_PROTOCOL,
  parseRequest,
  parseReveal,
  refuse,
  REFUSALS,
  sayNonce,
  saysWordsDiffer,
  waiting,
  WIRE_ROLES,
  WORDS_DIFFER,
  type RefusalKind,
  type Request,
} from './protocol.ts'
import { Tally } from './tally.ts'
import { WaitingRoom, type Asked, type Ticket, type WaitingJoin } from './waiting.ts'
import { isCommittedTo, joinWords, NONCE_LENGTH } from './words.ts'

/** A stranger gets so long for his one question, and again for his nonce. */
const ASK_MS = 10_000
/** Wrong guesses of a device, and devices that guess, before nobody is listened to. */
const GUESSES = { max: 10, forgiveMs: 6_000, keysMax: 100 }
/** Rounds that no person has answered: of one device, and of one invite, under whatever keys. */
const ROUNDS_OF_DEVICE = { max: 8, forgiveMs: 30_000, keysMax: 1_000 }
export const ROUNDS_OF_INVITE = { max: 32, forgiveMs: 30_000, keysMax: 1_000 }
/** One that broke may still be there when the device asks again. */
const STREAMS_MAX = 2
const SHORT_KEY = 8

export interface JoinServerOptions {
  readonly transport: Transport
  readonly stores: StoreManager
  readonly timers: Timers
  /** Of a cryptographic generator. */
  readonly randomBytes: (length: number) => Uint8Array
  /** Writes the PeerAdd that answers the invite. */
  admit(
    store: Store,
    peer: { readonly device: PublicKey; readonly name: string; readonly role: Role; readonly invite: Hash },
  ): Promise<Result<unknown, LatticeError>>
}

/** A device that was let in just now. */
export interface Admitted {
  readonly store: Store
  readonly device: PublicKey
  readonly name: string
}

export interface JoinServerEvents {
  /** Who waits is no longer the same. */
  changed(): void
  /** A device began to wait for an answer; not told again when it comes back in another round. */
  requested(join: WaitingJoin): void
  joined(admitted: Admitted): void
}

type Listeners = { readonly [K in keyof JoinServerEvents]: Set<JoinServerEvents[K]> }

/** Serves invites of every store this device administers, until it is disposed of. */
export class JoinServer implements Disposable {
  readonly #options: JoinServerOptions
  readonly #guesses = new Tally(GUESSES)
  readonly #roundsOfDevice = new Tally(ROUNDS_OF_DEVICE)
  readonly #roundsOfInvite = new Tally(ROUNDS_OF_INVITE)
  readonly #room: WaitingRoom
  readonly #listeners: Listeners = { changed: new Set(), requested: new Set(), joined: new Set() }
  readonly #undo: () => void
  /** Devices are judged one at a time, so that two cannot both take the last use. */
  #judging: Promise<unknown> = Promise.resolve()

  constructor(options: JoinServerOptions) {
    this.#options = options
    this.#room = new WaitingRoom(options.timers, () => this.#listeners.changed.forEach((listener) => listener()))
    this.#undo = options.transport.handle(JOIN_PROTOCOL, { maxPerPeer: STREAMS_MAX }, (stream) => this.#serve(stream))
  }

  /** The devices that wait for an answer, oldest first. */
  waiting(): readonly WaitingJoin[] {
    return this.#room.list()
  }

  /**
   * A person's answer to a device that waits, in the round whose words he saw. Fails with `join-not-found` when it does not wait in it any
   * more, and with what the device is told when it cannot be let in after all.
   */
  async answer(id: string, accept: boolean): Promise<Result<void, LatticeError>> {
    const join = this.#room.list().find((each) => each.id === id)
    if (!join) return err(latticeError('join-not-found', 'permanent', 'this device does not wait any more'))
    if (join.differs) {
      this.#room.take(id)
      if (!accept) return ok(undefined)
      const words = 'the person at that device says that the words differ: it does not wait any more'
      return err(latticeError(WORDS_DIFFER, 'permanent', words))
    }
    // A person has looked: this round was no free draw.
    this.#roundsOfInvite.forgive(bytesToHex(join.invite), this.#options.timers.nowMs())
    if (!accept) {
      // Who is refused and asks again and again is listened to no more than who guesses.
      this.#guesses.add(bytesToHex(join.device), this.#options.timers.nowMs())
      this.#room.refuse(id)
      return ok(undefined)
    }
    const entry = this.#room.take(id)
    const answer = await this.#inTurn(() => this.#admit(join))
    entry?.resolve(answer)
    if (answer.answer.case !== 'refused') return ok(undefined)
    const kind = answer.answer.value.kind as RefusalKind
    return err(latticeError(kind, 'permanent', `the device could not be let in: ${REFUSALS[kind]}`))
  }

  /** Rights or invites may have changed: answers those who cannot wait any more, or are in already. */
  recheck(): void {
    for (const join of this.#room.list()) {
      const standing = this.#standing(join)
      if (standing === 'in') this.#room.settle(join.id, this.#welcome(join))
      else if (standing !== 'open') this.#room.settle(join.id, refuse(standing))
    }
  }

  on<K extends keyof JoinServerEvents>(event: K, listener: JoinServerEvents[K]): () => void {
    const listeners: Set<JoinServerEvents[K]> = this.#listeners[event]
    listeners.add(listener)
    return () => void listeners.delete(listener)
  }

  [Symbol.dispose](): void {
    this.#undo()
    for (const listeners of Object.values(this.#listeners)) listeners.clear()
    this.#room.close()
  }

  async #serve(stream: ByteStream): Promise<void> {
    const cancel = this.#options.timers.after(ASK_MS, () => stream.abort('no question in time'))
    try {
      const reader = new FrameReader(stream, JOIN_FRAME_MAX)
      const frame = await reader.next()
      cancel()
      const request = frame.ok && frame.value ? parseRequest(frame.value) : undefined
      if (!request) return stream.abort('not a join request')
      const judged = await this.#inTurn(() => this.#judge(stream.peer, request))
      const talk = { stream, reader, writer: new FrameWriter(stream) }
      const met = 'device' in judged ? await this.#meet(talk, request, judged) : judged
      const answer = met && 'join' in met ? await this.#wait(talk, met) : met
      if (!answer) return
      await say(talk, answer)
      await stream.end()
    } catch (error) {
      cancel()
      if (!(error instanceof StreamClosedError)) throw error
    }
  }

  /**
   * The round for the words. Our nonce is made here: after the joiner has committed to its own, and for this stream
   * alone. Undefined: the joiner did not go through with it.
   */
  async #meet(talk: Talk, { secret, commitment }: Request, asked: Applicant): Promise<JoinAnswer | Ticket | undefined> {
    const { transport, timers, randomBytes } = this.#options
    const pair = { inviter: transport.self, joiner: asked.device }
    const inviterNonce = randomBytes(NONCE_LENGTH)
    const cancel = timers.after(ASK_MS, () => talk.stream.abort('no nonce in time'))
    let joinerNonce: Uint8Array | undefined
    try {
      await say(talk, sayNonce(inviterNonce))
      const frame = await talk.reader.next()
      joinerNonce = frame.ok && frame.value ? parseReveal(frame.value) : undefined
    } finally {
      cancel()
    }
    if (!joinerNonce) {
      talk.stream.abort('not a nonce')
      return undefined
    }
    if (!isCommittedTo(commitment, pair, joinerNonce)) {
      this.#guesses.add(bytesToHex(asked.device), timers.nowMs())
      return refuse('join-mismatched')
    }
    return this.#enter({ ...asked, words: joinWords({ ...pair, secret, inviterNonce, joinerNonce }) }, inviterNonce)
  }

  /** The invite is judged again: a while has passed. */
  #enter(asked: Asked, round: Uint8Array): JoinAnswer | Ticket {
    const standing = this.#standing(asked)
    if (standing === 'in') return this.#welcome(asked)
    if (standing !== 'open') return refuse(standing)
    if (this.#room.takeRefusal(asked)) return refuse('join-refused')
    const entered = this.#room.enter(asked, round, inviteOf(asked.store, asked.invite)!.expiresMs)
    if (!entered) return refuse('too-many-waiting')
    if (entered.isNew) this.#listeners.requested.forEach((listener) => listener(entered.ticket.join))
    return entered.ticket
  }

  /** Undefined: the device is gone, and was taken off the list if it gave up; or it asks on another stream. */
  async #wait(talk: Talk, ticket: Ticket): Promise<JoinAnswer | undefined> {
    const { stream, reader } = talk
    const { join, answered } = ticket
    const gone = say(talk, waiting())
      .then(() => reader.next())
      .then(
        // It has said all it may say but why it leaves: an end, or anything more, is the end of its wait.
        (frame) => (frame.ok && frame.value && saysWordsDiffer(frame.value) ? 'differs' : 'left'),
        (error: unknown) => {
          if (error instanceof StreamClosedError) return 'lost'
          throw error
        },
      )
    const answer = await Promise.race([answered, gone])
    if (typeof answer === 'object') return answer
    if (answer === 'differs') this.#room.differ(join.id)
    else if (answer !== undefined) this.#room.leave(ticket, answer === 'left')
    stream.abort('the device waits no longer here')
    return undefined
  }

  #inTurn<T>(work: () => Promise<T>): Promise<T> {
    const done = this.#judging.then(work)
    this.#judging = done.catch(() => undefined)
    return done
  }

  /** An applicant: a person is to be asked, and may be. A ticket: he is asked already, in the round that broke off. */
  async #judge(device: PublicKey, request: Request): Promise<JoinAnswer | Applicant | Ticket> {
    const { stores, timers, transport } = this.#options
    const nowMs = timers.nowMs()
    const hex = bytesToHex(device)
    if (this.#guesses.isFull(hex, nowMs)) return refuse('too-many-attempts')
    const store = stores.get(request.storeId)
    const name = hashSecret(request.secret)
    const invite = store && inviteOf(store, name)
    if (!store || !invite || !store.access.mayAdminister(transport.self)) {
      this.#guesses.add(hex, nowMs)
      return refuse('invite-unknown')
    }
    const asked = {
      device,
      deviceName: cleanName(request.deviceName) || hex.slice(0, SHORT_KEY),
      address: transport.connections().find(({ peerKey }) => peerKey === hex)?.remoteAddress ?? '',
      store,
      invite: name,
      role: invite.role,
    }
    const standing = this.#standing(asked)
    if (standing !== 'open' || !invite.approval) return this.#admit(asked)
    // No draw: its nonces were shown before, and so were its words.
    const resumed = request.round && this.#room.resume(asked, request.round, invite.expiresMs)
    if (resumed) return resumed
    const inviteHex = bytesToHex(name)
    if (this.#roundsOfDevice.isFull(hex, nowMs) || this.#roundsOfInvite.isFull(inviteHex, nowMs))
      return refuse('too-many-attempts')
    this.#roundsOfDevice.add(hex, nowMs)
    this.#roundsOfInvite.add(inviteHex, nowMs)
    return asked
  }

  /** A device that is in already, with as much right as the invite gives, asks again: it uses nothing up. */
  #standing({ store, device, invite: name }: Pick<WaitingJoin, 'store' | 'device' | 'invite'>): Standing {
    const invite = this.#options.stores.get(store.id) === store ? inviteOf(store, name) : undefined
    if (!invite || !store.access.mayAdminister(this.#options.transport.self)) return 'invite-unknown'
    const held = store.access.mayRead(device) ? store.access.peer(device)?.role : undefined
    if (held !== undefined && RANKS[held] >= RANKS[invite.role]) return 'in'
    return whyNot(invite, this.#options.timers.nowMs()) ?? 'open'
  }

  async #admit(asked: Applicant): Promise<JoinAnswer> {
    const { store, device, deviceName, role, invite } = asked
    const standing = this.#standing(asked)
    if (standing === 'open') {
      const admitted = await this.#options.admit(store, { device, name: deviceName, role, invite })
      if (!admitted.ok) return refuse('join-failed')
      this.#listeners.joined.forEach((listener) => listener({ store, device, name: deviceName }))
    } else if (standing !== 'in') return refuse(standing)
    return this.#welcome(asked)
  }

  #welcome({ store, device, role: invited }: Pick<WaitingJoin, 'store' | 'device' | 'role'>): JoinAnswer {
    const addresses = this.#options.transport.addresses().slice(0, ADDRESSES_MAX)
    const role = WIRE_ROLES[store.access.peer(device)?.role ?? invited]
    return create(JoinAnswerSchema, {
      answer: { case: 'accepted', value: { storeId: store.id, type: store.type, name: store.name, role, addresses } },
    })
  }
}

type Applicant = Omit<Asked, 'words'>

interface Talk {
  readonly stream: ByteStream
  readonly reader: FrameReader
  readonly writer: FrameWriter
}

const say = ({ writer }: Talk, answer: JoinAnswer): Promise<void> => writer.write(toBinary(JoinAnswerSchema, answer))

type Standing = 'in' | 'open' | RefusalKind

const RANKS: Readonly<Record<Role, number>> = { reader: 1, writer: 2, admin: 3 }

const inviteOf = (store: Store, name: Hash): Invite | undefined =>
  store.access.invites().find(({ secretHash }) => equalBytes(secretHash, name))

const whyNot = (invite: Invite, nowMs: number): RefusalKind | undefined => {
  if (invite.revoked) return 'invite-revoked'
  if (invite.expiresMs <= nowMs) return 'invite-expired'
  return invite.used >= invite.uses ? 'invite-used-up' : undefined
}

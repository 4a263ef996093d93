/**
 * The inviter's side of `/lattice/join/1`, the one thing a stranger may say. He shows an invite's secret to a device
 * whose key the transport has authenticated, and is made a peer of the store, or refused with a reason and no trace;
 * an invite with approval lets him wait until a person has answered.
 *
 * Asking again after a lost answer is answered with the same welcome and uses nothing up: the device is a peer by then
 * through that invite. Guesses are limited per device and in total; a secret has 256 bits all the same.
 */
import { create, toBinary } from '@bufbuild/protobuf'
import { JoinAnswerSchema, type JoinAnswer } from '#proto/wire'
import { bytesToHex, equalBytes, type Hash, type HexKey, type PublicKey } from '#kernel/core/bytes.ts'
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
  refuse,
  REFUSALS,
  waiting,
  WIRE_ROLES,
  type RefusalKind,
  type Request,
} from './protocol.ts'
import { WaitingRoom, type Ticket, type WaitingJoin } from './waiting.ts'
import { joinWords } from './words.ts'

/** A stranger gets so long for his one question. */
const ASK_MS = 10_000
/** Wrong guesses before nobody is listened to, one forgiven per `FORGIVE_MS`. */
const GUESSES_MAX = 10
const FORGIVE_MS = 6_000
/** One that broke may still be there when the device asks again. */
const STREAMS_MAX = 2
const SHORT_KEY = 8

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

/** A device that was let in just now. */
export interface Admitted {
  readonly store: Store
  readonly device: PublicKey
  readonly name: string
}

export interface JoinServerEvents {
  /** Who waits is no longer the same. */
  changed(): void
  /** A device began to wait for an answer. */
  requested(join: WaitingJoin): void
  joined(admitted: Admitted): void
}

type Listeners = { readonly [K in keyof JoinServerEvents]: Set<JoinServerEvents[K]> }

/** Serves invites of every store this device administers, until it is disposed of. */
export class JoinServer implements Disposable {
  readonly #options: JoinServerOptions
  readonly #guesses = new Guesses()
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
   * A person's answer to a device that waits. Fails with `join-not-found` when it does not wait any more, and with what
   * the device is told when it cannot be let in after all.
   */
  async answer(id: string, accept: boolean): Promise<Result<void, LatticeError>> {
    const join = this.#room.list().find((each) => each.id === id)
    if (!join) return err(latticeError('join-not-found', 'permanent', 'this device does not wait any more'))
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
      const writer = new FrameWriter(stream)
      const answer = 'join' in judged ? await this.#wait(stream, reader, writer, judged) : judged
      if (!answer) return
      await writer.write(toBinary(JoinAnswerSchema, answer))
      await stream.end()
    } catch (error) {
      cancel()
      if (!(error instanceof StreamClosedError)) throw error
    }
  }

  /** Undefined: the device is gone, and was taken off the list if it gave up. */
  async #wait(
    stream: ByteStream,
    reader: FrameReader,
    writer: FrameWriter,
    { join, answered }: Ticket,
  ): Promise<JoinAnswer | undefined> {
    const gone = writer
      .write(toBinary(JoinAnswerSchema, waiting()))
      .then(() => reader.next())
      .then(
        // It has said all it may say: an end, or anything more, is the end of its wait.
        () => true,
        (error: unknown) => {
          if (error instanceof StreamClosedError) return false
          throw error
        },
      )
    const answer = await Promise.race([answered, gone])
    if (typeof answer !== 'boolean') return answer
    this.#room.leave(join.id, answer)
    stream.abort('the device waits no longer')
    return undefined
  }

  #inTurn<T>(work: () => Promise<T>): Promise<T> {
    const done = this.#judging.then(work)
    this.#judging = done.catch(() => undefined)
    return done
  }

  async #judge(device: PublicKey, request: Request): Promise<JoinAnswer | Ticket> {
    const { stores, timers, transport } = this.#options
    const nowMs = timers.nowMs()
    const hex = bytesToHex(device)
    if (this.#guesses.areTooMany(hex, nowMs)) return refuse('too-many-attempts')
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
      words: joinWords({ inviter: transport.self, joiner: device, secret: request.secret }),
    }
    const standing = this.#standing(asked)
    if (standing !== 'open' || !invite.approval) return this.#admit(asked)
    if (this.#room.takeRefusal(asked)) return refuse('join-refused')
    const entered = this.#room.enter(asked, invite.expiresMs)
    if (!entered) return refuse('too-many-waiting')
    if (entered.isNew) this.#listeners.requested.forEach((listener) => listener(entered.ticket.join))
    return entered.ticket
  }

  /** A device that is in already, with as much right as the invite gives, asks again: it uses nothing up. */
  #standing({ store, device, invite: name }: Pick<WaitingJoin, 'store' | 'device' | 'invite'>): Standing {
    const invite = this.#options.stores.get(store.id) === store ? inviteOf(store, name) : undefined
    if (!invite || !store.access.mayAdminister(this.#options.transport.self)) return 'invite-unknown'
    const held = store.access.mayRead(device) ? store.access.peer(device)?.role : undefined
    if (held !== undefined && RANKS[held] >= RANKS[invite.role]) return 'in'
    return whyNot(invite, this.#options.timers.nowMs()) ?? 'open'
  }

  async #admit(asked: Omit<WaitingJoin, 'id' | 'sinceMs'>): Promise<JoinAnswer> {
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

type Standing = 'in' | 'open' | RefusalKind

const RANKS: Readonly<Record<Role, number>> = { reader: 1, writer: 2, admin: 3 }

const inviteOf = (store: Store, name: Hash): Invite | undefined =>
  store.access.invites().find(({ secretHash }) => equalBytes(secretHash, name))

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

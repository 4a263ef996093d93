/**
 * The shell of a session: feeds the machine with frames, reads and ingests, and carries out what it says.
 * Frames are read while batches are applied; what is read ahead is bounded by the credit the machine enforces.
 */
import { create, toBinary } from '@bufbuild/protobuf'
import { SessionMessageSchema, type SessionMessage } from '#proto/wire'
import { hexToBytes, parseHash, type Hash } from '#kernel/core/bytes.ts'
import { invariant, latticeError, type Result } from '#kernel/core/result.ts'
import type { Rejected, Store } from '#kernel/store/port.ts'
import type { Timers } from '../clock.ts'
import { FrameReader, FrameWriter } from '../framing.ts'
import { decodeSession, VECTOR_MAX, type SessionLeg } from '../messages.ts'
import { initiate, reconcile, respond } from '../reconcile/reconcile.ts'
import { StreamClosedError, type ByteStream } from '../transport/port.ts'
import {
  SESSION_VERSION,
  sessionErrors,
  startSession,
  step,
  type Claim,
  type Role,
  type SessionEffect,
  type SessionError,
  type SessionEvent,
  type SessionLegInit,
  type SessionState,
  type Standing,
  type Tally,
} from './machine.ts'
import { Credit } from './credit.ts'
import { readClaim, type Outgoing } from './outgoing.ts'

export const SESSION_PROTOCOL = '/lattice/session/1'
/** A peer that says nothing for so long in the middle of a session is gone. */
export const SILENCE_MS = 30_000
const RECONCILE_FRAME_LIMIT = 256 * 1024
/** Missing parents asked for at a time. */
const MISSING_MAX = 4096

export interface SessionOutcome {
  readonly error: SessionError | undefined
  /** Both sides were equal when they finished. False: something changed meanwhile, or an intention was refused. */
  readonly level: boolean
  readonly tally: Tally
  readonly rejected: readonly Rejected[]
}

export interface SessionOptions {
  readonly timers: Timers
  /** False once the store was removed or the engine has stopped: nothing can be read from there on. Default: held. */
  readonly isHeld?: () => boolean
  /** The peer may read the store; else it is sent nothing. */
  readonly serves: boolean
  /** Distrust vectors: an earlier session ended unequal. */
  readonly reconcile?: boolean
}

/** Opens a session on a fresh stream. Never rejects. */
export const openSession = (stream: ByteStream, store: Store, options: SessionOptions): Promise<SessionOutcome> =>
  new Session(stream, new FrameReader(stream), store, 'opener', options).run(undefined)

export interface Answering {
  readonly timers: Timers
  /** The store, if the peer may speak of it; unknown and forbidden look alike. */
  lookup(storeId: Hash): (Omit<SessionOptions, 'timers'> & { readonly store: Store }) | undefined
}

/** Answers a stream that a peer opened. Undefined: it was refused, or gone before its hello. Never rejects. */
export const answerSession = async (
  stream: ByteStream,
  answering: Answering,
): Promise<{ readonly store: Store; readonly outcome: SessionOutcome } | undefined> => {
  const reader = new FrameReader(stream)
  const cancel = answering.timers.after(SILENCE_MS, () => stream.abort('no hello in time'))
  const leg = await readLeg(reader)
  cancel()
  if (!leg?.ok || leg.value.case !== 'hello') {
    stream.abort('no hello')
    return undefined
  }
  const id = parseHash(leg.value.value.storeId)
  const found = id.ok ? answering.lookup(id.value) : undefined
  if (!found) {
    await refuse(stream)
    return undefined
  }
  const session = new Session(stream, reader, found.store, 'answerer', { ...found, timers: answering.timers })
  return { store: found.store, outcome: await session.run(leg.value) }
}

const refuse = async (stream: ByteStream): Promise<void> => {
  try {
    const message = create(SessionMessageSchema, {
      message: { case: 'refused', value: { version: SESSION_VERSION } },
    })
    await new FrameWriter(stream).write(toBinary(SessionMessageSchema, message))
    await stream.end()
  } catch (error) {
    if (!(error instanceof StreamClosedError)) throw error
  }
}

/** The next message; undefined: the stream ended or broke. */
const readLeg = async (reader: FrameReader): Promise<Result<SessionLeg, SessionError> | undefined> => {
  try {
    const frame = await reader.next()
    if (!frame.ok) return { ok: false, error: latticeError('message-malformed', 'permanent', frame.error.message) }
    if (frame.value === undefined) return undefined
    return decodeSession(frame.value)
  } catch (error) {
    if (error instanceof StreamClosedError) return undefined
    throw error
  }
}

/**
 * The store's set as a Hello tells it. A device that does not know yet whether the peer may read (`serves` false) tells
 * how much it has, but not of whom.
 */
export const standingOf = (store: Store, options: { reconcile?: boolean; serves: boolean }): Standing => {
  const { count } = store.dag
  const vector = store.dag.vector()
  const isSure = store.dag.forkedAuthors().size === 0 && vector.size <= VECTOR_MAX
  const isTold = isSure && (options.serves || count === 0)
  return {
    count,
    fingerprint: store.dag.fingerprint(),
    vector: isTold ? vector : undefined,
    reconcile: (options.reconcile ?? false) || !isTold,
  }
}

const GONE: SessionEvent = { type: 'failed', error: sessionErrors.broken }
const REVOKED: SessionEvent = { type: 'failed', error: sessionErrors.revoked }

class Session {
  readonly #stream: ByteStream
  readonly #reader: FrameReader
  readonly #writer: FrameWriter
  readonly #store: Store
  readonly #timers: Timers
  readonly #credit: Credit
  readonly #wasReader: boolean
  readonly #isHeld: () => boolean
  readonly #rejected: Rejected[] = []
  readonly #done = Promise.withResolvers<SessionOutcome>()
  #state: SessionState
  #reading: { readonly claim: Claim; readonly outgoing: Outgoing } | undefined
  #ingests: Promise<void> = Promise.resolve()
  #sent: Promise<void> = Promise.resolve()
  #cancelDeadline: (() => void) | undefined

  constructor(stream: ByteStream, reader: FrameReader, store: Store, role: Role, options: SessionOptions) {
    this.#stream = stream
    this.#reader = reader
    this.#writer = new FrameWriter(stream)
    this.#store = store
    this.#timers = options.timers
    this.#credit = new Credit(options.timers.nowMs())
    this.#isHeld = options.isHeld ?? (() => true)
    this.#wasReader = store.access.mayRead(stream.peer)
    this.#state = startSession(role, standingOf(store, options), options.serves)
  }

  async run(hello: SessionLeg | undefined): Promise<SessionOutcome> {
    this.#rearm()
    this.#handle(hello ? { type: 'received', leg: hello } : { type: 'opened' })
    const [outcome] = await Promise.all([this.#done.promise, this.#pump()])
    return outcome
  }

  /** Frames in, one at a time, until the session is over. */
  async #pump(): Promise<void> {
    while (this.#state.phase !== 'closed') {
      // A reconciliation goes back and forth: who asks again without taking the answer waits until he has taken it.
      if (this.#state.phase === 'reconcile') await this.#sent.catch(() => undefined)
      const received = await readLeg(this.#reader)
      this.#rearm()
      if (!received) this.#handle({ type: 'failed', error: sessionErrors.broken })
      else if (!received.ok) this.#handle({ type: 'failed', error: received.error })
      else this.#handle({ type: 'received', leg: received.value })
    }
  }

  #rearm(): void {
    this.#cancelDeadline?.()
    if (this.#state.phase === 'closed') return
    this.#cancelDeadline = this.#timers.after(SILENCE_MS, () => {
      // Silence while a batch is being applied here is ours, not the peer's.
      if (this.#state.applying > 0) this.#rearm()
      else this.#handle({ type: 'failed', error: sessionErrors.timeout })
    })
  }

  /** Revoked while the session runs: it ends here, whatever was going to be said. */
  #isRevoked({ type }: SessionEvent): boolean {
    if (!this.#wasReader || type === 'failed' || this.#state.phase === 'closed') return false
    return !this.#store.access.mayRead(this.#stream.peer)
  }

  #handle(event: SessionEvent): void {
    const { state, effects } = step(this.#state, this.#isHeld() ? (this.#isRevoked(event) ? REVOKED : event) : GONE)
    this.#state = state
    for (const effect of effects) this.#perform(effect)
  }

  #perform(effect: SessionEffect): void {
    switch (effect.type) {
      case 'send':
        return this.#send(effect.leg)
      case 'read':
        return this.#read(effect.claim, effect.budget)
      case 'ingest':
        return this.#ingest(effect.items, effect.bytes)
      case 'initiate':
        return this.#send({ case: 'reconcile', message: initiate(this.#store.dag.ranges, RECONCILE_FRAME_LIMIT) })
      case 'answer-reconcile': {
        const answer = respond(this.#store.dag.ranges, effect.message, RECONCILE_FRAME_LIMIT)
        if (!answer.ok) return this.#handle({ type: 'failed', error: answer.error })
        return this.#handle({ type: 'reconciled', have: [], need: [], message: answer.value })
      }
      case 'continue-reconcile': {
        const found = reconcile(this.#store.dag.ranges, effect.message, RECONCILE_FRAME_LIMIT)
        if (!found.ok) return this.#handle({ type: 'failed', error: found.error })
        return this.#handle({ type: 'reconciled', ...found.value })
      }
      case 'measure': {
        const { count } = this.#store.dag
        return this.#handle({ type: 'measured', count, fingerprint: this.#store.dag.fingerprint() })
      }
      case 'close':
        return this.#close(effect.error, effect.level)
    }
  }

  /** The next batch goes out once the stream takes it: a slow peer is never read ahead for. */
  #read(claim: Claim, budget: number): void {
    if (this.#reading?.claim !== claim)
      this.#reading = { claim, outgoing: readClaim(this.#store.dag, claim, this.#state.peer?.count === 0) }
    const { outgoing } = this.#reading
    this.#sent.then(
      () => this.#handle(this.#isHeld() ? { type: 'read', ...outgoing.next(budget) } : GONE),
      () => undefined,
    )
  }

  #send(leg: SessionLegInit): void {
    this.#sent = this.#writer.write(toBinary(SessionMessageSchema, this.#encode(leg)))
    this.#sent.catch((error: unknown) => {
      if (!(error instanceof StreamClosedError)) throw error
      this.#handle({ type: 'failed', error: sessionErrors.broken })
    })
  }

  #encode(leg: SessionLegInit): SessionMessage {
    if (leg.case === 'hello') return helloOf(this.#store.id, this.#state.local)
    const { case: kind, ...value } = leg
    const counted = leg.case === 'finished' ? { ...value, count: BigInt(leg.count) } : value
    return create(SessionMessageSchema, { message: { case: kind, value: counted } as SessionMessage['message'] })
  }

  /** One batch after the other; a refused intention is counted, a failed commit ends the session. */
  #ingest(items: readonly Uint8Array[], bytes: number): void {
    this.#credit.arrived(bytes, this.#timers.nowMs())
    this.#ingests = this.#ingests.then(async () => {
      if (this.#state.phase === 'closed') return
      const done = await this.#store.ingest(items, this.#stream.peer)
      if (!done.ok)
        return this.#handle({
          type: 'failed',
          error: latticeError('session-ingest', done.error.severity, done.error.message),
        })
      this.#rejected.push(...done.value.rejected)
      if (!this.#isHeld()) return this.#handle(GONE)
      const missing = this.#store.dag.missing(MISSING_MAX)
      const given = this.#credit.applied(bytes, this.#timers.nowMs())
      this.#handle({ type: 'applied', report: done.value, bytes, given, missing })
    })
  }

  #close(error: SessionError | undefined, level: boolean): void {
    this.#cancelDeadline?.()
    const finish = async (): Promise<void> => {
      await this.#sent
      await this.#stream.end()
    }
    finish().then(
      () => undefined,
      (cause: unknown) => {
        if (!(cause instanceof StreamClosedError)) throw cause
      },
    )
    // What failed may leave the peer writing into nothing: it learns from the broken stream, after our word on why.
    if (error) this.#timers.after(0, () => this.#stream.abort(error.kind))
    this.#done.resolve({ error, level, tally: this.#state.tally, rejected: this.#rejected })
  }
}

const helloOf = (storeId: Hash, standing: Standing): SessionMessage => {
  const vector = [...(standing.vector ?? [])].map(([key, seq]) => {
    const author = hexToBytes(key)
    invariant(author.ok, 'a vector is keyed by hex')
    return { author: author.value, seq: BigInt(seq) }
  })
  const { count, fingerprint, reconcile } = standing
  const value = { version: SESSION_VERSION, storeId, count: BigInt(count), fingerprint, vector, reconcile }
  return create(SessionMessageSchema, { message: { case: 'hello', value } })
}

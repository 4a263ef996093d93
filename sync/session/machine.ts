/**
 * One session: two devices, one store, one stream; it leaves both sides with the same set of intentions.
 *
 * Pure: `step` takes what happened and says what to do. Each side claims things of the other, in order: with its
 * Hello what the vectors show it lacks (or what the reconciliation finds), with each Fetch those hashes. `Intentions`
 * carry how many of the receiver's claims are answered in full. Once all are, and all that came was applied, and no
 * parent is missing that the peer could have, a side says Finished; both said: the session is over.
 *
 * Sends are against credit: `WINDOW_MIN` unapplied at the receiver at first, who gives back as much as it has applied,
 * or more, up to `WINDOW_MAX` at a time.
 */
import type { SessionLeg } from '../messages.ts'
import { bytesToHex, equalBytes, type Hash, type HexKey } from '#kernel/core/bytes.ts'
import { latticeError, type LatticeError } from '#kernel/core/result.ts'
import type { IngestReport } from '#kernel/store/port.ts'
import { WINDOW_MIN } from '../blobs/window.ts'
import { WINDOW_MAX } from './credit.ts'
import { HASHES_MAX } from '../messages.ts'

export const SESSION_VERSION = 1
/** Fetches unanswered at a time; the rest of what is needed waits here. */
const FETCHES_MAX = 4
/** Rounds of asking for missing parents. Each must bring something, so only a liar reaches it. */
const PARENT_ROUNDS_MAX = 64
/** In a reconciliation the peer may send what it witnessed since its Hello, too. */
const UNPROMISED_MAX = 4096

export type SessionErrorKind =
  | 'session-refused'
  | 'session-version'
  | 'session-out-of-turn'
  | 'session-incomplete'
  | 'session-excess'
  | 'session-timeout'
  | 'session-broken'
  | 'session-revoked'
  | 'session-failed-there'
  | 'session-ingest'
  | 'reconcile-malformed'
  | 'reconcile-version'
  | 'message-malformed'
export type SessionError = LatticeError<SessionErrorKind>

/** What one side says of itself in its Hello. */
export interface Standing {
  readonly count: number
  readonly fingerprint: Uint8Array
  /** Undefined: not told. */
  readonly vector: ReadonlyMap<HexKey, number> | undefined
  readonly reconcile: boolean
}

/** What the peer is to be sent, in this order. */
export type Claim =
  | { readonly kind: 'chains'; readonly ranges: ReadonlyMap<HexKey, readonly [from: number, to: number]> }
  | { readonly kind: 'hashes'; readonly hashes: readonly Hash[] }

export type Role = 'opener' | 'answerer'

export interface Tally {
  readonly witnessed: number
  readonly floating: number
  readonly known: number
  readonly rejected: number
  readonly sent: number
}

export interface SessionState {
  readonly phase: 'hello' | 'reconcile' | 'exchange' | 'closed'
  readonly role: Role
  readonly local: Standing
  /** May the peer read? If not, it is sent nothing: a bootstrapping device does not know yet who may. */
  readonly serves: boolean
  readonly peer: Standing | undefined
  readonly credit: number
  /** Batches sent for which the peer has not given credit yet. */
  readonly unrepaid: number
  /** Claims of the peer not answered yet; the shell reads the first. */
  readonly claims: readonly Claim[]
  readonly claimsAnswered: number
  /** A read is under way. */
  readonly reading: boolean
  /** Haves that the reconciliation has found so far: the peer's first claim once it is complete. */
  readonly have: ReadonlyMap<HexKey, Hash>
  /** Ids still to be fetched, each at most once. */
  readonly wanted: readonly Hash[]
  readonly asked: ReadonlySet<HexKey>
  readonly claimsMade: number
  readonly claimsDone: number
  readonly promised: number
  readonly arrived: number
  /** Bytes handed to ingest and not yet reported applied. */
  readonly applying: number
  readonly missing: ReadonlyMap<HexKey, Hash>
  readonly parentRounds: number
  readonly finishedSent: boolean
  readonly finishedReceived: Standing | undefined
  readonly tally: Tally
}

export type SessionEvent =
  | { readonly type: 'opened' }
  | { readonly type: 'received'; readonly leg: SessionLeg }
  /** The next items of the first claim; `done`: there are no more of it. */
  | { readonly type: 'read'; readonly items: readonly Uint8Array[]; readonly done: boolean }
  | {
      readonly type: 'applied'
      readonly report: IngestReport
      readonly bytes: number
      /** Credit for the peer. */
      readonly given: number
      readonly missing: readonly Hash[]
    }
  | {
      readonly type: 'reconciled'
      readonly have: readonly Hash[]
      readonly need: readonly Hash[]
      readonly message: Uint8Array | undefined
    }
  /** The set as it is now, asked for with the effect `measure`. */
  | { readonly type: 'measured'; readonly count: number; readonly fingerprint: Uint8Array }
  | { readonly type: 'failed'; readonly error: SessionError }

export type SessionEffect =
  | { readonly type: 'send'; readonly leg: SessionLegInit }
  | { readonly type: 'read'; readonly claim: Claim; readonly budget: number }
  | { readonly type: 'ingest'; readonly items: readonly Uint8Array[]; readonly bytes: number }
  | { readonly type: 'initiate' }
  | { readonly type: 'answer-reconcile'; readonly message: Uint8Array }
  | { readonly type: 'continue-reconcile'; readonly message: Uint8Array }
  | { readonly type: 'measure' }
  | { readonly type: 'close'; readonly error: SessionError | undefined; readonly level: boolean }

/** What to send, before it is encoded. */
export type SessionLegInit =
  | { readonly case: 'hello' }
  | { readonly case: 'intentions'; readonly items: readonly Uint8Array[]; readonly completed: number }
  | { readonly case: 'credit'; readonly bytes: number }
  | { readonly case: 'reconcile'; readonly message: Uint8Array }
  | { readonly case: 'fetch'; readonly hashes: readonly Hash[] }
  | { readonly case: 'finished'; readonly count: number; readonly fingerprint: Uint8Array }
  | { readonly case: 'failed'; readonly kind: string }

export interface Step {
  readonly state: SessionState
  readonly effects: readonly SessionEffect[]
}

export const startSession = (role: Role, local: Standing, serves: boolean): SessionState => ({
  phase: 'hello',
  role,
  local,
  serves,
  peer: undefined,
  credit: WINDOW_MIN,
  unrepaid: 0,
  claims: [],
  claimsAnswered: 0,
  reading: false,
  have: new Map(),
  wanted: [],
  asked: new Set(),
  claimsMade: 1,
  claimsDone: 0,
  promised: 0,
  arrived: 0,
  applying: 0,
  missing: new Map(),
  parentRounds: 0,
  finishedSent: false,
  finishedReceived: undefined,
  tally: { witnessed: 0, floating: 0, known: 0, rejected: 0, sent: 0 },
})

const sessionError = (kind: SessionErrorKind, message: string): SessionError =>
  latticeError(kind, kind === 'session-refused' || kind === 'session-revoked' ? 'denied' : 'retryable', message)

export const sessionErrors = {
  timeout: sessionError('session-timeout', 'the peer fell silent in the middle of a session'),
  revoked: sessionError('session-revoked', 'the peer may no longer read the store'),
  broken: sessionError('session-broken', 'the connection broke in the middle of a session'),
} as const

export const step = (state: SessionState, event: SessionEvent): Step => {
  if (state.phase === 'closed') return { state, effects: [] }
  switch (event.type) {
    case 'opened':
      return { state, effects: [{ type: 'send', leg: { case: 'hello' } }] }
    case 'received':
      return receive(state, event.leg)
    case 'read':
      return advance(afterRead(state, event.items, event.done))
    case 'applied':
      return advance(afterApplied(state, event))
    case 'reconciled':
      return afterReconciled(state, event)
    case 'measured':
      return finish(state, event.count, event.fingerprint)
    case 'failed':
      return fail(state, event.error)
  }
}

/** After these there is nobody to tell, or nobody who may be told. */
const QUIET_ERRORS: ReadonlySet<SessionErrorKind> = new Set([
  'session-broken',
  'session-failed-there',
  'session-refused',
  'session-revoked',
])

const fail = (state: SessionState, error: SessionError): Step => {
  const tell: SessionEffect[] = QUIET_ERRORS.has(error.kind)
    ? []
    : [{ type: 'send', leg: { case: 'failed', kind: error.kind } }]
  return { state: { ...state, phase: 'closed' }, effects: [...tell, { type: 'close', error, level: false }] }
}

const outOfTurn = (state: SessionState, what: string): Step =>
  fail(state, sessionError('session-out-of-turn', `the peer sent ${what} out of turn`))

const receive = (state: SessionState, leg: SessionLeg): Step => {
  switch (leg.case) {
    case 'hello':
      return state.phase === 'hello' ? greet(state, leg.value) : outOfTurn(state, 'a second hello')
    case 'refused':
      return fail(state, sessionError('session-refused', 'the peer does not share this store'))
    case 'failed':
      return fail(state, sessionError('session-failed-there', `the peer gave the session up: ${leg.value.kind}`))
    case 'reconcile':
      return onReconcile(state, leg.value.message)
    case 'intentions':
      return onIntentions(state, leg.value.items, leg.value.completed)
    case 'credit':
      if (state.unrepaid === 0) return outOfTurn(state, 'credit for nothing')
      return advance({
        state: {
          ...state,
          credit: Math.min(WINDOW_MAX, state.credit + leg.value.bytes),
          unrepaid: state.unrepaid - 1,
        },
        effects: [],
      })
    case 'fetch':
      if (state.phase === 'hello') return outOfTurn(state, 'a fetch')
      if (state.claims.length > FETCHES_MAX)
        return fail(state, sessionError('session-excess', 'the peer asks for more than it may at a time'))
      return advance({
        state: {
          ...state,
          claims: [...state.claims, { kind: 'hashes', hashes: state.serves ? (leg.value.hashes as Hash[]) : [] }],
        },
        effects: [],
      })
    case 'finished': {
      if (state.phase !== 'exchange' || state.finishedReceived) return outOfTurn(state, 'a finish')
      const { count, fingerprint } = leg.value
      const finishedReceived = { count: Number(count), fingerprint, vector: undefined, reconcile: false }
      return conclude({ ...state, finishedReceived }, [])
    }
  }
}

type HelloValue = Extract<SessionLeg, { case: 'hello' }>['value']

const greet = (state: SessionState, hello: HelloValue): Step => {
  const first: SessionEffect[] = state.role === 'answerer' ? [{ type: 'send', leg: { case: 'hello' } }] : []
  if (hello.version !== SESSION_VERSION) {
    const failed = fail(state, sessionError('session-version', `the peer speaks session version ${hello.version}`))
    return { ...failed, effects: [...first, ...failed.effects] }
  }
  const vector =
    hello.vector.length > 0 || hello.count === 0n
      ? new Map(hello.vector.map((end) => [bytesToHex(end.author), Number(end.seq)]))
      : undefined
  const peer: Standing = {
    count: Number(hello.count),
    fingerprint: hello.fingerprint,
    vector,
    reconcile: hello.reconcile,
  }
  const met = { ...state, peer }
  if (isSame(state.local, peer)) {
    return { state: { ...met, phase: 'closed' }, effects: [...first, { type: 'close', error: undefined, level: true }] }
  }
  const chains = chainsBetween(state.local, peer)
  if (chains === undefined) {
    const next: SessionEffect[] = state.role === 'opener' ? [{ type: 'initiate' }] : []
    const reconciling: SessionState = { ...met, phase: 'reconcile', promised: peer.count + UNPROMISED_MAX }
    return { state: reconciling, effects: [...first, ...next] }
  }
  const ranges = state.serves ? chains.owed : new Map<HexKey, readonly [number, number]>()
  const exchanging: SessionState = {
    ...met,
    phase: 'exchange',
    claims: [{ kind: 'chains', ranges }],
    promised: chains.due,
  }
  return advance({ state: exchanging, effects: first })
}

const isSame = (
  a: { count: number; fingerprint: Uint8Array },
  b: { count: number; fingerprint: Uint8Array },
): boolean => a.count === b.count && equalBytes(a.fingerprint, b.fingerprint)

/**
 * What each side lacks by the vectors. Undefined: they say nothing sure, reconcile; so, too, when the sets differ
 * and the vectors do not (two branches of one author, unknown to both).
 */
export const chainsBetween = (
  local: Standing,
  peer: Standing,
): { owed: ReadonlyMap<HexKey, readonly [number, number]>; due: number } | undefined => {
  if (!local.vector || !peer.vector || local.reconcile || peer.reconcile) return undefined
  const owed = new Map<HexKey, readonly [number, number]>()
  let due = 0
  for (const [author, seq] of local.vector) {
    const theirs = peer.vector.get(author) ?? 0
    if (seq > theirs) owed.set(author, [theirs + 1, seq])
  }
  for (const [author, seq] of peer.vector) due += Math.max(0, seq - (local.vector.get(author) ?? 0))
  return owed.size === 0 && due === 0 ? undefined : { owed, due }
}

const onReconcile = (state: SessionState, message: Uint8Array): Step => {
  if (state.phase !== 'reconcile') return outOfTurn(state, 'a reconciliation')
  if (state.role === 'opener') return { state, effects: [{ type: 'continue-reconcile', message }] }
  if (message.length > 0) return { state, effects: [{ type: 'answer-reconcile', message }] }
  // The opener knows the difference: it claims by Fetch from here on and owes what it found.
  return advance({ state: { ...state, phase: 'exchange', claimsAnswered: 1 }, effects: [] })
}

const afterReconciled = (state: SessionState, event: Extract<SessionEvent, { type: 'reconciled' }>): Step => {
  const have = new Map(state.have)
  for (const hash of event.have) have.set(bytesToHex(hash), hash)
  const asked = new Set(state.asked)
  const wanted = [...state.wanted]
  for (const hash of event.need) {
    const key = bytesToHex(hash)
    if (asked.has(key)) continue
    asked.add(key)
    wanted.push(hash)
  }
  const next = { ...state, have, asked, wanted }
  if (event.message)
    return { state: next, effects: [{ type: 'send', leg: { case: 'reconcile', message: event.message } }] }
  if (state.role === 'answerer') return { state: next, effects: [] }
  const hashes = state.serves ? [...have.values()] : []
  return advance({
    // The answerer's own first claim is empty: what it owes comes by Fetch.
    state: { ...next, phase: 'exchange', have: new Map(), claims: [{ kind: 'hashes', hashes }], claimsDone: 1 },
    effects: [{ type: 'send', leg: { case: 'reconcile', message: new Uint8Array(0) } }],
  })
}

const onIntentions = (state: SessionState, items: readonly Uint8Array[], completed: number): Step => {
  if (state.phase !== 'exchange') return outOfTurn(state, 'intentions')
  if (completed > state.claimsMade || completed < state.claimsDone) return outOfTurn(state, 'a count of answers')
  if (items.length === 0 && completed === state.claimsDone) return outOfTurn(state, 'intentions that say nothing')
  const arrived = state.arrived + items.length
  if (arrived > state.promised + state.asked.size)
    return fail(state, sessionError('session-excess', 'the peer sends more than it owes'))
  const bytes = items.reduce((sum, item) => sum + item.length, 0)
  if (state.applying + bytes > WINDOW_MAX + WINDOW_MIN)
    return fail(state, sessionError('session-excess', 'the peer sends beyond its credit'))
  const isChains = state.peer && chainsBetween(state.local, state.peer) !== undefined
  if (isChains && state.claimsDone === 0 && completed > 0 && arrived < state.promised)
    return fail(state, sessionError('session-incomplete', 'the peer did not send all that its vector shows'))
  const next = { ...state, arrived, claimsDone: completed, applying: state.applying + bytes }
  if (items.length === 0) return advance({ state: { ...next, applying: state.applying }, effects: [] })
  return { state: next, effects: [{ type: 'ingest', items, bytes }] }
}

const afterRead = (state: SessionState, items: readonly Uint8Array[], done: boolean): Step => {
  const size = items.reduce((sum, item) => sum + item.length, 0)
  const completed = state.claimsAnswered + (done ? 1 : 0)
  return {
    state: {
      ...state,
      reading: false,
      claims: done ? state.claims.slice(1) : state.claims,
      claimsAnswered: completed,
      credit: state.credit - size,
      unrepaid: state.unrepaid + (items.length > 0 ? 1 : 0),
      tally: { ...state.tally, sent: state.tally.sent + items.length },
    },
    effects: [{ type: 'send', leg: { case: 'intentions', items, completed } }],
  }
}

type Applied = Extract<SessionEvent, { type: 'applied' }>

const afterApplied = (state: SessionState, { report, bytes, given, missing }: Applied): Step => {
  const tally = {
    ...state.tally,
    witnessed: state.tally.witnessed + report.witnessed,
    floating: state.tally.floating + report.floating,
    known: state.tally.known + report.known,
    rejected: state.tally.rejected + report.rejected.length,
  }
  return {
    state: {
      ...state,
      tally,
      applying: state.applying - bytes,
      missing: new Map(missing.map((hash) => [bytesToHex(hash), hash])),
    },
    effects: given > 0 ? [{ type: 'send', leg: { case: 'credit', bytes: given } }] : [],
  }
}

/** Does what the state allows: read on, ask for what is wanted, or be done. */
const advance = ({ state, effects }: Step): Step => {
  if (state.phase !== 'exchange') return { state, effects }
  let next = state
  const out = [...effects]
  const claim = next.claims[0]
  if (claim && !next.reading && next.credit > 0) {
    next = { ...next, reading: true }
    out.push({ type: 'read', claim, budget: next.credit })
  }
  while (next.wanted.length > 0 && next.claimsMade - next.claimsDone < FETCHES_MAX) {
    const hashes = next.wanted.slice(0, HASHES_MAX)
    next = { ...next, wanted: next.wanted.slice(HASHES_MAX), claimsMade: next.claimsMade + 1 }
    out.push({ type: 'send', leg: { case: 'fetch', hashes } })
  }
  if (next.finishedSent || next.wanted.length > 0 || next.claimsDone < next.claimsMade || next.applying > 0)
    return conclude(next, out)
  // All that was claimed is here and applied. A parent not asked for yet may be at the peer.
  const parents = [...next.missing].filter(([key]) => !next.asked.has(key)).slice(0, HASHES_MAX)
  if (parents.length > 0 && next.parentRounds < PARENT_ROUNDS_MAX) {
    const asked = new Set(next.asked)
    for (const [key] of parents) asked.add(key)
    next = { ...next, asked, claimsMade: next.claimsMade + 1, parentRounds: next.parentRounds + 1 }
    out.push({ type: 'send', leg: { case: 'fetch', hashes: parents.map(([, hash]) => hash) } })
    return { state: next, effects: out }
  }
  return { state: next, effects: [...out, { type: 'measure' }] }
}

const finish = (state: SessionState, count: number, fingerprint: Uint8Array): Step => {
  if (state.finishedSent) return { state, effects: [] }
  const local = { ...state.local, count, fingerprint }
  return conclude({ ...state, finishedSent: true, local }, [
    { type: 'send', leg: { case: 'finished', count, fingerprint } },
  ])
}

const conclude = (state: SessionState, effects: readonly SessionEffect[]): Step => {
  const owes = state.claims.length > 0 || state.reading
  if (!state.finishedSent || !state.finishedReceived || owes) return { state, effects }
  const level = isSame(state.local, state.finishedReceived)
  return { state: { ...state, phase: 'closed' }, effects: [...effects, { type: 'close', error: undefined, level }] }
}

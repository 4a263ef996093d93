/** The session machine against peers that speak out of turn or lie: every message in every phase. */
import { create } from '@bufbuild/protobuf'
import { describe, expect, test } from 'vitest'
import { SessionMessageSchema } from '#proto/wire'
import { bytesToHex, type HexKey } from '#kernel/core/bytes.ts'
import { sha256 } from '#kernel/core/hash.ts'
import { WINDOW_MIN } from '../blobs/window.ts'
import { WINDOW_MAX } from './credit.ts'
import type { SessionLeg } from '../messages.ts'
import { startSession, step, type Role, type SessionState, type Standing } from './machine.ts'

const hashOf = (name: string) => sha256(new TextEncoder().encode(name))
const ME = bytesToHex(hashOf('me'))
const PEER = bytesToHex(hashOf('peer'))

const standing = (vector: Record<HexKey, number> | undefined, name = 'here'): Standing => ({
  count: Object.values(vector ?? { [ME]: 1 }).reduce((sum, seq) => sum + seq, 0),
  fingerprint: hashOf(name),
  vector: vector && new Map(Object.entries(vector) as [HexKey, number][]),
  reconcile: vector === undefined,
})

const leg = (message: Parameters<typeof create<typeof SessionMessageSchema>>[1] extends infer T ? T : never) =>
  create(SessionMessageSchema, message).message as SessionLeg

const hello = (vector: Record<HexKey, number> | undefined, count?: number): SessionLeg => {
  const ends = Object.entries(vector ?? {}).map(([author, seq]) => ({
    author: new Uint8Array(Buffer.from(author, 'hex')),
    seq: BigInt(seq),
  }))
  const said = count ?? ends.reduce((sum, { seq }) => sum + Number(seq), 0)
  const value = { version: 1, storeId: hashOf('store'), fingerprint: hashOf('there'), vector: ends }
  return leg({ message: { case: 'hello', value: { ...value, count: BigInt(said), reconcile: vector === undefined } } })
}
const items = (count: number, size = 10): Uint8Array[] => Array.from({ length: count }, () => new Uint8Array(size))
const intentions = (count: number, completed: number, size = 10): SessionLeg =>
  leg({ message: { case: 'intentions', value: { items: items(count, size), completed } } })
const fetch = leg({ message: { case: 'fetch', value: { hashes: [hashOf('x')] } } })
const credit = leg({ message: { case: 'credit', value: { bytes: 1 } } })
const reconciling = leg({ message: { case: 'reconcile', value: { message: Uint8Array.of(0x61) } } })
const finished = leg({ message: { case: 'finished', value: { count: 1n, fingerprint: hashOf('there') } } })
const refused = leg({ message: { case: 'refused', value: { version: 1 } } })
const failedThere = leg({ message: { case: 'failed', value: { kind: 'why' } } })

const receive = (state: SessionState, ...legs: readonly SessionLeg[]): SessionState =>
  legs.reduce((at, next) => step(at, { type: 'received', leg: next }).state, state)
/** Kind of the error a message ends the session with; undefined: it goes on. */
const errorOf = (state: SessionState, said: SessionLeg): string | undefined => {
  const { effects } = step(state, { type: 'received', leg: said })
  const close = effects.find((effect) => effect.type === 'close')
  return close?.type === 'close' ? close.error?.kind : undefined
}

const inHello = (role: Role): SessionState => startSession(role, standing({ [ME]: 3 }), true)
const inChains = (due: number): SessionState => receive(inHello('opener'), hello({ [PEER]: due }))
/** After so many batches went out. */
const sent = (state: SessionState, batches: number): SessionState =>
  items(batches).reduce((at, item) => step(at, { type: 'read', items: [item], done: false }).state, state)
const inReconcile = (role: Role): SessionState =>
  receive(startSession(role, standing(undefined), true), hello(undefined, 5))

describe('a message out of turn ends the session', () => {
  const out = 'session-out-of-turn'
  test.each<[string, SessionState, SessionLeg, string]>([
    ['intentions before a hello', inHello('opener'), intentions(1, 0), out],
    ['a fetch before a hello', inHello('opener'), fetch, out],
    ['a reconciliation before a hello', inHello('answerer'), reconciling, out],
    ['a finish before a hello', inHello('opener'), finished, out],
    ['a second hello', inChains(2), hello({ [PEER]: 2 }), out],
    ['a reconciliation while chains are sent', inChains(2), reconciling, out],
    ['answers to claims not made', inChains(2), intentions(2, 2), out],
    ['a count of answers that falls', receive(inChains(2), intentions(2, 1)), intentions(0, 0), out],
    ['credit before a hello', inHello('opener'), credit, out],
    ['credit for nothing', inChains(2), credit, out],
    ['intentions that say nothing', inChains(2), intentions(0, 0), out],
    ['a second finish', receive(inChains(2), finished), finished, out],
    ['intentions while reconciling, to the opener', inReconcile('opener'), intentions(1, 0), out],
    ['intentions while reconciling, to the answerer', inReconcile('answerer'), intentions(1, 0), out],
    ['a finish while reconciling', inReconcile('opener'), finished, out],
    ['a second hello while reconciling', inReconcile('answerer'), hello(undefined, 5), out],
    ['a refusal', inChains(2), refused, 'session-refused'],
    ['a failure there', inReconcile('opener'), failedThere, 'session-failed-there'],
  ])('%s', (_, state, said, kind) => expect(errorOf(state, said)).toBe(kind))

  test.each<[string, SessionState, SessionLeg]>([
    ['credit for what was sent', sent(inChains(2), 1), credit],
    ['a fetch while chains are sent', inChains(2), fetch],
    ['a fetch while reconciling', inReconcile('opener'), fetch],
    ['a reconciliation in its phase', inReconcile('answerer'), reconciling],
  ])('but not %s', (_, state, said) => expect(errorOf(state, said)).toBeUndefined())
})

describe('a lying peer', () => {
  test('that has less than its vector shows', () => {
    expect(errorOf(inChains(5), intentions(4, 1))).toBe('session-incomplete')
    expect(errorOf(inChains(5), intentions(5, 1))).toBeUndefined()
  })

  test('that sends more than its vector shows', () => {
    expect(errorOf(inChains(5), intentions(6, 0))).toBe('session-excess')
    expect(errorOf(receive(inChains(5), intentions(5, 0)), intentions(1, 0))).toBe('session-excess')
  })

  test('that sends beyond its credit', () => {
    const state = inChains(100)
    const chunk = 128 * 1024
    const most = Math.floor((WINDOW_MAX + WINDOW_MIN) / chunk)
    expect(errorOf(state, intentions(most, 0, chunk))).toBeUndefined()
    expect(errorOf(receive(state, intentions(most, 0, chunk)), intentions(1, 0, chunk))).toBe('session-excess')
  })

  test('that asks and asks without waiting for an answer', () => {
    const asked = receive(inChains(2), fetch, fetch, fetch, fetch)
    expect(errorOf(asked, fetch)).toBe('session-excess')
  })

  test('that gives more credit than there is', () => {
    const much = leg({ message: { case: 'credit', value: { bytes: 0xffffffff } } })
    expect(receive(sent(inChains(2), 2), much, much).credit).toBe(WINDOW_MAX)
    expect(errorOf(receive(sent(inChains(2), 2), much, much), much)).toBe('session-out-of-turn')
  })

  test('that speaks another version', () => {
    const other = hello({ [PEER]: 1 })
    if (other.case === 'hello') other.value.version = 2
    expect(errorOf(inHello('opener'), other)).toBe('session-version')
  })
})

test('nothing is done for a peer once the session is over', () => {
  const over = receive(inChains(2), refused)
  for (const said of [hello({}), intentions(1, 0), fetch, credit, reconciling, finished, refused, failedThere])
    expect(step(over, { type: 'received', leg: said })).toEqual({ state: over, effects: [] })
})

import { expect, test } from 'vitest'
import { ok, type LatticeError, type Result } from '#kernel/core/result.ts'
import { answering, breathing, type Breathe } from './turns.ts'

const PIECES_MAX = 50_000_000

/** Work that takes far longer than a slice, of which each piece is short. */
const workOn = async (breathe: Breathe): Promise<Result<string, LatticeError>> => {
  for (let i = 0; i < PIECES_MAX; i++) await breathe()
  return ok('done without a break')
}

test('long work lets others take their turn, and ends when its caller is gone', async () => {
  const caller = new AbortController()
  let turns = 0
  const takeTurn = (): void => {
    if (++turns === 3) caller.abort()
    else setImmediate(takeTurn)
  }
  setImmediate(takeTurn)
  const reply = await answering(caller.signal, () => workOn(breathing(caller.signal)))
  expect(turns).toBe(3)
  expect(reply).toMatchObject({ ok: false, error: { kind: 'call-given-up', severity: 'retryable' } })
})

test('what goes wrong while the caller waits is no giving up', async () => {
  const { signal } = new AbortController()
  await expect(answering(signal, () => Promise.reject(new Error('broken')))).rejects.toThrow('broken')
  expect(await answering(signal, () => Promise.resolve(ok(1)))).toEqual(ok(1))
})

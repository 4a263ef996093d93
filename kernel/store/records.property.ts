/** Shared by the test and the fuzz campaign: what an intention asks for, and the records of the catalogue. */
import { create, toBinary } from '@bufbuild/protobuf'
import fc from 'fast-check'
import { expect } from 'vitest'
import { UniversalOpSchema, type UniversalOp } from '#proto/intention'
import { StoreRecordSchema } from '#proto/state'
import { kvBatch, kvMachine } from '../state/kv.ts'
import { encodeLogOp, logMachine } from '../state/log.ts'
import { systemOp } from '../state/system-op.ts'
import { StorageError } from '../storage/errors.ts'
import { decodeEntry } from './catalog.ts'
import { decodeOp } from './fold.ts'
import { parseLeg } from './judge.ts'

const key = new Uint8Array(32).fill(7)
const legs: readonly UniversalOp['op'][] = [
  { case: undefined },
  { case: 'app', value: kvBatch().put(key, key).delete(Uint8Array.of(1)).encode() },
  { case: 'app', value: encodeLogOp([key, new Uint8Array(0)]) },
  ...[
    systemOp({ case: 'peerAdd', value: { device: key, name: 'a', role: 2, since: [{ storeId: key, lastSeq: 9n }] } }),
    systemOp({ case: 'setRole', value: { device: key, role: 2, cutoffs: [{ storeId: key, lastSeq: 9n }] } }),
    systemOp({ case: 'childAdd', value: { storeId: key, type: 'core:kv', name: 'notes' } }),
    systemOp({ case: 'setStrategy', value: { strategy: 2, members: [{ device: key, name: 'a', role: 3 }] } }),
  ].map((value) => ({ case: 'system' as const, value })),
]
const spoilt = (valid: fc.Arbitrary<Uint8Array>) =>
  fc.oneof(
    fc.uint8Array({ maxLength: 150 }),
    fc.tuple(valid, fc.array(fc.tuple(fc.nat(), fc.nat(255)), { maxLength: 3 })).map(([bytes, edits]) => {
      const changed = bytes.slice()
      for (const [at, to] of edits) if (changed.length > 0) changed[at % changed.length] = to
      return changed
    }),
  )
const ops = fc.constantFrom(...legs).map((op) => toBinary(UniversalOpSchema, create(UniversalOpSchema, { op })))

/** Any bytes that a peer signed ask for something or for nothing; no state machine throws on them. */
export const legProperty = fc.property(spoilt(ops), (bytes) => {
  const leg = parseLeg(bytes)
  if (leg.kind !== 'app') return
  for (const machine of [kvMachine, logMachine]) {
    const op = decodeOp(machine, leg.bytes)
    if (!op.ok) expect(op.error.severity).toBe('permanent')
  }
})

const entry = fc
  .record({
    number: fc.nat(),
    parent: fc.oneof(fc.constant(new Uint8Array()), fc.uint8Array({ minLength: 31, maxLength: 33 })),
    forgotten: fc.boolean(),
    resetAt: fc.bigInt({ min: 0n, max: 2n ** 64n - 1n }),
  })
  .map((fields) => toBinary(StoreRecordSchema, create(StoreRecordSchema, fields)))

/** A record of the catalogue is sound, or its damage is named. */
export const catalogProperty = fc.property(spoilt(entry), (bytes) => {
  try {
    const { parent, resetAt } = decodeEntry(key, bytes)
    expect(parent?.length ?? 32).toBe(32)
    expect(Number.isSafeInteger(resetAt)).toBe(true)
  } catch (error) {
    expect(error).toBeInstanceOf(StorageError)
    expect(error).toMatchObject({ kind: 'store-corrupt' })
  }
})

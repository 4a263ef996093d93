/** Properties of the intention codec, shared by the short test and the long fuzz. protobuf-es is the oracle. */
import { create, fromBinary, toBinary } from '@bufbuild/protobuf'
import fc from 'fast-check'
import { expect } from 'vitest'
import { GenesisSchema, IntentionSchema, SignedIntentionSchema, UniversalOpSchema } from '#proto/intention'
import { compareBytes, type Hash } from './bytes.ts'
import { encodeSigned, parseGenesis, parseIntention, readStoredIntention } from './intention.ts'
import { MalformedError } from './wire.ts'

const hash = fc.uint8Array({ minLength: 32, maxLength: 32 })

/** Well-formed intentions that are no genesis, with a signature of any bytes: form does not depend on it. */
const wellFormed = fc
  .record({
    storeId: hash,
    author: hash,
    seq: fc.oneof(
      fc.integer({ min: 1, max: 300 }),
      fc.maxSafeInteger().map((n) => Math.max(1, Math.abs(n))),
    ),
    prev: hash,
    deps: fc.uniqueArray(hash, { minLength: 1, maxLength: 16, selector: (h) => h.join() }),
    hlc: fc.bigInt({ min: 1n, max: 2n ** 64n - 1n }),
    ops: fc.uint8Array({ maxLength: 300 }),
  })
  .filter(({ prev, deps }) => !deps.some((dep) => compareBytes(dep, prev) === 0))
  .map((x) => ({ ...x, prev: x.seq === 1 ? new Uint8Array() : x.prev, deps: x.deps.sort(compareBytes) }))

const serialise = (fields: { seq: number; ops: Uint8Array } & Record<string, unknown>, signature: Uint8Array) =>
  encodeSigned(toBinary(IntentionSchema, create(IntentionSchema, { ...fields, seq: BigInt(fields.seq) })), signature)

const signature = fc.uint8Array({ minLength: 64, maxLength: 64 })

/** What protobuf writes in its canonical order is read back, field for field, and kept byte for byte. */
export const roundTrip = fc.property(wellFormed, signature, (fields, sig) => {
  const bytes = serialise(fields, sig)
  const parsed = parseIntention(bytes)
  if (!parsed.ok) throw new Error(parsed.error.message)
  const { seq, hlc, deps, prev, ops, author, storeId } = parsed.value
  expect({ seq, hlc, deps, prev: prev ?? new Uint8Array(), ops, author, storeId }).toEqual(fields)
  expect(parsed.value.bytes).toEqual(bytes)
  expect(parsed.value.signature).toEqual(sig)
})

type Damage = (bytes: Uint8Array) => Uint8Array
const damage: fc.Arbitrary<Damage> = fc.oneof(
  fc.record({ at: fc.nat(), to: fc.nat(255) }).map(
    ({ at, to }): Damage =>
      (bytes) =>
        bytes.with(at % bytes.length, to),
  ),
  fc.nat().map(
    (at): Damage =>
      (bytes) =>
        bytes.slice(0, at % bytes.length),
  ),
  fc.record({ at: fc.nat(), what: fc.uint8Array({ maxLength: 40 }) }).map(
    ({ at, what }): Damage =>
      (bytes) =>
        Uint8Array.from([...bytes.slice(0, at % bytes.length), ...what, ...bytes.slice(at % bytes.length)]),
  ),
)

/**
 * Anything is either refused with a typed error or is the one encoding of what it says: what the oracle reads from it
 * and writes again is the same bytes. Never a throw.
 */
export const strict = fc.property(
  fc.oneof(
    fc.uint8Array({ maxLength: 400 }),
    fc
      .tuple(wellFormed, signature, fc.array(damage, { minLength: 1, maxLength: 3 }))
      .map(([fields, sig, damages]) =>
        damages.reduce((bytes, damaged) => (bytes.length > 0 ? damaged(bytes) : bytes), serialise(fields, sig)),
      ),
  ),
  (bytes) => {
    const parsed = parseIntention(bytes)
    expect(readStoredIntention(bytes)).toEqual(parsed.ok ? parsed.value : undefined)
    if (!parsed.ok) {
      expect(['malformed', 'too-large']).toContain(parsed.error.kind)
      return
    }
    const outer = fromBinary(SignedIntentionSchema, bytes)
    const body = fromBinary(IntentionSchema, outer.body)
    const again = encodeSigned(toBinary(IntentionSchema, body), outer.signature)
    expect(again).toEqual(bytes)
    expect(body.deps.map((dep) => dep as Hash)).toEqual(parsed.value.deps)
  },
)

const genesisOps = fc
  .record({
    type: fc.oneof(fc.constantFrom('core:kv', '', 'x'.repeat(65)), fc.string({ maxLength: 8 })),
    nonce: fc.uint8Array({ minLength: 15, maxLength: 17 }),
  })
  .map((value) => {
    const op = { case: 'genesis' as const, value: create(GenesisSchema, value) }
    return toBinary(UniversalOpSchema, create(UniversalOpSchema, { op }))
  })

/** The same of the ops of a genesis. */
export const strictGenesis = fc.property(
  fc.oneof(
    fc.uint8Array({ maxLength: 60 }),
    fc
      .tuple(genesisOps, fc.array(damage, { maxLength: 2 }))
      .map(([ops, damages]) =>
        damages.reduce<Uint8Array>((bytes, damaged) => (bytes.length > 0 ? damaged(bytes) : bytes), ops),
      ),
  ),
  (bytes) => {
    let genesis
    try {
      genesis = parseGenesis(bytes)
    } catch (error) {
      expect(error).toBeInstanceOf(MalformedError)
      return
    }
    const { op } = fromBinary(UniversalOpSchema, bytes)
    expect(op).toMatchObject({ case: 'genesis', value: genesis })
    expect(toBinary(UniversalOpSchema, create(UniversalOpSchema, { op }))).toEqual(bytes)
  },
)

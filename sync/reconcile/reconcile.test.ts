import { createHash } from 'node:crypto'
import { readFileSync } from 'node:fs'
import fc from 'fast-check'
import { describe, expect, test } from 'vitest'
import { bytesToHex, hexToBytes, type Hash } from '#kernel/core/bytes.ts'
import type { RangeIndex, RangeItem } from '#kernel/dag/port.ts'
import { anyBytesAreHandled } from './properties.ts'
import { fingerprintOf, initiate, reconcile, respond } from './reconcile.ts'
import { sealVector } from './vector.ts'

const seal = (items: readonly RangeItem[]): RangeIndex => {
  const sealed = sealVector(items)
  if (!sealed.ok) throw new Error(sealed.error.message)
  return sealed.value
}

const unhex = (hex: string): Uint8Array => {
  const bytes = hexToBytes(hex)
  if (!bytes.ok) throw new Error(bytes.error.message)
  return bytes.value
}

const idOf = (n: number): Hash => new Uint8Array(createHash('sha256').update(String(n)).digest()) as Hash

/** Runs both ends to the end; the difference found, in hex, and what it cost. */
const converse = (mine: RangeIndex, theirs: RangeIndex, limits: { mine: number; theirs: number }) => {
  const have: string[] = []
  const need: string[] = []
  let rounds = 0
  let bytes = 0
  let message: Uint8Array | undefined = initiate(mine, limits.mine)
  while (message !== undefined) {
    if (++rounds > 10_000) throw new Error('does not end')
    if (limits.mine > 0) expect(message.length).toBeLessThanOrEqual(limits.mine)
    const answer = respond(theirs, message, limits.theirs)
    if (!answer.ok) throw new Error(answer.error.message)
    if (limits.theirs > 0) expect(answer.value.length).toBeLessThanOrEqual(limits.theirs)
    bytes += message.length + answer.value.length
    const found = reconcile(mine, answer.value, limits.mine)
    if (!found.ok) throw new Error(found.error.message)
    have.push(...found.value.have.map(bytesToHex))
    need.push(...found.value.need.map(bytesToHex))
    message = found.value.message
  }
  return { have, need, rounds, bytes }
}

const only = (a: readonly RangeItem[], b: readonly RangeItem[]): string[] => {
  const others = new Set(b.map((item) => `${item.timestampMs} ${bytesToHex(item.id)}`))
  return a
    .filter((item) => !others.has(`${item.timestampMs} ${bytesToHex(item.id)}`))
    .map((item) => bytesToHex(item.id))
    .sort()
}

const timestamp = fc.oneof(
  fc.constantFrom(0n, 1n, 2n ** 63n, 2n ** 64n - 2n, 2n ** 64n - 1n),
  fc.bigInt({ min: 0n, max: 3n }),
  fc.bigInt({ min: 0n, max: 2n ** 64n - 1n }),
)
/** Some ids share all bytes but the last, so that bounds need long prefixes. */
const id = (n: number): Hash => {
  const bytes = n % 3 === 0 ? idOf(0) : idOf(n)
  bytes[31] = n & 0xff
  if (n % 3 === 0) bytes[30] = n >> 8
  return bytes
}
const sets = fc
  .array(fc.tuple(fc.nat(20_000), timestamp, fc.constantFrom('a', 'b', 'ab', 'ab', 'ab')), {
    maxLength: 1200,
    size: 'max',
  })
  .map((rows) => {
    const rowsById = new Map(rows.map((row) => [bytesToHex(id(row[0])), row]))
    const of = (side: string): RangeItem[] =>
      [...rowsById.values()]
        .filter(([, , sides]) => sides.includes(side))
        .map(([n, timestampMs]) => ({ timestampMs, id: id(n) }))
    return { a: of('a'), b: of('b') }
  })
const limit = fc.constantFrom(0, 4096, 4097, 6000, 65_536)

describe('two ends', () => {
  test('find exactly the difference of any two sets, within their frame limits', () => {
    fc.assert(
      fc.property(sets, limit, limit, ({ a, b }, mine, theirs) => {
        const found = converse(seal(a), seal(b), { mine, theirs })
        expect([...new Set(found.have)].sort()).toEqual(only(a, b))
        expect([...new Set(found.need)].sort()).toEqual(only(b, a))
      }),
      { numRuns: 60 },
    )
  }, 60_000)

  test.each([0, 4096])('move a set of 20,000 to an empty side with frame limit %i', (frameLimit) => {
    const items = Array.from({ length: 20_000 }, (_, n) => ({ timestampMs: BigInt(n >> 4), id: idOf(n) }))
    const limits = { mine: frameLimit, theirs: frameLimit }
    expect(new Set(converse(seal(items), seal([]), limits).have).size).toBe(20_000)
    expect(new Set(converse(seal([]), seal(items), limits).need).size).toBe(20_000)
  })

  test('twenty thousand items with ten differences take few rounds and kilobytes', () => {
    const items = Array.from({ length: 20_000 }, (_, n) => ({
      timestampMs: 1_700_000_000_000n + BigInt(n),
      id: idOf(n),
    }))
    const fewer = items.filter((_, n) => n % 2_000 !== 7)
    const found = converse(seal(items), seal(fewer), { mine: 0, theirs: 0 })
    expect(found.have).toHaveLength(10)
    expect(found.rounds).toBeLessThanOrEqual(3)
    expect(found.bytes).toBeLessThan(24_000)
  })
})

describe('one end', () => {
  test('is done at once when both sets are equal', () => {
    const items = Array.from({ length: 1000 }, (_, n) => ({ timestampMs: BigInt(n), id: idOf(n) }))
    expect(converse(seal(items), seal(items), { mine: 0, theirs: 0 })).toMatchObject({ have: [], need: [], rounds: 1 })
  })

  test('answers another version with its own, alone, and as opener refuses it', () => {
    expect(respond(seal([]), Uint8Array.of(0x62, 1, 2, 3))).toEqual({ ok: true, value: Uint8Array.of(0x61) })
    expect(reconcile(seal([]), Uint8Array.of(0x62))).toMatchObject({ error: { kind: 'reconcile-version' } })
    expect(respond(seal([]), Uint8Array.of(0x41))).toMatchObject({ error: { kind: 'reconcile-malformed' } })
  })

  test('survives any bytes', () => anyBytesAreHandled(300))

  test('refuses a set with a repeated item', () => {
    const item = { timestampMs: 1n, id: idOf(1) }
    expect(sealVector([item, item])).toMatchObject({ ok: false, error: { kind: 'duplicate-item' } })
  })
})

interface Vectors {
  readonly fingerprints: readonly { readonly ids: readonly string[]; readonly fingerprint: string }[]
  readonly exchanges: readonly {
    readonly name: string
    readonly opener: readonly (readonly [string, string])[]
    readonly answerer: readonly (readonly [string, string])[]
    readonly messages: readonly string[]
    readonly have: readonly string[]
    readonly need: readonly string[]
  }[]
  readonly invalid: readonly { readonly name: string; readonly message: string }[]
}

describe('golden vectors', () => {
  const url = new URL('../../proto/vectors/negentropy/v1.json', import.meta.url)
  const vectors = JSON.parse(readFileSync(url, 'utf8')) as Vectors
  const items = (rows: readonly (readonly [string, string])[]): RangeItem[] =>
    rows.map(([ms, hex]) => ({ timestampMs: BigInt(ms), id: unhex(hex) as Hash }))

  test.each(vectors.fingerprints)('fingerprint $fingerprint', ({ ids, fingerprint }) => {
    const index = seal(ids.map((hex, n) => ({ timestampMs: BigInt(n), id: unhex(hex) as Hash })))
    expect(bytesToHex(fingerprintOf(index.sum(0, ids.length), ids.length))).toBe(fingerprint)
  })

  test.each(vectors.exchanges)('exchange: $name', ({ opener, answerer, messages, have, need }) => {
    const [mine, theirs] = [seal(items(opener)), seal(items(answerer))]
    const seen = { have: [] as string[], need: [] as string[] }
    expect(bytesToHex(initiate(mine))).toBe(messages[0])
    for (let i = 1; i < messages.length; i += 2) {
      const answer = respond(theirs, unhex(messages[i - 1]!))
      expect(answer.ok && bytesToHex(answer.value)).toBe(messages[i])
      const found = reconcile(mine, unhex(messages[i]!))
      if (!found.ok) throw new Error(found.error.message)
      seen.have.push(...found.value.have.map(bytesToHex))
      seen.need.push(...found.value.need.map(bytesToHex))
      expect(found.value.message && bytesToHex(found.value.message)).toBe(messages[i + 1])
    }
    expect(seen).toEqual({ have, need })
  })

  test.each(vectors.invalid)('invalid: $name', ({ message }) => {
    expect(respond(seal([]), unhex(message))).toMatchObject({ ok: false, error: { kind: 'reconcile-malformed' } })
  })
})

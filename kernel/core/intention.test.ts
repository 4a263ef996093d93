import fc from 'fast-check'
import { readFileSync } from 'node:fs'
import { expect, test } from 'vitest'
import { bytesToHex, hexToBytes, type Hash } from './bytes.ts'
import { createSigner, NobleVerifier, NodeVerifier } from './identity.ts'
import { encodeBody, encodeSigned, OPS_BYTES_MAX, parseIntention, signIntention, verifyIntention } from './intention.ts'
import { roundTrip, strict, strictGenesis } from './intention.property.ts'

interface Vectors {
  readonly valid: readonly (Record<
    'name' | 'bytes' | 'hash' | 'store_id' | 'author' | 'prev' | 'hlc' | 'ops',
    string
  > & {
    readonly seq: number
    readonly deps: readonly string[]
  })[]
  readonly invalid: readonly Record<'name' | 'error' | 'bytes', string>[]
}
const file = new URL('../../proto/vectors/intention/vectors.json', import.meta.url)
const vectors = JSON.parse(readFileSync(file, 'utf8')) as Vectors
const bytes = (hex: string): Uint8Array => {
  const parsed = hexToBytes(hex)
  if (!parsed.ok) throw new Error(parsed.error.message)
  return parsed.value
}
const read = (input: Uint8Array) => {
  const parsed = parseIntention(input)
  return parsed.ok ? verifyIntention(parsed.value, new NodeVerifier()) : parsed
}

test.each(vectors.valid)('valid: $name', (vector) => {
  const result = read(bytes(vector.bytes))
  if (!result.ok) throw new Error(result.error.message)
  const x = result.value
  expect({
    hash: bytesToHex(x.hash),
    store_id: bytesToHex(x.storeId),
    author: bytesToHex(x.author),
    seq: x.seq,
    prev: x.prev ? bytesToHex(x.prev) : '',
    deps: x.deps.map(bytesToHex),
    hlc: String(x.hlc),
    ops: bytesToHex(x.ops),
  }).toEqual(Object.fromEntries(Object.entries(vector).filter(([key]) => key !== 'name' && key !== 'bytes')))
  expect(encodeSigned(encodeBody({ ...x, storeId: x.isGenesis ? undefined : x.storeId }), x.signature)).toEqual(x.bytes)
  expect(verifyIntention(x as never, new NobleVerifier()).ok).toBe(true)
})

test.each(vectors.invalid)('invalid: $name', ({ bytes: hex, error }) => {
  expect(read(bytes(hex))).toMatchObject({ ok: false, error: { kind: error } })
})

test('ops up to the limit pass, on both sides; more is refused before signing and on receipt', () => {
  const signer = createSigner(new Uint8Array(32).fill(1))
  const storeId = new Uint8Array(32).fill(9) as Hash
  const draft = (length: number) => ({
    storeId,
    seq: 1,
    prev: undefined,
    deps: [storeId],
    hlc: 1n,
    ops: new Uint8Array(length).fill(1),
  })
  expect(signIntention(draft(OPS_BYTES_MAX), signer).ok).toBe(true)
  expect(signIntention(draft(OPS_BYTES_MAX + 1), signer)).toMatchObject({ ok: false, error: { kind: 'ops-too-large' } })
  const body = encodeBody({ ...draft(OPS_BYTES_MAX + 1), author: signer.publicKey })
  expect(read(encodeSigned(body, new Uint8Array(64)))).toMatchObject({ ok: false, error: { kind: 'too-large' } })
  expect(read(new Uint8Array(1 << 20))).toMatchObject({ ok: false, error: { kind: 'too-large' } })
})

test('the caller may change its buffer afterwards', () => {
  const input = bytes(vectors.valid[1]!.bytes)
  const parsed = read(input)
  input.fill(0)
  expect(parsed.ok && bytesToHex(parsed.value.bytes)).toBe(vectors.valid[1]!.bytes)
})

test('what is written is read', () => fc.assert(roundTrip, { numRuns: 300 }))
test('what is read is canonical', () => fc.assert(strict, { numRuns: 500 }))
test('so is a genesis', () => fc.assert(strictGenesis, { numRuns: 500 }))

import fc from 'fast-check'
import { readFileSync } from 'node:fs'
import { describe, expect, test } from 'vitest'
import type { Hash, PublicKey, Signature } from './bytes.ts'
import { createSigner, generateSeed, NobleVerifier, NodeVerifier } from './identity.ts'

interface Case {
  readonly name: string
  readonly key: string
  readonly message: string
  readonly signature: string
  readonly valid: boolean
}

const file = new URL('../../proto/vectors/ed25519/verify.json', import.meta.url)
const { cases } = JSON.parse(readFileSync(file, 'utf8')) as { cases: Case[] }
const bytes = (hex: string) => new Uint8Array(Buffer.from(hex, 'hex'))
const fast = new NodeVerifier()
const portable = new NobleVerifier()

test.each(cases)('$name', ({ key, message, signature, valid }) => {
  const input = [bytes(signature), bytes(message), bytes(key)] as const
  expect(fast.verifyBytes(...input)).toBe(valid)
  expect(portable.verifyBytes(...input)).toBe(valid)
})

describe('signers', () => {
  test('sign as RFC 8032 does (its second test vector’s key)', () => {
    const signer = createSigner(bytes('4ccd089b28ff96da9db6c346ec114e0f5b8a319f35aba624da8cf6ed4fb8a6fb'))
    expect(Buffer.from(signer.publicKey).toString('hex')).toBe(
      '3d4017c3e843895a92b70aa74d1b7ebc9c982ccf2ec4968cc0cd55f12af4660c',
    )
  })

  test('a fresh seed gives signatures that both verifiers accept, and no changed one', () => {
    const signer = createSigner(generateSeed())
    const hash = fc.uint8Array({ minLength: 32, maxLength: 32 })
    const flip = fc.record({ where: fc.constantFrom('signature', 'hash', 'key'), bit: fc.nat(255) })
    const property = fc.property(hash, flip, (message, { where, bit }) => {
      const parts = {
        signature: signer.sign(message as Hash).slice(),
        hash: message.slice(),
        key: signer.publicKey.slice(),
      }
      const ask = () =>
        [fast, portable].map((v) => v.verify(parts.signature as Signature, parts.hash as Hash, parts.key as PublicKey))
      expect(ask()).toEqual([true, true])
      parts[where]![bit >> 3]! ^= 1 << (bit & 7)
      expect(ask()).toEqual([false, false])
    })
    fc.assert(property, { numRuns: 25 })
  })

  test('a seed of the wrong length is a bug', () => {
    expect(() => createSigner(new Uint8Array(31))).toThrow(/32/)
  })
})

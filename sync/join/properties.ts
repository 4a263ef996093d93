/** Properties of invite links, shared by their test (short) and their fuzz campaign (long). */
import fc from 'fast-check'
import type { Hash, PublicKey } from '#kernel/core/bytes.ts'
import { invariant } from '#kernel/core/result.ts'
import { decodeLink, encodeLink, LINK_PREFIX, type InviteLink } from './link.ts'

const bytes32 = fc.uint8Array({ minLength: 32, maxLength: 32 })

export const linkArbitrary: fc.Arbitrary<InviteLink> = fc.record({
  storeId: bytes32.map((bytes) => bytes as Hash),
  inviter: bytes32.map((bytes) => bytes as PublicKey),
  secret: bytes32,
  expiresMs: fc.maxSafeNat(),
  role: fc.constantFrom('reader', 'writer', 'admin'),
  uses: fc.integer({ min: 1, max: 65_535 }),
  addresses: fc.array(fc.string({ unit: 'grapheme', minLength: 1, maxLength: 20 }), { maxLength: 16 }),
})

/** Any text is refused or is exactly the link that it decodes to. */
export const anyTextIsHandled = (numRuns: number): void => {
  const cut = fc
    .tuple(linkArbitrary, fc.nat(), fc.string({ maxLength: 3 }))
    .map(([link, at, extra]) => encodeLink(link).slice(0, LINK_PREFIX.length + (at % 400)) + extra)
  const random = fc.uint8Array({ maxLength: 300 }).map((raw) => LINK_PREFIX + Buffer.from(raw).toString('base64url'))
  fc.assert(
    fc.property(fc.oneof(cut, random, fc.string()), (text) => {
      const link = decodeLink(text)
      if (link.ok) invariant(encodeLink(link.value) === text.trim(), 'a link has one spelling')
    }),
    { numRuns },
  )
}

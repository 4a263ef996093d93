/** Properties of invite links and of what is said when joining, shared by their test (short) and their fuzz campaign (long). */
import { create, toBinary } from '@bufbuild/protobuf'
import fc from 'fast-check'
import { JoinAnswerSchema, JoinRequestSchema, JoinRevealSchema } from '#proto/wire'
import type { Hash, PublicKey } from '#kernel/core/bytes.ts'
import { invariant } from '#kernel/core/result.ts'
import { areAddresses } from '../messages.ts'
import { decodeLink, encodeLink, LINK_PREFIX, SECRET_LENGTH, type InviteLink } from './link.ts'
import { cleanName, NAME_BYTES_MAX, parseAnswer, parseRequest, parseReveal } from './protocol.ts'
import { commitTo, isCommittedTo, joinWords, NONCE_LENGTH, WORDS_COUNT, type Round } from './words.ts'

const bytes32 = fc.uint8Array({ minLength: 32, maxLength: 32 })

export const linkArbitrary: fc.Arbitrary<InviteLink> = fc.record({
  storeId: bytes32.map((bytes) => bytes as Hash),
  inviter: bytes32.map((bytes) => bytes as PublicKey),
  secret: bytes32,
  expiresMs: fc.maxSafeNat(),
  role: fc.constantFrom('reader', 'writer', 'admin'),
  uses: fc.integer({ min: 1, max: 65_535 }),
  addresses: fc.array(fc.string({ unit: 'grapheme', minLength: 1, maxLength: 20 }), { maxLength: 16 }),
  about: fc.option(
    fc.record({
      type: fc.string({ unit: 'grapheme-ascii', minLength: 1, maxLength: 64 }),
      name: fc.string({ unit: 'grapheme', maxLength: 20 }),
      approval: fc.boolean(),
    }),
    { nil: undefined },
  ),
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

const STORE = new Uint8Array(32).fill(7) as Hash
const hash = fc.oneof(fc.constant(STORE), fc.uint8Array({ minLength: 31, maxLength: 33 }))
const text = fc.oneof(fc.string({ unit: 'binary', maxLength: 80 }), fc.constant('x'.repeat(600)))
const request = fc
  .record({
    version: fc.nat(2),
    storeId: hash,
    secret: fc.oneof(bytes32, hash),
    deviceName: text,
    commitment: fc.oneof(bytes32, hash),
    round: fc.oneof(fc.constant(new Uint8Array()), bytes32, hash),
  })
  .map((fields) => toBinary(JoinRequestSchema, create(JoinRequestSchema, fields)))
const reveal = fc
  .record({ nonce: fc.oneof(bytes32, hash) })
  .map((fields) => toBinary(JoinRevealSchema, create(JoinRevealSchema, fields)))
const answer = fc
  .oneof(
    fc.record({
      case: fc.constant('accepted' as const),
      value: fc.record({ storeId: hash, type: text, name: text, role: fc.nat(5), addresses: fc.array(text) }),
    }),
    fc.record({
      case: fc.constant('refused' as const),
      value: fc.record({ kind: fc.constantFrom('invite-expired', 'constructor', 'join-garbled', '') }),
    }),
    fc.record({ case: fc.constant('waiting' as const), value: fc.constant({}) }),
    fc.record({ case: fc.constant('nonce' as const), value: fc.record({ nonce: hash }) }),
  )
  .map((answer) => toBinary(JoinAnswerSchema, create(JoinAnswerSchema, { answer })))

/** Valid bytes, the same cut or changed, and noise. */
const spoilt = (valid: fc.Arbitrary<Uint8Array>): fc.Arbitrary<Uint8Array> =>
  fc.oneof(
    valid,
    fc.uint8Array({ maxLength: 200 }),
    fc.tuple(valid, fc.nat(), fc.nat(255), fc.nat(300)).map(([bytes, at, to, end]) => {
      const changed = bytes.slice(0, end)
      if (changed.length > 0) changed[at % changed.length] = to
      return changed
    }),
  )

/** A stranger's question is taken only with all lengths right; an answer is the store asked for, or a typed refusal. */
export const anyJoiningIsHandled = (numRuns: number): void =>
  fc.assert(
    fc.property(spoilt(request), spoilt(answer), spoilt(fc.oneof(reveal, request)), (asked, said, revealed) => {
      const question = parseRequest(asked)
      if (question) {
        const { storeId, secret, deviceName, commitment, round } = question
        const isWhole = storeId.length === 32 && secret.length === SECRET_LENGTH && commitment.length === 32
        invariant(isWhole, 'a question has whole hashes')
        invariant(!round || round.length === NONCE_LENGTH, 'a round is named by a whole nonce')
        const nameBytes = new TextEncoder().encode(deviceName).length
        invariant(nameBytes > 0 && nameBytes <= NAME_BYTES_MAX, 'a device has a name of bounded length')
        const shown = cleanName(deviceName)
        invariant(new TextEncoder().encode(shown).length <= NAME_BYTES_MAX, 'a cleaned name is no longer')
        invariant(!/[\p{Cc}\p{Cf}]|\s\s|^\s|\s$/u.test(shown), 'a cleaned name is one line of plain text')
      }
      const nonce = parseReveal(revealed)
      invariant(!nonce || nonce.length === NONCE_LENGTH, 'a nonce is whole')
      const reply = parseAnswer(said, STORE)
      if (!reply.ok) return invariant(typeof reply.error.message === 'string', 'a refusal says why')
      if (reply.value.case === 'waiting') return
      if (reply.value.case === 'nonce')
        return invariant(reply.value.value.nonce.length === NONCE_LENGTH, 'the nonce of an answer is whole')
      const accepted = reply.value.value
      invariant(
        accepted.storeId.every((byte, i) => byte === STORE[i]),
        'the answer is about the store asked for',
      )
      invariant(areAddresses(accepted.addresses), 'addresses are bounded')
    }),
    { numRuns },
  )

/** Both sides tell the same four words; whatever part of a round is another, the words are, and a commitment is to one nonce of one pair. */
export const wordsAgree = (numRuns: number): void => {
  const rounds = fc.tuple(bytes32, bytes32, bytes32, bytes32, bytes32)
  const roundOf = ([inviter, joiner, secret, inviterNonce, joinerNonce]: readonly Uint8Array[]): Round => ({
    inviter: inviter as PublicKey,
    joiner: joiner as PublicKey,
    secret: secret!,
    inviterNonce: inviterNonce!,
    joinerNonce: joinerNonce!,
  })
  fc.assert(
    fc.property(rounds, fc.nat(4), fc.nat(31), fc.nat(7), (parts, which, at, bit) => {
      const round = roundOf(parts)
      const words = joinWords(round)
      invariant(words.length === WORDS_COUNT && words.every((word) => /^[a-z]{3,8}$/.test(word)), 'four plain words')
      const other = roundOf(parts.map((bytes, i) => (i === which ? bytes.with(at, bytes[at]! ^ (1 << bit)) : bytes)))
      invariant(joinWords(other).join() !== words.join(), 'whoever stands between sees other words')
      const commitment = commitTo(round, round.joinerNonce)
      invariant(isCommittedTo(commitment, roundOf(parts), round.joinerNonce), 'what was committed to can be shown')
      const isBound = [0, 1, 4].includes(which) // the pair and the joiner's nonce
      const fits = isCommittedTo(commitment, other, other.joinerNonce)
      invariant(fits === !isBound, 'nothing else can be shown')
    }),
    { numRuns },
  )
}

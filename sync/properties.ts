/** Properties of the message decoders, shared by their test (short) and their fuzz campaign (long). */
import { create, toBinary } from '@bufbuild/protobuf'
import fc from 'fast-check'
import { PushMessageSchema, SessionMessageSchema } from '#proto/wire'
import { invariant } from '#kernel/core/result.ts'
import { GRANTS_MAX } from '#kernel/store/revocation.ts'
import { decodePush, decodeSession, LINKS_MAX } from './messages.ts'

const hash = fc.uint8Array({ minLength: 31, maxLength: 33 })
const u64 = fc.bigInt({ min: 0n, max: 2n ** 64n - 1n })
const link = fc.record({ peer: hash, direct: fc.boolean(), latencyMs: fc.nat(2 ** 32 - 1) })
const author = fc.record({ author: hash, seq: u64 })

const session = fc
  .oneof(
    fc.record({
      case: fc.constant('hello' as const),
      value: fc.record({ version: fc.nat(3), storeId: hash, count: u64, fingerprint: hash, vector: fc.array(author) }),
    }),
    fc.record({
      case: fc.constant('intentions' as const),
      value: fc.record({ items: fc.array(fc.uint8Array()), completed: fc.nat() }),
    }),
    fc.record({ case: fc.constant('fetch' as const), value: fc.record({ hashes: fc.array(hash) }) }),
    fc.record({ case: fc.constant('finished' as const), value: fc.record({ count: u64, fingerprint: hash }) }),
  )
  .map((message) => toBinary(SessionMessageSchema, create(SessionMessageSchema, { message })))

const push = fc
  .oneof(
    fc.record({
      case: fc.constant('announce' as const),
      value: fc.record({ tags: fc.array(hash), declined: fc.array(hash) }),
    }),
    fc.record({
      case: fc.constant('progress' as const),
      value: fc.record({ storeId: hash, count: u64, fingerprint: hash, pendingIn: u64, settled: fc.boolean() }),
    }),
    fc.record({ case: fc.constant('have' as const), value: fc.record({ storeId: hash, hashes: fc.array(hash) }) }),
    fc.record({
      case: fc.constant('rights' as const),
      value: fc.record({
        storeId: hash,
        word: fc.uint8Array(),
        grants: fc.array(fc.uint8Array(), { maxLength: GRANTS_MAX + 1 }),
      }),
    }),
    fc.record({
      case: fc.constant('links' as const),
      value: fc.record({ links: fc.array(link, { maxLength: LINKS_MAX + 1, size: 'max' }) }),
    }),
  )
  .map((message) => toBinary(PushMessageSchema, create(PushMessageSchema, { message })))

/** Any bytes are a message with all lengths right and all counts exact in a number, or a typed error. */
export const anyMessageIsHandled = (numRuns: number): void => {
  const cut = fc.tuple(fc.oneof(session, push), fc.nat(200)).map(([bytes, at]) => bytes.subarray(0, at))
  fc.assert(
    fc.property(fc.oneof(session, push, cut, fc.uint8Array({ maxLength: 200 })), (bytes) => {
      const said = decodeSession(bytes)
      if (said.ok && said.value.case === 'hello') {
        const { storeId, fingerprint, count, vector } = said.value.value
        invariant(storeId.length === 32 && fingerprint.length === 32, 'a hello has whole hashes')
        invariant(Number.isSafeInteger(Number(count)), 'a count is exact')
        invariant(
          vector.every((end) => end.author.length === 32),
          'a vector names whole keys',
        )
      }
      const pushed = decodePush(bytes)
      if (!pushed.ok) return
      const { case: what, value } = pushed.value
      if (what === 'links') {
        invariant(value.links.length <= LINKS_MAX, 'links are bounded')
        invariant(
          value.links.every(({ peer }) => peer.length === 32),
          'a link names a whole key',
        )
      } else if (what !== 'announce') invariant(value.storeId.length === 32, 'news names a whole store id')
      if (what === 'rights') invariant(value.grants.length <= GRANTS_MAX, 'grants are bounded')
    }),
    { numRuns },
  )
}

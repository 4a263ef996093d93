/**
 * The four words that two people compare before a device is let in: the same on both screens exactly when both devices
 * speak to each other, about one link.
 *
 * SHA-256("lattice/join-words/v2\0" ‖ inviter's device key ‖ joiner's device key ‖ secret ‖ inviter's nonce ‖ joiner's
 * nonce): its first 44 bits, 11 a word, as places in the English list of BIP-39. The joiner commits to its nonce before
 * it is told the inviter's, which is made after that: so whoever stands between can choose nothing once it knows what
 * the words will be, and has chance alone (docs/spec/join.md).
 */
import { timingSafeEqual } from 'node:crypto'
import { wordlist } from '@scure/bip39/wordlists/english.js'
import type { Hash, PublicKey } from '#kernel/core/bytes.ts'
import { taggedHash } from '#kernel/core/hash.ts'

export const WORDS_COUNT = 4
export const NONCE_LENGTH = 32
const BITS_PER_WORD = 11n
const commitHash = taggedHash('lattice/join-commit/v1')
const wordsHash = taggedHash('lattice/join-words/v2')

export interface Pair {
  readonly inviter: PublicKey
  readonly joiner: PublicKey
}

export interface Round extends Pair {
  /** Of the link, 32 bytes. */
  readonly secret: Uint8Array
  /** 32 bytes each, of this round alone. */
  readonly inviterNonce: Uint8Array
  readonly joinerNonce: Uint8Array
}

/** What the joiner says of its nonce before it is told the inviter's. It holds for these two devices alone. */
export const commitTo = ({ inviter, joiner }: Pair, joinerNonce: Uint8Array): Hash =>
  commitHash(joinerNonce, joiner, inviter)

export const isCommittedTo = (commitment: Hash, pair: Pair, joinerNonce: Uint8Array): boolean =>
  timingSafeEqual(commitment, commitTo(pair, joinerNonce))

export const joinWords = ({ inviter, joiner, secret, inviterNonce, joinerNonce }: Round): readonly string[] => {
  const digest = wordsHash(inviter, joiner, secret, inviterNonce, joinerNonce)
  const bits = new DataView(digest.buffer, digest.byteOffset).getBigUint64(0)
  return Array.from({ length: WORDS_COUNT }, (_, i) => {
    const place = (bits >> (64n - BITS_PER_WORD * BigInt(i + 1))) & 0x7ffn
    return wordlist[Number(place)]!
  })
}

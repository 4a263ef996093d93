/**
 * The four words that two people compare before a device is let in: the same on both screens exactly when both devices
 * speak to each other, about one link.
 *
 * SHA-256("lattice/join-words/v1\0" ‖ inviter's device key ‖ joiner's device key ‖ secret): its first 44 bits, 11 a
 * word, as places in the English list of BIP-39. Without the link's secret nobody can tell them, and a device in the
 * middle has another key on each side.
 */
import { wordlist } from '@scure/bip39/wordlists/english.js'
import type { PublicKey } from '#kernel/core/bytes.ts'
import { taggedHash } from '#kernel/core/hash.ts'

export const WORDS_COUNT = 4
const BITS_PER_WORD = 11n
const wordsHash = taggedHash('lattice/join-words/v1')

export interface Meeting {
  readonly inviter: PublicKey
  readonly joiner: PublicKey
  /** Of the link, 32 bytes. */
  readonly secret: Uint8Array
}

export const joinWords = ({ inviter, joiner, secret }: Meeting): readonly string[] => {
  const digest = wordsHash(inviter, joiner, secret)
  const bits = new DataView(digest.buffer, digest.byteOffset).getBigUint64(0)
  return Array.from({ length: WORDS_COUNT }, (_, i) => {
    const place = (bits >> (64n - BITS_PER_WORD * BigInt(i + 1))) & 0x7ffn
    return wordlist[Number(place)]!
  })
}

/** A device key is a libp2p identity: the peer id is the identity multihash of the Ed25519 public key, and back. */
import { privateKeyFromRaw, publicKeyFromRaw } from '@libp2p/crypto/keys'
import type { Ed25519PrivateKey, PeerId } from '@libp2p/interface'
import { peerIdFromPublicKey } from '@libp2p/peer-id'
import { concatBytes, parsePublicKey, type PublicKey } from '#kernel/core/bytes.ts'
import { createSigner } from '#kernel/core/identity.ts'

/**
 * The device's key as libp2p wants it, from its 32-byte Ed25519 seed. For the composition root only. The public half is
 * given along: libp2p would derive it in JavaScript, which takes 50 ms of every start.
 */
export const deviceKeyFromSeed = (seed: Uint8Array): Ed25519PrivateKey =>
  privateKeyFromRaw(concatBytes(seed, createSigner(seed).publicKey)) as Ed25519PrivateKey

export const peerIdOf = (key: PublicKey): PeerId => peerIdFromPublicKey(publicKeyFromRaw(key))

/** The device a peer id names; undefined when its key is not an Ed25519 one. */
export const deviceOf = (peerId: PeerId): PublicKey | undefined => {
  if (peerId.type !== 'Ed25519') return undefined
  const key = parsePublicKey(peerId.publicKey.raw)
  return key.ok ? key.value : undefined
}

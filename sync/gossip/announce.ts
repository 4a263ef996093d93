/** How a device names the stores it shares with one peer, so that nobody learns of a store whose id he does not know. */
import { taggedHash } from '#kernel/core/hash.ts'
import type { Hash, PublicKey, StoreId } from '#kernel/core/bytes.ts'

const announceHash = taggedHash('lattice/announce/v1')

export const announceTag = (sender: PublicKey, receiver: PublicKey, store: StoreId): Hash =>
  announceHash(sender, receiver, store)

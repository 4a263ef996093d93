/** Sums of hashes mod 2^256, little-endian: the additive fingerprints. Order does not matter; equal sets, equal sums. */

export const SUM_LENGTH = 32

export const zeroSum = (): Uint8Array => new Uint8Array(SUM_LENGTH)

/** `into += bytes`; `bytes` starts at `at`. */
export const addTo = (into: Uint8Array, bytes: Uint8Array, at = 0): void => {
  let carry = 0
  for (let i = 0; i < SUM_LENGTH; i++) {
    carry += into[i]! + bytes[at + i]!
    into[i] = carry
    carry >>= 8
  }
}

/** `into -= bytes`. */
export const subtractFrom = (into: Uint8Array, bytes: Uint8Array): void => {
  let borrow = 0
  for (let i = 0; i < SUM_LENGTH; i++) {
    borrow += into[i]! - bytes[i]!
    into[i] = borrow
    borrow >>= 8
  }
}

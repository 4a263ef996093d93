// @ts-nocheck AssemblyScript, not TypeScript: compiled by `asc` to wasm; its integer types mean nothing to tsc.
/**
 * The inner loop of the chunker: a gear hash over 64 bits, h' = (h << 1) + GEAR[byte] mod 2^64, so that h after a byte
 * depends on the 64 bytes that end with it and on nothing else.
 *
 * The host owns the memory: 256 gear constants (u64, little-endian in memory) at TABLE, the content anywhere behind.
 * Nothing is allocated here.
 */

const TABLE: usize = 4096

// The host passes addresses it has checked; here they are trusted.
function gear(at: usize): u64 {
  return load<u64>(TABLE + ((<usize>load<u8>(at)) << 3))
}

let found: u64 = 0

/** The hash at the position that `find` returned last. */
export function foundHash(): u64 {
  return found
}

/**
 * The first address `end` in [from, to] such that the hash of the 64 bytes before it is below `limit`; 0 if there is
 * none. The caller guarantees that [from - 64, to) is content.
 */
export function find(from: usize, to: usize, limit: u64): usize {
  if (from > to) return 0
  let h: u64 = 0
  let at = from - 64
  while (at < from) {
    h = (h << 1) + gear(at)
    at++
  }
  if (h < limit) {
    found = h
    return at
  }
  // Four bytes a round: only `h4` is on the critical path, the hashes between are computed beside it.
  while (at + 4 <= to) {
    const g0 = gear(at)
    const g1 = (g0 << 1) + gear(at + 1)
    const g2 = (g1 << 1) + gear(at + 2)
    const g3 = (g2 << 1) + gear(at + 3)
    const h1 = (h << 1) + g0
    const h2 = (h << 2) + g1
    const h3 = (h << 3) + g2
    h = (h << 4) + g3
    if (h1 < limit) {
      found = h1
      return at + 1
    }
    if (h2 < limit) {
      found = h2
      return at + 2
    }
    if (h3 < limit) {
      found = h3
      return at + 3
    }
    if (h < limit) {
      found = h
      return at + 4
    }
    at += 4
  }
  while (at < to) {
    h = (h << 1) + gear(at)
    at++
    if (h < limit) {
      found = h
      return at
    }
  }
  return 0
}

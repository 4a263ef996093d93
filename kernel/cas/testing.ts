/** For tests of content: bytes that look random and are the same every time. */
import { cidOf } from './digest.ts'
import type { ChunkRef } from './port.ts'

/** xorshift32 from `seed`. */
export const noise = (seed: number, bytes: number): Buffer => {
  const words = new Uint32Array(Math.ceil(bytes / 4))
  let x = (seed * 2654435761 + 88172645) >>> 0 || 1
  for (let i = 0; i < words.length; i++) {
    x ^= x << 13
    x ^= x >>> 17
    x ^= x << 5
    words[i] = x
  }
  return Buffer.from(words.buffer, 0, bytes)
}

/** A list of chunks that exist nowhere: SHA-256 of the index as 4 bytes, big-endian; 65,536 bytes plus the index mod 1,000. */
export const inventedChunks = (count: number): ChunkRef[] => {
  const index = Buffer.alloc(4)
  return Array.from({ length: count }, (_, i) => {
    index.writeUInt32BE(i)
    return { cid: cidOf(index), length: 65_536 + (i % 1_000) }
  })
}

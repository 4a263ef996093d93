/** For tests of content: bytes that look random and are the same every time. */

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

/** Limits of keys that every backend keeps, and the way to the key just after one. */
import { invariant } from '../core/result.ts'

export const KEY_BYTES_MAX = 1_900

export const checkKey = (key: Uint8Array): void =>
  invariant(key.length >= 1 && key.length <= KEY_BYTES_MAX, `a storage key has ${key.length} bytes`)

/** The least key greater than `key`. */
export const keyAfter = (key: Uint8Array): Uint8Array => {
  const next = new Uint8Array(key.length + 1)
  next.set(key)
  return next
}

/** The end of all keys that start with `prefix`; undefined when no key lies beyond them. */
export const prefixEnd = (prefix: Uint8Array): Uint8Array | undefined => {
  for (let i = prefix.length - 1; i >= 0; i--)
    if (prefix[i] !== 0xff) {
      const end = prefix.slice(0, i + 1)
      end[i]!++
      return end
    }
  return undefined
}

/** The values of the content tables on a damaged disk, shared by the test and the fuzz campaign. */
import fc from 'fast-check'
import { expect } from 'vitest'
import { StorageError } from '../storage/errors.ts'
import { decodeMs, decodePlace, decodeU32, encodeMs, encodePlace, encodeU32 } from './tables.ts'

const key = new Uint8Array(48)

/** What was written is read; bytes of another length are named as damage. */
export const valuesProperty = fc.property(
  fc.integer({ min: 0, max: 2 ** 32 - 1 }),
  fc.integer({ min: 0, max: 2 ** 48 - 1 }),
  fc.uint8Array({ maxLength: 12 }),
  (length, offset, bytes) => {
    expect(decodeU32(encodeU32(length))).toBe(length)
    expect(decodeMs(encodeMs(offset))).toBe(offset)
    expect(decodePlace(key, encodePlace(offset, length))).toMatchObject({ offset, length })
    for (const decode of [decodeU32, decodeMs, (value: Uint8Array) => decodePlace(key, value)])
      try {
        decode(bytes)
      } catch (error) {
        expect(error).toBeInstanceOf(StorageError)
        expect(error).toMatchObject({ kind: 'store-corrupt' })
      }
  },
)

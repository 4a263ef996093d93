/** What must hold for the manifest decoder on any bytes; run short in the tests, long in the fuzz project. */
import { fromBinary } from '@bufbuild/protobuf'
import { ChunkListSchema } from '#proto/file'
import fc from 'fast-check'
import { expect } from 'vitest'
import type { Cid } from '../core/bytes.ts'
import { encodeManifest, parseManifest } from './manifest.ts'
import { CHUNK_MAX } from './port.ts'

const chunks = fc.array(
  fc.record({
    cid: fc.uint8Array({ minLength: 32, maxLength: 32 }).map((bytes) => bytes as Cid),
    length: fc.oneof(fc.integer({ min: 1, max: 300 }), fc.integer({ min: 1, max: CHUNK_MAX })),
  }),
  { maxLength: 6 },
)

/** Parsing inverts encoding; whatever else parses is canonical, and means to protobuf what it means to us. */
export const manifestHolds = (numRuns: number): void =>
  fc.assert(
    fc.property(chunks, fc.nat(), fc.nat(255), fc.uint8Array({ maxLength: 90 }), (list, at, value, any) => {
      const bytes = encodeManifest(list)
      expect(parseManifest(bytes)).toEqual({ ok: true, value: list })
      expect(fromBinary(ChunkListSchema, bytes).chunks.map(({ cid, length }) => ({ cid, length }))).toEqual(list)
      const damaged = bytes.slice(0, value % 3 === 0 ? at % (bytes.length + 1) : bytes.length)
      if (damaged.length > 0) damaged[at % damaged.length] = value
      for (const input of [any, damaged]) {
        const parsed = parseManifest(input)
        if (parsed.ok) expect(encodeManifest(parsed.value)).toEqual(input)
      }
    }),
    { numRuns },
  )

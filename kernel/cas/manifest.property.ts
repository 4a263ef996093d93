/** What must hold for the manifest decoders on any bytes; run short in the tests, long in the fuzz project. */
import { fromBinary } from '@bufbuild/protobuf'
import { ChunkListSchema } from '#proto/file'
import fc from 'fast-check'
import { expect } from 'vitest'
import type { Cid } from '../core/bytes.ts'
import { encodeParts, parseManifestNode, PART_CHUNKS, type ManifestPart } from './manifest-parts.ts'
import { encodeManifest, MANIFEST_CHUNKS_MAX, parseManifest } from './manifest.ts'
import { CHUNK_MAX, CHUNK_MIN } from './port.ts'

const cid = fc.uint8Array({ minLength: 32, maxLength: 32 }).map((bytes) => bytes as Cid)
const chunks = fc.array(
  fc.record({
    cid,
    length: fc.oneof(fc.integer({ min: 1, max: 300 }), fc.integer({ min: 1, max: CHUNK_MAX })),
  }),
  { maxLength: 6 },
)

/** Full parts, the last one shorter, and as many as make a list too long for one manifest. */
const parts = fc
  .array(fc.record({ cid, fill: fc.double({ min: 0, max: 1, noNaN: true }) }), { minLength: 7, maxLength: 9 })
  .chain((list) =>
    fc.integer({ min: 1, max: PART_CHUNKS }).map((last) =>
      list.map(({ cid, fill }, i): ManifestPart => {
        const isLast = i === list.length - 1
        const chunks = !isLast ? PART_CHUNKS : list.length > 7 ? last : Math.max(last, LAST_MIN)
        const min = isLast ? (chunks - 1) * CHUNK_MIN + 1 : chunks * CHUNK_MIN
        return { cid, chunks, size: min + Math.floor(fill * (chunks * CHUNK_MAX - min)) }
      }),
    ),
  )
const LAST_MIN = MANIFEST_CHUNKS_MAX + 1 - 6 * PART_CHUNKS

const damage = (bytes: Uint8Array, at: number, value: number): Uint8Array => {
  const damaged = bytes.slice(0, value % 3 === 0 ? at % (bytes.length + 1) : bytes.length)
  if (damaged.length > 0) damaged[at % damaged.length] = value
  return damaged
}

/** Parsing inverts encoding; whatever else parses is canonical, and means to protobuf what it means to us. */
export const manifestHolds = (numRuns: number): void =>
  fc.assert(
    fc.property(chunks, fc.nat(), fc.nat(255), fc.uint8Array({ maxLength: 90 }), (list, at, value, any) => {
      const bytes = encodeManifest(list)
      expect(parseManifest(bytes)).toEqual({ ok: true, value: list })
      expect(fromBinary(ChunkListSchema, bytes).chunks.map(({ cid, length }) => ({ cid, length }))).toEqual(list)
      for (const input of [any, damage(bytes, at, value)]) {
        const parsed = parseManifest(input)
        if (parsed.ok) expect(encodeManifest(parsed.value)).toEqual(input)
      }
    }),
    { numRuns },
  )

/** The same of lists of parts; and the two levels are never taken for each other. */
export const partsHold = (numRuns: number): void =>
  fc.assert(
    fc.property(parts, fc.nat(), fc.nat(255), fc.uint8Array({ maxLength: 90 }), (list, at, value, any) => {
      const bytes = encodeParts(list)
      expect(parseManifestNode(bytes)).toEqual({ ok: true, value: { kind: 'parts', parts: list } })
      expect(parseManifest(bytes).ok).toBe(false)
      for (const input of [any, damage(bytes, at, value), Uint8Array.of(0x12, ...any)]) {
        const parsed = parseManifestNode(input)
        if (!parsed.ok) continue
        const { value: node } = parsed
        expect(node.kind === 'parts' ? encodeParts(node.parts) : encodeManifest(node.chunks)).toEqual(input)
      }
    }),
    { numRuns },
  )

import { readFileSync } from 'node:fs'
import { describe, expect, test } from 'vitest'
import { bytesToHex, type Cid } from '../core/bytes.ts'
import { err, ok, type Result } from '../core/result.ts'
import { cidOf } from './digest.ts'
import {
  encodeManifests,
  encodeParts,
  FILE_CHUNKS_MAX,
  manifestChunks,
  parseManifestNode,
  PART_CHUNKS,
  PARTS_MAX,
  resolveManifest,
  type ManifestPart,
} from './manifest-parts.ts'
import { encodeManifest, MANIFEST_CHUNKS_MAX } from './manifest.ts'
import { partsHold } from './manifest.property.ts'
import { CHUNK_MIN, type CasError, type ChunkRef } from './port.ts'
import { casError } from './tables.ts'
import { inventedChunks } from './testing.ts'

interface VectorPart {
  readonly cid: string
  readonly chunks: number
  readonly size: number
}
const { valid, invalid } = JSON.parse(
  readFileSync(new URL('../../proto/vectors/manifest/parts.json', import.meta.url), 'utf8'),
) as {
  valid: { chunks: number; cid: string; bytes?: string; parts?: VectorPart[] }[]
  invalid: { name: string; bytes: string }[]
}

/** Blobs by CID, and which of them were read. */
class Blobs {
  readonly byCid = new Map<string, Uint8Array>()
  readonly read: string[] = []
  /** The CID of the last. */
  add(blobs: Iterable<{ readonly cid: Cid; readonly bytes: Uint8Array }>): Cid {
    let last: Cid | undefined
    for (const { cid, bytes } of blobs) this.byCid.set(bytesToHex((last = cid)), bytes)
    return last!
  }
  readonly get = async (cid: Cid): Promise<Result<Uint8Array, CasError>> => {
    this.read.push(bytesToHex(cid))
    const bytes = this.byCid.get(bytesToHex(cid))
    return bytes === undefined ? err(casError('chunk-missing', 'not here')) : ok(bytes)
  }
}

const sizeOf = (chunks: readonly ChunkRef[]) => chunks.reduce((sum, { length }) => sum + length, 0)
const blobOf = (bytes: Uint8Array) => ({ cid: cidOf(bytes), bytes })

describe('golden lists of parts', () => {
  test.each(valid)('$chunks chunks', ({ chunks, cid, bytes, parts }) => {
    const blobs = [...encodeManifests(inventedChunks(chunks))!]
    const root = blobs.at(-1)!
    expect(bytesToHex(root.cid)).toBe(cid)
    for (const blob of blobs) expect(bytesToHex(cidOf(blob.bytes))).toBe(bytesToHex(blob.cid))
    if (bytes === undefined) return expect(blobs).toHaveLength(1)
    expect(bytesToHex(root.bytes)).toBe(bytes)
    const named = blobs.slice(0, -1).map((blob) => bytesToHex(blob.cid))
    expect(named).toEqual(parts!.map((part) => part.cid))
    const node = parseManifestNode(root.bytes)
    if (!node.ok || node.value.kind !== 'parts') throw new Error('no list of parts')
    expect(node.value.parts.map((part) => ({ ...part, cid: bytesToHex(part.cid) }))).toEqual(parts)
  })

  test.each(invalid)('invalid: $name', ({ bytes }) => {
    expect(parseManifestNode(Buffer.from(bytes, 'hex'))).toMatchObject({ error: { kind: 'bad-manifest' } })
  })

  test('only canonical ones parse', () => partsHold(300))

  test('1,024 parts parse, one more does not, and so long a file is not named', () => {
    const part: ManifestPart = {
      cid: new Uint8Array(32) as Cid,
      chunks: PART_CHUNKS,
      size: PART_CHUNKS * CHUNK_MIN,
    }
    const parts = (count: number) => encodeParts(Array.from({ length: count }, () => part))
    expect(PARTS_MAX * part.size).toBe(2 ** 40)
    expect(parseManifestNode(parts(PARTS_MAX))).toMatchObject({ value: { kind: 'parts' } })
    expect(parseManifestNode(parts(PARTS_MAX + 1))).toMatchObject({ error: { kind: 'bad-manifest' } })
    expect(encodeManifests({ length: FILE_CHUNKS_MAX + 1 } as ChunkRef[])).toBeUndefined()
  })
})

describe('resolving', () => {
  const many = inventedChunks(MANIFEST_CHUNKS_MAX + 1)
  const few = inventedChunks(100)

  test.each([
    ['one manifest', few, 1],
    ['parts', many, 8],
  ])('%s', async (_, chunks, reads) => {
    const blobs = new Blobs()
    const cid = blobs.add(encodeManifests(chunks)!)
    const found = await resolveManifest(cid, sizeOf(chunks), blobs.get)
    if (!found.ok) throw new Error(found.error.message)
    expect(found.value).toHaveLength(chunks.length)
    expect([...encodeManifests(found.value)!].at(-1)!.cid).toEqual(cid)
    expect(blobs.read).toHaveLength(reads)
  })

  test('of another size than the file: refused before a part is read', async () => {
    const blobs = new Blobs()
    const cid = blobs.add(encodeManifests(many)!)
    const found = await resolveManifest(cid, sizeOf(many) + 1, blobs.get)
    expect(found).toMatchObject({ error: { kind: 'bad-manifest' } })
    expect(blobs.read).toEqual([bytesToHex(cid)])
    const short = blobs.add(encodeManifests(few)!)
    expect(await resolveManifest(short, 1, blobs.get)).toMatchObject({ error: { kind: 'bad-manifest' } })
  })

  test('chunks of a long file come part by part; the error is the last', async () => {
    const blobs = new Blobs()
    const all = [...encodeManifests(many)!]
    const cid = blobs.add(all)
    blobs.byCid.delete(bytesToHex(all[2]!.cid))
    const steps: string[] = []
    for await (const step of manifestChunks(cid, sizeOf(many), blobs.get))
      steps.push(step.ok ? String(step.value.length) : step.error.kind)
    expect(steps).toEqual(['16384', '16384', 'chunk-missing'])
  })

  const first = [...encodeManifests(many)!]
  const lies: [string, Uint8Array][] = [
    ['has fewer chunks', encodeManifest(many.slice(0, PART_CHUNKS - 1))],
    ['has chunks of other lengths', encodeManifest(many.slice(1, PART_CHUNKS + 1))],
    ['is a list of parts itself', first.at(-1)!.bytes],
    ['is garbage', Uint8Array.of(1, 2, 3)],
  ]
  test.each(lies)('a part that %s is refused', async (_, bytes) => {
    const node = parseManifestNode(first.at(-1)!.bytes)
    if (!node.ok || node.value.kind !== 'parts') throw new Error('no list of parts')
    const parts = node.value.parts.map((part, i) => (i === 0 ? { ...part, cid: cidOf(bytes) } : part))
    const blobs = new Blobs()
    const cid = blobs.add([...first, blobOf(bytes), blobOf(encodeParts(parts))])
    expect(await resolveManifest(cid, sizeOf(many), blobs.get)).toMatchObject({ error: { kind: 'bad-manifest' } })
    expect(blobs.read).toHaveLength(2)
  })
})

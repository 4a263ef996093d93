import { readFileSync } from 'node:fs'
import { describe, expect, test } from 'vitest'
import { bytesToHex, type Cid } from '../core/bytes.ts'
import { cutSequential, cutsByDefinition } from './cuts.ts'
import { cidOf } from './digest.ts'
import { Gear, gearTable } from './gear.ts'
import { encodeManifest, parseManifest } from './manifest.ts'
import { manifestHolds } from './manifest.property.ts'
import { noise } from './testing.ts'

const vectors = (path: string) =>
  JSON.parse(readFileSync(new URL(`../../proto/vectors/${path}`, import.meta.url), 'utf8')) as unknown

interface Part {
  readonly bytes: number
  readonly seed?: number
  readonly repeat?: number
}
const contentOfParts = (parts: readonly Part[]) =>
  Buffer.concat(parts.map((p) => (p.seed === undefined ? Buffer.alloc(p.bytes, p.repeat) : noise(p.seed, p.bytes))))

describe('golden cuts', () => {
  const { gear, cases } = vectors('chunking/cuts.json') as {
    gear: Record<string, string>
    cases: { name: string; parts: Part[]; sha256: string; ends: number[] }[]
  }
  const wasm = new Gear(4 * 1024 * 1024)

  test('the gear constants', () => {
    const table = gearTable()
    for (const [byte, constant] of Object.entries(gear)) expect(table[Number(byte)]).toBe(BigInt(`0x${constant}`))
  })

  test.each(cases)('$name', ({ parts, sha256, ends }) => {
    const content = contentOfParts(parts)
    expect(bytesToHex(cidOf(content))).toBe(sha256)
    expect(cutsByDefinition(content)).toEqual(ends)
    wasm.content.set(content)
    const cuts: number[] = []
    while ((cuts.at(-1) ?? 0) < content.length) cuts.push(cutSequential(wasm, cuts.at(-1) ?? 0, content.length))
    expect(cuts).toEqual(ends)
  })
})

describe('golden manifests', () => {
  const { valid, invalid } = vectors('manifest/manifest.json') as {
    valid: { chunks: { cid: string; length: number }[]; bytes: string; cid: string }[]
    invalid: { name: string; bytes: string }[]
  }

  test.each(valid)('valid $cid', ({ chunks, bytes, cid }) => {
    const list = chunks.map((chunk) => ({
      cid: Uint8Array.from(Buffer.from(chunk.cid, 'hex')) as Cid,
      length: chunk.length,
    }))
    expect(bytesToHex(encodeManifest(list))).toBe(bytes)
    expect(parseManifest(Buffer.from(bytes, 'hex'))).toMatchObject({ ok: true, value: { length: list.length } })
    expect(bytesToHex(cidOf(Buffer.from(bytes, 'hex')))).toBe(cid)
  })

  test.each(invalid)('invalid: $name', ({ bytes }) => {
    expect(parseManifest(Buffer.from(bytes, 'hex'))).toMatchObject({ error: { kind: 'bad-manifest' } })
  })

  test('only canonical manifests parse', () => manifestHolds(300))
})

/** The bytes of operations: what is refused, golden vectors, batches. */
import { readFileSync } from 'node:fs'
import fc from 'fast-check'
import { describe, expect, test } from 'vitest'
import { bytesToHex, hexToBytes, type Cid } from '#kernel/core/bytes.ts'
import { BadOpError } from '#kernel/state/port.ts'
import { filestoreMachine } from './machine.ts'
import { BATCH_BYTES_MAX, createOp, decodeOps, encodeOps, packOps, xattrOp } from './ops.ts'
import { cellsAreCanonical, codecIsProtobuf, decodingIsStrict, keysAreCanonical } from './ops.property.ts'
import { inode, World } from './testing.ts'
import { linkKey, contentKey, ROOT } from './values.ts'

interface Vectors {
  readonly valid: readonly { readonly name: string; readonly ops: string; readonly cells: Record<string, string> }[]
  readonly invalid: readonly { readonly name: string; readonly ops: string }[]
}
const vectors = JSON.parse(
  readFileSync(new URL('../../proto/vectors/file/ops.json', import.meta.url), 'utf8'),
) as Vectors

const bytesOf = (hex: string): Uint8Array => {
  const bytes = hexToBytes(hex)
  if (!bytes.ok) throw new Error(bytes.error.message)
  return bytes.value
}

describe('golden vectors', () => {
  test.each(vectors.valid)('accepted: $name', ({ ops, cells }) => {
    expect(bytesToHex(encodeOps(decodeOps(bytesOf(ops)).ops))).toBe(ops)
    const world = new World()
    const replica = world.replica(0)
    world.writeBytes(replica, bytesOf(ops))
    const written = [...replica.tables.cells.cells()].map(([key, { heads }]) => [
      bytesToHex(key),
      heads[0]!.value ? bytesToHex(heads[0]!.value) : 'tombstone',
    ])
    expect(Object.fromEntries(written)).toEqual(cells)
  })

  test.each(vectors.invalid)('refused: $name', ({ ops }) => {
    expect(() => decodeOps(bytesOf(ops))).toThrow(BadOpError)
  })
})

test('decoding is strict', () => {
  fc.assert(decodingIsStrict, { numRuns: 500 })
})
test('the codec is that of protobuf, canonical', () => {
  fc.assert(codecIsProtobuf, { numRuns: 1000 })
})
test('cells are canonical', () => {
  fc.assert(cellsAreCanonical, { numRuns: 500 })
})
test('keys are canonical', () => fc.assert(keysAreCanonical, { numRuns: 300 }))

test('packing splits in order below the limit, and loses nothing', () => {
  const cid = new Uint8Array(32) as Cid
  const ops = Array.from({ length: 1000 }, (_, i) =>
    createOp(
      inode(i),
      'file',
      { parent: ROOT, name: `file ${i}` },
      {
        size: 10 * (i % 32) + 10,
        mtimeNs: 0n,
        mode: 0o644,
        data: { kind: 'chunks', chunks: Array.from({ length: (i % 32) + 1 }, () => ({ cid, length: 10 })) },
      },
    ),
  )
  const batches = packOps(ops)
  expect(batches.length).toBeGreaterThan(4)
  for (const batch of batches) expect(batch.length).toBeLessThanOrEqual(BATCH_BYTES_MAX)
  expect(batches.flatMap((batch) => decodeOps(batch).ops)).toEqual(ops)
  expect(() => packOps([xattrOp(inode(1), 'big', new Uint8Array(600))], 512)).toThrow(BadOpError)
})

test('referenced blobs: live contents, and what a deletion put away while the file is in sight', () => {
  const world = new World()
  const replica = world.replica(0)
  const cid = new Uint8Array(32).fill(9) as Cid
  const content = { size: 5, mtimeNs: 0n, mode: 0, data: { kind: 'chunks', chunks: [{ cid, length: 5 }] } } as const
  world.write(replica, [createOp(inode(1), 'file', { parent: ROOT, name: 'f' }, content)])
  expect([...filestoreMachine.referencedBlobs(replica.tables)]).toEqual([{ cid, length: 5, manifest: false }])
  expect(replica.tables.cells.cell(linkKey(inode(1)))).toBeDefined()
  expect(replica.tables.cells.cell(contentKey(inode(1)))).toBeDefined()
})

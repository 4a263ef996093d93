/** What must hold for any bytes and any op, shared by the short test and the long campaign. */
import { create, equals, fromBinary, toBinary } from '@bufbuild/protobuf'
import fc from 'fast-check'
import { expect } from 'vitest'
import { FileOpsSchema, type FileOps } from '#proto/file'
import { compareBytes } from '#kernel/core/bytes.ts'
import { BadOpError } from '#kernel/state/port.ts'
import { checkOp, decodeOps, encodeOps } from './ops.ts'
import { inode, World } from './testing.ts'
import {
  contentKey,
  decodeContent,
  decodeLink,
  encodeContent,
  encodeLink,
  goneKey,
  linkKey,
  parseKey,
  ROOT,
  TRASH,
  vacatedKey,
  xattrKey,
  type ParsedKey,
} from './values.ts'

const bytesArb = (length: number) => fc.uint8Array({ minLength: length, maxLength: length })

const inodeArb = fc.oneof(fc.nat({ max: 3 }).map(inode), fc.constantFrom(ROOT, TRASH), fc.uint8Array({ maxLength: 17 }))
const nameArb = fc.oneof(
  fc.constantFrom('a', 'b', '.', '..', '', 'a/b', 'nul\0', 'e\u0301', 'x'.repeat(255), 'x'.repeat(256)),
  fc.string({ unit: 'grapheme', maxLength: 8 }),
)
const placeArb = fc.record({ parent: inodeArb, name: nameArb })
const linkArb = fc.record({
  parent: inodeArb,
  name: nameArb,
  kind: fc.nat({ max: 4 }),
  replaced: fc.option(placeArb, { nil: undefined }),
})
const chunkArb = fc.record({ cid: fc.oneof(bytesArb(32), bytesArb(31)), length: fc.nat({ max: 1 << 21 }) })
const dataArb = fc.oneof(
  fc.uint8Array({ maxLength: 600 }).map((value) => ({ case: 'inline' as const, value })),
  fc.oneof(bytesArb(32), bytesArb(8)).map((value) => ({ case: 'manifest' as const, value })),
  fc.array(chunkArb, { maxLength: 34 }).map((chunks) => ({ case: 'chunks' as const, value: { chunks } })),
  fc.constant({ case: undefined }),
)
const contentArb = fc
  .record({
    size: fc.bigInt({ min: 0n, max: (1n << 64n) - 1n }),
    mtimeNs: fc.bigInt({ min: -(1n << 63n), max: (1n << 63n) - 1n }),
    mode: fc.oneof(fc.constant(0o644), fc.nat({ max: 0o20000 })),
    data: dataArb,
    honest: fc.boolean(),
  })
  .map(({ honest, ...content }) => {
    const { data } = content
    const sum =
      data.case === 'inline'
        ? data.value.length
        : data.case === 'chunks'
          ? data.value.chunks.reduce((n, { length }) => n + length, 0)
          : 1
    return honest ? { ...content, size: BigInt(sum) } : content
  })
const keepArb = fc.array(fc.oneof(bytesArb(32), bytesArb(3)), { maxLength: 2 })
const xattrArb = fc.record({
  name: nameArb,
  write: fc.oneof(
    fc.uint8Array({ maxLength: 4 }).map((value) => ({ case: 'value' as const, value })),
    fc.boolean().map((value) => ({ case: 'delete' as const, value })),
    fc.constant({ case: undefined }),
  ),
  keep: keepArb,
})
const opArb = fc.record({
  inode: inodeArb,
  link: fc.option(linkArb, { nil: undefined }),
  content: fc.option(contentArb, { nil: undefined }),
  xattrs: fc.array(xattrArb, { maxLength: 1 }),
  keepLink: fc.oneof({ weight: 4, arbitrary: fc.constant([]) }, keepArb),
  keepContent: fc.oneof({ weight: 4, arbitrary: fc.constant([]) }, keepArb),
})

/** A batch as anyone may send it: mostly one that is almost right, sometimes with bytes changed, sometimes noise. */
const anyBatchArb = fc.oneof(
  fc.uint8Array({ maxLength: 200 }),
  fc
    .record({
      ops: fc.array(opArb, { maxLength: 3 }),
      flips: fc.array(fc.tuple(fc.nat(), fc.nat({ max: 255 })), { maxLength: 2 }),
    })
    .map(({ ops, flips }) => {
      const bytes = toBinary(FileOpsSchema, create(FileOpsSchema, { ops: ops as never }))
      for (const [at, byte] of flips) if (bytes.length > 0) bytes[at % bytes.length] = byte
      return bytes
    }),
)

/** Decoding gives a BadOpError or an op that encodes to the same bytes and applies without throwing. */
export const decodingIsStrict = fc.property(anyBatchArb, (bytes) => {
  let decoded
  try {
    decoded = decodeOps(bytes)
  } catch (error) {
    expect(error).toBeInstanceOf(BadOpError)
    return
  }
  expect(compareBytes(encodeOps(decoded.ops), bytes)).toBe(0)
  const world = new World()
  const replica = world.replica(0)
  world.writeBytes(replica, bytes)
  for (const { inode: id } of decoded.ops)
    for (const visible of replica.tree.appearances(id as typeof ROOT))
      expect(replica.tree.resolve(replica.tree.pathOf(visible))).toEqual(visible)
})

const readGenerally = (bytes: Uint8Array): FileOps | undefined => {
  try {
    const ops = fromBinary(FileOpsSchema, bytes)
    ops.ops.forEach(checkOp)
    const again = toBinary(FileOpsSchema, ops, { writeUnknownFields: false })
    return ops.ops.length > 0 && compareBytes(again, bytes) === 0 ? ops : undefined
  } catch {
    return undefined
  }
}

const readByHand = (bytes: Uint8Array): FileOps | undefined => {
  try {
    return decodeOps(bytes)
  } catch {
    return undefined
  }
}

/** The codec written by hand accepts, reads and writes what protobuf-es does, where that knows one encoding only. */
export const codecIsProtobuf = fc.property(anyBatchArb, (bytes) => {
  const ops = readGenerally(bytes)
  const read = readByHand(bytes)
  expect(read && equals(FileOpsSchema, read, ops ?? create(FileOpsSchema))).toBe(ops && true)
})

/** A cell's value decodes to what encodes to the same bytes, or to nothing. */
export const cellsAreCanonical = fc.property(
  fc.oneof(
    fc.uint8Array({ maxLength: 120 }),
    fc.tuple(fc.nat({ max: 7 }), fc.uint8Array({ minLength: 16, maxLength: 80 })).map(([a, b]) => {
      b.fill(0, 6, 9)
      return Uint8Array.of(a, ...b)
    }),
  ),
  (bytes) => {
    const link = decodeLink(bytes)
    if (link) expect(encodeLink(link)).toEqual(bytes)
    const content = decodeContent(bytes)
    if (content) expect(encodeContent(content)).toEqual(bytes)
  },
)

const keyOf = (parsed: ParsedKey): Uint8Array => {
  switch (parsed.table) {
    case 'link':
      return linkKey(parsed.inode)
    case 'content':
      return contentKey(parsed.inode)
    case 'xattr':
      return xattrKey(parsed.inode, parsed.name)
    case 'gone':
      return goneKey(parsed.inode)
    case 'vacated':
      return vacatedKey(parsed.inode, parsed.from)
  }
}

/** A key is parsed to what makes the same key, or to nothing. */
export const keysAreCanonical = fc.property(
  fc.constantFrom(...[...'ncxsgp'].map((letter) => letter.charCodeAt(0))),
  fc.constantFrom(0x2f, 0x30),
  fc.uint8Array({ maxLength: 60 }),
  fc.constantFrom(0x2f, 0x61),
  (prefix, slash, bytes, next) => {
    if (bytes.length > 16) bytes[16] = next
    const key = Uint8Array.of(prefix, slash, ...bytes)
    const parsed = parseKey(key)
    if (parsed) expect(keyOf(parsed)).toEqual(key)
  },
)

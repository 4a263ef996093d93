/** Ops of any bytes as text, shared by the test and the fuzz campaign. */
import { create, toBinary } from '@bufbuild/protobuf'
import fc from 'fast-check'
import { expect } from 'vitest'
import { FileOpsSchema } from '#proto/file'
import { UniversalOpSchema, type UniversalOp } from '#proto/intention'
import { kvBatch } from '#kernel/state/kv.ts'
import { systemOp } from '#kernel/state/system-op.ts'
import { opsToSexpr, summariseOps } from './sexpr.ts'

const key = new Uint8Array(32).fill(7)
const files = create(FileOpsSchema, {
  ops: [
    { inode: key, link: { parent: key, name: 'a "b" (c)', kind: 1 }, keepLink: [key], content: { size: 3n, mode: 7 } },
  ],
})
const samples: readonly UniversalOp['op'][] = [
  { case: 'app', value: toBinary(FileOpsSchema, files) },
  { case: 'app', value: kvBatch().put(key, key).delete(Uint8Array.of(1)).encode() },
  {
    case: 'system',
    value: systemOp({ case: 'inviteCreate', value: { secretHash: key, role: 1, expiresMs: 5n, uses: 1 } }),
  },
  {
    case: 'system',
    value: systemOp({ case: 'setStrategy', value: { strategy: 2, members: [{ device: key, role: 3 }] } }),
  },
]
const ops = fc.oneof(
  fc.uint8Array({ maxLength: 200 }),
  fc
    .tuple(fc.constantFrom(...samples), fc.array(fc.tuple(fc.nat(300), fc.nat(255)), { maxLength: 3 }))
    .map(([op, edits]) => {
      const bytes = toBinary(UniversalOpSchema, create(UniversalOpSchema, { op }))
      for (const [at, to] of edits) bytes[at % bytes.length] = to
      return bytes
    }),
)

/** Any bytes give text with balanced parentheses, and a few words of it. */
export const anyOpsAreShown = fc.property(
  ops,
  fc.constantFrom('core:filestore', 'core:kv', 'core:log', 'core:space', 'x'),
  (bytes, type) => {
    const text = opsToSexpr(bytes, type).replaceAll(/"(?:[^"\\]|\\.)*"/g, '')
    expect(text.split('(').length).toBe(text.split(')').length)
    expect(summariseOps(bytes, type)).toEqual(expect.any(String))
  },
)

import { create, toBinary } from '@bufbuild/protobuf'
import fc from 'fast-check'
import { expect, test } from 'vitest'
import { FileKind, FileOpsSchema } from '#proto/file'
import { UniversalOpSchema, type UniversalOp } from '#proto/intention'
import { KvOpSchema } from '#proto/kv'
import { Role, SystemOpSchema } from '#proto/system'
import { anyOpsAreShown } from './sexpr.property.ts'
import { opsToSexpr, summariseOps } from './sexpr.ts'

const universal = (op: UniversalOp['op']): Uint8Array => toBinary(UniversalOpSchema, create(UniversalOpSchema, { op }))
const app = (bytes: Uint8Array) => universal({ case: 'app', value: bytes })

const files = app(
  toBinary(
    FileOpsSchema,
    create(FileOpsSchema, {
      ops: [
        { inode: new Uint8Array([1, 2]), link: { parent: new Uint8Array([3]), name: 'a "b"', kind: FileKind.FILE } },
      ],
    }),
  ),
)

test.each([
  [new Uint8Array(), 'core:kv', '(merge)', 'merge'],
  [
    files,
    'core:filestore',
    '(file-ops (ops (inode 0x0102) (link (parent 0x03) (name "a \\"b\\"") (kind file))))',
    '1 file: a "b"',
  ],
  [
    app(
      toBinary(
        KvOpSchema,
        create(KvOpSchema, { writes: [{ key: new Uint8Array([9]), write: { case: 'delete', value: true } }] }),
      ),
    ),
    'core:kv',
    '(kv-op (writes (key 0x09) (delete true)))',
    '13 bytes',
  ],
  [
    universal({
      case: 'system',
      value: create(SystemOpSchema, {
        op: {
          case: 'peerAdd',
          value: {
            $typeName: 'lattice.v1.PeerAdd',
            device: new Uint8Array([7]),
            name: 'x',
            role: Role.ADMIN,
            invite: new Uint8Array(),
            since: [],
          },
        },
      }),
    }),
    'core:space',
    '(system (peer-add (device 0x07) (name "x") (role admin)))',
    'peer add',
  ],
])('ops %#', (ops, type, sexpr, summary) => {
  expect(opsToSexpr(ops, type)).toBe(sexpr)
  if (type !== 'core:kv' || ops.length === 0) expect(summariseOps(ops, type)).toBe(summary)
})

test('any bytes are shown', () => fc.assert(anyOpsAreShown, { numRuns: 500 }))

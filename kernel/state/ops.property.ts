/** Shared by the test and the fuzz campaign: the decoders of ops that come from peers. */
import { fromBinary, toBinary } from '@bufbuild/protobuf'
import fc from 'fast-check'
import { expect } from 'vitest'
import { SystemOpSchema, type SystemOp } from '#proto/system'
import { kvBatch, kvMachine } from './kv.ts'
import { encodeLogOp, logMachine } from './log.ts'
import { BadOpError } from './port.ts'
import { parseSystemOp, systemOp } from './system-op.ts'

const key = new Uint8Array(32).fill(7)
const SAMPLES: readonly Uint8Array[] = [
  kvBatch().put(key, key).delete(Uint8Array.of(1)).encode(),
  encodeLogOp([key, new Uint8Array(0)]),
  ...[
    systemOp({ case: 'peerAdd', value: { device: key, name: 'a', role: 2, since: [{ storeId: key, lastSeq: 9n }] } }),
    systemOp({ case: 'peerRevoke', value: { device: key, cutoffs: [{ storeId: key, lastSeq: 9n }] } }),
    systemOp({ case: 'inviteCreate', value: { secretHash: key, role: 1, expiresMs: 5n, uses: 1, approval: true } }),
    systemOp({ case: 'setStrategy', value: { strategy: 2, members: [{ device: key, name: 'a', role: 3 }] } }),
  ].map((op) => toBinary(SystemOpSchema, op)),
]

const opBytes = fc.oneof(
  fc.uint8Array({ maxLength: 200 }),
  fc
    .tuple(fc.constantFrom(...SAMPLES), fc.array(fc.tuple(fc.nat(300), fc.nat(255)), { maxLength: 4 }))
    .map(([sample, edits]) => {
      const bytes = sample.slice()
      for (const [at, byte] of edits) bytes[at % bytes.length] = byte
      return bytes
    }),
)

const onlyBadOp = (decode: () => unknown): void => {
  try {
    decode()
  } catch (error) {
    expect(error).toBeInstanceOf(BadOpError)
  }
}

/** A decoder answers, or throws `BadOpError` and nothing else. */
export const opsProperty = fc.property(opBytes, (bytes) => {
  onlyBadOp(() => kvMachine.decode(bytes))
  onlyBadOp(() => logMachine.decode(bytes))
  let op: SystemOp
  try {
    op = fromBinary(SystemOpSchema, bytes)
  } catch {
    return // not protobuf: refused before it is parsed
  }
  onlyBadOp(() => parseSystemOp(op))
})

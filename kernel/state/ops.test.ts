/** Ops from peers: what they may not say. */
import fc from 'fast-check'
import { describe, expect, test } from 'vitest'
import { kvBatch, kvMachine } from './kv.ts'
import { opsProperty } from './ops.property.ts'
import { BadOpError } from './port.ts'
import { rowsProperty } from './rows.property.ts'
import { parseSystemOp, systemOp } from './system-op.ts'

const key = new Uint8Array(32).fill(7)

test('noise and damaged ops are refused, and crash nothing', () => {
  fc.assert(opsProperty, { numRuns: 500 })
})

test('damaged rows are named', () => fc.assert(rowsProperty, { numRuns: 300 }))

describe('a system op is refused', () => {
  test.each([
    ['without an operation', systemOp({ case: undefined })],
    ['with a short device key', systemOp({ case: 'peerAdd', value: { device: key.subarray(1), name: 'a', role: 2 } })],
    ['without a role', systemOp({ case: 'peerAdd', value: { device: key, name: 'a' } })],
    ['with a role that is not', systemOp({ case: 'setRole', value: { device: key, role: 9 as 3 } })],
    ['with a long name', systemOp({ case: 'peerRename', value: { device: key, name: 'é'.repeat(33) } })],
    [
      'with a store named twice',
      systemOp({ case: 'peerRevoke', value: { device: key, cutoffs: [{ storeId: key }, { storeId: key }] } }),
    ],
    ['with no use', systemOp({ case: 'inviteCreate', value: { secretHash: key, role: 2, expiresMs: 1n } })],
    ['with an empty list of members', systemOp({ case: 'setStrategy', value: { strategy: 2 } })],
    [
      'that goes back to inheriting',
      systemOp({ case: 'setStrategy', value: { strategy: 1, members: [{ device: key, role: 3 }] } }),
    ],
  ])('%s', (_, op) => {
    expect(() => parseSystemOp(op)).toThrow(BadOpError)
  })
})

test('keys of 1 byte to 1 KiB and nothing else', () => {
  for (const [length, fine] of [
    [0, false],
    [1, true],
    [1_024, true],
    [1_025, false],
  ] as const) {
    const op = kvBatch().put(new Uint8Array(length), key).encode()
    if (fine) expect(kvMachine.decode(op)).toHaveLength(1)
    else expect(() => kvMachine.decode(op)).toThrow(BadOpError)
  }
})

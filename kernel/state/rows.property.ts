/** Shared by the test and the fuzz campaign: folded records read back from a damaged disk. */
import { create, toBinary } from '@bufbuild/protobuf'
import fc from 'fast-check'
import { expect } from 'vitest'
import { ChildRecordSchema, InviteRecordSchema, MemberEventSchema, PeerRecordSchema } from '#proto/state'
import { bytesToHex, type Hash, type PublicKey, type StoreId } from '../core/bytes.ts'
import { openMemory } from '../storage/memory.ts'
import { CorruptCellError, encodeCell } from './cell.ts'
import { readMemberEvents } from './members.ts'
import { systemOp } from './system-op.ts'
import { SystemView } from './system.ts'
import { openMembers, openSystem, STATE_TABLES, storePrefix } from './table.ts'

const device = new Uint8Array(32).fill(7) as PublicKey
const store = new Uint8Array(32).fill(9) as StoreId
const op = systemOp({ case: 'peerRevoke', value: { device, cutoffs: [{ storeId: store, lastSeq: 9n }] } })
const records = {
  'p/': toBinary(PeerRecordSchema, create(PeerRecordSchema, { name: 'Anna' })),
  'c/': toBinary(ChildRecordSchema, create(ChildRecordSchema, { type: 'core:kv', name: 'notes' })),
  'i/': toBinary(InviteRecordSchema, create(InviteRecordSchema, { role: 2, expiresMs: 5n, uses: 1, approval: true })),
}
const member = toBinary(MemberEventSchema, create(MemberEventSchema, { author: device, seq: 3n, hlc: 4n, op }))

const spoilt = (valid: Uint8Array) =>
  fc.oneof(
    fc.uint8Array({ maxLength: 80 }),
    fc.tuple(fc.nat(), fc.nat(255), fc.nat(valid.length)).map(([at, to, end]) => {
      const bytes = valid.with(at % valid.length, to)
      return at % 3 === 0 ? bytes.subarray(0, end) : bytes
    }),
  )

const orCorrupt = (read: () => unknown): void => {
  try {
    read()
  } catch (error) {
    expect(error).toBeInstanceOf(CorruptCellError)
  }
}

const row = (key: string, rest: Uint8Array): Uint8Array =>
  Uint8Array.of(...storePrefix(1), ...new TextEncoder().encode(key), ...rest)

/** Whatever the disk gives back, a reader of the system table or of the members answers or names the damage. */
export const rowsProperty = fc.asyncProperty(
  spoilt(records['p/']),
  spoilt(records['c/']),
  spoilt(records['i/']),
  spoilt(member),
  async (peer, child, invite, event) => {
    await using backend = openMemory(STATE_TABLES)
    const head = { hash: store as Uint8Array as Hash, author: device, seq: 1, hlc: 1n }
    await backend.write((tx) => {
      tx.put('state-system', row('p/', device), encodeCell([{ ...head, value: peer }]))
      tx.put('state-system', row('c/', store), encodeCell([{ ...head, value: child }]))
      tx.put('state-system', row('i/', store), encodeCell([{ ...head, value: invite }]))
      tx.put('state-members', row('', store), event)
    })
    const view = new SystemView(openSystem(backend, 1))
    orCorrupt(() => view.peerName(device))
    orCorrupt(() => view.child(store))
    orCorrupt(() => [...view.children()])
    orCorrupt(() => [...view.invites()])
    orCorrupt(() => readMemberEvents(openMembers(backend, 1), bytesToHex(store)))
  },
)

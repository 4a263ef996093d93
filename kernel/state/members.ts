/**
 * Membership events as rows of state: key = hash of the intention, value = `MemberEvent` (docs/spec/state.md). All are
 * kept, counted or not: whether an event counts can depend on revocations that arrive later.
 */
import { create, fromBinary, toBinary } from '@bufbuild/protobuf'
import { MemberEventSchema } from '#proto/state'
import type { SystemOp } from '#proto/system'
import type { Hash, HexKey, PublicKey } from '../core/bytes.ts'
import { invariant } from '../core/result.ts'
import type { Dot } from '../dag/port.ts'
import { eventsOf, type MemberEvent } from './authority.ts'
import { CorruptCellError } from './cell.ts'
import type { DerivedReader, DerivedWriter } from './port.ts'
import { parseSystemOp } from './system-op.ts'

export const putMemberEvent = (rows: DerivedWriter, at: Dot, admin: boolean, op: SystemOp): void => {
  const { author, seq, hlc } = at
  const record = create(MemberEventSchema, { author, seq: BigInt(seq), hlc, admin, op })
  rows.put(at.hash, toBinary(MemberEventSchema, record))
}

/** All events of a store, in no particular order. Throws `CorruptCellError` on damaged rows. */
export const readMemberEvents = (rows: DerivedReader, storeHex: HexKey): MemberEvent[] => {
  const events: MemberEvent[] = []
  for (const [key, value] of rows.range()) {
    try {
      const { author, seq, hlc, admin, op } = fromBinary(MemberEventSchema, value)
      invariant(op !== undefined, 'a membership row has no op')
      const at: Dot = { hash: key.slice() as Hash, author: author as PublicKey, seq: Number(seq), hlc }
      events.push(...eventsOf(parseSystemOp(op), at, admin, storeHex))
    } catch (cause) {
      throw new CorruptCellError('a membership row is damaged', { cause })
    }
  }
  return events
}

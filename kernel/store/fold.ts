/** How one judged intention becomes state. Deterministic: tables in, tables out. */
import { err, InvariantError, latticeError, ok, type LatticeError, type Result } from '../core/result.ts'
import type { Causality, Witnessed } from '../dag/port.ts'
import { BadOpError, type AppliedAt, type Change, type StateMachine } from '../state/port.ts'
import { StorageError } from '../storage/errors.ts'
import { applySystemAction } from '../state/system.ts'
import type { StoreTables } from '../state/table.ts'
import type { Leg } from './judge.ts'

export interface FoldResult {
  readonly changes: readonly Change[]
  readonly system: boolean
}

const NOTHING: FoldResult = { changes: [], system: false }

/** `machine` is undefined for a store type this version does not know: such a store is carried, not folded. */
export const foldIntention = (
  leg: Leg,
  intention: Witnessed,
  causality: Causality,
  tables: StoreTables,
  machine: StateMachine<unknown> | undefined,
): FoldResult => {
  const { hash, author, seq, hlc } = intention
  const at: AppliedAt = { hash, author, seq, hlc, causality }
  if (leg.kind === 'system') {
    applySystemAction(leg.action, at, tables.system)
    return { changes: [], system: true }
  }
  if (leg.kind !== 'app' || machine === undefined) return NOTHING
  const op = leg.decoded === undefined ? decodeOp(machine, leg.bytes) : ok(leg.decoded.op)
  if (!op.ok) return NOTHING
  try {
    return { changes: machine.apply(op.value, at, tables), system: false }
  } catch (cause) {
    if (cause instanceof StorageError) throw cause // the disk failed it, not the op
    throw new InvariantError('a state machine threw while applying an op it had decoded', { cause })
  }
}

/** A bad op does nothing on any device. */
export const decodeOp = (
  machine: StateMachine<unknown>,
  bytes: Uint8Array,
): Result<unknown, LatticeError<'bad-op' | 'key-too-long'>> => {
  try {
    return ok(machine.decode(bytes))
  } catch (error) {
    if (error instanceof BadOpError) return err(latticeError(error.kind, 'permanent', error.message))
    throw error
  }
}

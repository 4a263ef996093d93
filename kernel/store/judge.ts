/** The verdict on one intention: pure, given the authorities of its store and its space (docs/spec/authority.md). */
import { fromBinary } from '@bufbuild/protobuf'
import { UniversalOpSchema } from '#proto/intention'
import type { SystemOp } from '#proto/system'
import { bytesToHex, type HexKey } from '../core/bytes.ts'
import type { Dot } from '../dag/port.ts'
import type { Authority, Verdict } from '../state/authority.ts'
import { decodeStrict } from '../state/kv.ts'
import { BadOpError } from '../state/port.ts'
import { parseSystemOp, RANK, type Rank, type SystemAction } from '../state/system-op.ts'

/** What an intention asks for. `bad`: it makes no sense, and does nothing on any device. */
export type Leg =
  | { readonly kind: 'genesis'; readonly type: string }
  | { readonly kind: 'merge' }
  | { readonly kind: 'bad'; readonly message: string }
  | { readonly kind: 'system'; readonly op: SystemOp; readonly action: SystemAction }
  | {
      readonly kind: 'app'
      readonly bytes: Uint8Array
      /** What the store's machine made of the bytes, when that is known already. */
      readonly decoded?: { readonly op: unknown }
    }

export const parseLeg = (ops: Uint8Array): Leg => {
  if (ops.length === 0) return { kind: 'merge' }
  try {
    const { op } = decodeStrict(() => fromBinary(UniversalOpSchema, ops))
    switch (op.case) {
      case 'genesis':
        return { kind: 'genesis', type: op.value.type }
      case 'system':
        return { kind: 'system', op: op.value, action: parseSystemOp(op.value) }
      case 'app':
        return { kind: 'app', bytes: op.value }
      default:
        return { kind: 'merge' }
    }
  } catch (error) {
    if (error instanceof BadOpError) return { kind: 'bad', message: error.message }
    throw error
  }
}

/** Who decides in a store. */
export interface Jurisdiction {
  readonly storeHex: HexKey
  /** From the store's own system table. */
  readonly own: Authority
  /** The space's, when the store has one and has not become independent. */
  readonly space: Authority | undefined
  /** The store lists its own peers for its whole history. */
  readonly independent: boolean
}

/** The authority that speaks for a store's peers. */
export const governing = (j: Jurisdiction): Authority => j.space ?? j.own

const givesOrTakesRights = (action: SystemAction): boolean =>
  action.kind === 'peer-add' ||
  action.kind === 'set-role' ||
  action.kind === 'peer-revoke' ||
  action.kind === 'make-independent'

/** Whether the action makes membership events, which are kept whatever the verdict. */
export const isMembership = givesOrTakesRights

/** Taking rights counts even beyond a cutoff: two who revoke each other are both revoked. */
const onlyTakes = (action: SystemAction): boolean => action.kind === 'peer-revoke' || action.kind === 'set-role'

const levelOf = (leg: Leg, authorHex: HexKey): Rank => {
  if (leg.kind === 'app') return RANK.writer
  if (leg.kind !== 'system') return RANK.reader
  const { action } = leg
  return action.kind === 'peer-rename' && bytesToHex(action.device) === authorHex ? RANK.reader : RANK.admin
}

/**
 * `isPast`: whether an event of this store lies in the intention's causal past; it must answer before the intention
 * itself is witnessed. `float`: the governing authority has never heard of the author.
 */
export const judge = (leg: Leg, at: Dot, j: Jurisdiction, isPast: (event: Dot) => boolean): Verdict => {
  const author = bytesToHex(at.author)
  if (leg.kind === 'genesis') return bytesToHex(at.hash) === j.storeHex ? 'apply' : 'exclude'
  const authority = governing(j)
  if (!authority.isKnown(author)) return 'float'
  if (leg.kind === 'bad') return 'exclude'
  const level = levelOf(leg, author)
  const isRoot = !j.independent && j.space === undefined
  if (leg.kind === 'system' && (givesOrTakesRights(leg.action) || (isRoot && level === RANK.admin))) {
    if (!j.own.wasAdmin(author, isPast)) return 'exclude'
    return onlyTakes(leg.action) || !j.own.isCut(at, isPast) ? 'apply' : 'exclude'
  }
  return authority.verdict(author, at.seq, j.storeHex, level)
}

/** How this device writes: an intention that follows everything it has witnessed. */
import { create, toBinary } from '@bufbuild/protobuf'
import { UniversalOpSchema } from '#proto/intention'
import { bytesToHex, compareBytes, equalBytes, type Hash } from '../core/bytes.ts'
import { tick } from '../core/hlc.ts'
import { DEPS_MAX, OPS_BYTES_MAX, signIntention } from '../core/intention.ts'
import { err, invariant, latticeError, ok, type LatticeError, type Result } from '../core/result.ts'
import type { Signer } from '../core/signing.ts'
import type { Dot, Witnessed } from '../dag/port.ts'
import type { StoreCore } from './core.ts'
import { decodeOp } from './fold.ts'
import { judge, parseLeg, type Leg } from './judge.ts'
import type { Draft, SubmitError, SubmitErrorKind } from './port.ts'
import type { Turn, Work } from './turn.ts'
import { witness } from './witness.ts'

const refuse = (kind: SubmitErrorKind, severity: LatticeError['severity'], message: string) =>
  err(latticeError(kind, severity, message))

/** The serialised UniversalOp; empty for a merge. */
export const encodeDraft = (draft: Draft): Uint8Array => {
  if ('merge' in draft) return new Uint8Array(0)
  const op =
    'app' in draft ? { case: 'app' as const, value: draft.app } : { case: 'system' as const, value: draft.system }
  return toBinary(UniversalOpSchema, create(UniversalOpSchema, { op }))
}

/** Where this device's next intention goes. A device that forked merges its own branches: the rest are deps. */
const place = (work: Work, self: Signer['publicKey']): { seq: number; prev: Hash | undefined; others: Hash[] } => {
  const last = work.dag.vector().get(bytesToHex(self)) ?? 0
  const own = last === 0 ? [] : [...work.dag.chain(self, last, last)]
  const prev = own[0]?.hash
  const others = work.dag.heads().filter((head) => prev === undefined || !equalBytes(head, prev))
  return { seq: last + 1, prev, others: others.sort(compareBytes) }
}

/** `leg`: what the ops say. */
const write = (turn: Turn, core: StoreCore, signer: Signer, ops: Uint8Array, leg: Leg): Witnessed => {
  const { dag } = turn.work(core)
  const { seq, prev, others } = place(turn.work(core), signer.publicKey)
  const deps = others.slice(0, DEPS_MAX)
  const parents = prev === undefined ? deps : [prev, ...deps]
  const hlc = tick(
    turn.nowMs,
    parents.map((parent) => dag.get(parent)!.hlc),
  )
  invariant(hlc !== undefined, 'the clock has run out')
  const intention = signIntention({ storeId: core.id, seq, prev, deps, hlc, ops }, signer)
  invariant(intention.ok, 'a draft was not checked before it was signed')
  const { witnessed } = witness(turn, core, [intention.value], undefined, { leg })
  const own = witnessed.find(({ hash }) => equalBytes(hash, intention.value.hash))
  invariant(own !== undefined, 'what this device may write was not witnessed')
  return own
}

/** Whether this device may write a draft here, and whether the draft makes sense: then what it says. `decoded`: its op. */
const check = (work: Work, self: Signer['publicKey'], ops: Uint8Array, decoded: unknown): Result<Leg, SubmitError> => {
  if (ops.length > OPS_BYTES_MAX)
    return refuse(
      'ops-too-large',
      'permanent',
      `one write of ${ops.length} bytes is over the limit of ${OPS_BYTES_MAX}`,
    )
  const { core, dag } = work
  if (core.genesis === undefined)
    return refuse('not-permitted', 'retryable', 'nothing of this store has been received yet')
  let leg = parseLeg(ops)
  if (leg.kind === 'bad') return refuse('bad-op', 'permanent', leg.message)
  if (leg.kind === 'app') {
    const { machine } = core
    if (machine === undefined)
      return refuse('bad-op', 'permanent', `this version does not know stores of type ${core.genesis.type}`)
    const op = decoded === undefined ? decodeOp(machine, leg.bytes) : ok(decoded)
    if (!op.ok) return refuse(op.error.kind, 'permanent', op.error.message)
    leg = { ...leg, decoded: { op: op.value } }
  }
  const seq = (dag.vector().get(bytesToHex(self)) ?? 0) + 1
  // The hash is not known yet, and no verdict on a new intention depends on it.
  const at: Dot = { hash: core.id, author: self, seq, hlc: 0n }
  return judge(leg, at, core.jurisdiction, () => true) === 'apply'
    ? ok(leg)
    : refuse('not-permitted', 'denied', 'this device may not do that here')
}

/**
 * Signs and witnesses one intention, after empty ones that merge heads if there are more than it can name. Nothing is
 * written when it is refused.
 */
export const append = (turn: Turn, core: StoreCore, signer: Signer, draft: Draft): Result<Witnessed, SubmitError> => {
  const work = turn.work(core)
  const ops = encodeDraft(draft)
  const allowed = check(work, signer.publicKey, ops, 'app' in draft ? draft.op : undefined)
  if (!allowed.ok) return allowed
  while (place(work, signer.publicKey).others.length > DEPS_MAX)
    write(turn, core, signer, new Uint8Array(0), { kind: 'merge' })
  return ok(write(turn, core, signer, ops, allowed.value))
}

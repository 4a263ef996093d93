/**
 * Witnessing inside a transaction: intentions enter the log, rights are judged, state is folded, and what a change
 * of rights does to earlier intentions and to the stores of a space is done in the same transaction.
 */
import { bytesToHex, hexToBytes, type HexKey, type PublicKey } from '../core/bytes.ts'
import { OPS_BYTES_MAX, type VerifiedIntention } from '../core/intention.ts'
import { invariant } from '../core/result.ts'
import type { Admission, DagRejection, Insertion } from '../dag/dag.ts'
import type { Dot, Witnessed } from '../dag/port.ts'
import { cutsDiffer, eventsOf, verdictsDiffer } from '../state/authority.ts'
import { putMemberEvent } from '../state/members.ts'
import type { StoreCore } from './core.ts'
import { governing, isMembership, judge, parseLeg, type Jurisdiction, type Leg } from './judge.ts'
import type { Turn, Work } from './turn.ts'

/** What one call did in the store it was for. */
export interface WitnessReport {
  /** In witness order, marked as things stand at the end of the transaction. */
  readonly witnessed: readonly Witnessed[]
  readonly rejected: readonly DagRejection[]
  readonly floating: number
  readonly known: number
  /** How many of the intentions were looked at; the rest is for the next transaction. */
  readonly taken: number
}

export interface WitnessOptions {
  /** What the only intention says, where that is known already. */
  readonly leg?: Leg
  /** Whether the transaction has taken long enough. Asked between intentions; at least one is taken. */
  readonly pause?: () => boolean
}

/**
 * Bytes of intentions that may wait for the end of a transaction to be folded, because rights moved in it, before it
 * is ended: those of the largest intention there can be.
 */
const DEFERRED_BYTES_MAX = OPS_BYTES_MAX

/** Whether an event lies in the causal past of an intention with these parents. */
const pastOf = (work: Work, { prev, deps }: { prev: Dot['hash'] | undefined; deps: readonly Dot['hash'][] }) => {
  const parents = prev === undefined ? deps : [prev, ...deps]
  return (event: Dot): boolean => parents.some((parent) => work.dag.isAncestor(event, parent))
}

const namedBy = (leg: Leg, at: Dot): PublicKey[] =>
  leg.kind === 'system' && isMembership(leg.action)
    ? eventsOf(leg.action, at, false, bytesToHex(at.hash)).map((event) => event.deviceKey)
    : []

/** One call's progress in one store. */
class Witnessing {
  readonly #turn: Turn
  readonly #work: Work
  readonly #core: StoreCore
  readonly #before: Jurisdiction
  /** What the intentions that are folded already were judged by, and how far each author's chain is among them. */
  #foldedBy: Jurisdiction
  #lastSeqs: ReadonlyMap<HexKey, number> = new Map()
  readonly #legs = new Map<HexKey, Leg>()
  readonly #witnessed: Witnessed[] = []
  /** Those of them that wait to be folded at the end, because rights move. */
  readonly #deferred: Witnessed[] = []
  #deferredBytes = 0
  readonly #rejected: DagRejection[] = []
  /** Devices named by what began to float in this call. */
  readonly #named = new Set<HexKey>()
  #rightsMoved = false

  constructor(turn: Turn, core: StoreCore, before: Jurisdiction, pause: () => boolean = () => false) {
    this.#turn = turn
    this.#core = core
    this.#work = turn.work(core)
    this.#before = before
    this.#foldedBy = before
    this.#work.admit = (intention) => this.#admit(intention)
    this.#work.witnessed = (witnessed) => this.#fold(witnessed)
    this.#work.pause = () => this.#deferredBytes >= DEFERRED_BYTES_MAX || pause()
  }

  insert(intentions: readonly VerifiedIntention[], from: PublicKey | undefined, leg?: Leg): WitnessReport {
    if (leg !== undefined) this.#legs.set(bytesToHex(intentions[0]!.hash), leg)
    const counts = { witnessed: 0, floating: 0, known: 0, rejected: 0 }
    let taken = 0
    this.#take(this.#work.dag.resume(this.#turn.nowMs))
    for (const intention of intentions) {
      if (taken > 0 && this.#work.pause()) break
      taken++
      const insertion = this.#work.dag.insert(intention, { wallMs: this.#turn.nowMs, from })
      counts[insertion.outcome]++
      this.#take(insertion)
      if (insertion.outcome === 'floating') this.#recordNaming(intention)
    }
    this.#wake()
    const witnessed = this.#finish(from === undefined)
    return { ...counts, witnessed, rejected: this.#rejected, taken }
  }

  /** After rights moved elsewhere (in the space, or because the space is known now). */
  inherit(): void {
    this.#moveRights(this.#before)
    this.#wake()
    this.#finish(false)
  }

  #take(insertion: Insertion): void {
    this.#witnessed.push(...insertion.witnessed)
    this.#rejected.push(...insertion.rejected)
    this.#work.noteForked(insertion.forked)
  }

  #admit(intention: VerifiedIntention): Admission {
    const hex = bytesToHex(intention.hash)
    const leg = this.#legs.get(hex) ?? parseLeg(intention.ops)
    const past = pastOf(this.#work, intention)
    const jurisdiction = this.#core.jurisdiction
    let verdict = judge(leg, intention, jurisdiction, past)
    if (verdict === 'float') {
      const isKnown = (device: HexKey) => governing(jurisdiction).isKnown(device)
      if (jurisdiction.space !== undefined || !this.#work.naming.reaches(intention.author, isKnown)) return 'float'
      verdict = 'exclude'
    }
    this.#legs.set(hex, leg)
    if (leg.kind === 'genesis') {
      this.#moveRights(jurisdiction)
      this.#core.forget()
    }
    if (leg.kind === 'system' && isMembership(leg.action)) {
      const admin = jurisdiction.own.wasAdmin(bytesToHex(intention.author), past)
      putMemberEvent(this.#work.tables.members, intention, admin, leg.op)
      this.#work.naming.remove(intention.hash, namedBy(leg, intention))
      this.#moveRights(jurisdiction)
      this.#core.forgetAuthority()
    }
    return verdict
  }

  /** From here on folding waits for the end. `before`: what counted until now. */
  #moveRights(before: Jurisdiction): void {
    if (this.#rightsMoved) return
    this.#rightsMoved = true
    this.#foldedBy = before
    this.#lastSeqs = this.#work.dag.vector()
  }

  #fold(intention: Witnessed): void {
    if (!this.#rightsMoved) return settle(this.#work, intention, this.#legs.get(bytesToHex(intention.hash))!)
    this.#deferred.push(intention)
    this.#deferredBytes += intention.ops.length
  }

  /** Lists the devices that a floating intention names, so that theirs may be let in before it. */
  #recordNaming(intention: VerifiedIntention): void {
    const devices = namedBy(parseLeg(intention.ops), intention)
    if (devices.length === 0 || !this.#work.naming.add(intention.hash, intention.author, devices)) return
    for (const device of devices) this.#named.add(bytesToHex(device))
  }

  /** Wakes what waits for the clock, and for a grant of devices known or named by now; again for whom that names. */
  #wake(): void {
    const { dag } = this.#work
    const due = dag.nextDueMs()
    if (due !== undefined && due <= this.#turn.nowMs) this.#take(dag.wakeDue(this.#turn.nowMs))
    if (!this.#rightsMoved && this.#named.size === 0) return
    const tried = new Set<HexKey>()
    for (let before = -1; before !== tried.size;) {
      before = tried.size
      for (const device of [...this.#named, ...this.#core.governing.devices()]) {
        if (tried.has(device) || (!this.#named.has(device) && governing(this.#before).isKnown(device))) continue
        tried.add(device)
        const key = hexToBytes(device)
        invariant(key.ok, 'a device key is not hexadecimal')
        this.#take(dag.wakeGated(this.#turn.nowMs, key.value as PublicKey))
      }
    }
  }

  /** Folds what was put off, or all there is if what was witnessed before is judged differently now. */
  #finish(local: boolean): readonly Witnessed[] {
    const work = this.#work
    for (const { hash } of this.#witnessed) work.noteWitnessed(hash, local)
    if (this.#rightsMoved) work.noteSystem()
    if (this.#rightsMoved && this.#verdictsMoved()) {
      refold(work)
      work.noteReset()
    } else for (const intention of this.#deferred) settle(work, intention, this.#legs.get(bytesToHex(intention.hash))!)
    if (this.#rightsMoved)
      for (const child of this.#core.children)
        new Witnessing(this.#turn, child, inherited(child, this.#before)).inherit()
    return this.#witnessed.map((intention) => work.dag.get(intention.hash)!)
  }

  /** Whether intentions that are folded already would be judged differently now. */
  #verdictsMoved(): boolean {
    const [before, now] = [this.#foldedBy, this.#core.jurisdiction]
    if (now.independent !== before.independent || (now.space === undefined) !== (before.space === undefined))
      return true
    const lastSeq = (device: HexKey) => this.#lastSeqs.get(device) ?? 0
    return (
      verdictsDiffer(governing(before), governing(now), now.storeHex, lastSeq) ||
      cutsDiffer(before.own, now.own, lastSeq)
    )
  }
}

/** The jurisdiction of a child before its space's rights moved. */
const inherited = (child: StoreCore, space: Jurisdiction): Jurisdiction => {
  const now = child.jurisdiction
  return now.space === undefined ? now : { ...now, space: governing(space) }
}

/** Folds an intention by the rights that hold now, and corrects its mark in the log. */
const settle = (work: Work, intention: Witnessed, leg: Leg): void => {
  // An author who floats by now was let in by a naming, or by a space that no longer decides: no effect.
  const counts = judge(leg, intention, work.core.jurisdiction, pastOf(work, intention)) === 'apply'
  if (counts === intention.excluded) work.dag.setExcluded(intention.hash, !counts)
  if (counts) work.fold(leg, intention)
}

/** Deletes what was folded and folds the log again. Membership events stay: they are settled when witnessed. */
const refold = (work: Work): void => {
  work.tables.clearFolded()
  for (const { hash } of work.dag.log()) {
    const intention = work.dag.get(hash)!
    settle(work, intention, parseLeg(intention.ops))
  }
}

/**
 * Witnesses verified intentions and whatever they wake, and folds them. `from`: the peer they came from, to bound
 * what floats for it; undefined: this device's own. Begins with what an earlier transaction left to be woken.
 */
export const witness = (
  turn: Turn,
  core: StoreCore,
  intentions: readonly VerifiedIntention[],
  from: PublicKey | undefined,
  { leg, pause }: WitnessOptions = {},
): WitnessReport => {
  turn.work(core)
  return new Witnessing(turn, core, core.jurisdiction, pause).insert(intentions, from, leg)
}

/** A store has a space now, or another one: judges everything anew. `before`: as it was without. */
export const rejudge = (turn: Turn, core: StoreCore, before: Jurisdiction): void => {
  turn.work(core)
  new Witnessing(turn, core, before).inherit()
}

/** Applies what was ahead of the clock and is no longer, and drops what floated for too long. */
export const wakeDue = (turn: Turn, core: StoreCore): void => {
  turn.work(core).dag.expire(turn.nowMs)
  new Witnessing(turn, core, core.jurisdiction).insert([], undefined)
}

/** Deletes all state, membership events included, and folds the log again. Returns the number of intentions. */
export const rebuild = (turn: Turn, core: StoreCore): number => {
  const work = turn.work(core)
  work.tables.clear()
  core.forgetAuthority()
  for (const { hash } of work.dag.log()) {
    const intention = work.dag.get(hash)!
    const leg = parseLeg(intention.ops)
    if (leg.kind !== 'system' || !isMembership(leg.action)) continue
    const admin = core.authority.wasAdmin(bytesToHex(intention.author), pastOf(work, intention))
    putMemberEvent(work.tables.members, intention, admin, leg.op)
    core.forgetAuthority()
  }
  refold(work)
  return work.dag.count
}

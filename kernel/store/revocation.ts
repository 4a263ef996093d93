/**
 * A device that was revoked hears nothing of a store any more, not even that. What may still be given to it is the
 * revocation itself, which any member can pass on, and the grants that made its author an admin, as far as the device
 * may not know them: nothing else of the log. It can check these by themselves, without their causal past.
 *
 * It takes the word of an admin it knows, or knew: whoever was one in the past of a revocation takes rights by it
 * (docs/spec/authority.md), and the past of this one is not for it to see. In the same way it is told that it was let
 * in again.
 */
import { bytesToHex, equalBytes, type Hash, type HexKey, type PublicKey, type StoreId } from '../core/bytes.ts'
import { parseIntention, verifyIntention, type UnverifiedIntention } from '../core/intention.ts'
import { err, latticeError, ok, type LatticeError, type Result } from '../core/result.ts'
import type { Verifier } from '../core/signing.ts'
import type { DagReader } from '../dag/port.ts'
import type { Authority, MemberEvent } from '../state/authority.ts'
import { RANK } from '../state/system-op.ts'
import { parseLeg } from './judge.ts'
import type { Access } from './port.ts'

/** Admins made by admins, from one that the revoked device knows to the one that revoked it. */
export const GRANTS_MAX = 8

/** Serialised SignedIntentions, each exactly as its author signed it. */
export interface LastWord {
  /** What took the device's rights; or, after that, what gave it some again. */
  readonly word: Uint8Array
  /** Each by an admin known before it or granted by one before it. */
  readonly grants: readonly Uint8Array[]
}

export interface Told {
  /** It was revoked; else it was let in again. */
  readonly isRevoked: boolean
  readonly by: PublicKey
  /** As a grant names the device; empty: no grant was needed, its name is known. */
  readonly byName: string
  readonly hlc: bigint
}

const latest = (events: readonly MemberEvent[]): MemberEvent | undefined => events.at(-1)

/** The event that is the last word about a device that was revoked once; undefined: it never was. */
const lastEvent = (authority: Authority, hex: HexKey): MemberEvent | undefined => {
  if (authority.peakRank(hex) === RANK.none) return undefined
  const said = authority.events.filter((event) => event.device === hex && event.admin && !event.copied)
  const taking = said.filter(({ rank }) => rank === RANK.none)
  if (taking.length === 0) return undefined
  if (authority.rank(hex) !== RANK.none) return latest(said.filter(({ rank }) => rank !== RANK.none))
  return latest(taking.filter(({ authorHex }) => authorHex === authority.founder)) ?? latest(taking)
}

/** `authority`: the store's own, which lists its peers itself. */
export const lastWordAbout = (authority: Authority, dag: DagReader, device: PublicKey): LastWord | undefined => {
  const hex = bytesToHex(device)
  const event = lastEvent(authority, hex)
  if (!event) return undefined
  // What the device had seen when it wrote last, it knows.
  const seq = dag.vector().get(hex) ?? 0
  const [lastWritten] = seq > 0 ? dag.chain(device, seq, seq) : []
  const isKnown = (event: MemberEvent): boolean =>
    lastWritten !== undefined && dag.isAncestor(event.at, lastWritten.hash)
  const grants: Hash[] = []
  let [author, at]: [HexKey, MemberEvent] = [event.authorHex, event]
  while (author !== authority.founder && grants.length < GRANTS_MAX) {
    const grant = latest(
      authority.events.filter(
        (event) =>
          event.device === author && event.rank === RANK.admin && event.admin && dag.isAncestor(event.at, at.at.hash),
      ),
    )
    if (!grant || grant.copied || isKnown(grant)) break
    grants.unshift(grant.at.hash)
    ;[author, at] = [grant.authorHex, grant]
  }
  const signed = [event.at.hash, ...grants].flatMap((hash) => dag.signedBytes(hash) ?? [])
  const [first, ...rest] = signed
  return first && signed.length === grants.length + 1 ? { word: first, grants: rest } : undefined
}

export type LastWordError = LatticeError<'bad-word' | 'unproven-word'>

const bad = (why: string): Result<never, LastWordError> =>
  err(latticeError('bad-word', 'permanent', `what a peer said of this device’s rights is not sound: ${why}`))

const readSigned = (bytes: Uint8Array, storeId: StoreId, verifier: Verifier): UnverifiedIntention | undefined => {
  const parsed = parseIntention(bytes)
  if (!parsed.ok || !equalBytes(parsed.value.storeId, storeId)) return undefined
  return verifyIntention(parsed.value, verifier).ok ? parsed.value : undefined
}

export interface WordSources {
  readonly storeId: StoreId
  readonly access: Access
  readonly dag: DagReader
  readonly verifier: Verifier
}

/** Whom the admins are that the device can believe: those it knows, and those that the grants lead to. */
const readGrants = (
  { storeId, access, verifier }: WordSources,
  grants: readonly Uint8Array[],
): Result<ReadonlyMap<HexKey, string>, LastWordError> => {
  const granted = new Map<HexKey, string>()
  for (const bytes of grants) {
    const intention = readSigned(bytes, storeId, verifier)
    const leg = intention && parseLeg(intention.ops)
    if (!intention || leg?.kind !== 'system') return bad('a grant is none of this store')
    const { action } = leg
    if ((action.kind !== 'peer-add' && action.kind !== 'set-role') || action.role !== 'admin')
      return bad('a grant makes nobody an admin')
    if (access.peer(intention.author)?.role === 'admin' || granted.has(bytesToHex(intention.author)))
      granted.set(bytesToHex(action.device), action.kind === 'peer-add' ? action.name : '')
  }
  return ok(granted)
}

/** What a peer showed as the last word about `self`. Undefined: the log has it, so that rights tell what it means. */
export const checkLastWord = (
  sources: WordSources,
  self: PublicKey,
  { word, grants }: LastWord,
): Result<Told | undefined, LastWordError> => {
  const { storeId, access, dag, verifier } = sources
  if (grants.length > GRANTS_MAX) return bad('it brings too many grants')
  const granted = readGrants(sources, grants)
  if (!granted.ok) return granted
  const intention = readSigned(word, storeId, verifier)
  const leg = intention && parseLeg(intention.ops)
  if (!intention || leg?.kind !== 'system') return bad('it is none of this store')
  const { action } = leg
  const isRevoked = action.kind === 'peer-revoke'
  if (!isRevoked && action.kind !== 'peer-add' && action.kind !== 'set-role') return bad('it is not about rights')
  if (!equalBytes(action.device, self)) return bad('it is not about this device')
  if (dag.has(intention.hash)) return ok(undefined)
  const byName = granted.value.get(bytesToHex(intention.author))
  if (byName === undefined && access.peer(intention.author)?.role !== 'admin')
    return err(
      latticeError('unproven-word', 'retryable', 'it is by a device that is no admin as far as this one knows'),
    )
  return ok({ isRevoked, by: intention.author, byName: byName ?? '', hlc: intention.hlc })
}

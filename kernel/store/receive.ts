/** From a peer's bytes to verified intentions. Nothing is stored here; one bad intention does not spoil the others. */
import { setImmediate } from 'node:timers/promises'
import { bytesToHex, equalBytes, type Hash, type StoreId } from '../core/bytes.ts'
import { parseIntention, verifyIntention, type UnverifiedIntention, type VerifiedIntention } from '../core/intention.ts'
import { latticeError } from '../core/result.ts'
import type { Verifier } from '../core/signing.ts'
import type { Rejected } from './port.ts'

/** Checks many signatures off the main thread; one answer per intention, in order. */
export interface BulkVerifier {
  verifyAll(intentions: readonly UnverifiedIntention[]): Promise<readonly boolean[]>
}

export interface Verifiers {
  readonly verifier: Verifier
  /** For batches of more than `BULK_MIN`. */
  readonly bulk?: BulkVerifier
}

/** Fewer are verified faster here than handed to a worker. */
const BULK_MIN = 48
/** About 20 ms of verification on a slow core, before other work gets its turn. */
const SLICE = 64

export interface Received {
  readonly verified: readonly VerifiedIntention[]
  readonly known: number
  readonly rejected: readonly Rejected[]
}

const verdicts = async (
  intentions: readonly UnverifiedIntention[],
  { verifier, bulk }: Verifiers,
): Promise<readonly boolean[]> => {
  if (bulk !== undefined && intentions.length >= BULK_MIN) return bulk.verifyAll(intentions)
  const good: boolean[] = []
  for (const intention of intentions) {
    if (good.length > 0 && good.length % SLICE === 0) await setImmediate()
    good.push(verifyIntention(intention, verifier).ok)
  }
  return good
}

/** `isKnown`: already in the log, so that its signature need not be checked again. */
export const receive = async (
  batch: readonly Uint8Array[],
  storeId: StoreId,
  isKnown: (hash: Hash) => boolean,
  verifiers: Verifiers,
): Promise<Received> => {
  const rejected: Rejected[] = []
  const fresh = new Map<string, UnverifiedIntention>()
  let known = 0
  for (const bytes of batch) {
    const parsed = parseIntention(bytes)
    if (!parsed.ok) {
      rejected.push({ hash: undefined, error: parsed.error })
      continue
    }
    const intention = parsed.value
    // By signature too: a copy with a bad one must not stand in the way of the good one.
    const name = bytesToHex(intention.hash) + bytesToHex(intention.signature)
    if (!equalBytes(intention.storeId, storeId))
      rejected.push({
        hash: intention.hash,
        error: latticeError('wrong-store', 'permanent', 'the intention belongs to another store'),
      })
    else if (fresh.has(name) || isKnown(intention.hash)) known++
    else fresh.set(name, intention)
  }
  const candidates = [...fresh.values()]
  const good = await verdicts(candidates, verifiers)
  const verified: VerifiedIntention[] = []
  candidates.forEach((intention, i) => {
    if (good[i] === true) verified.push(intention as UnverifiedIntention & VerifiedIntention)
    else
      rejected.push({
        hash: intention.hash,
        error: latticeError('bad-signature', 'permanent', 'the signature is not the author’s'),
      })
  })
  return { verified, known, rejected }
}

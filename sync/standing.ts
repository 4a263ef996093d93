/** How far a device was with a store when it was last heard of, and what it lacks since. Pure. */
import type { StandingRecord } from '#proto/wire'
import { bytesToHex, HASH_LENGTH, hexToBytes, type HexKey } from '#kernel/core/bytes.ts'
import { invariant } from '#kernel/core/result.ts'

export interface PeerStanding {
  /** Intentions in the store when both last held the same set, and how many of them were the device's own. */
  readonly levelCount: number
  readonly levelSeq: number
  /** Intentions it has, as it told last. */
  readonly count: number
  readonly pendingIn: number
  readonly settled: boolean
}

export const STANDINGS_MAX = 256

/**
 * Changes made by others that the device does not know yet: those witnessed here since both were level, less those it
 * has told to have taken in. `mine`: intentions here, `seq` of them the device's own. While it lacks anything, that is
 * at least one.
 */
export const changesBehind = (theirs: PeerStanding, mine: { readonly count: number; readonly seq: number }): number => {
  const own = mine.seq - theirs.levelSeq
  const made = mine.count - theirs.levelCount - own
  const learned = theirs.count - theirs.levelCount - own
  return made <= 0 ? 0 : Math.max(1, made - Math.max(0, learned))
}

type StandingInit = Omit<StandingRecord, '$typeName' | '$unknown'>

export const standingRecords = (standings: ReadonlyMap<HexKey, PeerStanding>): StandingInit[] =>
  [...standings].slice(0, STANDINGS_MAX).map(([hex, { levelCount, levelSeq, count, pendingIn, settled }]) => {
    const id = hexToBytes(hex)
    invariant(id.ok, 'a store is named in hex')
    return {
      storeId: id.value,
      levelCount: BigInt(levelCount),
      levelSeq: BigInt(levelSeq),
      count: BigInt(count),
      pendingIn: BigInt(pendingIn),
      settled,
    }
  })

/** Damaged records are left out: as if nothing had been heard. */
export const parseStandings = (records: readonly StandingRecord[]): Map<HexKey, PeerStanding> => {
  const standings = new Map<HexKey, PeerStanding>()
  for (const { storeId, settled, ...counts } of records.slice(0, STANDINGS_MAX)) {
    const { levelCount, levelSeq, count, pendingIn } = counts
    if (storeId.length !== HASH_LENGTH) continue
    if ([levelCount, levelSeq, count, pendingIn].some((value) => value > BigInt(Number.MAX_SAFE_INTEGER))) continue
    standings.set(bytesToHex(storeId), {
      levelCount: Number(levelCount),
      levelSeq: Number(levelSeq),
      count: Number(count),
      pendingIn: Number(pendingIn),
      settled,
    })
  }
  return standings
}

/**
 * From what a content was made, as far as the log tells: which contents each write replaced. It gives the base of a
 * three-way merge. Where branches met is told of places alike.
 *
 * A write replaces what its author had received and does not keep. One that keeps all of it was made from something
 * that is not told: from what was there before the kept ones. Of these the latest its author had received when it wrote
 * last is taken, else the first: an older base only shows more as different, a newer one would show what the author had
 * never seen as taken out by him.
 *
 * Who brings a conflict back writes old contents anew, the later keeping the earlier: these stand where the old ones
 * stood, and not behind what had settled the conflict.
 */
import { bytesToHex, equalBytes, type Hash } from '#kernel/core/bytes.ts'
import type { Causality, Dot } from '#kernel/dag/port.ts'
import { sameData } from './inode.ts'
import type { ContentValue } from './port.ts'
import type { Place } from './values.ts'

/** One write of a cell of an inode. */
export interface CellWrite<V> extends Dot {
  /** The author's intention before. */
  readonly prev: Hash | undefined
  readonly keep: readonly Hash[]
  /** Undefined: it only let go of others. */
  readonly value: V | undefined
}

export type ContentWrite = CellWrite<ContentValue>
/** A deletion has no place. */
export type PlaceWrite = CellWrite<Place>

type Same<V> = (a: V, b: V) => boolean

const samePlace: Same<Place> = (a, b) => a.name === b.name && equalBytes(a.parent, b.parent)

/**
 * The latest content that all of `heads` were made from; undefined: none. `writes`: all of one inode in an order in
 * which causes come first, the heads among them.
 */
export const forkPoint = (
  writes: readonly ContentWrite[],
  heads: readonly Hash[],
  causality: Causality,
): ContentWrite | undefined => {
  const lineage = new Lineage(writes, causality, sameData)
  const indices = heads.map((hash) => writes.findIndex((write) => equalBytes(write.hash, hash)))
  if (indices.length === 0 || indices.includes(-1)) return undefined
  const [first, ...rest] = indices.map((index) => lineage.ancestors(index))
  const common = [...first!].filter((index) => !indices.includes(index) && rest.every((set) => set.has(index)))
  const shared = common.map((index) => writes[index]!).filter(({ value }) => value !== undefined)
  return shared.reduce<ContentWrite | undefined>(
    (best, each) => (best && best.hlc >= each.hlc ? best : each),
    undefined,
  )
}

/** Where branches met last. */
export interface Meeting {
  /** The writes that stood side by side until then. */
  readonly of: readonly Hash[]
  /** The write that settled it, and all later ones. */
  readonly since: readonly Hash[]
  /** The one of them that was taken as it is; undefined: something else took their place, or nothing. */
  readonly taken: Hash | undefined
}

/**
 * Undefined: there were never several, or what stands side by side now has parted since they met last. What is brought
 * back has not parted: it stands for what had met. `heads`: the contents that stand now. `writes`: as above.
 */
export const lastMeeting = (
  writes: readonly ContentWrite[],
  heads: readonly Hash[],
  causality: Causality,
): Meeting | undefined => meetingIn(writes, heads, new Lineage(writes, causality, sameData))

/** The same of places: of links that do not lead to trash. */
export const lastMeetingOfPlaces = (
  writes: readonly PlaceWrite[],
  heads: readonly Hash[],
  causality: Causality,
): Meeting | undefined => meetingIn(writes, heads, new Lineage(writes, causality, samePlace))

const meetingIn = <V>(
  writes: readonly CellWrite<V>[],
  heads: readonly Hash[],
  lineage: Lineage<V>,
): Meeting | undefined => {
  let standing = writes.flatMap(({ hash }, each) => (heads.some((head) => equalBytes(head, hash)) ? [each] : []))
  if (heads.length > 1 && !standing.some((each) => lineage.isRevived(each))) return undefined
  // What stood after it was brought back had parted before it was settled first.
  let index = writes.length
  do {
    const before = index
    index = writes.findLastIndex((_, each) => each < before && lineage.settles(each))
    standing = index < 0 ? [] : [...lineage.stood(index)]
  } while (standing.some((each) => lineage.isRevived(each)))
  if (index < 0) return undefined
  const hashAt = (each: number): Hash => writes[each]!.hash
  const taken = lineage.taken(index)
  return {
    of: lineage.stood(index).map(hashAt),
    since: writes.slice(index).map(({ hash }) => hash),
    taken: taken === undefined ? undefined : hashAt(taken),
  }
}

class Lineage<V> {
  readonly #writes: readonly CellWrite<V>[]
  readonly #causality: Causality
  readonly #same: Same<V>
  /**
   * By the index of a write: the indices of what it replaced, of what it left beside it, of what replaced it, and of what
   * it was made from.
   */
  readonly #replaced: number[][] = []
  readonly #kept: number[][] = []
  readonly #replacedBy: number[][] = []
  readonly #madeFrom: number[][] = []
  /** Old contents that were brought back side by side. */
  readonly #revived = new Set<number>()
  /** Written, and replaced by nobody yet. */
  readonly #open = new Set<number>()

  constructor(writes: readonly CellWrite<V>[], causality: Causality, same: Same<V>) {
    this.#writes = writes
    this.#causality = causality
    this.#same = same
    for (const index of writes.keys()) this.#add(index)
    for (const index of writes.keys()) this.#findRevived(index)
  }

  /** Itself included. */
  ancestors(index: number): Set<number> {
    return this.#above([index], (each) => this.#madeFrom[each]!)
  }

  /** What its author saw side by side. */
  stood(index: number): readonly number[] {
    return this.#withValue([...this.#replaced[index]!, ...this.#kept[index]!]).sort((a, b) => a - b)
  }

  /** Those of them that it left standing. */
  left(index: number): readonly number[] {
    return this.#withValue(this.#kept[index]!)
  }

  /** The one of them that it left, or said again. */
  taken(index: number): number | undefined {
    const own = this.#writes[index]!.value
    return own === undefined
      ? this.left(index)[0]
      : this.stood(index).find((each) => this.#same(this.#writes[each]!.value!, own))
  }

  /** Of several no more than one was left. */
  settles(index: number): boolean {
    const own = this.#writes[index]!.value ? 1 : 0
    return this.stood(index).length > 1 && this.left(index).length + own <= 1
  }

  /** It was brought back, or made from such a one, and nothing was settled since. */
  isRevived(index: number): boolean {
    const before = (each: number): readonly number[] => {
      const replaced = this.settles(each) ? [] : this.#replaced[each]!
      return replaced.some((one) => this.settles(one)) ? [] : replaced
    }
    return [...this.#above([index], before)].some((each) => this.#revived.has(each))
  }

  #withValue(indices: readonly number[]): number[] {
    return indices.filter((each) => this.#writes[each]!.value !== undefined)
  }

  #above(from: readonly number[], next: (index: number) => readonly number[]): Set<number> {
    const seen = new Set<number>()
    for (const queue = [...from]; queue.length > 0;) {
      const index = queue.pop()!
      if (seen.has(index)) continue
      seen.add(index)
      queue.push(...next(index))
    }
    return seen
  }

  #isSeen(index: number, by: Hash | undefined): boolean {
    return by !== undefined && this.#causality.isAncestor(this.#writes[index]!, by)
  }

  #add(index: number): void {
    const { hash, keep, prev } = this.#writes[index]!
    const isSeen = (each: number): boolean => this.#isSeen(each, hash)
    const reached = this.#above([...this.#open], (each) => (isSeen(each) ? [] : this.#replaced[each]!))
    const standing = [...reached].filter((each) => isSeen(each) && !this.#replacedBy[each]!.some(isSeen))
    const kept = standing.filter((each) => keep.some((other) => equalBytes(other, this.#writes[each]!.hash)))
    const replaced = standing.filter((each) => !kept.includes(each))
    for (const each of replaced) {
      this.#open.delete(each)
      this.#replacedBy[each]!.push(index)
    }
    this.#open.add(index)
    this.#replaced.push(replaced)
    this.#kept.push(kept)
    this.#replacedBy.push([])
    this.#madeFrom.push(replaced.length > 0 ? replaced : this.#beforeKept(kept, prev))
  }

  #beforeKept(kept: readonly number[], prev: Hash | undefined): number[] {
    const above = [...this.#above(kept, (each) => this.#madeFrom[each]!)].filter((each) => !kept.includes(each))
    const newestFirst = above.sort((a, b) => b - a)
    const found = newestFirst.find((each) => this.#isSeen(each, prev)) ?? newestFirst.at(-1)
    return found === undefined ? [] : [found]
  }

  /** Brings back an old content beside another that its author just brought back. */
  #findRevived(index: number): void {
    const write = this.#writes[index]!
    for (const hash of write.keep) {
      const other = this.#writes.findIndex((each) => equalBytes(each.hash, hash))
      if (other < 0 || bytesToHex(this.#writes[other]!.author) !== bytesToHex(write.author)) continue
      const [old, otherOld] = [this.#earlierWith(index), this.#earlierWith(other)]
      if (old === undefined || otherOld === undefined) continue
      this.#revived.add(index).add(other)
      this.#madeFrom[index] = [old]
      this.#madeFrom[other] = [otherOld]
    }
  }

  /** The latest of the same data that its author had received. */
  #earlierWith(index: number): number | undefined {
    const { value, hash } = this.#writes[index]!
    for (let each = index - 1; each >= 0 && value !== undefined; each--) {
      const earlier = this.#writes[each]!.value
      if (earlier && this.#same(earlier, value) && this.#isSeen(each, hash)) return each
    }
    return undefined
  }
}

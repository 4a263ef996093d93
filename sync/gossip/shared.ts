/** What is known of one store at one connected peer, and the decision whether the two need a session. Pure. */
import { equalBytes, type Hash } from '#kernel/core/bytes.ts'

export interface Measure {
  readonly count: number
  readonly fingerprint: Uint8Array
}

export interface PeerProgress extends Measure {
  readonly pendingIn: number
  readonly settled: boolean
}

/** One store shared with one connected peer. Mutable, owned by the engine. */
export interface Shared {
  /** As the peer told last; undefined: not yet. */
  progress: PeerProgress | undefined
  /** When the two sets were last equal: intentions in them, and how many of those the peer's own. */
  levelAt: { readonly count: number; readonly seq: number } | undefined
  /** Since connecting, the two sets were equal once or a session ended: news may be pushed. */
  synced: boolean
  /** News that arose during the first session; undefined: too much, the next session finds it. */
  held: { bodies: Hash[]; have: Hash[] } | undefined
  /** Sessions in a row that failed or left the two unequal. */
  failures: number
  /** Vectors are not to be trusted: a session over them ended unequal. */
  distrust: boolean
  /** Armed while the two differ. */
  cancelCheck: (() => void) | undefined
  checkedAt: { readonly mine: number; readonly theirs: number; readonly sinceMs: number } | undefined
}

export const newShared = (levelAt?: Shared['levelAt']): Shared => ({
  progress: undefined,
  levelAt,
  synced: false,
  held: { bodies: [], have: [] },
  failures: 0,
  distrust: false,
  cancelCheck: undefined,
  checkedAt: undefined,
})

export const isEqualSet = (a: Measure, b: Measure | undefined): boolean =>
  b !== undefined && a.count === b.count && equalBytes(a.fingerprint, b.fingerprint)

/** Pushes in flight even two sets out; what differs for longer with nothing moving needs a session. */
const QUIET_MS = 300
/** … and what differs for so long needs one although things move. */
const RESTLESS_MS = 5_000
const PAUSE_MS_MAX = 15_000

/** How long to wait before looking at a difference again. */
export const pauseMs = (failures: number): number => Math.min(PAUSE_MS_MAX, QUIET_MS * 2 ** failures)

/** A difference was seen before, at `checkedAt`: does it need a session now? */
export const isStuck = (
  before: NonNullable<Shared['checkedAt']>,
  mine: Measure,
  theirs: Measure,
  nowMs: number,
): boolean => (before.mine === mine.count && before.theirs === theirs.count) || nowMs - before.sinceMs >= RESTLESS_MS

/** What a peer does fills it, time empties it. */
export class Bucket {
  readonly #max: number
  readonly #perSecond: number
  #level = 0
  #atMs = 0

  constructor(max: number, perSecond: number) {
    this.#max = max
    this.#perSecond = perSecond
  }

  /** True: it runs over. */
  add(count: number, nowMs: number): boolean {
    this.#level = Math.max(0, this.#level - ((nowMs - this.#atMs) / 1_000) * this.#perSecond) + count
    this.#atMs = nowMs
    return this.#level > this.#max
  }

  take(count: number): void {
    this.#level = Math.max(0, this.#level - count)
  }
}

/** Invalid data: refused intentions tolerated at once; one is forgiven per second. */
export const newMisdeeds = (): Bucket => new Bucket(20, 1)

/** The latest change of each folder, for those who look at the state of all folders again and again. */
import { bytesToHex, type HexKey } from '#kernel/core/bytes.ts'
import type { Witnessed } from '#kernel/dag/port.ts'
import type { Store } from '#kernel/store/port.ts'
import { lastChangeIn, type Activity } from './activity.ts'

/** Intentions looked at for one that is about a file; those that are about none are few. */
const LOOKED_AT_MAX = 50

interface Known {
  readonly count: number
  readonly written: Witnessed | undefined
  readonly change: Activity | undefined
}

export class LatestChanges {
  readonly #known = new Map<HexKey, Known>()

  /** Undefined: nobody has changed anything yet, as far as the end of the log tells. */
  of(store: Store): Activity | undefined {
    const hex = bytesToHex(store.id)
    const known = this.#known.get(hex)
    const { count, ranges } = store.dag
    if (known?.count === count) return known.change
    // By time, not as it came: what comes from a peer that was away is older than what is here.
    for (let at = ranges.size - 1; at >= Math.max(0, ranges.size - LOOKED_AT_MAX); at--) {
      const written = store.dag.get(ranges.at(at)!.id)
      if (!written || written.excluded) continue
      if (known?.written && written.hlc <= known.written.hlc) break
      const change = lastChangeIn(store, written)
      if (!change) continue
      this.#known.set(hex, { count, written, change })
      return change
    }
    this.#known.set(hex, { count, written: known?.written, change: known?.change })
    return known?.change
  }
}

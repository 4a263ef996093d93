/**
 * How many bytes of content are known and not on this disk yet. What waits is looked at once, in slices, as it comes;
 * so the sum follows what happens after a moment, and asking for it costs nothing.
 */
import { bytesToHex, equalBytes, type HexKey } from '#kernel/core/bytes.ts'
import type { Store } from '#kernel/store/port.ts'
import type { Inode } from '#fs-bridge/filestore/port.ts'
import { openTree } from '#fs-bridge/filestore/tree.ts'
import type { SyncedFolder } from '#fs-bridge/folder/synced-folder.ts'
import { deviceNameIn } from '../lookup.ts'
import { breathing } from './turns.ts'

interface Sum {
  /** Bytes of each inode that waits, by inode in hex. */
  sizes: Map<string, number>
  total: number
  running: boolean
}

/** Of an inode: what is seen of it and was not written here from the very same content. */
const bytesOf = (store: Store, folder: SyncedFolder, inode: Inode): number => {
  let bytes = 0
  for (const visible of openTree(store.state, deviceNameIn(store.access)).appearances(inode)) {
    if (visible.kind !== 'file' || !visible.content || !visible.contentHead) continue
    const head = folder.recorded(visible)?.contentHead
    if (!head || !equalBytes(head, visible.contentHead)) bytes += visible.content.size
  }
  return bytes
}

export class Incoming {
  readonly #sums = new Map<HexKey, Sum>()
  readonly #changed: (hex: HexKey) => void
  readonly #report: (cause: unknown) => void
  readonly #signal: AbortSignal

  /** `changed` is called when a sum is another than it was when last asked for. */
  constructor(changed: (hex: HexKey) => void, report: (cause: unknown) => void, signal: AbortSignal) {
    this.#changed = changed
    this.#report = report
    this.#signal = signal
  }

  /** As far as it is known by now; what came since is looked at. */
  bytes(store: Store, folder: SyncedFolder | undefined): bigint {
    const hex = bytesToHex(store.id)
    if (!folder || folder.status().pendingIn === 0) {
      this.#sums.delete(hex)
      return 0n
    }
    const sum = this.#sums.get(hex) ?? { sizes: new Map(), total: 0, running: false }
    this.#sums.set(hex, sum)
    if (!sum.running && !this.#signal.aborted) {
      sum.running = true
      this.#add(store, folder, sum)
        .then((total) => {
          sum.running = false
          if (total === sum.total) return
          sum.total = total
          this.#changed(hex)
        })
        .catch((cause: unknown) => {
          sum.running = false
          if (!this.#signal.aborted) this.#report(cause)
        })
    }
    return BigInt(sum.total)
  }

  async #add(store: Store, folder: SyncedFolder, sum: Sum): Promise<number> {
    const breathe = breathing(this.#signal)
    const sizes = new Map<string, number>()
    let total = 0
    for (const inode of folder.waiting()) {
      const hex = bytesToHex(inode)
      const size = sum.sizes.get(hex) ?? bytesOf(store, folder, inode)
      if (!sizes.has(hex)) total += size
      sizes.set(hex, size)
      await breathe()
    }
    sum.sizes = sizes
    return total
  }
}

/**
 * Who is named by intentions that still float. In a store that lists its own peers, what grants a device its rights
 * may causally follow that device's own intentions (the folder was shared later, with its members copied in). Such
 * an intention must be let in before the grant can be: the gate opens for an author as soon as a chain of namings,
 * received and verified though not yet applied, leads from the founder to it. Rights are not read from here.
 *
 * Row: store number[4] device[32] hash of the naming intention[32] → its author[32].
 */
import { bytesToHex, type Hash, type HexKey, type PublicKey } from '../core/bytes.ts'
import type { StorageWriter } from '../storage/port.ts'
import { WritableRows } from '../state/table.ts'
import { NAMING_TABLE } from './catalog.ts'

/** Namings kept per store. More cannot come from honest devices: the rest waits until these were applied. */
const NAMINGS_MAX = 20_000

export class Naming {
  readonly #rows: WritableRows

  constructor(tx: StorageWriter, storeNumber: number) {
    this.#rows = new WritableRows(tx, NAMING_TABLE, storeNumber)
  }

  /** Records that an intention names devices. False: the index is full. */
  add(hash: Hash, author: PublicKey, devices: readonly PublicKey[]): boolean {
    if (this.#rows.count({ limit: NAMINGS_MAX }) + devices.length > NAMINGS_MAX) return false
    for (const device of devices) {
      const key = new Uint8Array(64)
      key.set(device)
      key.set(hash, 32)
      this.#rows.put(key, author)
    }
    return true
  }

  /** Forgets what an intention named, once it is applied. */
  remove(hash: Hash, devices: readonly PublicKey[]): void {
    for (const device of devices) {
      const key = new Uint8Array(64)
      key.set(device)
      key.set(hash, 32)
      this.#rows.delete(key)
    }
  }

  /** Whether a chain of namings leads from a known device to this one. */
  reaches(device: PublicKey, isKnown: (device: HexKey) => boolean): boolean {
    const seen = new Set<HexKey>()
    const queue: Uint8Array[] = [device]
    for (let next = queue.pop(); next !== undefined; next = queue.pop()) {
      if (isKnown(bytesToHex(next))) return true
      if (seen.has(bytesToHex(next))) continue
      seen.add(bytesToHex(next))
      const lt = new Uint8Array(64).fill(0xff)
      lt.set(next)
      for (const [, author] of this.#rows.range({ gte: next, lt })) queue.push(author)
    }
    return false
  }
}

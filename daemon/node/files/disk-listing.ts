/**
 * The names in directories of the disk, in the order of their bytes. Read in slices; the listings used last are kept
 * for as long as their directories say that nothing came or went, so that a long one is read once and not per page.
 */
import { opendir } from 'node:fs/promises'
import { compareNames } from '#fs-bridge/filestore/slot.ts'
import { errnoOf, isRealDir, look } from '#fs-bridge/folder/disk.ts'
import { CONTROL_DIR } from '#fs-bridge/folder/marker.ts'
import type { Breathe } from './turns.ts'

const READ_AT_ONCE = 1024
const SORTED_AT_ONCE = 512
/** Names kept over all listings, some 100 bytes each. */
const NAMES_MAX = 400_000
/** A directory that changed less than this before it was read may have changed again in the same tick of its clock. */
const SETTLED_MS = 1_000

interface Listing {
  readonly ino: bigint
  readonly mtimeNs: bigint
  readonly names: readonly string[]
}

export class DiskListings {
  readonly #kept = new Map<string, Listing>()

  /** Nothing for what is not a directory, or is reached through a symlink. What cannot be read counts as empty. */
  async names(root: string, path: string, breathe: Breathe): Promise<readonly string[]> {
    const dir = path === '' ? root : `${root}/${path}`
    const before = isRealDir(dir) ? look(dir) : undefined
    const known = this.#kept.get(dir)
    this.#kept.delete(dir)
    if (before === undefined) return []
    const listing =
      known?.ino === before.ino && known.mtimeNs === before.mtimeNs
        ? known
        : { ino: before.ino, mtimeNs: before.mtimeNs, names: await readSorted(dir, path === '', breathe) }
    if (listing === known || Date.now() - Number(before.mtimeNs / 1_000_000n) > SETTLED_MS) this.#keep(dir, listing)
    return listing.names
  }

  #keep(dir: string, listing: Listing): void {
    this.#kept.set(dir, listing)
    let total = 0
    for (const { names } of this.#kept.values()) total += names.length
    for (const [oldest, { names }] of this.#kept) {
      if (total <= NAMES_MAX) return
      total -= names.length
      this.#kept.delete(oldest)
    }
  }
}

const readSorted = async (dir: string, isTop: boolean, breathe: Breathe): Promise<readonly string[]> => {
  const names: string[] = []
  try {
    for await (const { name } of await opendir(dir, { bufferSize: READ_AT_ONCE })) {
      if (!isTop || name !== CONTROL_DIR) names.push(name)
      await breathe()
    }
  } catch (cause) {
    if (cause instanceof Error && 'code' in cause) errnoOf(cause)
    else throw cause
  }
  return sortInSlices(names, compareNames, breathe)
}

/** A merge sort that gives way now and then. */
export const sortInSlices = async <T>(
  items: readonly T[],
  compare: (a: T, b: T) => number,
  breathe: Breathe,
): Promise<readonly T[]> => {
  let runs: T[][] = []
  for (let at = 0; at < items.length; at += SORTED_AT_ONCE) {
    runs.push(items.slice(at, at + SORTED_AT_ONCE).sort(compare))
    await breathe()
  }
  while (runs.length > 1) {
    const merged: T[][] = []
    for (let i = 0; i < runs.length; i += 2)
      merged.push(runs[i + 1] ? await merge(runs[i]!, runs[i + 1]!, compare, breathe) : runs[i]!)
    runs = merged
  }
  return runs[0] ?? []
}

const merge = async <T>(
  a: readonly T[],
  b: readonly T[],
  compare: (a: T, b: T) => number,
  breathe: Breathe,
): Promise<T[]> => {
  const out: T[] = []
  for (let i = 0, j = 0; i < a.length || j < b.length;) {
    const fromA = j >= b.length || (i < a.length && compare(a[i]!, b[j]!) <= 0)
    out.push(fromA ? a[i++]! : b[j++]!)
    if (out.length % SORTED_AT_ONCE === 0) await breathe()
  }
  return out
}

/** Where the first name after `after` is. */
export const positionAfter = (names: readonly string[], after: string): number => {
  let low = 0
  let high = names.length
  while (low < high) {
    const middle = (low + high) >> 1
    if (compareNames(names[middle]!, after) <= 0) low = middle + 1
    else high = middle
  }
  return low
}

/**
 * What was in a directory when it was deleted: all below it in trash that the same device deleted in one go. One go may
 * be many intentions, seconds apart where there was much; what had been deleted from it earlier, or by somebody else,
 * is no part of it. Time is all there is to tell by: a device that was off finds everything gone at once.
 */
import { bytesToHex, equalBytes, type HexKey } from '#kernel/core/bytes.ts'
import { hlcToMs } from '#kernel/core/hlc.ts'
import type { InodeState } from '#fs-bridge/filestore/inode.ts'
import type { Inode } from '#fs-bridge/filestore/port.ts'
import type { Place } from '#fs-bridge/filestore/values.ts'
import type { Breathe } from './turns.ts'

/** A longer pause between two deletions of one directory's content parts them. */
const PAUSE_MS_MAX = 10_000

export interface Deletion {
  readonly inode: Inode
  readonly hlc: bigint
}

/** As trash has it: where it was, and who put it there. */
export interface Deleted extends Deletion {
  readonly state: InodeState
  readonly from: Place
}

const isPause = (a: bigint, b: bigint): boolean => Math.abs(hlcToMs(a) - hlcToMs(b)) > PAUSE_MS_MAX

/** Those next to `dir` in time, before and after it, with no pause between. `all` is in the order of time. */
const around = async (
  all: readonly Deletion[],
  at: number,
  look: (deletion: Deletion) => Deleted | undefined,
  dir: Deleted,
  breathe: Breathe,
): Promise<Deleted[]> => {
  const found: Deleted[] = []
  for (const step of [-1, 1]) {
    let last = dir.hlc
    for (let i = at + step; i >= 0 && i < all.length && !isPause(all[i]!.hlc, last); i += step) {
      const deleted = look(all[i]!)
      await breathe()
      if (!deleted || !equalBytes(deleted.state.head.author, dir.state.head.author)) continue
      last = deleted.hlc
      found.push(deleted)
    }
  }
  return found
}

/** `top` and what hangs below it, directories before what is in them. Directories of one place are one. */
const below = (top: Deleted, deleted: readonly Deleted[]): Deleted[] => {
  const children = new Map<HexKey, Deleted[]>()
  for (const each of deleted) {
    const parent = bytesToHex(each.from.parent)
    children.set(parent, [...(children.get(parent) ?? []), each])
  }
  const isSeenAsTop = ({ state, from, inode }: Deleted): boolean =>
    state.kind === 'dir' && from.name === top.from.name && !equalBytes(inode, top.inode)
  const merged = (children.get(bytesToHex(top.from.parent)) ?? []).filter(isSeenAsTop)
  const found = new Map<HexKey, Deleted>()
  for (const queue = [top, ...merged]; queue.length > 0;) {
    const next = queue.shift()!
    const id = bytesToHex(next.inode)
    if (found.has(id)) continue
    found.set(id, next)
    queue.push(...(children.get(id) ?? []))
  }
  return [...found.values()]
}

/** Only those of `below` with no pause between them and the deletion of `top`. */
const inOneGo = (top: Deleted, found: readonly Deleted[]): readonly Deleted[] => {
  const times = found.map(({ hlc }) => hlc).sort((a, b) => (a < b ? -1 : a > b ? 1 : 0))
  const at = times.indexOf(top.hlc)
  let [first, last] = [at, at]
  while (first > 0 && !isPause(times[first - 1]!, times[first]!)) first--
  while (last < times.length - 1 && !isPause(times[last]!, times[last + 1]!)) last++
  return found.filter(({ hlc }) => hlc >= times[first]! && hlc <= times[last]!)
}

/** `all`: everything in trash, the newest first. What is in sight again by now is not among what is given. */
export const deletedTogether = async (
  all: readonly Deletion[],
  dir: Deleted,
  look: (deletion: Deletion) => Deleted | undefined,
  breathe: Breathe,
): Promise<readonly Deleted[]> => {
  const at = all.findIndex(({ inode, hlc }) => hlc === dir.hlc && equalBytes(inode, dir.inode))
  return at < 0 ? [dir] : inOneGo(dir, below(dir, await around(all, at, look, dir, breathe)))
}

/**
 * `.lattice/trash/<day>/…` is kept for TRASH_DAYS, and no more of it than TRASH_BYTES_MAX or TRASH_DISK_SHARE of the
 * disk, whichever is less. Days go oldest first; within the day that must shrink, files go in the order of their names.
 */
import fs from 'node:fs/promises'
import { join } from 'node:path'
import { errnoOf, isGone } from './disk.ts'

export const TRASH_DAYS = 30
export const TRASH_BYTES_MAX = 10 * 1024 ** 3
export const TRASH_DISK_SHARE = 0.1
const DAY_MS = 24 * 60 * 60 * 1000
/** Between two passes over the trash. */
export const TRASH_PASS_MS = DAY_MS

interface Trashed {
  readonly path: string
  readonly bytes: number
}

/** Files, symlinks and the size of each, below a directory; directories come after what they hold, with no bytes. */
async function* walk(dir: string): AsyncGenerator<Trashed> {
  for (const item of await fs.readdir(dir, { withFileTypes: true })) {
    const path = join(dir, item.name)
    if (item.isDirectory()) yield* walk(path)
    else yield { path, bytes: (await fs.lstat(path)).blocks * 512 }
  }
  yield { path: dir, bytes: 0 }
}

const bytesOf = async (dir: string, signal: AbortSignal): Promise<number> => {
  let total = 0
  for await (const { bytes } of walk(dir)) {
    signal.throwIfAborted()
    total += bytes
  }
  return total
}

/** What a pass may leave, in bytes; `diskBytes` is the size of the whole disk. */
export const trashAllowance = (diskBytes: number): number => Math.min(TRASH_BYTES_MAX, diskBytes * TRASH_DISK_SHARE)

/** One pass. `allowance`: for tests; else what the disk's size allows. Stops early when aborted. */
export const pruneTrash = async (
  trash: string,
  nowMs: number,
  signal: AbortSignal,
  allowance?: number,
): Promise<void> => {
  try {
    const stat = await fs.statfs(trash)
    const max = allowance ?? trashAllowance(stat.blocks * stat.bsize)
    const oldest = new Date(nowMs - TRASH_DAYS * DAY_MS).toISOString().slice(0, 10)
    const days = (await fs.readdir(trash)).filter((name) => /^\d{4}-\d\d-\d\d$/.test(name)).sort()
    const sizes: { readonly dir: string; readonly bytes: number }[] = []
    for (const day of days) {
      const dir = join(trash, day)
      if (day < oldest) await fs.rm(dir, { recursive: true, force: true })
      else sizes.push({ dir, bytes: await bytesOf(dir, signal) })
    }
    let over = sizes.reduce((sum, { bytes }) => sum + bytes, 0) - max
    for (const { dir, bytes } of sizes) {
      if (over <= 0) return
      if (bytes <= over) await fs.rm(dir, { recursive: true, force: true })
      else await shrink(dir, over, signal)
      over -= bytes
    }
  } catch (error) {
    if (signal.aborted || isGone(errnoOf(error))) return
    throw error
  }
}

const shrink = async (dir: string, over: number, signal: AbortSignal): Promise<void> => {
  for await (const { path, bytes } of walk(dir)) {
    if (over <= 0 || signal.aborted) return
    if (bytes === 0) continue
    await fs.rm(path, { force: true })
    over -= bytes
  }
}

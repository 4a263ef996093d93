/**
 * Content that lies in the trash of a folder, where a change from elsewhere put the file that held it, becomes chunks of
 * our own: it can then be read, written back and served like any other.
 */
import type { Dirent } from 'node:fs'
import { lstat, readdir } from 'node:fs/promises'
import { join } from 'node:path'
import { keepFile } from '#kernel/cas/keep-file.ts'
import type { ContentHasher, StoringBackend } from '#kernel/cas/port.ts'
import type { StoreId } from '#kernel/core/bytes.ts'
import { ok, type LatticeError, type Result } from '#kernel/core/result.ts'
import { fileContentToData, sameData } from '../filestore/inode.ts'
import type { ContentValue } from '../filestore/port.ts'
import { errnoOf } from './disk.ts'

export interface TrashSources {
  /** `<root>/.lattice/trash` */
  readonly trash: string
  readonly storeId: StoreId
  readonly chunks: Pick<StoringBackend, 'write'>
  readonly hasher: ContentHasher
}

/** Looks for what these files held, and returns what is still missing. Ends early, with what it has, when aborted. */
export const takeFromTrash = async (
  { trash, storeId, chunks, hasher }: TrashSources,
  wanted: readonly ContentValue[],
  signal: AbortSignal,
): Promise<Result<readonly ContentValue[], LatticeError>> => {
  const bySize = new Map<number, ContentValue[]>()
  for (const content of wanted) bySize.set(content.size, [...(bySize.get(content.size) ?? []), content])
  for await (const { path, size } of trashedFiles(trash, signal)) {
    const candidates = bySize.get(size)
    if (!candidates) continue
    const [hashed] = await hasher.hashFiles([path])
    if (hashed?.kind !== 'hashed') continue
    const { content } = hashed
    const data = fileContentToData(content)
    const left = candidates.filter((each) => !sameData(each, { ...each, data }))
    if (left.length === candidates.length) continue
    const kept = await keepFile(chunks, storeId, path, content)
    if (!kept.ok && (kept.error.kind === 'file-unreadable' || kept.error.kind === 'chunk-damaged')) continue
    if (!kept.ok) return kept
    if (left.length > 0) bySize.set(size, left)
    else bySize.delete(size)
    if (bySize.size === 0) break
  }
  return ok([...bySize.values()].flat())
}

/** When to look: at once for what nobody else has, but all in all for no more than a hundredth of the time. */
export class TrashPace {
  #isWanted = false
  #notBeforeMs = 0

  want(): void {
    this.#isWanted = true
  }

  get isDue(): boolean {
    return this.#isWanted && performance.now() >= this.#notBeforeMs
  }

  /** Runs one look. What is wanted meanwhile waits for the next one. */
  async during<T>(look: () => Promise<T>): Promise<T> {
    this.#isWanted = false
    const start = performance.now()
    try {
      return await look()
    } finally {
      const end = performance.now()
      this.#notBeforeMs = end + 100 * (end - start)
    }
  }
}

/** All files below, those of the newest day first. Unreadable ones are left out. */
async function* trashedFiles(trash: string, signal: AbortSignal): AsyncGenerator<{ path: string; size: number }> {
  const pending = [trash]
  for (let dir = pending.pop(); dir !== undefined && !signal.aborted; dir = pending.pop()) {
    for (const entry of await entriesOf(dir)) {
      const path = join(dir, entry.name)
      if (entry.isDirectory()) pending.push(path)
      const size = entry.isFile() ? await sizeOf(path) : undefined
      if (signal.aborted) return
      if (size !== undefined) yield { path, size }
    }
  }
}

/** In ascending order, so that the stack gives back the newest day first. */
const entriesOf = async (dir: string): Promise<readonly Dirent[]> => {
  try {
    const entries = await readdir(dir, { withFileTypes: true })
    return entries.sort((a, b) => (a.name < b.name ? -1 : 1))
  } catch (error) {
    errnoOf(error)
    return []
  }
}

const sizeOf = async (path: string): Promise<number | undefined> => {
  try {
    return (await lstat(path)).size
  } catch (error) {
    errnoOf(error)
    return undefined
  }
}

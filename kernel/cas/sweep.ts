/**
 * Finds chunk files that nothing records: left where a crash came between the rename of a chunk and its record, or
 * between the end of a store's records and that of its directory. A call looks into a few directories and the next one
 * goes on from there, so that no call takes long however much is stored. To be run while no chunk is written or removed.
 */
import { readdir, stat, unlink } from 'node:fs/promises'
import { join } from 'node:path'
import { hexToBytes, parseHash, type Cid, type Hash, type StoreId } from '../core/bytes.ts'

/** Directories looked into at a time: a 32nd of a store. */
const SHARDS_AT_ONCE = 8

interface Shard {
  readonly store: StoreId
  readonly path: string
}

export class OrphanSweep {
  readonly #blobs: string
  /** Still to be looked into in this round, the next one last. */
  #shards: Shard[] = []

  constructor(blobs: string) {
    this.#blobs = blobs
  }

  /** Removes what `isKnown` denies and was last written at or before `beforeMs`. */
  async run(
    isKnown: (store: StoreId, cid: Cid) => boolean,
    beforeMs: number,
  ): Promise<{ readonly chunks: number; readonly bytes: number }> {
    if (this.#shards.length === 0) this.#shards = await this.#list()
    const total = { chunks: 0, bytes: 0 }
    for (const { store, path } of this.#shards.splice(-SHARDS_AT_ONCE))
      for (const name of await namesIn(path)) {
        const cid = hashOf(name)
        if (cid === undefined || isKnown(store, cid)) continue
        const { mtimeMs, size } = await stat(join(path, name))
        if (mtimeMs > beforeMs) continue
        await unlink(join(path, name))
        total.chunks++
        total.bytes += size
      }
    return total
  }

  async #list(): Promise<Shard[]> {
    const shards: Shard[] = []
    for (const name of await namesIn(this.#blobs)) {
      const store = hashOf(name)
      if (store === undefined) continue
      const path = join(this.#blobs, name)
      for (const shard of await namesIn(path)) shards.push({ store, path: join(path, shard) })
    }
    return shards
  }
}

/** None where there is no directory, or none any more. */
const namesIn = async (path: string): Promise<string[]> => {
  try {
    return await readdir(path)
  } catch (error) {
    const { code } = error as NodeJS.ErrnoException
    if (code === 'ENOENT' || code === 'ENOTDIR') return []
    throw error
  }
}

/** Whatever is named otherwise is not ours. */
const hashOf = (name: string): Hash | undefined => {
  const bytes = /^[0-9a-f]{64}$/.test(name) ? hexToBytes(name) : undefined
  const hash = bytes?.ok === true ? parseHash(bytes.value) : undefined
  return hash?.ok === true ? hash.value : undefined
}

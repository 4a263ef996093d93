/**
 * What Lattice takes of the disks: its database, chunks of its own, the folders and their trash. What no one counts
 * along the way is measured by walking, with an end to it; askers at one time share one measurement.
 */
import { lstat, opendir, statfs } from 'node:fs/promises'
import { join } from 'node:path'
import type { MessageInitShape } from '@bufbuild/protobuf'
import type { GetStorageUseResponseSchema, NodeService } from '#proto/node_api'
import { ok } from '#kernel/core/result.ts'
import type { StorageBackend } from '#kernel/storage/port.ts'
import type { ServiceApi } from '../rpc/port.ts'
import type { FolderEntry } from './parts.ts'

/** Entries of one tree that are looked at; with more, the sum is of the first ones, and the truth is larger. */
export const ENTRIES_MAX = 200_000

export interface Measured {
  readonly home: string
  readonly storage: StorageBackend
  readonly folders: { list(): readonly FolderEntry[] }
}

const isGone = (cause: unknown): boolean => (cause as NodeJS.ErrnoException).code !== undefined

const fileSize = async (path: string): Promise<number> => {
  try {
    return (await lstat(path)).size
  } catch (cause) {
    if (!isGone(cause)) throw cause
    return 0 // deleted while we looked
  }
}

/** Bytes of the files below a directory, links not followed; 0 if it is not there. */
export const treeBytes = async (root: string, entriesMax = ENTRIES_MAX): Promise<number> => {
  let bytes = 0
  let entries = 0
  const pending = [root]
  for (let directory = pending.pop(); directory !== undefined; directory = pending.pop()) {
    try {
      for await (const entry of await opendir(directory)) {
        if (++entries > entriesMax) return bytes
        const path = join(directory, entry.name)
        if (entry.isDirectory()) pending.push(path)
        else if (entry.isFile()) bytes += await fileSize(path)
      }
    } catch (cause) {
      if (!isGone(cause)) throw cause // not there, or not ours to read
    }
  }
  return bytes
}

interface Disk {
  readonly free: bigint
  readonly total: bigint
}

const diskOf = async (path: string): Promise<Disk> => {
  try {
    const { bavail, blocks, bsize } = await statfs(path, { bigint: true })
    return { free: bavail * bsize, total: blocks * bsize }
  } catch (cause) {
    if (!isGone(cause)) throw cause
    return { free: 0n, total: 0n } // a disk that was taken out
  }
}

export type StorageUse = Omit<MessageInitShape<typeof GetStorageUseResponseSchema>, '$typeName'> & {
  readonly databaseBytes: bigint
  readonly chunkBytes: bigint
}

export const measureStorage = async ({ home, storage, folders }: Measured): Promise<StorageUse> => {
  const disk = await diskOf(home)
  const uses = []
  for (const { store, path, status } of folders.list()) {
    if (path === '') continue
    uses.push({
      storeId: store.id,
      fileBytes: BigInt(status?.bytes ?? 0),
      trashBytes: BigInt(await treeBytes(join(path, '.lattice', 'trash'))),
      diskFreeBytes: (await diskOf(path)).free,
    })
  }
  return {
    databaseBytes: BigInt(storage.sizeBytes),
    chunkBytes: BigInt(await treeBytes(join(home, 'blobs'))),
    folders: uses,
    diskFreeBytes: disk.free,
    diskBytes: disk.total,
  }
}

export const storageCalls = (measured: Measured): Pick<ServiceApi<typeof NodeService>, 'getStorageUse'> => {
  let running: Promise<StorageUse> | undefined
  return {
    async getStorageUse() {
      running ??= measureStorage(measured).finally(() => (running = undefined))
      return ok(await running)
    },
  }
}

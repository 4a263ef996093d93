/** For tests: the file service over real folders on real disks, two devices that exchange what they wrote when told. */
import { PoolHasher } from '#kernel/cas/hasher.ts'
import { WorkerPool } from '#kernel/cas/pool.ts'
import { hlcToMs } from '#kernel/core/hlc.ts'
import { ok } from '#kernel/core/result.ts'
import { must } from '#kernel/store/testkit.ts'
import { createOp, packOps } from '#fs-bridge/filestore/ops.ts'
import type { ContentValue, Inode, Kind } from '#fs-bridge/filestore/port.ts'
import type { Device } from '#fs-bridge/folder/testing.ts'
import type { FileOp } from '#proto/file'
import { createFileContents } from '../contents.ts'
import type { FolderEntry } from '../parts.ts'
import { fileService, type FileServiceDeps } from './service.ts'

/** For each call of a test: ends what hangs. */
export const within = (): AbortSignal => AbortSignal.timeout(30_000)

const hasher = new PoolHasher(new WorkerPool({ idleMs: 50 }))

export const depsOf = (device: Device): FileServiceDeps => {
  const entry = (): FolderEntry => ({
    store: device.store,
    path: device.root,
    paused: false,
    status: device.folder?.status(),
    failure: undefined,
  })
  return {
    cas: device.cas,
    blobs: device.blobs,
    contents: createFileContents(device.cas, hasher, device.blobs),
    stores: device.manager,
    folders: {
      list: () => [entry()],
      find: () => ok(entry()),
      containing: (path) => ok({ entry: entry(), relative: path.slice(device.root.length + 1) }),
      synced: () => device.folder,
    },
  }
}

export const serviceOf = (device: Device) => fileService(depsOf(device))

/** The time of the last thing witnessed; the next is later. */
export const lastMs = ({ store: { dag } }: Device): number => {
  const last = dag.ranges.at(dag.ranges.size - 1)!
  return hlcToMs(dag.get(last.id)!.hlc)
}

export const textContent = (text: string): ContentValue => {
  const bytes = new TextEncoder().encode(text)
  return { size: bytes.length, mtimeNs: 0n, mode: 0o644, data: { kind: 'inline', bytes } }
}

let inodes = 0
export const freshInode = (): Inode => {
  const inode = new Uint8Array(16).fill(1)
  new DataView(inode.buffer).setUint32(12, ++inodes)
  return inode as Inode
}

/** Writes ops into a store as they are, without a disk. */
export const write = async ({ store }: Device, ops: readonly FileOp[]): Promise<void> => {
  for (const app of packOps(ops)) must(await store.submit(() => ({ app })))
}

/** Writes something new into a store; gives its inode. */
export const make = async (
  device: Device,
  kind: Kind,
  parent: Inode,
  name: string,
  content?: ContentValue,
): Promise<Inode> => {
  const inode = freshInode()
  await write(device, [createOp(inode, kind, { parent, name }, content)])
  return inode
}

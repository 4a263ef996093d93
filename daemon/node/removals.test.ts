/** A folder that this device was removed from is written to by no call: others would leave out all of it. */
import { create } from '@bufbuild/protobuf'
import { afterEach, beforeEach, expect, test } from 'vitest'
import { ResolveConflictRequestSchema, UndoResolutionRequestSchema } from '#proto/conflict_api'
import { ListTrashRequestSchema, RestoreTrashRequestSchema, RestoreTreeRequestSchema } from '#proto/file_api'
import { RestoreVersionRequestSchema } from '#proto/history_api'
import type { LatticeError, Result } from '#kernel/core/result.ts'
import { must } from '#kernel/store/testkit.ts'
import { editOp, trashOp } from '#fs-bridge/filestore/ops.ts'
import type { Inode } from '#fs-bridge/filestore/port.ts'
import { ROOT } from '#fs-bridge/filestore/values.ts'
import { pairForEach, type Device } from '#fs-bridge/folder/testing.ts'
import { conflictService } from './conflicts.ts'
import { fileService } from './files/service.ts'
import { depsOf, lastMs, make, textContent, write } from './files/testing.ts'
import { historyService } from './history.ts'
import type { FolderEntry } from './parts.ts'

let a: Device
let b: Device
pairForEach({ beforeEach, afterEach }, (opened) => ({ a, b } = opened))

const within = (): AbortSignal => AbortSignal.timeout(30_000)

/** The services of a device, and a switch: that it was removed from the folder. */
const servicesOf = (device: Device) => {
  const deps = depsOf(device)
  let removed = false
  const removal = { storeId: device.store.id, by: b.signer.publicKey, byName: 'b', timeMs: 0, name: 'photos' }
  const now = (entry: FolderEntry): FolderEntry => (removed ? { ...entry, removal } : entry)
  const folders = {
    ...deps.folders,
    list: () => deps.folders.list().map(now),
    find: (wanted: string) => {
      const found = deps.folders.find(wanted)
      return found.ok ? { ...found, value: now(found.value) } : found
    },
    containing: (path: string) => {
      const found = deps.folders.containing(path)
      return found.ok ? { ...found, value: { ...found.value, entry: now(found.value.entry) } } : found
    },
  }
  return {
    files: fileService({ ...deps, folders }),
    history: historyService(folders, deps.contents),
    conflicts: conflictService(folders, deps.contents),
    setRemoved: (is: boolean) => void (removed = is),
  }
}

const inodeAt = (path: string): Inode => a.tree.resolve(path)!.inode

test('calls that would write are refused in one sentence and write nothing; reading goes on', async () => {
  await make(a, 'file', ROOT, 'gone.txt', textContent('gone'))
  await make(a, 'file', ROOT, 'old.txt', textContent('first'))
  for (const name of ['one.txt', 'two.txt']) await make(a, 'file', ROOT, name, textContent('base'))
  const beforeMs = BigInt(lastMs(a))
  await write(a, [trashOp(inodeAt('gone.txt'), 'file', { parent: ROOT, name: 'gone.txt' }, textContent('gone'))])
  await write(a, [editOp(inodeAt('old.txt'), textContent('second'))])
  await b.pull(a)
  for (const name of ['one.txt', 'two.txt']) {
    await write(b, [editOp(inodeAt(name), textContent('theirs'))])
    await write(a, [editOp(inodeAt(name), textContent('ours'))])
  }
  await a.pull(b)
  const { files, history, conflicts, setRemoved } = servicesOf(a)
  const [first, second] = [...a.tree.conflicts()].map(({ id }) => id)
  const settle = (id: string) => create(ResolveConflictRequestSchema, { id, resolution: { case: 'both', value: true } })
  const { undo } = must(await conflicts.resolveConflict(settle(first!), within()))
  const trashed = must(await files.listTrash(create(ListTrashRequestSchema, { folder: 'f' }), within()))
  const ids = trashed.files!.map(({ id }) => id!)
  const restoreTree = (preview: boolean) =>
    files.restoreTree(create(RestoreTreeRequestSchema, { folder: 'f', atMs: beforeMs, preview }), within())
  const calls: readonly (() => Promise<Result<unknown, LatticeError>>)[] = [
    () => files.restoreTrash(create(RestoreTrashRequestSchema, { folder: 'f', ids }), within()),
    () => restoreTree(false),
    () =>
      history.restoreVersion(
        create(RestoreVersionRequestSchema, {
          path: `${a.root}/old.txt`,
          at: { case: 'timeMs', value: beforeMs },
        }),
        within(),
      ),
    () => conflicts.resolveConflict(settle(second!), within()),
    () => conflicts.undoResolution(create(UndoResolutionRequestSchema, { undo: undo! }), within()),
  ]

  setRemoved(true)
  const { count } = a.store.dag
  for (const call of calls)
    expect(await call()).toMatchObject({
      ok: false,
      error: {
        kind: 'folder-revoked',
        severity: 'denied',
        message: 'this device was removed from photos by b on 1970-01-01: files here stay, nothing syncs any more',
      },
    })
  expect(a.store.dag.count).toBe(count)
  must(await restoreTree(true))
  must(await files.listTrash(create(ListTrashRequestSchema, { folder: 'f' }), within()))

  // Each of them would have written.
  setRemoved(false)
  for (const call of [calls[0]!, calls[2]!, calls[3]!, calls[4]!, calls[1]!]) {
    const before = a.store.dag.count
    must(await call())
    expect(a.store.dag.count).toBeGreaterThan(before)
  }
})

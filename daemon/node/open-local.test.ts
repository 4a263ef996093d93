import { mkdtempSync, rmSync } from 'node:fs'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { afterEach, beforeEach, expect, test } from 'vitest'
import { encodeUtf8, parseHash, type StoreId } from '#kernel/core/bytes.ts'
import { must } from '#kernel/store/testkit.ts'
import type { StorageBackend } from '#kernel/storage/port.ts'
import { NODE_TABLE, type Bindings } from './bindings.ts'
import { Changes } from './dirty.ts'
import { loadDeviceKey } from './home.ts'
import { NoticeBoard } from './notices.ts'
import { openLocal } from './open-local.ts'

let home: string
beforeEach(() => {
  home = mkdtempSync(join(tmpdir(), 'lattice-local-'))
})
afterEach(() => rmSync(home, { recursive: true }))

/** Opens and closes a home; gives its space and what was told. `meanwhile`: done to it before it is closed. */
const open = async (meanwhile?: (bindings: Bindings, storage: StorageBackend) => Promise<void>) => {
  await using parts = new AsyncDisposableStack()
  const notices = new NoticeBoard(new Changes(), () => 0)
  const reported: unknown[] = []
  const key = must(loadDeviceKey(home))
  const settings = { current: { name: 'device' } }
  const local = must(await openLocal(parts, { home, key, settings, notices, report: (cause) => reported.push(cause) }))
  await meanwhile?.(local.bindings, local.storage)
  return { space: local.space.id, notices: notices.list().map(({ message }) => message), reported }
}

test('a device has one space, and keeps it', async () => {
  const first = await open()
  expect(first).toMatchObject({ notices: [], reported: [] })
  expect(await open()).toEqual(first)
})

test('a space that was there and cannot be opened is told of, once; the node opens all the same', async () => {
  const lost = must(parseHash(new Uint8Array(32).fill(9))) as StoreId
  const { space } = await open((bindings) => bindings.noteOwnSpace(lost))
  const after = await open()
  expect(after.space).toEqual(space)
  expect(after.notices).toMatchObject(
    [/own space 090909090909 is damaged and cannot be opened; another one is used/].map((r) =>
      expect.stringMatching(r),
    ),
  )
  expect(after.reported).toMatchObject([{ kind: 'store-corrupt' }])
  expect(await open()).toMatchObject({ space, notices: [], reported: [] })
})

test('so is one that was lost in a home from before its space was noted', async () => {
  const { space } = await open((_, storage) =>
    storage.write((tx) => {
      tx.delete(NODE_TABLE, encodeUtf8('space'))
      tx.put('catalog', [...storage.range('catalog')][0]![0], Uint8Array.of(255))
    }),
  )
  const after = await open()
  expect(after.space).not.toEqual(space)
  expect(after.notices).toEqual([
    expect.stringMatching(/^this device’s own space is damaged and cannot be opened; a new one was made: /),
  ])
  expect(await open()).toMatchObject({ space: after.space, notices: [] })
})

test('a home from before its space was noted, with the space in it, has nothing to tell', async () => {
  const { space } = await open((_, storage) => storage.write((tx) => tx.delete(NODE_TABLE, encodeUtf8('space'))))
  expect(await open()).toEqual({ space, notices: [], reported: [] })
})

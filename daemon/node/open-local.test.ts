import { mkdtempSync, rmSync } from 'node:fs'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { afterEach, beforeEach, expect, test } from 'vitest'
import { parseHash, type StoreId } from '#kernel/core/bytes.ts'
import { must } from '#kernel/store/testkit.ts'
import type { Bindings } from './bindings.ts'
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
const open = async (meanwhile?: (bindings: Bindings) => Promise<void>) => {
  await using parts = new AsyncDisposableStack()
  const notices = new NoticeBoard(new Changes(), () => 0)
  const reported: unknown[] = []
  const key = must(loadDeviceKey(home))
  const settings = { current: { name: 'device' } }
  const local = must(await openLocal(parts, { home, key, settings, notices, report: (cause) => reported.push(cause) }))
  await meanwhile?.(local.bindings)
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

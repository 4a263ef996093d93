import { mkdtempSync, rmSync } from 'node:fs'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { afterEach, beforeEach, expect, test } from 'vitest'
import { bytesToHex, encodeUtf8, parseHash, type StoreId } from '#kernel/core/bytes.ts'
import { ok } from '#kernel/core/result.ts'
import { must } from '#kernel/store/testkit.ts'
import { openLmdb } from '#kernel/storage/lmdb.ts'
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

type Meanwhile = (bindings: Bindings, storage: StorageBackend) => Promise<void>

/** Opens and closes a home; gives its space and what was told. `meanwhile`: done to it before it is closed. */
const tryToOpen = async (newSpace: boolean, meanwhile?: Meanwhile) => {
  await using parts = new AsyncDisposableStack()
  const notices = new NoticeBoard(new Changes(), () => 0)
  const reported: unknown[] = []
  const key = must(loadDeviceKey(home))
  const settings = { current: { name: 'device' } }
  const report = (cause: unknown) => reported.push(cause)
  const local = await openLocal(parts, { home, key, settings, newSpace, notices, report })
  if (!local.ok) return local
  await meanwhile?.(local.value.bindings, local.value.storage)
  const told = notices.list().map(({ message }) => message)
  return ok({ space: local.value.space.id, notices: told, reported })
}
const open = async (meanwhile?: Meanwhile) => must(await tryToOpen(false, meanwhile))

/** All that the database holds of stores and of what this device notes for itself. */
const records = async (): Promise<unknown> => {
  await using storage = openLmdb({ path: join(home, 'data'), tables: ['catalog', 'log', 'intentions', NODE_TABLE] })
  return ['catalog', 'log', 'intentions', NODE_TABLE].map((table) =>
    [...storage.range(table)].map((row) => row.map((bytes) => bytesToHex(bytes))),
  )
}

test('a device has one space, and keeps it', async () => {
  const first = await open()
  expect(first).toMatchObject({ notices: [], reported: [] })
  expect(await open()).toEqual(first)
  // Asked for, a new space is made only where the own one is lost.
  expect(must(await tryToOpen(true))).toEqual(first)
})

const lost = must(parseHash(new Uint8Array(32).fill(9))) as StoreId
const damages: readonly (readonly [string, string, Meanwhile])[] = [
  ['noted, but not there', ' 090909090909', (bindings) => bindings.noteOwnSpace(lost)],
  [
    'damaged in a home from before it was noted',
    '',
    (_, storage) =>
      storage.write((tx) => {
        tx.delete(NODE_TABLE, encodeUtf8('space'))
        tx.put('catalog', [...storage.range('catalog')][0]![0], Uint8Array.of(255))
      }),
  ],
]

test.each(damages)('a space that is %s: said in one sentence, and nothing is changed', async (_, which, damage) => {
  await open(damage)
  const before = await records()
  const message = expect.stringMatching(
    `^this device’s own space${which} is damaged and cannot be opened: restore ${home} from a backup, or go on with a new space [^.\n]*$`,
  )
  for (const _ of ['once', 'and again'])
    expect(await tryToOpen(false)).toMatchObject({ error: { kind: 'space-damaged', severity: 'corrupt', message } })
  expect(await records()).toEqual(before)
})

test.each(damages)('a space that is %s, and the person goes on with a new one', async (_, which, damage) => {
  const { space } = await open(damage)
  const after = must(await tryToOpen(true))
  // One that this device had made besides serves.
  const how = which === '' ? 'a new one was made' : 'another one is used'
  expect(bytesToHex(after.space) === bytesToHex(space)).toBe(which !== '')
  expect(after.notices).toEqual([
    expect.stringMatching(`^this device’s own space${which} is damaged and cannot be opened; ${how}: `),
  ])
  expect(after.reported).toContainEqual(expect.objectContaining({ kind: 'store-corrupt' }))
  expect(must(await tryToOpen(false))).toMatchObject({ space: after.space, notices: [] })
})

test('a home from before its space was noted, with the space in it, has nothing to tell', async () => {
  const { space } = await open((_, storage) => storage.write((tx) => tx.delete(NODE_TABLE, encodeUtf8('space'))))
  expect(await open()).toEqual({ space, notices: [], reported: [] })
})

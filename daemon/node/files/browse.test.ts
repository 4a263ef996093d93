import { execFileSync } from 'node:child_process'
import fs from 'node:fs'
import { join } from 'node:path'
import { afterEach, beforeEach, expect, test } from 'vitest'
import { create } from '@bufbuild/protobuf'
import { BrowseRequestSchema, EntryKind, FileState, type FileRow } from '#proto/file_api'
import { equalBytes } from '#kernel/core/bytes.ts'
import { must } from '#kernel/store/testkit.ts'
import { createOp, editOp, trashOp } from '#fs-bridge/filestore/ops.ts'
import { compareNames } from '#fs-bridge/filestore/slot.ts'
import { ROOT } from '#fs-bridge/filestore/values.ts'
import { pairForEach, type Device, type Pair } from '#fs-bridge/folder/testing.ts'
import { openTree } from '#fs-bridge/filestore/tree.ts'
import { deviceNameIn } from '../lookup.ts'
import { Incoming } from './incoming.ts'
import { freshInode, lastMs, make, serviceOf, textContent, within, write } from './testing.ts'

let pair: Pair
let a: Device
let b: Device
pairForEach({ beforeEach, afterEach }, (opened) => ({ a, b } = pair = opened))

const browse = async (device: Device, path = '', options: { after?: string; limit?: number; atMs?: number } = {}) => {
  const { atMs = 0, ...rest } = options
  const request = create(BrowseRequestSchema, { folder: 'f', path, ...rest, atMs: BigInt(atMs) })
  return must(await serviceOf(device).browse(request, within()))
}
const rowsOf = async (...args: Parameters<typeof browse>): Promise<FileRow[]> =>
  (await browse(...args)).rows as FileRow[]
const stateOf = (rows: readonly FileRow[], name: string) => rows.find((row) => row.name === name)?.state

test('what is in sync, ignored, no file, and not written down, each with its reason', async () => {
  fs.mkdirSync(join(a.root, 'dir'))
  fs.writeFileSync(join(a.root, 'plain.txt'), 'plain')
  fs.writeFileSync(join(a.root, '.latticeignore'), '*.log\n')
  fs.writeFileSync(join(a.root, 'x.log'), 'log')
  execFileSync('mkfifo', [join(a.root, 'pipe')])
  await a.open()
  await a.folder.settled(within())
  const rows = await rowsOf(a)
  expect(rows.map(({ name, kind, state, size }) => [name, kind, state, Number(size)])).toEqual([
    ['.latticeignore', EntryKind.FILE, FileState.SYNCED, 6],
    ['dir', EntryKind.DIRECTORY, FileState.SYNCED, 0],
    ['pipe', EntryKind.OTHER, FileState.PROBLEM, 0],
    ['plain.txt', EntryKind.FILE, FileState.SYNCED, 5],
    ['x.log', EntryKind.FILE, FileState.IGNORED, 3],
  ])
  expect(rows.at(-1)!.why).toBe('it does not sync because of the rule "*.log" in .latticeignore')
  expect(rows.find(({ name }) => name === 'pipe')!.why).not.toBe('')
  expect(equalBytes(rows.find(({ name }) => name === 'plain.txt')!.changedBy, a.signer.publicKey)).toBe(true)
  await a.folder.stop()
  fs.writeFileSync(join(a.root, 'plain.txt'), 'edited')
  fs.writeFileSync(join(a.root, 'new.txt'), 'new')
  fs.rmSync(join(a.root, 'dir'), { recursive: true })
  const later = await rowsOf(a)
  for (const name of ['plain.txt', 'new.txt', 'dir']) expect(stateOf(later, name), name).toBe(FileState.PENDING_OUT)
})

test('what is known and not on this disk yet is on its way in, and its bytes are counted', async () => {
  fs.writeFileSync(join(a.root, 'long'), 'x'.repeat(3000))
  await a.open()
  await a.folder.settled(within())
  b.serves = () => false
  await b.pull(a)
  await b.open()
  await new Promise<void>((resolve) => {
    const off = b.folder.onStatus(({ problems }) => {
      if (!problems.some(({ kind }) => kind === 'missing-content')) return
      off()
      resolve()
    })
  })
  const [row] = await rowsOf(b)
  expect(row).toMatchObject({ name: 'long', state: FileState.PROBLEM })
  const stopping = new AbortController()
  await new Promise<void>((resolve, reject) => {
    const incoming: Incoming = new Incoming(
      () => (expect(incoming.bytes(b.store, b.folder)).toBe(3000n), resolve()),
      reject,
      stopping.signal,
    )
    expect(incoming.bytes(b.store, b.folder)).toBe(0n) // not known yet: it says when it is
  })
  stopping.abort()
  await b.folder.stop()
  fs.writeFileSync(join(a.root, 'next'), 'n')
  await a.folder.settled(within())
  await b.pull(a)
  expect(stateOf(await rowsOf(b), 'next')).toBe(FileState.PENDING_IN)
})

test('pages are in the order of the bytes of names and leave nothing out, whatever made the name', async () => {
  // By UTF-16 the last two would change places; a conflict name comes before the name it was made from.
  const names = ['a', 'a b', 'a.b', 'b', 'z', 'é', '\uff5e', '\u{1f600}']
  for (const name of names) await make(a, 'file', ROOT, name, textContent(name))
  await b.pull(a)
  const inode = a.tree.resolve('b')!.inode
  await write(a, [editOp(inode, textContent('by a'))])
  await write(b, [editOp(inode, textContent('by b'))])
  await a.pull(b)
  fs.writeFileSync(join(a.root, 'aa'), 'local')
  fs.writeFileSync(join(a.root, 'zz'), 'local')
  const all = (await rowsOf(a)).map(({ name }) => name)
  expect(all).toEqual([...all].sort(compareNames))
  expect(all).toHaveLength(names.length + 3)
  for (const limit of [1, 2, 3, 5]) {
    const paged: FileRow[] = []
    for (let more = true; more;) {
      const page = await browse(a, '', { after: paged.at(-1)?.name ?? '', limit })
      expect(page.rows!.length).toBeLessThanOrEqual(limit)
      paged.push(...(page.rows as FileRow[]))
      more = page.more!
    }
    expect(paged.map(({ name }) => name)).toEqual(all)
  }
  const sides = (await rowsOf(a)).filter(({ state }) => state === FileState.CONFLICTED)
  const [conflict] = [...openTree(a.store.state, deviceNameIn(a.store.access)).conflicts()]
  expect(sides.map(({ name }) => name).sort()).toEqual(conflict!.heads.map(({ name }) => name).sort())
  expect(new Set(sides.map((row) => row.conflict))).toEqual(new Set([conflict!.id]))
})

test('two files of one name are sides of the conflict that is listed', async () => {
  await write(a, [createOp(freshInode(), 'file', { parent: ROOT, name: 'n' }, textContent('by a'))])
  await write(b, [createOp(freshInode(), 'file', { parent: ROOT, name: 'n' }, textContent('by b'))])
  await a.pull(b)
  const [conflict] = [...a.tree.conflicts()]
  expect((await rowsOf(a)).map((row) => row.conflict)).toEqual([conflict!.id, conflict!.id])
})

test('a directory of thousands comes page by page; one that is on this disk only as well', async () => {
  const ops = Array.from({ length: 3000 }, (_, i) =>
    createOp(freshInode(), 'file', { parent: ROOT, name: `f${String(i).padStart(5, '0')}` }, textContent('')),
  )
  await write(a, ops)
  const first = await browse(a, '', { limit: 2000 })
  expect(first.rows).toHaveLength(2000)
  expect(first).toMatchObject({ more: true, total: 0n })
  const second = await browse(a, '', { limit: 2000, after: 'f01999' })
  expect(second.rows!.map(({ name }) => name)).toEqual(
    Array.from({ length: 1000 }, (_, i) => `f${String(i + 2000).padStart(5, '0')}`),
  )
  fs.mkdirSync(join(a.root, 'only here'))
  for (let i = 0; i < 300; i++) fs.writeFileSync(join(a.root, 'only here', `l${i}`), '')
  const local = await browse(a, 'only here', { limit: 200 })
  expect(local.rows).toHaveLength(200)
  expect((await browse(a, 'only here', { limit: 200, after: local.rows!.at(-1)!.name! })).rows).toHaveLength(100)
})

test('the past shows what there was, in its places, to the millisecond', async () => {
  const dir = await make(a, 'dir', ROOT, 'd')
  const file = await make(a, 'file', dir, 'f', textContent('one'))
  const then = lastMs(a)
  await write(a, [editOp(file, textContent('three'))])
  const edited = lastMs(a)
  await write(a, [trashOp(file, 'file', { parent: dir, name: 'f' }, textContent('three'))])
  await make(a, 'file', dir, 'g', textContent('g'))
  const sizes = async (atMs?: number) =>
    (await rowsOf(a, 'd', { ...(atMs !== undefined && { atMs }) })).map(({ name, size }) => [name, Number(size)])
  expect(await sizes()).toEqual([['g', 1]])
  expect(await sizes(then)).toEqual([['f', 3]])
  expect(await sizes(edited)).toEqual([['f', 5]])
  expect(await sizes(lastMs(a))).toEqual([['g', 1]])
  const before = create(BrowseRequestSchema, { folder: 'f', path: 'd', atMs: 1n })
  expect(await serviceOf(a).browse(before, within())).toMatchObject({ ok: false, error: { kind: 'file-not-found' } })
})

test('nothing outside the folder is looked at, nothing strange is a path', async () => {
  fs.mkdirSync(join(pair.base, 'outside'))
  fs.writeFileSync(join(pair.base, 'outside', 'secret'), 's')
  fs.symlinkSync(join(pair.base, 'outside'), join(a.root, 'way-out'))
  await a.open()
  await a.folder.settled(within())
  const fails = async (path: string) => {
    const reply = await serviceOf(a).browse(create(BrowseRequestSchema, { folder: 'f', path }), within())
    return reply.ok ? 'ok' : reply.error.kind
  }
  expect(await fails('way-out')).toBe('not-a-directory')
  expect(await fails('way-out/secret')).toBe('file-not-found')
  for (const path of ['..', '../outside', '.lattice', '/', 'a//b', '.']) expect(await fails(path)).toBe('bad-request')
})

/** A conflict between two nodes, from one side to the other: compared, told of, settled with bytes, and taken back. */
import { readFile, rename, writeFile } from 'node:fs/promises'
import { join } from 'node:path'
import { afterAll, beforeAll, expect, test } from 'vitest'
import { ConflictService, type ConflictSide, type GetConflictResponse } from '#proto/conflict_api'
import { EventService, NoticeKind, type Snapshot, type WatchResponse } from '#proto/event_api'
import { StoreService } from '#proto/store_api'
import { bytesToHex, equalBytes } from '#kernel/core/bytes.ts'
import { createRpcClient, type RpcClient } from '#daemon/rpc/client.ts'
import { readTree, writeTree } from './support/trees.ts'
import { level, TestWorld, type TestNode } from './support/world.ts'

const BASE = 'title\n\none\ntwo\nthree\n'
const BY_ANNA = 'title\n\none, said anna\ntwo\nthree\n'
const BY_BEN = 'title\n\none\ntwo\nthree, said ben\n'
const MERGED = 'title\n\none, said anna\ntwo\nthree, said ben\n'
const TEST_MS = 120_000

let world: TestWorld
let anna: TestNode
let ben: TestNode
let here: string
let there: string
let client: RpcClient

const settle = (): Promise<void> => level('f', anna, ben)

/** Both change while ben is paused, so neither has seen the other’s change. */
const apart = async (change: () => Promise<void>): Promise<void> => {
  await settle()
  await ben.ok('folder', 'pause', 'f')
  await change()
  await anna.ok('folder', 'rescan', 'f')
  await ben.ok('folder', 'resume', 'f')
  await settle()
}

const quarrel = async (name: string, base: string, byAnna: string, byBen: string): Promise<void> => {
  // At once, with its bytes: seen empty first, it would have two versions, and the fork point might be the empty one.
  const aside = join(world.root, 'aside')
  await writeFile(aside, base)
  await rename(aside, join(here, name))
  await apart(async () => {
    await writeFile(join(there, name), byBen)
    await writeFile(join(here, name), byAnna)
  })
}

const getConflict = async (of: RpcClient, id: string): Promise<GetConflictResponse> => {
  const reply = await of.unary(ConflictService.method.getConflict, { id })
  if (!reply.ok) throw new Error(reply.error.message)
  return reply.value
}

const readSide = async (of: RpcClient, id: string, { hash }: ConflictSide): Promise<string> => {
  const pieces: Uint8Array[] = []
  for await (const reply of of.stream(ConflictService.method.readSide, { id, hash })) {
    if (!reply.ok) throw new Error(`${reply.error.kind}: ${reply.error.message}`)
    expect(reply.value.data.length).toBeLessThanOrEqual(256 * 1024)
    pieces.push(reply.value.data)
  }
  return Buffer.concat(pieces).toString('utf8')
}

const clientOf = (node: TestNode): RpcClient => createRpcClient(node.ready.socket)

/** Follows a node’s events until one is what is waited for. */
const untilEvent = async (node: TestNode, isIt: (event: WatchResponse['event']) => boolean): Promise<void> => {
  const signal = AbortSignal.timeout(TEST_MS / 2)
  for await (const reply of clientOf(node).stream(EventService.method.watch, {}, signal)) {
    if (!reply.ok) throw new Error(reply.error.message)
    if (isIt(reply.value.event)) return
  }
  throw new Error('it was never told')
}

const snapshotOf = async (node: TestNode): Promise<Snapshot> => {
  let found: Snapshot | undefined
  await untilEvent(node, (event) => {
    found = event.case === 'snapshot' ? event.value : undefined
    return true
  })
  return found!
}

beforeAll(async () => {
  world = await TestWorld.create()
  ;[anna, ben] = [world.node('anna'), world.node('ben')]
  await Promise.all([anna.up(), ben.up()])
  here = await world.directory('of-anna')
  there = join(world.root, 'of-ben')
  await anna.ok('folder', 'add', here, '--name', 'f')
  await ben.ok('join', await anna.ok('invite', 'f'), there)
  client = clientOf(anna)
}, TEST_MS)

afterAll(() => world[Symbol.asyncDispose]())

test('a text: compared, told of, settled with merged bytes, and brought back', { timeout: TEST_MS }, async () => {
  const told = untilEvent(anna, (event) => event.case === 'conflicts' && event.value.conflicts.length === 1)
  const noticed = untilEvent(
    ben,
    (event) => event.case === 'notice' && event.value.kind === NoticeKind.CONFLICT && event.value.path === 'x.md',
  )
  await quarrel('x.md', BASE, BY_ANNA, BY_BEN)
  await Promise.all([told, noticed])
  const { conflict, sides, base } = await getConflict(client, 'x.md')
  const { id } = conflict!
  expect(conflict!.heads.map(({ hash }) => hash)).toEqual(sides.map(({ hash }) => hash))
  expect(sides.map(({ type, here }) => [type, here])).toEqual([
    ['text/markdown', true],
    ['text/markdown', true],
  ])
  const bytesOf = async (device: string): Promise<string> => {
    const head = conflict!.heads.find(({ deviceName }) => deviceName === device)!
    return readSide(
      client,
      id,
      sides.find(({ hash }) => equalBytes(hash, head.hash))!,
    )
  }
  expect(await bytesOf('anna')).toBe(BY_ANNA)
  expect(await bytesOf('ben')).toBe(BY_BEN)
  expect(base).toMatchObject({ type: 'text/markdown', here: true, size: BigInt(BASE.length) })
  expect(await readSide(client, id, base!)).toBe(BASE)
  expect((await snapshotOf(ben)).conflicts.map((folder) => folder.conflicts.map(({ path }) => path))).toEqual([
    ['x.md'],
  ])
  expect((await snapshotOf(ben)).notices.map(({ kind, about }) => [kind, about])).toEqual([[NoticeKind.CONFLICT, id]])

  const merged = Buffer.from(MERGED)
  const resolved = await client.unary(ConflictService.method.resolveConflict, {
    id,
    resolution: { case: 'merged', value: merged },
  })
  if (!resolved.ok) throw new Error(resolved.error.message)
  await settle()
  for (const [root, node] of [[here, anna] as const, [there, ben] as const]) {
    expect(await readTree(root)).toEqual({ 'x.md': MERGED })
    expect((await node.json<{ conflicts: unknown[] }>('conflicts')).conflicts).toEqual([])
  }
  expect((await snapshotOf(ben)).conflicts).toEqual([])

  expect(await anna.ok('conflict', 'undo', resolved.value.undo)).toContain(id)
  await settle()
  for (const [root, node] of [[here, anna] as const, [there, ben] as const]) {
    const tree = await readTree(root)
    expect(Object.values(tree).sort()).toEqual([BY_ANNA, BY_BEN].sort())
    const again = await getConflict(clientOf(node), id)
    expect(again.conflict!.heads).toHaveLength(2)
    // Both are written anew, by the device that took it back; that each had its own author is still told.
    for (const side of again.sides)
      expect(side.writtenByName).toBe((await readSide(clientOf(node), id, side)) === BY_ANNA ? 'anna' : 'ben')
    // As it was: the same side has the name.
    expect(await readSide(clientOf(node), id, again.sides[0]!)).toBe(await readFile(join(root, 'x.md'), 'utf8'))
    expect(await readSide(clientOf(node), id, again.base!)).toBe(BASE)
  }
  expect((await anna.run('conflict', 'undo', resolved.value.undo)).stderr).toContain('can no longer be undone')
  expect((await anna.ok('conflict', 'show', 'x.md')).split('\n').slice(-3)).toEqual(
    conflict!.heads[0]!.deviceName === 'anna'
      ? ['1 one, said anna', '  two', '2 three, said ben']
      : ['2 one, said anna', '  two', '1 three, said ben'],
  )
  await anna.ok('conflict', 'resolve', id, '--both')
  await settle()
})

/** About 200 kB: in chunks, unlike what lies in the operation itself. */
const long = (by: string): string => `${by}\n${'0123456789abcdef\n'.repeat(12_000)}`

test('a long text: brought back although the other side lies in no folder any more', { timeout: TEST_MS }, async () => {
  await quarrel('long.txt', long('old'), long('anna'), long('ben'))
  const { conflict, sides } = await getConflict(client, 'long.txt')
  const { id } = conflict!
  const texts = await Promise.all(sides.map((side) => readSide(client, id, side)))
  expect([...texts].sort()).toEqual([long('anna'), long('ben')])
  const { undo } = await anna.json<{ undo: string }>('conflict', 'resolve', id, '--take', 'anna')
  await settle()
  expect(await readFile(join(there, 'long.txt'), 'utf8')).toBe(long('anna'))
  await anna.ok('conflict', 'undo', undo)
  await settle()
  for (const root of [here, there])
    expect(
      Object.values(await readTree(root))
        .filter((text) => text.length > 1_000)
        .sort(),
    ).toEqual([...texts].sort())
  await anna.ok('conflict', 'resolve', id, '--both')
  await settle()
})

test(
  'two places: the branches tell how it was settled, also after it was taken back',
  { timeout: TEST_MS },
  async () => {
    await writeFile(join(here, 'moved.txt'), 'moved')
    await apart(async () => {
      await rename(join(there, 'moved.txt'), join(there, 'to-ben.txt'))
      await rename(join(here, 'moved.txt'), join(here, 'to-anna.txt'))
    })
    const { conflicts } = await anna.json<{ conflicts: { id: string; kind: string }[] }>('conflicts')
    const { id } = conflicts.find(({ kind }) => kind === 'link')!
    const { conflict } = await getConflict(client, id)
    const heads = (hashes: readonly (Uint8Array | undefined)[]): string[] =>
      hashes.map((hash) => bytesToHex(hash!)).sort()
    const parted = heads(conflict!.heads.map(({ hash }) => hash))
    const inspect = async (of: RpcClient) => {
      const reply = await of.unary(StoreService.method.inspectBranch, {
        store: 'f',
        key: `0x6e2f${id.slice('link-'.length)}`,
      })
      if (!reply.ok) throw new Error(reply.error.message)
      return reply.value
    }
    const fork = await inspect(client)
    expect([heads(fork.branches.map(({ head }) => head?.hash)), fork.joined]).toEqual([parted, []])

    const { undo } = await anna.json<{ undo: string }>('conflict', 'resolve', id, '--take', 'ben')
    await settle()
    const taken = conflict!.heads.find(({ deviceName }) => deviceName === 'ben')!.hash
    for (const of of [client, clientOf(ben)]) {
      const settled = await inspect(of)
      expect(heads(settled.branches.map(({ head }) => head?.hash))).toEqual(parted)
      expect(settled.taken).toEqual(taken)
      expect(settled.joined.map(({ hash }) => hash)).toEqual(settled.heads)
    }
    await anna.ok('conflict', 'undo', undo)
    await settle()
    const again = await inspect(client)
    expect([again.heads.length, again.joined.length, again.taken]).toEqual([2, 3, taken])
    await anna.ok('conflict', 'resolve', id, '--both')
    await settle()
  },
)

test('what somebody changed since stays as it is', { timeout: TEST_MS }, async () => {
  await quarrel('changed.txt', 'old', 'by anna', 'by ben')
  const { undo } = await anna.json<{ undo: string }>('conflict', 'resolve', 'changed.txt', '--take', 'anna')
  await settle()
  await writeFile(join(there, 'changed.txt'), 'later')
  await settle()
  const refused = await anna.run('conflict', 'undo', undo, '--json')
  expect(refused.code).toBe(1)
  expect(JSON.parse(refused.stdout)).toMatchObject({ error: { kind: 'changed-since' } })
  expect(await readFile(join(here, 'changed.txt'), 'utf8')).toBe('later')
})

test('two files made under one name have no base, and both are brought back', { timeout: TEST_MS }, async () => {
  await apart(async () => {
    await writeFile(join(there, 'new.txt'), 'new, by ben')
    await writeFile(join(here, 'new.txt'), 'new, by anna')
  })
  const { conflict, base, sides } = await getConflict(client, 'new.txt')
  expect(base).toBeUndefined()
  expect(sides.map(({ size, type }) => [size, type]).sort()).toEqual([
    [11n, 'text/plain'],
    [12n, 'text/plain'],
  ])
  const winner = await readFile(join(here, 'new.txt'), 'utf8')
  const { undo } = await anna.json<{ undo: string }>('conflict', 'resolve', conflict!.id, '--take', 'ben')
  await settle()
  expect(await readFile(join(there, 'new.txt'), 'utf8')).toBe('new, by ben')
  await anna.ok('conflict', 'undo', undo)
  await settle()
  for (const root of [here, there]) {
    const tree = await readTree(root)
    expect(
      Object.values(tree)
        .filter((text) => text.startsWith('new'))
        .sort(),
    ).toEqual(['new, by anna', 'new, by ben'])
    expect(tree['new.txt']).toBe(winner)
  }
})

test('a file and a large directory of one name: either goes and comes back whole', { timeout: TEST_MS }, async () => {
  // More than one intention can hold.
  const files = Object.fromEntries(Array.from({ length: 1_200 }, (_, i) => [`much/${i}.txt`, `file ${i}`]))
  await apart(async () => {
    await writeTree(there, files)
    await writeFile(join(here, 'much'), 'a file')
  })
  const much = async (root: string): Promise<Record<string, string>> =>
    Object.fromEntries(Object.entries(await readTree(root)).filter(([name]) => name.startsWith('much')))
  const before = await much(here)
  expect(Object.keys(before)).toHaveLength(1_201)
  const { undo } = await anna.json<{ undo: string }>('conflict', 'resolve', 'much', '--take', 'anna')
  await settle()
  for (const root of [here, there]) expect(await much(root)).toEqual({ much: 'a file' })
  await anna.ok('conflict', 'undo', undo)
  await settle()
  for (const root of [here, there]) {
    const { length } = Object.entries(await much(root)).filter(([name, text]) => files[name] === text)
    expect(length).toBe(1_200)
    expect(Object.values(await much(root))).toContain('a file')
  }
  await anna.ok('conflict', 'resolve', 'much', '--both')
  await settle()
})

test('a list is told by pages, which go on where the last one ended', { timeout: TEST_MS }, async () => {
  for (const name of ['page one', 'page two']) await quarrel(name, 'before', 'anna', 'ben')
  interface Page {
    readonly conflicts: readonly { readonly id: string }[]
    readonly next: string
    readonly total: number
  }
  const all = await anna.json<Page>('conflicts')
  expect(all).toMatchObject({ next: '', total: all.conflicts.length })
  expect(all.conflicts.length).toBeGreaterThan(1)
  const first = await anna.json<Page>('conflicts', '--limit', '1')
  const rest = await anna.json<Page>('conflicts', '--after', first.next)
  expect([...first.conflicts, ...rest.conflicts]).toEqual(all.conflicts)
  for (const name of ['page one', 'page two']) await anna.ok('conflict', 'resolve', name, '--take', 'anna')
  await settle()
})

test('wrong questions have answers of their own', { timeout: TEST_MS }, async () => {
  const { conflict } = await getConflict(client, 'new.txt')
  const { id } = conflict!
  const read = async (wanted: string, hash: Uint8Array): Promise<string> => {
    for await (const reply of client.stream(ConflictService.method.readSide, { id: wanted, hash }))
      return reply.ok ? 'read' : reply.error.kind
    return 'nothing'
  }
  expect(await read('nothing-of-that-name', new Uint8Array(32))).toBe('conflict-not-found')
  expect(await read(id, new Uint8Array(32))).toBe('head-not-found')
  const value = new Uint8Array(768 * 1024 + 1)
  const tooLong = await client.unary(ConflictService.method.resolveConflict, {
    id,
    resolution: { case: 'merged', value },
  })
  expect(!tooLong.ok && tooLong.error.kind).toBe('bad-request')
  const most = { case: 'merged' as const, value: value.subarray(1) }
  expect((await client.unary(ConflictService.method.resolveConflict, { id, resolution: most })).ok).toBe(true)
  await settle()
  expect((await readFile(join(there, 'new.txt'))).length).toBe(768 * 1024)
})

test('a revoked device is told of to those who stay', { timeout: TEST_MS }, async () => {
  const told = untilEvent(
    anna,
    ({ case: what, value }) =>
      what === 'notice' && value.kind === NoticeKind.REVOKED && value.about === ben.ready.device,
  )
  await anna.ok('peer', 'revoke', 'ben')
  await told
})

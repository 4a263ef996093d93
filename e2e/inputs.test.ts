/** What a person can get wrong: each mistake has its own kind and one sentence, and the node stays up. */
import { existsSync } from 'node:fs'
import { readdir, symlink, writeFile } from 'node:fs/promises'
import { join } from 'node:path'
import { afterAll, beforeAll, expect, test } from 'vitest'
import { EventService } from '#proto/event_api'
import { FolderState, type Folder } from '#proto/folder_api'
import { createRpcClient } from '#daemon/rpc/client.ts'
import { lattice, level, TestWorld, type TestNode } from './support/world.ts'

let world: TestWorld
let anna: TestNode
let ben: TestNode
let folder: string

beforeAll(async () => {
  world = await TestWorld.create()
  anna = world.node('anna')
  ben = world.node('ben')
  await Promise.all([anna.up(), ben.up()])
  folder = await world.directory('shared')
  await world.directory('shared/inner')
  await writeFile(join(world.root, 'file'), '')
  await symlink(folder, join(world.root, 'alias'))
  await anna.ok('folder', 'add', folder)
}, 120_000)
afterAll(() => world[Symbol.asyncDispose]())

const failure = async (node: TestNode, ...args: readonly string[]): Promise<string> => {
  const { code, stdout, stderr } = await node.run(...args, '--json')
  expect(code).toBe(1)
  expect(stderr).toMatch(/^lattice: .+\n$/)
  return (JSON.parse(stdout) as { error: { kind: string } }).error.kind
}

test.each([
  ['a path that does not exist', 'folder-missing', ['folder', 'add', '%/none']],
  ['a file', 'folder-not-a-directory', ['folder', 'add', '%/file']],
  ['the same folder again', 'folder-nested', ['folder', 'add', '%/shared']],
  ['the same folder by a link', 'folder-nested', ['folder', 'add', '%/alias']],
  ['a directory inside it', 'folder-nested', ['folder', 'add', '%/shared/inner']],
  ['a directory that contains it', 'folder-nested', ['folder', 'add', '%']],
  ['the home', 'folder-holds-home', ['folder', 'add', '%/anna-home/blobs']],
  ['a folder nobody knows', 'folder-not-found', ['folder', 'wait', 'nope']],
  ['a path in no folder', 'folder-not-found', ['history', '%/file']],
  ['a file that never was', 'file-not-found', ['history', '%/shared/none']],
  ['a conflict that is none', 'conflict-not-found', ['conflict', 'resolve', 'abcd1234', '--both']],
  ['a resolution without a way', 'bad-request', ['conflict', 'resolve', 'abcd1234']],
  ['a store nobody knows', 'store-not-found', ['store', 'log', 'nope']],
  ['a peer nobody knows', 'peer-not-found', ['peer', 'revoke', 'nope']],
  ['revoking itself', 'bad-request', ['peer', 'revoke', 'anna']],
  ['something that is no link', 'link-malformed', ['join', 'https://example.org/']],
])('%s: %s', async (_, kind, args) => {
  expect(await failure(anna, ...args.map((arg) => arg.replace('%', world.root)))).toBe(kind)
})

test('a directory that is a folder already is called by the folder’s name', async () => {
  const { stderr } = await anna.run('folder', 'add', join(world.root, 'alias'))
  expect(stderr).toBe(`lattice: ${join(world.root, 'alias')} is the folder shared already\n`)
})

test('links: tampered with, our own, revoked, used up', async () => {
  const link = await anna.ok('invite', 'shared')
  const tampered = `${link.slice(0, -3)}${link.endsWith('AAA') ? 'BBB' : 'AAA'}`
  expect(await failure(ben, 'join', tampered, join(world.root, 'b0'))).toBe('link-damaged')
  expect(await failure(anna, 'join', link)).toBe('own-invite')
  const { invites } = await anna.json<{ invites: { id: string }[] }>('invites')
  await anna.ok('invites', 'revoke', invites[0]!.id)
  expect(await failure(ben, 'join', link, join(world.root, 'b1'))).toBe('invite-revoked')
  const short = await anna.ok('invite', 'shared', '--expires', '1ms')
  expect(await failure(ben, 'join', short, join(world.root, 'b2'))).toBe('invite-expired')
  const once = await anna.ok('invite', 'shared')
  expect(await failure(ben, 'join', once, join(world.root, 'file'))).toBe('folder-not-a-directory')
  await ben.ok('join', once, join(world.root, 'b3'))
  const carl = world.node('carl')
  await carl.up()
  expect(await failure(carl, 'join', once, join(world.root, 'c'))).toBe('invite-used-up')
}, 60_000)

/** The invites of the folder that somebody has followed, counted. */
const uses = async (): Promise<number> =>
  (await anna.json<{ invites: { used: number }[] }>('invites')).invites.reduce((sum, { used }) => sum + used, 0)

/** Resolves once the device knows that it was removed from its only folder. */
const toldOfRemoval = async (node: TestNode): Promise<void> => {
  const client = createRpcClient(node.ready.socket)
  const isRevoked = ({ state }: Folder): boolean => state === FolderState.REVOKED
  for await (const reply of client.stream(EventService.method.watch, {}, AbortSignal.timeout(30_000))) {
    if (!reply.ok) throw new Error(reply.error.message)
    const { event } = reply.value
    if (event.case === 'snapshot' && event.value.status?.folders.some(isRevoked)) return
    if (event.case === 'folder' && isRevoked(event.value)) return
  }
  throw new Error(`${node.name} was never told`)
}

test('a folder that is here already is not joined into a second place, nor the first one anew', async () => {
  const link = await anna.ok('invite', 'shared', '--role', 'admin')
  const [first, second] = [join(world.root, 'b3'), join(world.root, 'b4')]
  const before = await uses()
  const folders = async (): Promise<unknown> => (await ben.json<{ folders: unknown }>('folder', 'list')).folders
  const refused = async (path: string, sentence: string): Promise<void> => {
    const { code, stdout, stderr } = await ben.run('join', link, path, '--json')
    expect([code, stderr]).toEqual([1, `lattice: shared is on this device already, in ${first}: ${sentence}\n`])
    expect(JSON.parse(stdout)).toMatchObject({ error: { kind: 'folder-here', severity: 'permanent' } })
  }
  for (const state of ['idle', 'paused']) {
    await refused(second, 'remove it there first to have it elsewhere')
    await refused(first, 'it is joined')
    expect(await folders()).toMatchObject([{ path: first, state }])
    if (state === 'idle') await ben.ok('folder', 'pause', 'shared')
  }
  await ben.ok('folder', 'resume', 'shared')
  expect(existsSync(second)).toBe(false)
  expect(await uses()).toBe(before)
  // Without a path it is joined where it is: a link may give more rights.
  await ben.ok('join', link)
  expect(await uses()).toBe(before + 1)
  expect(await folders()).toMatchObject([{ path: first, state: 'idle' }])
  // Let in again after it was removed, a device goes on in the place it has, and in no other.
  await anna.ok('peer', 'revoke', 'ben')
  await toldOfRemoval(ben)
  const again = await anna.ok('invite', 'shared')
  expect(await failure(ben, 'join', again, second)).toBe('folder-here')
  await ben.ok('join', again, first)
  await level('shared', anna, ben)
  expect(await folders()).toMatchObject([{ path: first, state: 'idle' }])
}, 60_000)

test('of two places asked for at once a folder gets one', async () => {
  const carl = world.node('carl2')
  await carl.up()
  const link = await anna.ok('invite', 'shared', '--uses', '2')
  const paths = ['c1', 'c2'].map((name) => join(world.root, name))
  const joins = await Promise.all(paths.map((path) => carl.run('join', link, path, '--json')))
  expect(joins.map(({ code }) => code).sort()).toEqual([0, 1])
  const refused = joins.find(({ code }) => code === 1)!
  expect(JSON.parse(refused.stdout)).toMatchObject({ error: { kind: 'folder-here' } })
  const place = paths[joins.findIndex(({ code }) => code === 0)]!
  expect(await carl.json('folder', 'list')).toMatchObject({ folders: [{ path: place }] })
  expect(await readdir(paths[joins.indexOf(refused)]!)).toEqual([])
  await carl.stop()
}, 60_000)

test('a home in use names its owner', async () => {
  const second = await lattice(anna.home, 'up')
  expect(second.code).toBe(1)
  expect(second.stderr).toContain(`in use by process ${anna.ready.pid}`)
})

test('a home without a node says how to start one', async () => {
  const outcome = await lattice(join(world.root, 'nobody'), 'status')
  expect(outcome.code).toBe(1)
  expect(outcome.stderr).toMatch(/^lattice: no node is running on .*: start one with `lattice up/)
})

test('after all of it the nodes are well', async () => {
  expect((await anna.json<{ folders: unknown[] }>('status')).folders).toHaveLength(1)
  expect(anna.stderr).toBe('')
  expect(ben.stderr).toBe('')
})

/** What a person can get wrong: each mistake has its own kind and one sentence, and the node stays up. */
import { symlink, writeFile } from 'node:fs/promises'
import { join } from 'node:path'
import { afterAll, beforeAll, expect, test } from 'vitest'
import { lattice, TestWorld, type TestNode } from './support/world.ts'

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

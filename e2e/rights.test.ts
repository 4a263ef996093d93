/** Who may do what: a whole space and the folders it brings, a reader, names, and taking a device’s rights away. */
import { readdir, readFile, writeFile } from 'node:fs/promises'
import { join } from 'node:path'
import { afterAll, beforeAll, expect, test } from 'vitest'
import { EventService, NoticeKind, type Notice } from '#proto/event_api'
import { createRpcClient } from '#daemon/rpc/client.ts'
import { TestWorld, type TestNode } from './support/world.ts'
import { readTree } from './support/trees.ts'

interface Folder {
  readonly name: string
  readonly path: string
  readonly state: string
  readonly problem: string
}

interface Peers {
  readonly peers: readonly {
    readonly name: string
    readonly device: string
    readonly revoked: boolean
    readonly memberships: readonly { readonly name: string; readonly role: string }[]
  }[]
}

let world: TestWorld
let anna: TestNode
let ben: TestNode
let photos: string
let papers: string

const foldersOf = async (node: TestNode): Promise<readonly Folder[]> =>
  (await node.json<{ folders: Folder[] }>('folder', 'list')).folders
const settle = async (folder: string): Promise<void> => {
  for (const node of [anna, ben, anna]) await node.ok('folder', 'wait', folder, '--timeout', '60')
}

beforeAll(async () => {
  world = await TestWorld.create()
  anna = world.node('anna')
  ben = world.node('ben')
  await Promise.all([anna.up(), ben.up()])
  photos = await world.directory('a/photos')
  papers = await world.directory('a/papers')
  await writeFile(join(photos, 'one.jpg'), 'one')
  await anna.ok('folder', 'add', photos)
  await anna.ok('folder', 'add', papers)
}, 120_000)
afterAll(() => world[Symbol.asyncDispose]())

test(
  'a space brings all its folders, those made later too, each to a place of its own',
  { timeout: 60_000 },
  async () => {
    const link = await anna.ok('invite', 'space')
    const joined = await ben.json<{ name: string }>('join', link, join(world.root, 'b'))
    expect(joined.name).toBe('anna')
    await settle('photos')
    await settle('papers')
    const later = await world.directory('a/later')
    await writeFile(join(later, 'l.txt'), 'l')
    await anna.ok('folder', 'add', later)
    await settle('later')
    const paths = (await foldersOf(ben)).map(({ name, path }) => [name, path]).sort()
    expect(paths).toEqual(['later', 'papers', 'photos'].map((name) => [name, join(world.root, 'b', name)]))
    expect(await readTree(join(world.root, 'b', 'photos'))).toEqual({ 'one.jpg': 'one' })
    await writeFile(join(world.root, 'b', 'later', 'back.txt'), 'b')
    await settle('later')
    expect(await readFile(join(later, 'back.txt'), 'utf8')).toBe('b')
  },
)

test('a device is known by the name it is given', { timeout: 60_000 }, async () => {
  await anna.ok('peer', 'rename', 'ben', 'benjamin')
  expect((await anna.json<Peers>('peers')).peers.map(({ name }) => name).sort()).toEqual(['anna', 'benjamin'])
})

test(
  'what a reader edits stays with the reader, who is told; what others write still arrives',
  { timeout: 90_000 },
  async () => {
    const shown = await world.directory('a/shown')
    const read = join(world.root, 'c', 'shown')
    await writeFile(join(shown, 'text.txt'), 'from anna')
    await anna.ok('folder', 'add', shown)
    const carl = world.node('carl')
    await carl.up()
    await carl.ok('join', await anna.ok('invite', 'shown', '--role', 'reader'), read)
    await carl.ok('folder', 'wait', 'shown', '--timeout', '60')
    expect(await readTree(read)).toEqual({ 'text.txt': 'from anna' })
    const { peers } = await carl.json<Peers>('peers')
    expect(peers.find(({ name }) => name === 'carl')!.memberships).toContainEqual(
      expect.objectContaining({ name: 'shown', role: 'reader' }),
    )
    await writeFile(join(read, 'own.txt'), 'from carl')
    await carl.run('folder', 'wait', 'shown', '--timeout', '2')
    const doctor = await carl.json<{ checks: { name: string; message: string }[] }>('doctor')
    const said = [
      ...(await foldersOf(carl)).map(({ problem }) => problem),
      ...doctor.checks.map(({ message }) => message),
    ]
    expect(said.join('\n')).toMatch(/may (only )?(read|not write)|not permitted|read-only|reader/i)
    await writeFile(join(shown, 'more.txt'), 'more')
    await anna.ok('folder', 'rescan', 'shown')
    await carl.run('folder', 'wait', 'shown', '--timeout', '10')
    expect(await readTree(shown)).toEqual({ 'text.txt': 'from anna', 'more.txt': 'more' })
    expect(await readTree(read)).toEqual({ 'text.txt': 'from anna', 'more.txt': 'more', 'own.txt': 'from carl' })
    await carl.stop()
  },
)

test('a revoked device gets nothing more, and what it had written stays', { timeout: 60_000 }, async () => {
  const told = await anna.ok('peer', 'revoke', 'benjamin')
  expect(told).toContain('no longer has access to')
  await writeFile(join(photos, 'secret.jpg'), 'secret')
  // Nobody is left to wait for: the folder is level without the revoked device.
  await anna.ok('folder', 'wait', 'photos', '--timeout', '30')
  expect(await readTree(join(world.root, 'b', 'photos'))).toEqual({ 'one.jpg': 'one' })
  const { peers } = await anna.json<Peers>('peers')
  expect(peers.find(({ name }) => name === 'benjamin')!.revoked).toBe(true)
  await writeFile(join(world.root, 'b', 'photos', 'late.jpg'), 'late')
  await ben.run('folder', 'wait', 'photos', '--timeout', '2')
  await anna.ok('folder', 'wait', 'photos', '--timeout', '30')
  expect(await readTree(photos)).toEqual({ 'one.jpg': 'one', 'secret.jpg': 'secret' })
})

test('it is told so, keeps its files, and takes part again when it is asked back', { timeout: 120_000 }, async () => {
  const removed = async (): Promise<void> => {
    const signal = AbortSignal.timeout(60_000)
    for await (const reply of createRpcClient(ben.ready.socket).stream(EventService.method.watch, {}, signal)) {
      if (!reply.ok) throw new Error(reply.error.message)
      const { event } = reply.value
      const all = event.case === 'snapshot' ? event.value.notices : event.case === 'notice' ? [event.value] : []
      const isIt = ({ kind, about }: Notice): boolean => kind === NoticeKind.REVOKED && about === ben.ready.device
      const notices = all.filter(isIt)
      if (notices.length > 0) return expect(notices.map(({ deviceName }) => deviceName)).toEqual(['anna'])
    }
    throw new Error('it was never told')
  }
  await removed()
  interface Status {
    readonly folders: readonly Folder[]
    readonly removals: readonly { readonly name: string; readonly byName: string }[]
  }
  const status = async (): Promise<Status> => ben.json<Status>('status')
  expect((await status()).removals).toMatchObject([{ name: 'anna', byName: 'anna' }])
  const photo = (await status()).folders.find(({ name }) => name === 'photos')!
  expect(photo).toMatchObject({ state: 'revoked' })
  expect(photo.problem).toMatch(/removed from anna by anna on .*: files here stay, nothing syncs any more/)
  expect(await ben.ok('status')).toContain('files here stay')
  const refused = await ben.run('folder', 'wait', 'photos', '--json')
  expect(JSON.parse(refused.stdout)).toMatchObject({ error: { kind: 'folder-revoked' } })
  for (const call of [
    ['invite', 'photos'],
    ['peer', 'role', 'anna', 'photos', 'reader'],
  ])
    expect(JSON.parse((await ben.run(...call, '--json')).stdout)).toMatchObject({ error: { kind: 'folder-revoked' } })
  const before = await readTree(photo.path)
  expect(Object.keys(before).length).toBeGreaterThan(0)
  // The word is kept, and what is done meanwhile stays on this disk.
  await ben.stop()
  await writeFile(join(photo.path, 'late.txt'), 'written while removed')
  await ben.up()
  expect((await status()).removals).toHaveLength(1)
  expect((await readdir(photos)).includes('late.txt')).toBe(false)
  // To the place that its folders have: as it was joined the first time.
  await ben.ok('join', await anna.ok('invite', 'space'), join(world.root, 'b'))
  await settle('photos')
  expect((await status()).removals).toEqual([])
  expect(await readFile(join(photos, 'late.txt'), 'utf8')).toBe('written while removed')
})

test('the nodes have nothing to report', () => {
  for (const node of [anna, ben]) expect(node.stderr).not.toContain('lattice:')
})

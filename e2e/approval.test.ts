/** Letting devices in by hand: who waits, the words on both screens, yes and no; and roles that change afterwards. */
import { spawn } from 'node:child_process'
import { once } from 'node:events'
import { rename, writeFile } from 'node:fs/promises'
import { join } from 'node:path'
import { afterAll, beforeAll, expect, test } from 'vitest'
import { EventService, type WatchResponse } from '#proto/event_api'
import { InviteService } from '#proto/invite_api'
import { createRpcClient } from '#daemon/rpc/client.ts'
import { level, program, TestWorld, type TestNode } from './support/world.ts'
import { readTree } from './support/trees.ts'

interface Joins {
  readonly joins: readonly {
    readonly id: string
    readonly device: string
    readonly deviceName: string
    readonly address: string
    readonly target: string
    readonly role: string
    readonly words: readonly string[]
  }[]
}

interface Peers {
  readonly peers: readonly {
    readonly name: string
    readonly connected: boolean
    readonly lastSeenMs: number
    readonly lags: readonly { readonly state: string; readonly changesBehind: number }[]
    readonly memberships: readonly { readonly name: string; readonly role: string }[]
  }[]
}

const DEADLINE_MS = 90_000

let world: TestWorld
let anna: TestNode
let ben: TestNode
let notes: string

const peerOf = async (node: TestNode, name: string): Promise<Peers['peers'][number] | undefined> =>
  (await node.json<Peers>('peers')).peers.find((peer) => peer.name === name)

/** Resolves with the first event that `pick` takes; the snapshot comes first. */
const event = async (node: TestNode, pick: (event: WatchResponse['event']) => boolean): Promise<void> => {
  const client = createRpcClient(node.ready.socket)
  for await (const reply of client.stream(EventService.method.watch, {}, AbortSignal.timeout(DEADLINE_MS))) {
    if (!reply.ok) throw new Error(reply.error.message)
    if (pick(reply.value.event)) return
  }
  throw new Error('the stream of events ended')
}

/** Follows the events until somebody waits, and says who. */
const whoWaits = async (): Promise<Joins['joins'][number]> => {
  await event(anna, ({ case: subject, value }) => {
    if (subject === 'snapshot') return value.pendingJoins.length > 0
    return subject === 'pendingJoins' && value.joins.length > 0
  })
  return (await anna.json<Joins>('joins')).joins[0]!
}

beforeAll(async () => {
  world = await TestWorld.create()
  anna = world.node('anna')
  ben = world.node('ben')
  await Promise.all([anna.up(), ben.up()])
  notes = await world.directory('a/notes')
  await writeFile(join(notes, 'one.txt'), 'one')
  await anna.ok('folder', 'add', notes)
}, 120_000)
afterAll(() => world[Symbol.asyncDispose]())

test('a device that is refused is told so, and nothing is left of it', { timeout: 120_000 }, async () => {
  const link = await anna.ok('invite', 'notes', '--approve')
  const joining = ben.run('join', link, join(world.root, 'b', 'notes'))
  const waits = await whoWaits()
  expect(waits).toMatchObject({ deviceName: 'ben', target: 'notes', role: 'writer', device: ben.ready.device })
  expect(waits.address).toContain('127.0.0.1')
  expect((await anna.run('joins', 'accept', waits.id.slice(0, 7))).stderr).toContain('at least 8 characters')
  await anna.ok('joins', 'refuse', waits.id.slice(0, 8))
  const { code, stdout, stderr } = await joining
  expect([code, stdout]).toEqual([1, ''])
  expect(stderr).toContain(waits.words.join(' '))
  expect(stderr).toContain('lattice: the person asked did not let this device in')
  expect(await peerOf(anna, 'ben')).toBeUndefined()
  expect((await anna.json<Joins>('joins')).joins).toEqual([])
  const { folders } = await ben.json<{ folders: unknown[] }>('folder', 'list')
  expect(folders).toEqual([])
})

/** `lattice join --confirm`, with what its person types once the words are there, and then no more. */
const joinTyping = (link: string, answer: string): { said: Promise<string>; done: Promise<string> } => {
  const args = ['join', link, join(world.root, 'b', 'notes'), '--confirm', '--home', ben.home]
  const child = spawn(program, args, { stdio: ['pipe', 'pipe', 'pipe'] })
  let output = ''
  const said = new Promise<string>((resolve) => {
    for (const stream of [child.stdout, child.stderr])
      stream.setEncoding('utf8').on('data', (text: string) => {
        output += text
        if (!output.includes('Does the other screen show the same words? (y/n)')) return
        child.stdin.end(answer)
        resolve(output)
      })
  })
  return { said, done: once(child, 'close').then(([code]) => `${String(code)} ${output}`) }
}

test(
  'at the device that joins a person has a say as well: “no” ends it, and is told',
  { timeout: 120_000 },
  async () => {
    const link = await anna.ok('invite', 'notes', '--approve', '--uses', '2')
    const { said, done } = joinTyping(link, 'n\n')
    await said
    expect(await done).toMatch(/^1 [^]*lattice: the words differ, so nothing was joined: /)
    await event(anna, ({ case: subject, value }) => {
      const joins = subject === 'snapshot' ? value.pendingJoins : subject === 'pendingJoins' ? value.joins : []
      return joins.some(({ differs }) => differs)
    })
    const [waits] = (await anna.json<Joins>('joins')).joins
    expect(await anna.ok('joins')).toContain('differ, it says')
    const late = await anna.run('joins', 'accept', waits!.id)
    expect([late.code, late.stderr]).toEqual([1, expect.stringContaining('says that the words differ')])
    expect((await anna.json<Joins>('joins')).joins).toEqual([])
    expect(await peerOf(anna, 'ben')).toBeUndefined()
  },
)

test('at the device that joins nobody is there to say “yes”: it waits no longer, and nor does it there', async () => {
  const link = await anna.ok('invite', 'notes', '--approve')
  const { said, done } = joinTyping(link, '')
  await said
  expect(await done).toMatch(/^1 [^]*\nlattice: nothing was joined, for standard input ended before a “y” or “n”/)
  await event(anna, ({ case: subject, value }) => {
    if (subject === 'snapshot') return value.pendingJoins.length === 0
    return subject === 'pendingJoins' && value.joins.length === 0
  })
  expect((await ben.json<{ folders: unknown[] }>('folder', 'list')).folders).toEqual([])
})

test('a device that is accepted syncs, and both screens showed the same words', { timeout: 180_000 }, async () => {
  const there = join(world.root, 'b', 'notes')
  const link = await anna.ok('invite', 'notes', '--approve')
  const looked = await createRpcClient(ben.ready.socket).unary(InviteService.method.previewLink, { link })
  expect(looked).toMatchObject({ ok: true, value: { name: 'notes', folder: true, approval: true, known: false } })
  const joining = ben.run('join', link, there, '--json')
  const waits = await whoWaits()
  await anna.ok('joins', 'accept', waits.id)
  const { code, stdout } = await joining
  expect(code).toBe(0)
  const [asked, joined] = stdout
    .trimEnd()
    .split('\n')
    .map((line) => JSON.parse(line) as Record<string, unknown>)
  expect(asked).toMatchObject({ words: waits.words, admitted: false })
  expect(waits.words).toHaveLength(4)
  expect(joined).toMatchObject({ name: 'notes' })
  await level('notes', anna, ben)
  expect(await readTree(there)).toEqual({ 'one.txt': 'one' })
  const invites = await anna.json<{ invites: { approval: boolean; used: number }[] }>('invites')
  expect(invites.invites.map(({ approval }) => approval)).toEqual([true, true, true, true])
  expect(invites.invites.map(({ used }) => used).sort()).toEqual([0, 0, 0, 1])
})

test('a device that asks anew shows the words of its new request, and the old one lets nobody in', async () => {
  const link = await anna.ok('invite', 'notes', '--approve')
  const carl = world.node('carl')
  await carl.up()
  const joining = carl.run('join', link, join(world.root, 'c', 'notes'), '--json')
  const before = await whoWaits()
  await anna.stop()
  await anna.up()
  const now = await whoWaits()
  expect(now).toMatchObject({ deviceName: 'carl', device: before.device })
  expect(now.id).not.toBe(before.id)
  expect(now.words).not.toEqual(before.words)
  expect((await anna.run('joins', 'accept', before.id)).code).toBe(1)
  expect(await peerOf(anna, 'carl')).toBeUndefined()
  await anna.ok('joins', 'accept', now.id)
  const { code, stdout } = await joining
  expect(code).toBe(0)
  const lines = stdout.trimEnd().split('\n')
  expect(lines.slice(0, -1).map((line) => JSON.parse(line) as unknown)).toMatchObject([
    { words: before.words },
    { words: now.words },
  ])
  await carl.stop()
  await anna.ok('peer', 'revoke', 'carl')
})

test('how far a device was is known after it is gone', { timeout: 120_000 }, async () => {
  expect((await peerOf(anna, 'ben'))!.lags).toMatchObject([{ state: 'level' }])
  const before = Date.now()
  await ben.stop()
  const gone = ({ name, connected }: { name: string; connected: boolean }): boolean => name === 'ben' && !connected
  await event(anna, ({ case: subject, value }) => {
    if (subject === 'snapshot') return value.peers.some(gone)
    return subject === 'peer' && gone(value)
  })
  for (const name of ['two', 'three']) {
    // Whole at once: empty first and then written would be two changes, for who looks in between.
    const draft = join(world.root, name)
    await writeFile(draft, name)
    await rename(draft, join(notes, `${name}.txt`))
    await anna.ok('folder', 'wait', 'notes', '--timeout', '60')
  }
  const away = (await peerOf(anna, 'ben'))!
  expect(away).toMatchObject({ connected: false, lags: [{ state: 'behind', changesBehind: 2 }] })
  expect(away.lastSeenMs).toBeGreaterThanOrEqual(before - 60_000)
  expect(await anna.ok('peers')).toMatch(/2 changes behind, last seen/)
  await anna.stop()
  await anna.up()
  expect(await peerOf(anna, 'ben')).toMatchObject({ lags: [{ state: 'behind', changesBehind: 2 }] })
  await ben.up()
  await level('notes', anna, ben)
  expect(await peerOf(anna, 'ben')).toMatchObject({ connected: true, lags: [{ state: 'level' }] })
})

test(
  'a writer that is made a reader is told so in its folder; the founder stays admin',
  { timeout: 180_000 },
  async () => {
    const refused = async (node: TestNode, ...args: readonly string[]): Promise<string> => {
      const { code, stdout } = await node.run(...args, '--json')
      expect(code).toBe(1)
      return (JSON.parse(stdout) as { error: { kind: string } }).error.kind
    }
    expect(await refused(ben, 'peer', 'role', 'anna', 'notes', 'reader')).toBe('not-permitted')
    expect(await refused(anna, 'peer', 'role', 'anna', 'notes', 'reader')).toBe('founder-role')
    await anna.ok('peer', 'role', 'ben', 'notes', 'admin')
    await level('notes', anna, ben)
    expect(await refused(ben, 'peer', 'role', 'anna', 'notes', 'reader')).toBe('founder-role')
    await ben.ok('peer', 'role', 'ben', 'notes', 'reader')
    await level('notes', anna, ben)
    expect((await peerOf(anna, 'ben'))!.memberships).toMatchObject([{ name: 'notes', role: 'reader' }])
    await writeFile(join(world.root, 'b', 'notes', 'own.txt'), 'own')
    await ben.run('folder', 'wait', 'notes', '--timeout', '2')
    const { folders } = await ben.json<{ folders: { problem: string }[] }>('folder', 'list')
    const { checks } = await ben.json<{ checks: { message: string }[] }>('doctor')
    const said = [...folders.map(({ problem }) => problem), ...checks.map(({ message }) => message)]
    expect(said.join('\n')).toContain('this device may only read here')
    await anna.ok('folder', 'wait', 'notes', '--timeout', '60')
    expect(Object.keys(await readTree(notes)).sort()).toEqual(['one.txt', 'three.txt', 'two.txt'])
  },
)

test('a role for one folder of a space leaves the others as they are', { timeout: 120_000 }, async () => {
  for (const name of ['photos', 'papers']) {
    const path = await world.directory(`a/${name}`)
    await writeFile(join(path, 'first'), name)
    await anna.ok('folder', 'add', path)
  }
  await ben.ok('join', await anna.ok('invite', 'space'), join(world.root, 'space'))
  for (const name of ['photos', 'papers']) await level(name, anna, ben)
  await anna.ok('peer', 'role', 'ben', 'photos', 'reader')
  for (const name of ['photos', 'papers']) await level(name, anna, ben)
  const roles = (await peerOf(anna, 'ben'))!.memberships.map(({ name, role }) => [name, role])
  expect(roles).toEqual(
    expect.arrayContaining([
      ['photos', 'reader'],
      ['papers', 'writer'],
      ['anna', 'writer'],
    ]),
  )
  await writeFile(join(world.root, 'space', 'papers', 'second'), 'by ben')
  await level('papers', anna, ben)
  expect(Object.keys(await readTree(join(world.root, 'a', 'papers'))).sort()).toEqual(['first', 'second'])
})

test('the nodes have nothing to report', () => {
  for (const node of [anna, ben]) expect(node.stderr).not.toContain('lattice:')
})

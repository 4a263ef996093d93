/** The walk of the README: two devices, one folder, edits on both sides, a conflict, restarts and a crash. */
import { rename, rm, writeFile } from 'node:fs/promises'
import { join } from 'node:path'
import { expect, test } from 'vitest'
import { level, TestWorld } from './support/world.ts'
import { readTree, writeTree } from './support/trees.ts'

interface Status {
  readonly device: string
  readonly home: string
  readonly peersConnected: number
  readonly bytesSent: number
  readonly bytesReceived: number
  readonly folders: readonly {
    readonly name: string
    readonly path: string
    readonly state: string
    readonly files: number
    readonly bytes: number
    readonly pendingIn: number
    readonly pendingOut: number
    readonly conflicts: number
  }[]
}

interface Conflicts {
  readonly conflicts: readonly {
    readonly id: string
    readonly path: string
    readonly heads: readonly { readonly hash: string; readonly deviceName: string; readonly timeMs: number }[]
  }[]
}

test('two devices share a folder', { timeout: 180_000 }, async () => {
  await using world = await TestWorld.create()
  const [a, b] = [world.node('anna'), world.node('ben')]
  await Promise.all([a.up(), b.up()])
  const here = await world.directory('a/notes')
  const there = join(world.root, 'b', 'notes')
  await writeTree(here, { 'todo.txt': 'one\n', 'deep/er/x.md': '# x\n', 'empty.txt': '' })

  await a.ok('folder', 'add', here)
  const link = await a.ok('invite', 'notes')
  expect(link).toMatch(/^lattice:\/\/join\/[\w-]+$/)
  await b.ok('join', link, there)
  await level('notes', a, b)
  expect(await readTree(there)).toEqual(await readTree(here))

  // edits on both sides
  await writeFile(join(there, 'todo.txt'), 'one\ntwo\n')
  await rename(join(there, 'deep'), join(there, 'shallow'))
  await writeFile(join(here, 'new.txt'), 'new')
  await rm(join(here, 'empty.txt'))
  await level('notes', a, b)
  const expected = { 'todo.txt': 'one\ntwo\n', 'shallow/er/x.md': '# x\n', 'new.txt': 'new' }
  expect(await readTree(here)).toEqual(expected)
  expect(await readTree(there)).toEqual(expected)

  const status = await b.json<Status>('status')
  expect(status).toMatchObject({
    device: b.ready.device,
    peersConnected: 1,
    folders: [{ name: 'notes', path: there, state: 'idle', files: 3, pendingIn: 0, pendingOut: 0, conflicts: 0 }],
  })
  expect(status.bytesReceived).toBeGreaterThan(0)

  // a conflict: both edit while they do not see each other
  await a.stop()
  await writeFile(join(there, 'todo.txt'), 'ben was here\n')
  await b.ok('folder', 'wait', 'notes', '--timeout', '60')
  await b.stop()
  await writeFile(join(here, 'todo.txt'), 'anna was here\n')
  await a.up()
  await a.ok('folder', 'wait', 'notes', '--timeout', '60')
  await b.up()
  await level('notes', a, b)
  const { conflicts } = await a.json<Conflicts>('conflicts')
  expect(conflicts).toHaveLength(1)
  expect(conflicts[0]!.path).toBe('todo.txt')
  expect(conflicts[0]!.heads.map((head) => head.deviceName).sort()).toEqual(['anna', 'ben'])
  expect(Object.values(await readTree(here)).sort()).toEqual(['# x\n', 'anna was here\n', 'ben was here\n', 'new'])
  const ben = conflicts[0]!.heads.find((head) => head.deviceName === 'ben')!
  await a.ok('conflict', 'resolve', conflicts[0]!.id, '--take', ben.hash)
  await level('notes', a, b)
  const settled = { ...expected, 'todo.txt': 'ben was here\n' }
  expect(await readTree(here)).toEqual(settled)
  expect(await readTree(there)).toEqual(settled)

  // a crash loses nothing that was recorded
  await writeFile(join(there, 'crash.txt'), 'before the crash')
  await b.ok('folder', 'wait', 'notes', '--timeout', '60')
  await b.kill()
  await b.up()
  await level('notes', a, b)
  expect(await readTree(here)).toEqual({ ...settled, 'crash.txt': 'before the crash' })
  expect(await a.ok('store', 'rebuild')).not.toContain('changed: yes')
  expect(await a.stop()).toBe(0)
  expect(await b.stop()).toBe(0)
})

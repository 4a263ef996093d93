/** A node whose disk fills up says so, stays up, and goes on when there is room again. Mounts small disks: root only. */
import { execFileSync } from 'node:child_process'
import { readFile, rm, stat, statfs, writeFile } from 'node:fs/promises'
import { join } from 'node:path'
import { afterAll, beforeAll, describe, expect, test } from 'vitest'
import { EventService } from '#proto/event_api'
import { FolderState, type Folder } from '#proto/folder_api'
import { createRpcClient } from '#daemon/rpc/client.ts'
import { TestWorld, type TestNode } from './support/world.ts'

const MEGABYTE = 1024 * 1024
const mounts: string[] = []

/** A disk of its own at `path`; false where this system does not let us. */
const mountSmall = (path: string, megabytes: number): boolean => {
  try {
    execFileSync('mount', ['-t', 'tmpfs', '-o', `size=${megabytes}m`, 'tmpfs', path], { stdio: 'ignore' })
    mounts.push(path)
    return true
  } catch {
    return false
  }
}

/** Takes all the room there is but `leave` bytes. */
const fillUp = async (dir: string, leave: number): Promise<string> => {
  const { bavail, bsize } = await statfs(dir)
  const ballast = join(dir, 'ballast')
  await writeFile(ballast, new Uint8Array(Math.max(bavail * bsize - leave, 0)))
  return ballast
}

/** Resolves once the node says of one of its folders that the disk is full. */
const saysFull = async (node: TestNode): Promise<void> => {
  const client = createRpcClient(node.ready.socket)
  for await (const reply of client.stream(EventService.method.watch, {}, AbortSignal.timeout(60_000))) {
    if (!reply.ok) throw new Error(reply.error.message)
    const { event } = reply.value
    const folders = event.case === 'snapshot' ? (event.value.status?.folders ?? []) : []
    if ([...folders, ...(event.case === 'folder' ? [event.value] : [])].some(isFull)) return
  }
}
const isFull = ({ state, problem }: Folder): boolean => state === FolderState.ERROR && /disk.* is full/.test(problem)

const isRoot = process.getuid?.() === 0 && process.platform === 'linux'

describe.skipIf(!isRoot)('a full disk (needs root, to mount one)', () => {
  let world: TestWorld
  let anna: TestNode
  let ben: TestNode

  beforeAll(async () => {
    world = await TestWorld.create()
    anna = world.node('anna')
    ben = world.node('ben')
    await anna.up()
  }, 60_000)
  afterAll(async () => {
    for (const node of [anna, ben]) await node.kill()
    for (const path of mounts) execFileSync('umount', ['-l', path])
    await world[Symbol.asyncDispose]()
  })

  test('under the folder', { timeout: 120_000 }, async (context) => {
    const here = await world.directory('a/notes')
    const there = await world.directory('b')
    if (!mountSmall(there, 16)) return context.skip('mounting is not allowed here')
    await ben.up()
    await anna.ok('folder', 'add', here)
    await ben.ok('join', await anna.ok('invite', 'notes'), join(there, 'notes'))
    const ballast = await fillUp(there, MEGABYTE)
    await writeFile(join(here, 'large.bin'), new Uint8Array(4 * MEGABYTE).fill(7))
    const waited = await anna.run('folder', 'wait', 'notes', '--timeout', '5')
    expect(waited.stderr).toMatch(/^lattice: notes is not level after 5 s: ben /)
    await saysFull(ben)
    await rm(ballast)
    await anna.ok('folder', 'wait', 'notes', '--timeout', '60')
    expect((await stat(join(there, 'notes', 'large.bin'))).size).toBe(4 * MEGABYTE)
    expect(ben.stderr).not.toContain('unexpected')
    await ben.stop()
  })

  test('under the home', { timeout: 120_000 }, async (context) => {
    const carl = world.node('carl')
    const home = await world.directory('carl-home')
    if (!mountSmall(home, 16)) return context.skip('mounting is not allowed here')
    await carl.up()
    const place = await world.directory('c')
    await carl.ok('folder', 'add', place)
    const ballast = await fillUp(home, 0)
    for (let i = 0; i < 2000; i++) await writeFile(join(place, `file-${i}.txt`), `${i}`.repeat(60))
    await saysFull(carl)
    const waited = await carl.run('folder', 'wait', 'c', '--timeout', '6')
    expect(waited.stderr).toMatch(/^lattice: c is not level after 6 s: the disk that holds .* is full/)
    expect((await carl.json<{ pid: number }>('status')).pid).toBe(carl.ready.pid)
    await rm(ballast)
    await carl.ok('folder', 'wait', 'c', '--timeout', '60')
    expect((await carl.json<{ folders: { files: number }[] }>('status')).folders[0]!.files).toBe(2000)
    expect(await readFile(join(place, 'file-9.txt'), 'utf8')).toBe('9'.repeat(60))
    expect(carl.stderr).not.toContain('unexpected')
    await carl.stop()
  })
})

/** A real node seen through its web server and the commands that ask it about itself. */
import { readFile, stat, writeFile } from 'node:fs/promises'
import { once } from 'node:events'
import { createServer, type AddressInfo } from 'node:net'
import { join } from 'node:path'
import { createClient, type Interceptor } from '@connectrpc/connect'
import { createConnectTransport } from '@connectrpc/connect-node'
import { expect, test } from 'vitest'
import { EventService } from '#proto/event_api'
import { NodeService } from '#proto/node_api'
import { level, TestWorld, type TestNode } from './support/world.ts'

const withToken =
  (token: string): Interceptor =>
  (next) =>
  (request) => {
    request.header.set('authorization', `Bearer ${token}`)
    return next(request)
  }

/** As a page does it: the address that is printed has the token behind it. */
const openPage = async (node: TestNode) => {
  const [address = '', token = ''] = (await node.ok('web')).split('#token=')
  expect(address).toBe(node.ready.web)
  const transport = createConnectTransport({
    baseUrl: `${address}rpc`,
    httpVersion: '1.1',
    interceptors: [withToken(token)],
  })
  return { address, token, transport }
}

test('the web page of a node: files, calls and events for who has the token', async () => {
  await using world = await TestWorld.create()
  const a = world.node('a')
  await a.up('--web')
  const { address, token, transport } = await openPage(a)
  expect((await stat(join(a.home, 'web.token'))).mode & 0o777).toBe(0o600)

  const page = await fetch(address)
  expect([page.status, page.headers.get('content-security-policy')]).toEqual([
    200,
    expect.stringContaining("default-src 'none'"),
  ])
  expect(await page.text()).toMatch(/<!doctype html>/i)
  const path = `${address}rpc/lattice.v1.NodeService/GetStatus`
  const headers = { 'content-type': 'application/json' }
  expect((await fetch(path, { method: 'POST', headers, body: '{}' })).status).toBe(401)
  const foreign = { ...headers, authorization: `Bearer ${token}`, origin: 'http://evil.example' }
  expect((await fetch(path, { method: 'POST', headers: foreign, body: '{}' })).status).toBe(403)

  const client = createClient(NodeService, transport)
  expect((await client.getStatus({})).name).toBe('a')
  const seen: string[] = []
  const leave = new AbortController()
  const follow = async (): Promise<void> => {
    for await (const { event } of createClient(EventService, transport).watch({}, { signal: leave.signal })) {
      if (event.case === 'snapshot') {
        seen.push(`snapshot ${event.value.settings?.deviceName}`)
        await client.changeSettings({ deviceName: 'b' })
      }
      if (event.case !== 'settings') continue
      seen.push(`settings ${event.value.deviceName}`)
      leave.abort()
    }
  }
  await follow().catch((cause: unknown) => {
    if (!leave.signal.aborted) throw cause
  })
  expect(seen).toEqual(['snapshot a', 'settings b'])

  // The token outlives the node; the note of the address does not.
  expect(await a.stop()).toBe(0)
  expect(await readFile(join(a.home, 'log'), 'utf8')).toMatch(/info stopped\n$/)
  await a.up()
  expect(a.ready.web).toBe(undefined)
  const none = await a.run('web')
  expect([none.code, none.stderr]).toEqual([1, expect.stringContaining('start it with `lattice up --web`')])
})

test('a port that is taken is one clear error', async () => {
  await using world = await TestWorld.create()
  const other = createServer().listen(0, '127.0.0.1')
  await once(other, 'listening')
  const { port } = other.address() as AddressInfo
  await expect(world.node('a').up('--web', String(port))).rejects.toThrow(
    `lattice: port ${port} is in use: choose another one with --web PORT`,
  )
  other.close()
})

test('settings hold at once, on other devices and after a restart', async () => {
  await using world = await TestWorld.create()
  const { a, b, dirA, dirB } = await world.pair()
  await a.ok('settings', 'set', 'device-name', 'Anna’s tower')
  await a.ok('settings', 'set', 'upload-limit', '50MB')
  await level('f', a, b)
  expect(await b.ok('peers')).toContain('Anna’s tower')
  const bad = await a.run('settings', 'set', 'upload-limit', '5')
  expect(bad.code).toBe(1)

  // Quiet from one time to the same: always.
  await a.ok('settings', 'set', 'quiet-hours', '06:00-06:00')
  const [ours, theirs] = ['a', 'b'].map((letter) => letter.repeat(300_000))
  await writeFile(join(dirA, 'ours.txt'), ours!)
  await writeFile(join(dirB, 'theirs.txt'), theirs!)
  const waited = await a.run('folder', 'wait', 'f', '--timeout', '2', '--json')
  expect(waited.stdout).toContain('not-level')
  for (const path of [join(dirB, 'ours.txt'), join(dirA, 'theirs.txt')])
    await expect(stat(path)).rejects.toThrow('ENOENT')
  await a.ok('settings', 'set', 'quiet-hours', 'none')
  await level('f', a, b)
  expect(await readFile(join(dirB, 'ours.txt'), 'utf8')).toBe(ours)
  expect(await readFile(join(dirA, 'theirs.txt'), 'utf8')).toBe(theirs)

  await a.stop()
  await a.up()
  expect(await a.json('settings')).toMatchObject({ settings: { uploadLimit: 50_000_000, quietHours: [] } })
})

test('a limit limits: three seconds’ worth takes longer than two', async () => {
  await using world = await TestWorld.create()
  const { a, b, dirA, dirB } = await world.pair()
  await a.ok('settings', 'set', 'upload-limit', '500kB')
  const content = Buffer.alloc(1_500_000, 'some words that no two blocks share ').map(
    (byte, i) => byte ^ ((i * 2654435761) >>> 24),
  )
  const startedMs = performance.now()
  await writeFile(join(dirA, 'large.bin'), content)
  await level('f', a, b)
  // The first half megabyte is there at once; the second limit is on the machine's side and can only add.
  expect(performance.now() - startedMs).toBeGreaterThan(1_800)
  expect((await readFile(join(dirB, 'large.bin'))).equals(content)).toBe(true)
})

test('a report names no folder, file, device, path or key, and holds no secret', async () => {
  await using world = await TestWorld.create()
  const [a, b] = [world.node('Tuppence'), world.node('Beresford')]
  const dir = await world.directory('Elderflower plans')
  await Promise.all([a.up('--web'), b.up()])
  await writeFile(join(dir, 'Quincunx memo.txt'), 'Marzipan')
  await a.ok('folder', 'add', dir, '--name', 'Clavichord')
  const link = await a.ok('invite', 'Clavichord')
  const dirB = join(world.root, 'Periwinkle')
  await b.ok('join', link, dirB)
  await level('Clavichord', a, b)
  // A join that fails, a folder that is gone: both are things that the log may tell.
  expect((await b.run('join', link, join(world.root, 'Second Periwinkle'))).code).toBe(1)
  await b.stop()
  const { token } = await openPage(a)
  const [path, secret] = [join(world.root, 'report.json'), link.replace('lattice://join/', '')]
  expect(await a.ok('diagnostics', path)).toBe(path)
  expect((await stat(path)).mode & 0o777).toBe(0o600)
  const text = await readFile(path, 'utf8')
  const planted = ['Tuppence', 'Beresford', 'Elderflower', 'Quincunx', 'Marzipan', 'Clavichord', 'Periwinkle']
  for (const hidden of [...planted, secret, token, world.root, a.ready.device, b.ready.device, '12D3KooW', '127.0.0.1'])
    expect(text.includes(hidden), `${hidden} in the report`).toBe(false)
  const report = JSON.parse(text) as { folders: object[]; checks: object[]; log: { text: string }[] }
  expect(report.folders).toMatchObject([{ isHere: true, files: 1, bytes: 8 }])
  expect(report.checks.length).toBeGreaterThan(5)
  const lines = report.log.map((line) => line.text)
  const connected = lines.find((line) => /^connected to \[device-[0-9a-f]{8}\]$/.test(line))
  // One device, one placeholder, although its name was not known at first.
  expect(lines).toContain(connected?.replace('connected to', 'disconnected from'))
  // The same line for the owner has the name.
  expect(await a.ok('logs')).toContain('disconnected from Beresford (')
  expect((await a.run('diagnostics', path)).stderr).toContain('it is there already')
})

test('what is taken of the disks', async () => {
  await using world = await TestWorld.create()
  const { a, b, dirA, dirB } = await world.pair()
  await writeFile(join(dirA, 'x'), Buffer.alloc(3_000, 1))
  await level('f', a, b)
  await writeFile(join(dirA, 'x'), Buffer.alloc(100, 2))
  await level('f', a, b)
  expect((await stat(join(dirB, 'x'))).size).toBe(100)
  const use = await b.json<{ databaseBytes: number; diskFreeBytes: number; diskBytes: number; folders: object[] }>(
    'storage',
  )
  expect(use.folders).toMatchObject([{ fileBytes: 100, trashBytes: 3_000 }])
  expect(use.databaseBytes).toBeGreaterThan(0)
  expect(use.diskBytes).toBeGreaterThan(use.diskFreeBytes)
})

import { once } from 'node:events'
import { mkdtempSync, rmSync } from 'node:fs'
import { createServer, type AddressInfo } from 'node:net'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { expect, test } from 'vitest'
import { answers, chooseMode, displayAddresses } from './lib/start-mode.mjs'

/** A machine with everything; tests take something away. */
const everything = {
  platform: 'linux' as NodeJS.Platform,
  env: { DISPLAY: ':0' },
  isRoot: false,
  answers: () => Promise.resolve(true),
  canSandbox: () => Promise.resolve(true),
  electron: () => Promise.resolve<{ program: string } | { why: string }>({ program: '/electron' }),
}
const never = (): never => {
  throw new Error('was asked in vain')
}

test('with a display and an Electron it is the desktop app', async () => {
  const desktop = { mode: 'desktop', program: '/electron', why: 'display :0 is there, and so is Electron' }
  expect(await chooseMode(everything, ['--home', '/x', '--listen=/ip4/127.0.0.1/tcp/0', '--no-mdns'])).toEqual(desktop)
  expect(await chooseMode({ ...everything, platform: 'darwin', env: {} }, [])).toMatchObject({ mode: 'desktop' })
})

test.each([
  ['no display', { env: {} }, [], 'there is no display here (neither DISPLAY nor WAYLAND_DISPLAY)'],
  ['a dead one', { answers: () => Promise.resolve(false) }, [], 'no display answers at :0'],
  ['root', { isRoot: true }, [], 'no sandbox for root'],
  [
    'no sandbox',
    { canSandbox: () => Promise.resolve(false) },
    [],
    'lets no program of an ordinary user make a sandbox',
  ],
  ['a node asked for', {}, ['--web=8080'], 'its options are those of a node without a window'],
  ['help asked for', {}, ['-h'], 'its options are those of a node without a window'],
])('with %s it is the node alone, and nothing is fetched', async (_, lacks, args, why) => {
  const mode = await chooseMode({ ...everything, ...lacks, electron: never }, args)
  expect(mode).toMatchObject({ mode: 'headless', why: expect.stringContaining(why) as string })
})

test('what keeps Electron away is said', async () => {
  const electron = () => Promise.resolve({ why: 'it could not be fetched' })
  expect(await chooseMode({ ...everything, electron }, [])).toEqual({
    mode: 'headless',
    why: 'it could not be fetched',
  })
})

test('who gives the sandbox up gets the app, as root as well', async () => {
  const machine = { ...everything, isRoot: true, canSandbox: never }
  expect(await chooseMode(machine, ['--no-sandbox'])).toMatchObject({ mode: 'desktop' })
})

test('of two displays one that answers is enough', async () => {
  const env = { DISPLAY: ':5', WAYLAND_DISPLAY: 'wayland-0', XDG_RUNTIME_DIR: '/run/user/1' }
  const onlyX11 = (address: { name: string }) => Promise.resolve(address.name === ':5')
  expect(await chooseMode({ ...everything, env, answers: onlyX11 }, [])).toMatchObject({
    mode: 'desktop',
    why: 'display :5 is there, and so is Electron',
  })
})

test('displays are found where the variables say', () => {
  const found = (env: NodeJS.ProcessEnv) =>
    displayAddresses(env).map(({ path, host, port }) => path ?? `${host} ${port}`)
  expect(found({ DISPLAY: ':12.0' })).toEqual(['/tmp/.X11-unix/X12'])
  expect(found({ DISPLAY: 'localhost:10.0' })).toEqual(['localhost 6010'])
  expect(found({ WAYLAND_DISPLAY: 'wayland-1', XDG_RUNTIME_DIR: '/run/user/7' })).toEqual(['/run/user/7/wayland-1'])
  expect(found({ WAYLAND_DISPLAY: '/run/w' })).toEqual(['/run/w'])
  for (const nothing of [{}, { DISPLAY: '' }, { DISPLAY: 'none' }, { WAYLAND_DISPLAY: 'wayland-0' }])
    expect(found(nothing)).toEqual([])
})

test('a display answers when somebody listens there', async () => {
  const directory = mkdtempSync(join(tmpdir(), 'lattice-display-'))
  const path = join(directory, 'X0')
  const server = createServer((socket) => socket.destroy()).listen(path)
  const overNetwork = createServer((socket) => socket.destroy()).listen(0, '127.0.0.1')
  await Promise.all([once(server, 'listening'), once(overNetwork, 'listening')])
  try {
    const { port } = overNetwork.address() as AddressInfo
    expect(await answers({ name: ':0', path })).toBe(true)
    expect(await answers({ name: 'localhost:0', host: '127.0.0.1', port })).toBe(true)
    overNetwork.close()
    await once(overNetwork, 'close')
    expect(await answers({ name: 'localhost:0', host: '127.0.0.1', port })).toBe(false)
    expect(await answers({ name: ':1', path: join(directory, 'X1') })).toBe(false)
  } finally {
    server.close()
    rmSync(directory, { recursive: true })
  }
})

/** `npm start`, without npm, where there is no display: a folder is there and said, and Ctrl-C stops the node in order. */
import { spawn, type ChildProcess } from 'node:child_process'
import { once } from 'node:events'
import { existsSync } from 'node:fs'
import { join } from 'node:path'
import { createInterface } from 'node:readline'
import { expect, test } from 'vitest'
import { childHasStarted } from './support/started.ts'
import { TestWorld } from './support/world.ts'

const script = new URL('../scripts/start.mjs', import.meta.url).pathname

/** In a process group of its own. */
const start = (world: TestWorld, stderr: 'inherit' | 'pipe'): ChildProcess => {
  const { DISPLAY: _x11, WAYLAND_DISPLAY: _wayland, ...environment } = process.env
  const env = { ...environment, HOME: world.root }
  const args = ['--home', join(world.root, 'home'), '--listen', '/ip4/127.0.0.1/tcp/0', '--no-mdns']
  const child = spawn(process.execPath, [script, ...args], { env, detached: true, stdio: ['ignore', 'pipe', stderr] })
  childHasStarted(child, 'SIGTERM')
  return child
}

test('it serves a default folder, again after a Ctrl-C, which reaches the whole process group', async () => {
  await using world = await TestWorld.create()
  for (const _ of ['first', 'second', 'third']) {
    const child = start(world, 'inherit')
    const exited = once(child, 'exit')
    const said: string[] = []
    for await (const line of createInterface(child.stdout!)) {
      said.push(line)
      if (line.startsWith('How things are')) process.kill(-child.pid!, 'SIGINT')
    }
    expect(await exited).toEqual([0, null])
    expect(said[0]).toBe(
      'Lattice runs headless: there is no display here (neither DISPLAY nor WAYLAND_DISPLAY). Ctrl-C ends it.',
    )
    expect(said).toContain(`Folder Lattice: ${join(world.root, 'Lattice')}`)
    expect(existsSync(join(world.root, 'home', 'lattice.sock'))).toBe(false)
  }
}, 120_000)

test('the node does not outlive it when it cannot print any more', async () => {
  await using world = await TestWorld.create()
  const child = start(world, 'pipe')
  child.stderr?.resume()
  // Both write to the same standard error: it ends with the second of them.
  const closed = once(child, 'close')
  await once(child.stdout!, 'data')
  child.stdout!.destroy()
  expect(await closed).toEqual([1, null])
  expect(existsSync(join(world.root, 'home', 'device.key'))).toBe(true)
  expect(existsSync(join(world.root, 'home', 'lattice.sock'))).toBe(false)
}, 60_000)

/** `npm start`, without npm, where there is no display: a folder is there and said, and Ctrl-C stops the node in order. */
import { spawn } from 'node:child_process'
import { once } from 'node:events'
import { existsSync } from 'node:fs'
import { join } from 'node:path'
import { createInterface } from 'node:readline'
import { expect, test } from 'vitest'
import { TestWorld } from './support/world.ts'

const script = new URL('../scripts/start.mjs', import.meta.url).pathname

test('it serves a default folder, again after a Ctrl-C, which reaches the whole process group', async () => {
  await using world = await TestWorld.create()
  const { DISPLAY: _x11, WAYLAND_DISPLAY: _wayland, ...environment } = process.env
  const env = { ...environment, HOME: world.root }
  const args = ['--home', join(world.root, 'home'), '--listen', '/ip4/127.0.0.1/tcp/0', '--no-mdns']
  for (const _ of ['first', 'second', 'third']) {
    const child = spawn(process.execPath, [script, ...args], {
      env,
      detached: true,
      stdio: ['ignore', 'pipe', 'inherit'],
    })
    const exited = once(child, 'exit')
    const said: string[] = []
    for await (const line of createInterface(child.stdout)) {
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

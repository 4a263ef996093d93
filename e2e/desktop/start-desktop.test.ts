/** `npm start`, without npm, where there are a display and an Electron: the desktop app opens, and Ctrl-C stops it. */
import { spawn } from 'node:child_process'
import { existsSync } from 'node:fs'
import { mkdtemp, rm } from 'node:fs/promises'
import { tmpdir } from 'node:os'
import { dirname, join } from 'node:path'
import { fileURLToPath } from 'node:url'
import { afterAll, beforeAll, expect, test } from 'vitest'
import { DebuggedApp, packagedArgs } from '../support/packaged.ts'
import { nodeUp, runAt } from '../support/shared-folder.ts'

const checkout = fileURLToPath(new URL('../..', import.meta.url))

let root: string
beforeAll(async () => {
  root = await mkdtemp(join(tmpdir(), 'lattice-start-'))
})
afterAll(() => rm(root, { recursive: true, force: true, maxRetries: 5 }))

test('it opens the desktop app, says so, and a Ctrl-C stops its node in order', async () => {
  const home = join(root, 'home')
  // As root there is no sandbox, which has to be said.
  const args = [...packagedArgs(home), ...(process.getuid?.() === 0 ? ['--no-sandbox'] : [])]
  const { LATTICE_TEST_APP: _, ...env } = process.env
  const child = spawn(process.execPath, [join(checkout, 'scripts', 'start.mjs'), ...args], {
    env: {
      ...env,
      ELECTRON_OVERRIDE_DIST_PATH: dirname(env['LATTICE_TEST_ELECTRON'] ?? ''),
      LATTICE_APP_ROOT: checkout,
    },
    stdio: ['ignore', 'pipe', 'pipe'],
  })
  await using app = await DebuggedApp.attach(child)
  expect(app.output).toMatch(
    /^Lattice runs as a desktop app: display :\S+ is there, and so is Electron\. Ctrl-C ends it\.$/m,
  )
  expect(await app.page.evaluate(() => document.title)).toBe('Lattice')
  await nodeUp(home) // the window comes before the node
  expect(JSON.parse(await runAt(home, 'status', '--json'))).toMatchObject({ home })
  expect(await app.terminate('SIGINT'), app.output).toBe(0)
  expect(existsSync(join(home, 'lattice.sock'))).toBe(false)
})

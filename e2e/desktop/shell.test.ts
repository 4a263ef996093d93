/** The desktop app as a person has it: window, port, links, tray, quit. */
import { mkdtemp, readdir, readFile, rm } from 'node:fs/promises'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import type { Page } from 'playwright-core'
import { afterAll, beforeAll, expect, test } from 'vitest'
import { KeyStorage, Theme } from '#proto/desktop_api'
import { portScript, startBeside, TestApp } from '../support/electron.ts'

/** It ends what hangs, and judges no speed. */
const DEADLINE = { timeout: 30_000 }

let root: string
let script: string
beforeAll(async () => {
  root = await mkdtemp(join(tmpdir(), 'lattice-desktop-'))
  script = await portScript()
})
afterAll(() => rm(root, { recursive: true, force: true, maxRetries: 5 }))

/** What the page is told first of what was asked for from outside. */
const firstRequest = async (page: Page) => {
  await page.evaluate(script)
  return await page.evaluate(() =>
    window.withClients(async ({ desktop }) => {
      for await (const { request } of desktop.watchRequests({})) return request
      return undefined
    }),
  )
}

test('the app starts, and its page speaks with the node', async () => {
  await using app = await TestApp.start(join(root, 'first'))
  const page = await app.page()
  expect(await page.title()).toBe('Lattice')
  expect(page.url()).toMatch(/^lattice-app:\/\/app\//)
  await page.evaluate(script)
  const name = await page.evaluate(() => window.withClients(async ({ node }) => (await node.getStatus({})).home))
  expect(name).toBe(join(root, 'first'))
  expect(await app.quit(), app.output).toBe(0)
})

test('the collector that an idle node calls takes old garbage too', async () => {
  await using app = await TestApp.start(join(root, 'collected'), '--hidden')
  const MIB = 1024 * 1024
  const freed = await app.app.evaluate(async () => {
    const collect = () => void globalThis.gc?.({ type: 'major', execution: 'sync', flavor: 'last-resort' })
    const nextTurn = () => new Promise<void>((resolve) => setImmediate(resolve))
    const rows = Array.from({ length: 1_000_000 }, (_, row) => ({ row, of: row }))
    for (let times = 0; times < 2; times++) collect() // what lives through two collections is old
    const held = process.memoryUsage().heapUsed
    rows.length = 0
    await nextTurn()
    collect()
    return held - process.memoryUsage().heapUsed
  })
  expect(freed).toBeGreaterThan(16 * MIB)
})

test('the app started again shows itself; its link reaches the page, which asks once it is there', async () => {
  const home = join(root, 'again')
  await using app = await TestApp.start(home, '--hidden')
  expect(app.app.windows()).toEqual([])
  expect(await startBeside(home, 'lattice://join/abc')).toBe(0)
  const page = await app.page()
  expect(await firstRequest(page)).toMatchObject({ case: 'joinLink', value: 'lattice://join/abc' })
})

test('a link that the app is started with waits for the page', async () => {
  await using app = await TestApp.start(join(root, 'cold'), 'lattice://join/cold')
  const page = await app.page()
  expect(await firstRequest(page)).toMatchObject({ case: 'joinLink', value: 'lattice://join/cold' })
})

test('a closed window leaves the app running, and comes back where it was', async () => {
  const home = join(root, 'closed')
  await using app = await TestApp.start(home)
  const page = await app.page()
  // Once it is on the screen: a window that is being put there takes the size that it had before.
  await expect
    .poll(() => app.app.evaluate(({ BrowserWindow }) => BrowserWindow.getAllWindows()[0]?.isVisible()), DEADLINE)
    .toBe(true)
  await app.app.evaluate(({ BrowserWindow }) =>
    BrowserWindow.getAllWindows()[0]?.setBounds({ x: 90, y: 70, width: 700, height: 500 }),
  )
  await expect.poll(() => page.evaluate(() => [innerWidth, innerHeight]), DEADLINE).toEqual([700, 500])
  await Promise.all([
    page.waitForEvent('close'),
    app.app.evaluate(({ BrowserWindow }) => BrowserWindow.getAllWindows()[0]?.close()),
  ])
  await expect
    .poll(() => app.app.evaluate(({ BrowserWindow }) => BrowserWindow.getAllWindows().length), DEADLINE)
    .toBe(0)
  expect(JSON.parse(await readFile(join(home, 'desktop.json'), 'utf8')).window).toMatchObject({
    width: 700,
    height: 500,
  })
  expect(await startBeside(home)).toBe(0)
  await app.page()
  const bounds = await app.app.evaluate(({ BrowserWindow }) => BrowserWindow.getAllWindows()[0]?.getNormalBounds())
  expect(bounds).toMatchObject({ width: 700, height: 500 })
})

test('told to end by the system, the app stops its node in order', async () => {
  const home = join(root, 'term')
  await using app = await TestApp.start(home)
  const page = await app.page()
  await page.evaluate(script)
  await page.evaluate(() => window.withClients(({ node }) => node.getStatus({})))
  expect(await app.terminate(), app.output).toBe(0)
  await expect(readFile(join(home, 'lattice.sock'))).rejects.toMatchObject({ code: 'ENOENT' })
})

test('the key lies in the keychain; autostart writes and removes its file; a theme is kept', async () => {
  const home = join(root, 'settings')
  await using app = await TestApp.start(home)
  const page = await app.page()
  await page.evaluate(script)
  const change = async (change: { autostart?: boolean; theme?: number; language?: string }) =>
    await page.evaluate(async (wanted) => {
      const { desktop: now } = await window.withClients(({ desktop }) => desktop.changeDesktop(wanted))
      return now && { keyStorage: now.keyStorage, autostart: now.autostart, theme: now.theme, language: now.language }
    }, change)
  expect(await change({ autostart: true, theme: Theme.DARK, language: 'de' })).toEqual({
    keyStorage: KeyStorage.KEYCHAIN,
    autostart: true,
    theme: Theme.DARK,
    language: 'de',
  })
  expect(await readdir(home)).toContain('device.key.sealed')
  const entry = join(process.env['XDG_CONFIG_HOME'] ?? '', 'autostart', 'lattice.desktop')
  expect(await readFile(entry, 'utf8')).toContain('--hidden')
  expect(await change({ autostart: false })).toMatchObject({ autostart: false, theme: Theme.DARK })
  await expect(readFile(entry)).rejects.toMatchObject({ code: 'ENOENT' })
  const refused = await page.evaluate(() =>
    window
      .withClients(({ desktop }) => desktop.changeDesktop({ language: '../x' }))
      .then(
        () => 'taken',
        (cause: Error) => cause.message,
      ),
  )
  expect(refused).toContain('BCP 47')
})

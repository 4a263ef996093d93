/** What a page may not do, tried from inside the real window. */
import { mkdtemp, rm } from 'node:fs/promises'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import type { Page } from 'playwright-core'
import { afterAll, beforeAll, expect, test } from 'vitest'
import { TestApp } from '../support/electron.ts'
import { checkPage } from '../support/page-checks.ts'

let root: string
let app: TestApp
let page: Page
beforeAll(async () => {
  root = await mkdtemp(join(tmpdir(), 'lattice-security-'))
  app = await TestApp.start(join(root, 'home'))
  page = await app.page()
})
afterAll(async () => {
  await app[Symbol.asyncDispose]()
  await rm(root, { recursive: true, force: true })
})

checkPage(() => page)

test('the window is sandboxed and isolated, without webviews', async () => {
  const preferences = await app.app.evaluate(({ BrowserWindow }) => {
    const contents = BrowserWindow.getAllWindows()[0]?.webContents
    // Not in the types: it is for tests.
    const read = contents && (Reflect.get(contents, 'getLastWebPreferences') as () => Record<string, unknown>)
    return read?.call(contents)
  })
  expect(preferences).toMatchObject({
    sandbox: true,
    contextIsolation: true,
    nodeIntegration: false,
    webviewTag: false,
    webSecurity: true,
  })
})

test('every page comes with the policy', async () => {
  for (const url of ['lattice-app://app/', 'lattice-app://failure/']) {
    const response = await app.app.evaluate(async ({ session }, address) => {
      const { headers } = await session.defaultSession.fetch(address)
      return Object.fromEntries(headers.entries())
    }, url)
    expect(response['content-security-policy']).toBe(
      "default-src 'none'; script-src 'self'; style-src 'self'; img-src 'self' data: blob:; font-src 'self'; connect-src 'self'; base-uri 'none'; form-action 'none'; frame-ancestors 'none'",
    )
    expect(response['x-content-type-options']).toBe('nosniff')
  }
})

test('nothing beside the built interface has an address', async () => {
  const statuses = await app.app.evaluate(async ({ session }) => {
    const addresses = [
      'app/../../package.json',
      'app/%2e%2e/%2e%2e/package.json',
      'app//etc/passwd',
      'other/',
      'failure/x',
    ]
    return await Promise.all(
      addresses.map(async (address) => (await session.defaultSession.fetch(`lattice-app://${address}`)).status),
    )
  })
  expect(statuses).toEqual([404, 404, 404, 404, 404])
})

test('the page cannot leave, nor open windows', async () => {
  const before = page.url()
  const refused = await page.evaluate(() => {
    location.href = 'https://example.com/'
    return window.open('https://example.com/') === null
  })
  expect(refused).toBe(true)
  // A round trip through the shell and back: a navigation would have begun.
  await app.app.evaluate(({ BrowserWindow }) => BrowserWindow.getAllWindows().length)
  expect(page.url()).toBe(before)
  expect(app.app.windows()).toHaveLength(1)
})

test('the shell fetches nothing from outside', async () => {
  const fromShell = await app.app.evaluate(({ session }) =>
    session.defaultSession.fetch('https://example.com/').then(
      () => 'fetched',
      () => 'refused',
    ),
  )
  expect(fromShell).toBe('refused')
})

test('a window that is not ours gets no port', async () => {
  const got = await app.app.evaluate(async ({ BrowserWindow, app: electron }) => {
    const window = new BrowserWindow({
      show: false,
      webPreferences: { sandbox: true, preload: `${electron.getAppPath()}/build/desktop-preload.cjs` },
    })
    await window.loadURL('lattice-app://app/')
    // Ours is asked after it: ports are handed out in the order of the requests.
    const listen = `new Promise((resolve) => {
      window.addEventListener('message', ({ data }) => data === 'lattice-port' && resolve(true), { once: true })
      lattice.requestPort()
    })`
    const foreign = window.webContents.executeJavaScript(listen).catch(() => undefined)
    const ours = BrowserWindow.getAllWindows().find((other) => other !== window)
    await ours?.webContents.executeJavaScript(listen)
    const outcome = await Promise.race([foreign, window.webContents.executeJavaScript('Promise.resolve("none")')])
    window.destroy()
    return outcome
  })
  expect(got).toBe('none')
})

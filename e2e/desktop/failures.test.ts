/** What goes wrong around the app: links that lead nowhere, a node that cannot start, a page that ends, a quit midway. */
import { randomBytes } from 'node:crypto'
import { once } from 'node:events'
import { access, mkdir, mkdtemp, readFile, rename, rm, writeFile } from 'node:fs/promises'
import { createServer, type AddressInfo } from 'node:net'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import type { Page } from 'playwright-core'
import { afterEach, beforeEach, expect, test } from 'vitest'
import { decodeLink, encodeLink } from '#sync/join/link.ts'
import { damageStore } from '../support/damage.ts'
import { startBeside, TestApp } from '../support/electron.ts'
import { Notifications } from '../support/notifications.ts'
import { nodeUp, runAt, SharedFolder } from '../support/shared-folder.ts'
import { TestNode } from '../support/world.ts'

const DEADLINE_MS = 20_000

let root: string
/** What happens here is told of, too. */
let notifications: Notifications
beforeEach(async () => {
  root = await mkdtemp(join(tmpdir(), 'lattice-failures-'))
  notifications = await Notifications.start(root)
})
afterEach(async () => {
  await notifications[Symbol.asyncDispose]()
  await rm(root, { recursive: true, force: true, maxRetries: 5 })
})

/** A home with one empty folder, so that the app opens on its screens rather than on its first steps. */
const homeWithFolder = async (): Promise<string> => {
  await using node = new TestNode(root, 'before')
  await node.up()
  await mkdir(join(root, 'Papers'))
  await node.ok('folder', 'add', join(root, 'Papers'))
  await node.stop()
  return node.home
}

const linkField = (page: Page) => page.getByRole('textbox', { name: 'Link' })

/** What the person reads after asking what a link says. */
const verdict = async (page: Page): Promise<string> => {
  await page.getByRole('button', { name: 'Look at the link' }).click()
  return await page.getByRole('alert').innerText()
}

test('a link that is malformed, damaged or expired gets its sentence, wherever it comes from', async () => {
  const home = await homeWithFolder()
  await using ben = new TestNode(root, 'ben')
  await ben.up()
  await mkdir(join(root, 'Bens'))
  await ben.ok('folder', 'add', join(root, 'Bens'))
  const good = await ben.ok('invite', 'Bens')
  const decoded = decodeLink(good)
  if (!decoded.ok) throw new Error(decoded.error.message)
  const expired = encodeLink({ ...decoded.value, expiresMs: 1 })

  await using app = await TestApp.launch(home, { hasInterface: true, args: ['lattice://join/not a link'] })
  const page = await app.page()
  page.setDefaultTimeout(DEADLINE_MS)
  await expect.poll(() => linkField(page).inputValue(), { timeout: DEADLINE_MS }).toBe('lattice://join/not a link')
  expect(await verdict(page)).toContain('This is not an invite link: it has characters that do not belong')

  const damaged = good.slice(0, -4)
  expect(await startBeside(home, damaged)).toBe(0)
  await expect.poll(() => linkField(page).inputValue(), { timeout: DEADLINE_MS }).toBe(damaged)
  expect(await verdict(page)).toContain('The invite link is incomplete or was changed: copy it again')

  // As macOS tells of a click.
  await app.app.evaluate(({ app: electron }, url) => electron.emit('open-url', { preventDefault() {} }, url), expired)
  await expect.poll(() => linkField(page).inputValue(), { timeout: DEADLINE_MS }).toBe(expired)
  expect(await verdict(page)).toContain('The invite has expired: ask for a new one')

  await linkField(page).fill('https://example.com/join')
  expect(await verdict(page)).toContain('This is not an invite link: it does not begin with lattice://join/')
})

/** What the failure page says, in the order in which a person reads it. */
const readFailure = async (app: TestApp) => {
  const page = await app.page()
  page.setDefaultTimeout(DEADLINE_MS)
  await page.waitForURL('lattice-app://failure/')
  const [message, advice, details] = await Promise.all(
    ['message', 'advice', 'details'].map((id) => page.textContent(`#${id}`)),
  )
  return { page, title: await page.title(), message, advice, details }
}

const retry = async (page: Page): Promise<void> => {
  await page.click('#retry', { noWaitAfter: true })
  await page.waitForURL(/^lattice-app:\/\/app\//, { timeout: DEADLINE_MS })
}

test('a home that another node uses is said in the window, with what to do; trying again opens it', async () => {
  await using other = new TestNode(root, 'taken')
  await other.up()
  await using app = await TestApp.launch(other.home, { hasInterface: true, args: ['--hidden'] })
  const { page, title, message, advice, details } = await readFailure(app)
  expect(title).toBe('Lattice could not start')
  expect(message).toBe('Another Lattice uses the same data.')
  expect(advice).toBe('Quit the other one, then try again.')
  expect(details).toContain(`home-in-use: ${other.home} is in use by process ${other.ready.pid}`)
  await page.click('#copy', { noWaitAfter: true })
  await page.getByText('Copied').waitFor()
  expect(await app.app.evaluate(({ clipboard }) => clipboard.readText())).toBe(details)
  expect(await other.stop()).toBe(0)
  await retry(page)
})

test('a damaged store is said in the language of the system, and the app quits from there', async () => {
  const home = await homeWithFolder()
  await writeFile(join(home, 'data', 'data.mdb'), randomBytes(1 << 20))
  await using app = await TestApp.launch(home, { hasInterface: true, env: { LANG: 'de_DE.UTF-8', LANGUAGE: 'de' } })
  const { page, title, message, advice, details } = await readFailure(app)
  expect(title).toBe('Lattice konnte nicht starten')
  expect(message).toContain('Die eigenen Daten von Lattice sind beschädigt.')
  expect(advice).toContain('aus einer Sicherung')
  expect(details).toContain('store-corrupt: ')
  expect(details).not.toMatch(/\n\s+at /) // a stack
  expect(await page.getAttribute('html', 'lang')).toBe('de')
  const exited = once(app.process, 'exit')
  await page.click('#quit', { noWaitAfter: true })
  expect((await exited)[0], app.output).toBe(0)
})

test('a damaged space is said, and left alone until the person goes on with a new one', async () => {
  const home = await homeWithFolder()
  await using before = new TestNode(root, 'before')
  await before.up()
  const { stores } = await before.json<{ stores: { id: string; type: string }[] }>('store', 'list')
  await before.stop()
  await damageStore(home, stores.find(({ type }) => type === 'core:space')!.id)
  await using app = await TestApp.launch(home, { hasInterface: true })
  const { page, message, advice, details } = await readFailure(app)
  expect(message).toContain('This device’s own space is damaged.')
  expect(advice).toContain('Or go on with a new space')
  expect(details).toContain('space-damaged: ')
  await page.click('#retry', { noWaitAfter: true })
  await page.waitForURL('lattice-app://failure/')
  await page.click('#newSpace', { noWaitAfter: true })
  await page.waitForURL(/^lattice-app:\/\/app\//, { timeout: DEADLINE_MS })
  await page.getByRole('region', { name: 'Papers' }).waitFor()
})

test('a port that is taken is said, and the app opens once it is free', async () => {
  const server = createServer().listen(0, '127.0.0.1')
  await once(server, 'listening')
  const { port } = server.address() as AddressInfo
  const home = join(root, 'home')
  await mkdir(home)
  await writeFile(join(home, 'config.json'), JSON.stringify({ listen: [`/ip4/127.0.0.1/tcp/${port}`] }))
  await using app = await TestApp.launch(home, { hasInterface: true, listen: [] })
  const { page, message, details } = await readFailure(app)
  expect(message).toBe('Lattice cannot listen for other devices.')
  expect(details).toContain(`/ip4/127.0.0.1/tcp/${port}`)
  server.close()
  await once(server, 'close')
  await retry(page)
})

test('a configuration with a mistake is named; corrected, the app opens', async () => {
  const home = join(root, 'home')
  await mkdir(home)
  await writeFile(join(home, 'config.json'), '{ "listen": ')
  await using app = await TestApp.launch(home, { hasInterface: true })
  const { page, message, details } = await readFailure(app)
  expect(message).toBe('The configuration has a mistake.')
  expect(details).toContain(join(home, 'config.json'))
  await rename(join(home, 'config.json'), join(home, 'config.json.bad'))
  await retry(page)
})

interface Folders {
  readonly folders: readonly { readonly name: string; readonly state: string }[]
}
const stateOf = async (shared: SharedFolder): Promise<string | undefined> =>
  (JSON.parse(await shared.run('folder', 'list', '--json')) as Folders).folders.find(({ name }) => name === 'Photos')
    ?.state

test('a page that crashes while files arrive says so; opened again it shows what is true', async () => {
  await using shared = await SharedFolder.create(root, { hasInterface: true })
  const { app, ben, his, mine } = shared
  await shared.join()
  await ben.ok('settings', 'set', 'upload-limit', '64kB')
  const film = randomBytes(8 << 20)
  await writeFile(join(his, 'film.bin'), film)
  await expect.poll(() => stateOf(shared), { timeout: DEADLINE_MS }).toBe('syncing')

  await app.app.evaluate(({ BrowserWindow }) => BrowserWindow.getAllWindows()[0]?.webContents.forcefullyCrashRenderer())
  const said = async (): Promise<string> =>
    await app.app.evaluate(async ({ BrowserWindow }) => {
      const contents = BrowserWindow.getAllWindows()[0]?.webContents
      if (contents?.getURL() !== 'lattice-app://failure/' || contents.isLoading()) return ''
      return (await contents.executeJavaScript('document.body.innerText')) as string
    })
  await expect.poll(said, { timeout: DEADLINE_MS }).toContain('Syncing goes on.')
  expect(await stateOf(shared)).toBe('syncing')
  // Playwright knows nothing of the page that took the place of the crashed one.
  const text = async (): Promise<string> =>
    await app.app.evaluate(async ({ BrowserWindow }) => {
      const contents = BrowserWindow.getAllWindows()[0]?.webContents
      return contents?.getURL().startsWith('lattice-app://app/') === true
        ? ((await contents.executeJavaScript('document.body.innerText')) as string)
        : ''
    })
  await app.app.evaluate(({ BrowserWindow }) =>
    BrowserWindow.getAllWindows()[0]?.webContents.executeJavaScript('document.getElementById("retry").click()'),
  )
  await expect.poll(text, { timeout: DEADLINE_MS }).toContain('1 change to fetch')
  await ben.ok('settings', 'set', 'upload-limit', 'none')
  await shared.level()
  await expect.poll(text, { timeout: DEADLINE_MS }).toContain('Up to date')
  expect((await readFile(join(mine, 'film.bin'))).equals(film)).toBe(true)
})

test('a page that is reloaded while it joins gives up, and nobody is asked any more', async () => {
  const home = await homeWithFolder()
  await using ben = new TestNode(root, 'ben')
  await ben.up()
  await mkdir(join(root, 'Bens'))
  await ben.ok('folder', 'add', join(root, 'Bens'))
  const link = await ben.ok('invite', 'Bens', '--approve')
  await using app = await TestApp.launch(home, { hasInterface: true, args: [link] })
  const page = await app.page()
  page.setDefaultTimeout(DEADLINE_MS)
  const waiting = async (): Promise<number> => (await ben.json<{ joins: unknown[] }>('joins')).joins.length
  await page.getByRole('button', { name: 'Look at the link' }).click()
  await page.getByRole('textbox', { name: 'Where the files go' }).fill(join(root, 'joined'))
  await page.getByRole('button', { name: 'Ask to be let in' }).click()
  await expect.poll(waiting, { timeout: DEADLINE_MS }).toBe(1)
  await page.reload()
  await expect.poll(waiting, { timeout: DEADLINE_MS }).toBe(0)
  await page.getByRole('link', { name: 'Folders' }).click()
  await page.getByRole('heading', { name: 'Papers' }).waitFor()
  expect(await page.getByRole('heading', { name: 'Bens' }).count()).toBe(0)
  expect(await runAt(home, 'folder', 'list')).not.toContain('Bens')
})

test('a quit while files arrive stops the node in order, and the rest arrives after the next start', async () => {
  await using shared = await SharedFolder.create(root, { hasInterface: true })
  const { app, ben, his, home, mine } = shared
  await shared.join()
  await ben.ok('settings', 'set', 'upload-limit', '64kB')
  const film = randomBytes(4 << 20)
  // Whole at once: half a file would be a version of its own, and might have arrived.
  await writeFile(join(root, 'film.bin'), film)
  await rename(join(root, 'film.bin'), join(his, 'film.bin'))
  await expect.poll(() => stateOf(shared), { timeout: DEADLINE_MS }).toBe('syncing')
  expect(await app.quit(), app.output).toBe(0)
  await expect(access(join(home, 'lattice.sock'))).rejects.toMatchObject({ code: 'ENOENT' })
  expect((await readFile(join(home, 'log'), 'utf8')).trimEnd()).toMatch(/info stopped$/)
  expect(app.output).not.toContain('unexpected failure')
  await expect(access(join(mine, 'film.bin'))).rejects.toMatchObject({ code: 'ENOENT' })
  await ben.ok('settings', 'set', 'upload-limit', 'none')
  await using again = await TestApp.launch(home, { hasInterface: true, args: ['--hidden'] })
  await nodeUp(home)
  expect(again.app.windows()).toEqual([])
  await shared.level()
  expect((await readFile(join(mine, 'film.bin'))).equals(film)).toBe(true)
})

/** The tray as a panel sees it, over D-Bus: its icon in every state, and what each entry of its menu does. */
import { randomBytes } from 'node:crypto'
import { mkdir, mkdtemp, readFile, rm, writeFile } from 'node:fs/promises'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import type { Page } from 'playwright-core'
import { afterEach, beforeEach, expect, test } from 'vitest'
import type { TrayState } from '#electron/tray-state.ts'
import { TestApp } from '../support/electron.ts'
import { installFileManager } from '../support/file-manager.ts'
import { Notifications } from '../support/notifications.ts'
import { nodeUp, runAt, SharedFolder } from '../support/shared-folder.ts'
import { TestPanel, type MenuItem, type TrayItem } from '../support/tray.ts'

const DEADLINE_MS = 20_000

let root: string
let panel: TestPanel
/** A conflict is told of, too. */
let notifications: Notifications
beforeEach(async () => {
  root = await mkdtemp(join(tmpdir(), 'lattice-tray-'))
  notifications = await Notifications.start(root)
  panel = new TestPanel()
  await panel.open()
})
afterEach(async () => {
  panel.close()
  await notifications[Symbol.asyncDispose]()
  await rm(root, { recursive: true, force: true, maxRetries: 5 })
})

const labels = ({ inner }: MenuItem): string[] => inner.map(({ label }) => label)

/** Asks again until the menu has it: the panel is told of a new layout only after it was made. */
const menuWith = async (item: TrayItem, label: string): Promise<MenuItem> =>
  await expect
    .poll(async () => labels(await item.menu()), { timeout: DEADLINE_MS })
    .toContain(label)
    .then(() => item.menu())

const clickOn = async (item: TrayItem, menu: MenuItem, label: string): Promise<void> =>
  await item.click(menu.inner.find((entry) => entry.label === label)!.id)

/** In the menu of a folder. */
const clickInside = async (item: TrayItem, folder: string, label: string): Promise<void> => {
  const menu = await menuWith(item, folder)
  await clickOn(
    item,
    menu.inner.find((entry) => entry.label === folder)!,
    label,
  )
}

/** The pixels of an image, as the app reads them; undefined: there is none, as while an icon is being replaced. */
const pixels = async (app: TestApp, path: string): Promise<string | undefined> => {
  const file = await readFile(path, 'base64').catch(() => '')
  return await app.app.evaluate(({ nativeImage }, bytes) => {
    const image = nativeImage.createFromBuffer(Buffer.from(bytes, 'base64'))
    return image.isEmpty() ? undefined : image.toBitmap().toString('base64')
  }, file)
}

/** As it was built for screens of every kind: Chromium hands the largest over. */
const builtIcon = async (app: TestApp, state: TrayState): Promise<string> => {
  const [directory, ink] = await app.app.evaluate(({ app: electron, nativeTheme }) => [
    `${electron.getAppPath()}/build/icons/tray`,
    nativeTheme.shouldUseDarkColors ? 'dark' : 'light',
  ])
  return (await pixels(app, `${directory}/${state}-${ink}-22@2x.png`)) ?? ''
}

/** Which of the built images the panel shows. */
const shownState = async (app: TestApp, item: TrayItem, built: ReadonlyMap<TrayState, string>) => {
  const shown = await pixels(app, await item.iconFile())
  return [...built].find(([, bitmap]) => bitmap === shown)?.[0]
}

const states: readonly TrayState[] = ['idle', 'syncing', 'paused', 'attention', 'offline']

test('the icon, the words beside it and the menu follow the node through all five states', async () => {
  await using shared = await SharedFolder.create(root, { hasInterface: true, args: ['--hidden'] })
  const { app, ben, mine, his } = shared
  const item = await panel.item()
  const built = new Map<TrayState, string>()
  for (const state of states) built.set(state, await builtIcon(app, state))
  expect(new Set(built.values()).size).toBe(states.length)
  const shows = async (state: TrayState, tooltip: string, entry: string): Promise<void> => {
    await expect.poll(() => shownState(app, item, built), { timeout: DEADLINE_MS }).toBe(state)
    await expect.poll(() => item.tooltip(), { timeout: DEADLINE_MS }).toBe(tooltip)
    await menuWith(item, entry)
  }
  await shows('idle', 'Lattice: up to date', 'Photos (up to date)')

  await shared.join()
  await shows('idle', 'Lattice: up to date', 'Photos (up to date)')

  // A slow link keeps it at work for as long as it takes to look at it.
  await ben.ok('settings', 'set', 'upload-limit', '64kB')
  await writeFile(join(his, 'film.bin'), randomBytes(8 << 20))
  await shows('syncing', 'Lattice: syncing', 'Photos (syncing)')
  await ben.ok('settings', 'set', 'upload-limit', 'none')
  await shared.level()
  await shows('idle', 'Lattice: up to date', 'Photos (up to date)')

  await shared.run('folder', 'pause', 'Photos')
  await shows('paused', 'Lattice: paused', 'Photos (paused)')
  await shared.run('folder', 'resume', 'Photos')
  await shows('idle', 'Lattice: up to date', 'Photos (up to date)')

  await ben.stop()
  await shows('offline', 'Lattice: no other device is connected', 'Photos (up to date)')
  await ben.up()
  await shows('idle', 'Lattice: up to date', 'Photos (up to date)')

  await shared.conflictOn('notes.txt')
  await shows('attention', 'Lattice: needs attention', 'Conflicts (1)')
  await rm(join(mine, 'notes.txt'))
  for (const { id } of (JSON.parse(await shared.run('conflicts', '--json')) as { conflicts: { id: string }[] })
    .conflicts)
    await shared.run('conflict', 'resolve', id, '--both')
  await shows('idle', 'Lattice: up to date', 'Conflicts (0)')
})

const isAt = async (page: Page, place: RegExp): Promise<void> => await page.waitForURL(place, { timeout: DEADLINE_MS })

test('each entry of the menu does what it says', async () => {
  const { opened } = await installFileManager(root)
  const home = join(root, 'home')
  await using app = await TestApp.launch(home, { hasInterface: true, args: ['--hidden'] })
  const item = await panel.item()
  const empty = await menuWith(item, 'Add folder…')
  expect(labels(empty)).toEqual([
    'Open Lattice',
    '-',
    'Add folder…',
    'Invite…',
    'Conflicts (0)',
    '-',
    'Settings',
    'Quit Lattice',
  ])
  expect(app.app.windows()).toEqual([])

  // The dialog of the system is the one part that nobody can press here.
  const directory = join(root, 'Photos')
  await mkdir(directory)
  await app.app.evaluate(({ dialog }, path) => {
    const answer = (...args: unknown[]): Promise<unknown> => {
      Reflect.set(globalThis, 'askedFor', args.at(-1))
      return Promise.resolve({ canceled: false, filePaths: [path] })
    }
    Reflect.set(dialog, 'showOpenDialog', answer)
  }, directory)
  await clickOn(item, empty, 'Add folder…')
  const page = await app.page()
  expect(await app.app.evaluate(() => Reflect.get(globalThis, 'askedFor') as unknown)).toEqual({
    title: 'Choose a folder to sync',
    properties: ['openDirectory', 'createDirectory'],
  })
  await isAt(page, /#\/folders$/)
  await page.getByRole('heading', { name: 'Photos' }).waitFor()

  await clickInside(item, 'Photos (up to date)', 'Open folder')
  await expect.poll(opened, { timeout: DEADLINE_MS }).toBe(`${directory}\n`)
  await clickInside(item, 'Photos (up to date)', 'Show in Lattice')
  await isAt(page, /#\/files\/[0-9a-f]{64}$/)
  await clickInside(item, 'Photos (up to date)', 'Pause')
  await clickInside(item, 'Photos (paused)', 'Resume')

  await clickOn(item, await menuWith(item, 'Photos (up to date)'), 'Pause syncing')
  await clickOn(item, await menuWith(item, 'Photos (paused)'), 'Resume syncing')
  await clickOn(item, await menuWith(item, 'Photos (up to date)'), 'Invite…')
  await isAt(page, /#\/pairing$/)
  await clickOn(item, await item.menu(), 'Conflicts (0)')
  await isAt(page, /#\/conflicts$/)
  await clickOn(item, await item.menu(), 'Settings')
  await isAt(page, /#\/settings$/)

  // A window that was closed comes back; "open" leaves it where it is, and so does the icon itself.
  const close = async (open: Page): Promise<void> => {
    await Promise.all([
      open.waitForEvent('close'),
      app.app.evaluate(({ BrowserWindow }) => BrowserWindow.getAllWindows()[0]?.close()),
    ])
  }
  await close(page)
  await clickOn(item, await item.menu(), 'Conflicts (0)')
  const second = await app.page()
  await isAt(second, /#\/conflicts$/)
  await clickOn(item, await item.menu(), 'Open Lattice')
  await item.activate()
  await app.app.evaluate(({ BrowserWindow }) => BrowserWindow.getAllWindows()[0]?.isVisible())
  expect(second.url()).toMatch(/#\/conflicts$/)
  await close(second)
  await item.activate()
  await (await app.page()).getByRole('heading', { name: 'Photos' }).waitFor()

  const exited = new Promise((resolve) => app.process.once('exit', resolve))
  // The app may be gone before it answers.
  await clickOn(item, await item.menu(), 'Quit Lattice').catch(() => undefined)
  expect(await exited, app.output).toBe(0)
  await expect(readFile(join(home, 'lattice.sock'))).rejects.toMatchObject({ code: 'ENOENT' })
})

test('the tray speaks the language of the system, and follows the settings without a restart', async () => {
  const home = join(root, 'home')
  await using app = await TestApp.launch(home, { hasInterface: true, env: { LANG: 'de_DE.UTF-8', LANGUAGE: 'de' } })
  const item = await panel.item()
  await menuWith(item, 'Lattice beenden')
  await mkdir(join(root, 'Fotos'))
  await nodeUp(home)
  await runAt(home, 'folder', 'add', join(root, 'Fotos'))
  await menuWith(item, 'Fotos (auf dem neuesten Stand)')
  await expect.poll(() => item.tooltip(), { timeout: DEADLINE_MS }).toBe('Lattice: auf dem neuesten Stand')
  const page = await app.page()
  await page.reload() // past the first steps, now that there is a folder
  await clickOn(item, await item.menu(), 'Einstellungen')
  await page.getByRole('button', { name: /Sprache/ }).click()
  await page.getByRole('option', { name: 'Español' }).click()
  await page.getByText('Idioma').first().waitFor()
  await menuWith(item, 'Fotos (al día)')
  await expect.poll(() => item.tooltip(), { timeout: DEADLINE_MS }).toBe('Lattice: al día')
  expect(labels(await item.menu())).toContain('Salir de Lattice')
})

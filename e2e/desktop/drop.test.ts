/** Directories that are dropped on the window, chosen with the dialog of the system, and shown in the file manager. */
import { execFileSync } from 'node:child_process'
import { chmod, mkdir, mkdtemp, rm, writeFile } from 'node:fs/promises'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { pathToFileURL } from 'node:url'
import type { CDPSession, Page } from 'playwright-core'
import { afterAll, beforeAll, expect, test } from 'vitest'
import { portScript, TestApp } from '../support/electron.ts'
import { FileManagerOnBus, installFileManager } from '../support/file-manager.ts'
import { nodeUp, runAt } from '../support/shared-folder.ts'

const DEADLINE_MS = 20_000

let root: string
let app: TestApp
let page: Page
let browser: CDPSession
beforeAll(async () => {
  root = await mkdtemp(join(tmpdir(), 'lattice-drop-'))
  const home = join(root, 'home')
  app = await TestApp.launch(home, { hasInterface: true })
  page = await app.page()
  page.setDefaultTimeout(DEADLINE_MS)
  await mkdir(join(root, 'Papers', 'old'), { recursive: true })
  await nodeUp(home)
  await runAt(home, 'folder', 'add', join(root, 'Papers'))
  await page.reload() // past the first steps, now that there is a folder
  await page.getByRole('heading', { name: 'Papers' }).waitFor()
  browser = await app.app.context().newCDPSession(page)
})
afterAll(async () => {
  await app[Symbol.asyncDispose]()
  await rm(root, { recursive: true, force: true, maxRetries: 5 })
})

/** What a file manager does, through Chromium's own handling of a drag. */
const drag = async (files: readonly string[], ...steps: readonly ('dragEnter' | 'dragOver' | 'drop')[]) => {
  const data = { items: [], files: [...files], dragOperationsMask: 1 | 2 }
  for (const type of steps) await browser.send('Input.dispatchDragEvent', { type, x: 600, y: 400, data })
}

const drop = (...files: readonly string[]): Promise<void> => drag(files, 'dragEnter', 'dragOver', 'drop')

const dialog = () => page.getByRole('dialog', { name: 'Add a folder' })

const offers = (path: string): Promise<void> =>
  expect.poll(() => dialog().getByLabel('Directory').inputValue(), { timeout: DEADLINE_MS }).toBe(path)

const cancel = async (): Promise<void> => {
  await dialog().getByRole('button', { name: 'Cancel' }).click()
  await dialog().waitFor({ state: 'detached' })
}

/** Drops a directory that the dialog takes and the node refuses. */
const dropRefused = async (path: string): Promise<string> => {
  await drop(path)
  await offers(path)
  await dialog().getByRole('button', { name: 'Start syncing' }).click()
  const sentence = await dialog().getByRole('alert').innerText()
  await cancel()
  return sentence
}

test('a dropped directory is offered with its path, and syncs once that is confirmed', async () => {
  const path = join(root, 'Photos & “more”')
  await mkdir(path)
  await drop(path)
  await offers(path)
  await dialog().getByRole('button', { name: 'Start syncing' }).click()
  await page.getByRole('heading', { name: 'Photos & “more”' }).waitFor()
})

test('a file is refused with one sentence', async () => {
  const path = join(root, 'letter.txt')
  await writeFile(path, 'dear')
  await drop(path)
  await page.getByText('That is a file. Lattice shares directories').waitFor()
  expect(await dialog().count()).toBe(0)
})

test('two at once are refused with one sentence', async () => {
  const paths = [join(root, 'one'), join(root, 'two')]
  for (const path of paths) await mkdir(path)
  await drop(...paths)
  await page.getByText('Those are several things at once.').waitFor()
  expect(await dialog().count()).toBe(0)
})

test('a drop counts although something else has come under the pointer just before', async () => {
  const path = join(root, 'Quick')
  await mkdir(path)
  await drag([path], 'dragEnter', 'dragOver')
  const cover = await page.evaluateHandle(() => {
    const element = document.createElement('div')
    element.style.cssText = 'position: fixed; inset: 0; z-index: 100'
    return document.body.appendChild(element)
  })
  await drag([path], 'drop')
  await cover.evaluate((element) => element.remove())
  await offers(path)
  await cancel()
})

test('what is dropped while the dialog is open takes the place of what it offered', async () => {
  for (const path of [join(root, 'Sooner'), join(root, 'Later')]) {
    await mkdir(path)
    await drop(path)
    await offers(path)
  }
  await cancel()
})

test('a directory inside a synced one, and one around it, are refused with one sentence', async () => {
  expect(await dropRefused(join(root, 'Papers', 'old'))).toContain(`lies inside the synced folder ${root}/Papers`)
  expect(await dropRefused(root)).toContain('contains the synced folder')
})

test('a directory that cannot be used is refused with one sentence', async () => {
  const path = join(root, 'locked')
  await mkdir(path)
  const isRoot = process.getuid?.() === 0
  // Nothing is closed to root but a disk that takes no writes.
  if (isRoot) execFileSync('mount', ['-t', 'tmpfs', '-o', 'ro', 'tmpfs', path])
  else await chmod(path, 0o000)
  try {
    expect(await dropRefused(path)).toContain(`${path} cannot be written to`)
  } finally {
    if (isRoot) execFileSync('umount', [path])
    else await chmod(path, 0o700)
  }
})

test('the dialog of the system is asked for a directory, and what it gives is filled in', async () => {
  const path = join(root, 'chosen')
  await app.app.evaluate(({ dialog: system }, chosen) => {
    const answer = (...args: unknown[]): Promise<unknown> => {
      Reflect.set(globalThis, 'askedFor', [args.length, args.at(-1)])
      return Promise.resolve({ canceled: false, filePaths: [chosen] })
    }
    Reflect.set(system, 'showOpenDialog', answer)
  }, path)
  await page.getByRole('button', { name: 'Add folder' }).first().click()
  await dialog().getByRole('button', { name: 'Choose…' }).click()
  await offers(path)
  // It belongs to the window: two arguments.
  const asked = await app.app.evaluate(() => Reflect.get(globalThis, 'askedFor') as unknown)
  expect(asked).toEqual([2, { title: 'Add a folder', properties: ['openDirectory', 'createDirectory'] }])
  await cancel()
})

test('a folder is shown in the file manager; what lies elsewhere is not', async () => {
  const { opened } = await installFileManager(root)
  using files = await FileManagerOnBus.start()
  await page.getByRole('button', { name: 'More for Papers' }).click()
  await page.getByRole('menuitem', { name: 'Open in file manager' }).click()
  await expect.poll(opened, { timeout: DEADLINE_MS }).toBe(`${join(root, 'Papers')}\n`)
  await page.evaluate(await portScript())
  const refusals = await page.evaluate(
    async (paths) => {
      const reveal = (path: string): Promise<string> =>
        window
          .withClients(({ desktop }) => desktop.revealPath({ path }))
          .then(
            () => 'shown',
            (cause: Error) => cause.message,
          )
      // One after the other: a page has one port, and each of these opens it anew.
      const answers: string[] = []
      for (const path of paths) answers.push(await reveal(path))
      return answers
    },
    ['/etc/passwd', join(root, 'Papers', '..', 'home'), `${root}/Papers-not`, 'Papers', join(root, 'Papers', 'gone')],
  )
  expect(refusals).toEqual([
    expect.stringContaining('lies in no folder of this device'),
    expect.stringContaining('lies in no folder of this device'),
    expect.stringContaining('lies in no folder of this device'),
    expect.stringContaining('is not absolute'),
    expect.stringContaining('is not there any more'),
  ])
  expect(await opened()).toBe(`${join(root, 'Papers')}\n`)

  const inside = join(root, 'Papers', 'old', 'a.txt')
  await writeFile(inside, 'x')
  await page.evaluate((path) => window.withClients(({ desktop }) => desktop.revealPath({ path })), inside)
  expect(await files.shown()).toEqual([[pathToFileURL(inside).href], ''])
})

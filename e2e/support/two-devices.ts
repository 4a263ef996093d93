/**
 * The story of two devices, told once for every way to show the interface: they meet by an invite link, share a
 * directory, contradict each other while apart, and settle it. Told as a person lives it: through what the screen says
 * and what lies on the disk. `e2e/web` runs it in browsers, `e2e/desktop` in the desktop app.
 */
import { mkdir, readdir, readFile, writeFile } from 'node:fs/promises'
import { basename, dirname, extname, join } from 'node:path'
import type { Locator, Page } from 'playwright-core'
import { expect } from 'vitest'
import { dropOnWindow } from './drop.ts'

/** One device of the story, with a home of its own; it is started when the story begins. */
export interface Device extends AsyncDisposable {
  /** What a person names it. */
  readonly name: string
  /** A directory for the files of this device. */
  readonly disk: string
  /** Where its node keeps what is its own. */
  readonly home: string
  /** Whether its page is told where a dropped directory lies. */
  readonly tellsPaths: boolean
  /** What is shown since the last start. */
  readonly page: Page
  /** Whatever pages of this device complained about. */
  readonly complaints: readonly string[]
  /** What its programs printed on standard error. */
  readonly output: string
  /** Follows a link as a person does; it then stands in the form for joining. */
  openLink(link: string): Promise<void>
  /** Ends all of it, the node too. */
  quit(): Promise<void>
  start(): Promise<void>
}

export interface Figures {
  /** How long the conflict took to be in each inbox, from when that page said that the other device is connected. */
  readonly conflictAfterMs: readonly number[]
}

const FOLDER = 'Household'
const FILE = 'shopping.txt'
const texts = {
  first: 'Milk\nBread\nApples\n',
  here: 'Milk\nRye bread\nApples\n',
  there: 'Milk\nWhite bread\nApples\nTea for two\n',
  merged: 'Milk\nRye bread and white bread\nApples\nTea for two\n',
}

const button = (page: Page | Locator, name: string): Locator => page.getByRole('button', { name, exact: true })
const goTo = (page: Page, name: string): Promise<void> =>
  page.getByRole('navigation', { name: 'Main' }).getByRole('link', { name }).click()
const card = (page: Page): Locator => page.getByRole('region', { name: FOLDER, exact: true })
const saysConnected = (page: Page, count: string): Promise<void> =>
  page.getByRole('navigation', { name: 'Main' }).getByText(`${count} connected`).waitFor()
const wordsOf = async (part: Page | Locator): Promise<string[]> => {
  const list = part.getByRole('list', { name: 'The four words' })
  await list.waitFor()
  return await list.getByRole('listitem').allInnerTexts()
}

/** The first step of a new device. */
export const nameDevice = async ({ page, name }: Device): Promise<void> => {
  await page.getByLabel('Device name').fill(name)
  await button(page, 'Continue').click()
}

/** Both steps of one that shares nothing yet. */
export const lookAround = async (device: Device): Promise<void> => {
  await nameDevice(device)
  await button(device.page, 'Look around first').click()
  await device.page.getByRole('navigation').first().waitFor()
}

/** With a link in the form; `files`: the directory for what comes with it. */
export const askToJoin = async ({ page }: Device, files: string): Promise<void> => {
  await button(page, 'Look at the link').click()
  await page.getByLabel('Where the files go').fill(files)
  await button(page, 'Ask to be let in').click()
}

/** The link for everything of this device's, good for one guest who must be let in by hand. */
export const makeInvite = async ({ page }: Device): Promise<string> => {
  await goTo(page, 'Invite and join')
  const ask = page.getByRole('switch', { name: 'Ask me before letting anyone in' })
  expect(await ask.isChecked()).toBe(true)
  await button(page, 'Make a link').click()
  return await page.getByText(/^lattice:\/\/join\//).innerText()
}

const meet = async (first: Device, second: Device, filesOfSecond: string): Promise<void> => {
  await lookAround(first)
  const link = await makeInvite(first)

  await nameDevice(second)
  await second.openLink(link)
  const { page } = second
  expect(await page.getByRole('textbox', { name: 'Link' }).inputValue()).toBe(link)
  await askToJoin(second, filesOfSecond)

  const request = first.page.getByRole('region', { name: `${second.name} wants to join` })
  await request.getByText(`To ${first.name}, as Writer.`).waitFor()
  const shownHere = await wordsOf(request)
  expect(shownHere).toHaveLength(4)
  expect(await wordsOf(page)).toEqual(shownHere)
  await saysConnected(first.page, '0 devices')
  await button(page, 'They match').click()
  await button(request, 'The words match: let in').click()
  await saysConnected(first.page, '1 device')
  await saysConnected(page, '1 device')
  await page.getByRole('heading', { level: 1, name: 'Folders' }).waitFor()
}

/** A directory dropped on the window; where the page is not told its path, a person types it. */
const share = async ({ page, tellsPaths }: Device, directory: string): Promise<void> => {
  await goTo(page, 'Folders')
  await dropOnWindow(page, directory)
  const dialog = page.getByRole('dialog', { name: 'Add a folder' })
  const path = dialog.getByLabel('Directory')
  expect(await dialog.getByLabel('Name').inputValue()).toBe(FOLDER)
  expect(await path.inputValue()).toBe(tellsPaths ? directory : '')
  await path.fill(directory)
  await button(dialog, 'Start syncing').click()
  await card(page).getByText('Up to date').waitFor()
}

/** What a card says of its files, such as "1 file · 19 bytes". */
const amount = (page: Page): Locator => card(page).getByText(/\d+ files? ·/)

const conflictLink = (page: Page): Locator =>
  page.getByRole('region', { name: FOLDER }).getByRole('link', { name: FILE })

const msFromConnectedToConflict = async ({ page }: Device): Promise<number> => {
  await saysConnected(page, '1 device')
  const connected = performance.now()
  await conflictLink(page).waitFor()
  return performance.now() - connected
}

/** Both change the same line, neither knows of the other; then they meet again. */
const contradict = async (first: Device, second: Device, files: readonly [string, string]): Promise<Figures> => {
  await second.quit()
  await saysConnected(first.page, '0 devices')
  const before = await amount(first.page).innerText()
  await writeFile(files[0], texts.here)
  await card(first.page).filter({ hasNotText: before }).waitFor()
  await writeFile(files[1], texts.there)
  await goTo(first.page, 'Conflicts')
  await first.page.getByText('No conflicts').waitFor()

  const here = msFromConnectedToConflict(first)
  await second.start()
  await goTo(second.page, 'Conflicts')
  return { conflictAfterMs: await Promise.all([here, msFromConnectedToConflict(second)]) }
}

const marks = ['fork point', 'head, shown first', 'head', 'was a head', 'merge']

/** Who wrote the steps that a page draws and marks, by the mark. */
const stepsMarked = async (page: Page): Promise<Record<string, string[]>> => {
  const drawing = page.getByRole('group', { name: 'Steps between the fork point and the heads' })
  await drawing.waitFor()
  const marked: Record<string, string[]> = {}
  for (const step of await drawing.getByRole('button').all()) {
    const [author = '', mark = ''] = (await step.innerText()).split('\n')
    if (marks.includes(mark)) (marked[mark] ??= []).push(author)
  }
  return marked
}

/** From the conflict; while it lasts there is a fork point and two heads, one of each device. */
const inspectFork = async ({ page }: Device, names: readonly string[]): Promise<void> => {
  await conflictLink(page).click()
  await page.getByRole('link', { name: 'Show branches' }).click()
  const drawn = await stepsMarked(page)
  expect(drawn).toEqual({
    'fork point': [expect.any(String)],
    'head, shown first': [expect.any(String)],
    head: [expect.any(String)],
  })
  expect([...drawn['head']!, ...drawn['head, shown first']!].toSorted()).toEqual(names.toSorted())
  await goTo(page, 'Conflicts')
}

/** From the file; once it is settled the merge joins what were the heads. */
const inspectMerge = async ({ page }: Device, names: readonly string[], by: string): Promise<void> => {
  await goTo(page, 'Folders')
  await card(page).getByRole('link', { name: FOLDER }).click()
  await page.getByRole('row', { name: FILE }).dblclick()
  await page.getByRole('link', { name: 'Show branches' }).click()
  await page.getByText(`${FOLDER} ·`).waitFor()
  const drawn = await stepsMarked(page)
  expect(drawn).toEqual({
    'fork point': [expect.any(String)],
    'was a head': expect.any(Array) as unknown,
    merge: [by],
  })
  expect(drawn['was a head']!.toSorted()).toEqual(names.toSorted())
  await goTo(page, 'Conflicts')
}

const merge = async ({ page }: Device, takenFrom: string): Promise<void> => {
  await conflictLink(page).click()
  const dialog = page.getByRole('group', { name: 'Merge' })
  await dialog.getByText('0 of 1 contradictions decided').waitFor()
  await button(dialog.getByRole('toolbar', { name: 'Decide' }), `Take ${takenFrom}`).click()
  await dialog.getByText('1 of 1 contradictions decided').waitFor()
  await dialog.getByRole('textbox', { name: 'Result' }).getByText('Rye bread').click()
  await page.keyboard.press('End')
  await page.keyboard.type(' and white bread')
  await button(dialog, 'Save merged result').click()
  await page.getByText(`Settled: ${FILE}`).waitFor()
}

/** What lies on a disk: a file and, while there are several, its other versions beside it. */
const versionsOnDisk = async (file: string): Promise<string[]> => {
  const names = await readdir(dirname(file)).catch(() => [])
  const mine = names.filter((name) => name.startsWith(basename(file, extname(file))))
  return (await Promise.all(mine.map((name) => readFile(join(dirname(file), name), 'utf8')))).toSorted()
}

/** Generous, as everywhere: it ends what hangs and judges no speed. */
const patience = { timeout: 60_000, interval: 50 }

const untilOnDisks = async (files: readonly string[], versions: readonly string[]): Promise<void> => {
  for (const file of files) await expect.poll(() => versionsOnDisk(file), patience).toEqual(versions.toSorted())
}

const LOG_LINES_SHOWN = 40

/** What can be read of a device, for whoever must find out why a story broke off: its screen, and the end of its log. */
const stateOf = async ({ name, home, page, complaints, output }: Device): Promise<string> => {
  const screen = page.locator('body').innerText({ timeout: 5_000 }).catch(String)
  const log = readFile(join(home, 'log'), 'utf8').catch(String)
  const lines = (await log).trimEnd().split('\n').slice(-LOG_LINES_SHOWN)
  return [`${name} shows ${page.url()}`, await screen, ...complaints, output, `the log of ${name}:`, ...lines].join(
    '\n',
  )
}

/** Tells a story of these devices; where it breaks off, what there is to see of each of them is printed. */
export const witnessed = async <T>(devices: readonly Device[], story: () => Promise<T>): Promise<T> => {
  try {
    return await story()
  } catch (cause) {
    for (const device of devices) console.error(await stateOf(device).catch(String))
    throw cause
  }
}

export const tellStory = (first: Device, second: Device): Promise<Figures> =>
  witnessed([first, second], () => tell(first, second))

const tell = async (first: Device, second: Device): Promise<Figures> => {
  const directory = join(first.disk, FOLDER)
  const filesOfSecond = join(second.disk, 'From others')
  const files = [join(directory, FILE), join(filesOfSecond, FOLDER, FILE)] as const
  await mkdir(directory)
  await writeFile(files[0], texts.first)

  await meet(first, second, filesOfSecond)
  await share(first, directory)
  await card(second.page).getByText('Up to date').waitFor()
  await untilOnDisks(files, [texts.first])

  const figures = await contradict(first, second, files)
  await untilOnDisks(files, [texts.here, texts.there])
  await inspectFork(first, [first.name, second.name])
  await merge(second, first.name)
  await goTo(second.page, 'Conflicts')
  for (const { page } of [first, second]) await page.getByText('No conflicts').waitFor()
  await untilOnDisks(files, [texts.merged])
  await inspectMerge(first, [first.name, second.name], second.name)

  await button(second.page, 'Undo').click()
  for (const { page } of [first, second]) await conflictLink(page).waitFor()
  await untilOnDisks(files, [texts.here, texts.there])
  expect([first.complaints, second.complaints]).toEqual([[], []])
  return figures
}

/** The interface in the desktop app: what only a shell brings to it, and what it says of what it cannot use. */
import { mkdir, mkdtemp, rm, writeFile } from 'node:fs/promises'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { afterAll, beforeAll, expect, test } from 'vitest'
import { DesktopDevice } from '../support/desktop-device.ts'
import { dropOnWindow } from '../support/drop.ts'
import { lookAround, nameDevice } from '../support/two-devices.ts'

/** Generous: it ends what hangs and judges no speed. */
const patience = { timeout: 60_000, interval: 50 }

let root: string
beforeAll(async () => {
  root = await mkdtemp(join(tmpdir(), 'lattice-desktop-ui-'))
})
afterAll(() => rm(root, { recursive: true, force: true, maxRetries: 5 }))

test('a link that the app is started with waits in the form; one that is none is said to be', async () => {
  const link = 'lattice://join/AAAA'
  await using device = await DesktopDevice.start(root, 'Cold', link)
  const { page } = device
  await nameDevice(device)
  const field = page.getByRole('textbox', { name: 'Link' })
  expect(await field.inputValue()).toBe(link)
  await page.getByRole('button', { name: 'Look at the link' }).click()
  await page.getByRole('alert').getByText('link').waitFor()
  expect(await field.inputValue()).toBe(link)

  // Another one that is clicked meanwhile takes its place.
  await device.openLink('lattice://join/BBBB')
  expect(await field.inputValue()).toBe('lattice://join/BBBB')
  expect(await page.getByRole('alert').count()).toBe(0)
  expect(device.complaints).toEqual([])
})

test('a directory dropped during the first steps ends them; a dropped file is refused with what to do', async () => {
  await using device = await DesktopDevice.start(root, 'Dropped')
  const { page } = device
  const directory = join(device.disk, 'Photos & more')
  const file = join(device.disk, 'a file.txt')
  await mkdir(directory)
  await writeFile(file, 'text')
  await page.getByLabel('Device name').waitFor()

  await dropOnWindow(page, file)
  await page.getByText('That is a file. Lattice shares directories').waitFor()
  expect(await page.getByRole('dialog').count()).toBe(0)

  await dropOnWindow(page, directory)
  const dialog = page.getByRole('dialog', { name: 'Add a folder' })
  expect(await dialog.getByLabel('Directory').inputValue()).toBe(directory)
  await dialog.getByRole('button', { name: 'Start syncing' }).click()
  await page.getByRole('region', { name: 'Photos & more' }).getByText('Up to date').waitFor()

  // What lies in a folder already belongs to it.
  const inside = join(directory, 'inside')
  await mkdir(inside)
  await dropOnWindow(page, inside)
  await dialog.getByRole('button', { name: 'Start syncing' }).click()
  await dialog.getByRole('alert').waitFor()
  expect(device.complaints).toEqual([])
})

test('a page that crashes comes back with all that was there', async () => {
  await using device = await DesktopDevice.start(root, 'Crashed')
  const { page } = device
  const directory = join(device.disk, 'Notes')
  await mkdir(directory)
  await lookAround(device)
  await dropOnWindow(page, directory)
  await page.getByRole('button', { name: 'Start syncing' }).click()
  const card = page.getByRole('region', { name: 'Notes' })
  await card.getByText('0 files').waitFor()

  await device.crashPage()
  await writeFile(join(directory, 'meanwhile.txt'), 'text')
  expect(await device.textInWindow()).toContain('The window stopped working')
  await device.pressInWindow('#retry')
  await expect.poll(() => device.textInWindow(), patience).toMatch(/Notes[^]*1 file ·/)
  await expect.poll(() => device.textInWindow(), patience).toContain('Up to date')
})

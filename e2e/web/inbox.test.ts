/** An inbox of many conflicts: only what is in sight is in the page, and keys and readers find all of them. */
import { writeFile } from 'node:fs/promises'
import { join } from 'node:path'
import { expect, test } from 'vitest'
import { chromiumPath, TestPage } from '../support/browser.ts'
import { barriers, misfits } from '../support/looks.ts'
import { level, TestWorld } from '../support/world.ts'

const CONFLICTS = Number(process.env['LATTICE_CONFLICTS'] ?? 150)
const DRAWN_MAX = 40
const names = Array.from({ length: CONFLICTS }, (_, i) => `note-${String(i).padStart(5, '0')}`)

test('many conflicts are gone through by wheel and by Tab in a few elements', async (context) => {
  if (chromiumPath() === undefined) context.skip('needs Chromium')
  await using world = await TestWorld.create()
  const { a, b, dirA, dirB } = await world.pair()
  const write = async (directory: string, text: string): Promise<void> => {
    for (const name of names) await writeFile(join(directory, name), text)
  }
  await write(dirA, 'as it was')
  await level('f', a, b)
  await b.stop()
  await write(dirA, 'by a')
  await a.ok('folder', 'rescan', 'f')
  await a.stop()
  await write(dirB, 'by b, more')
  await b.up()
  await b.ok('folder', 'rescan', 'f')
  await a.up('--web')
  await level('f', a, b)

  await using opened = await TestPage.open(a)
  const { page } = opened
  await page.getByRole('navigation').first().waitFor()
  await page.goto(`${a.ready.web}#/conflicts`)
  const rows = page.locator('main li[data-index]')
  await rows.first().waitFor()
  expect(await rows.count()).toBeLessThan(DRAWN_MAX)

  const list = page.getByRole('region', { name: 'f', exact: true })
  const focused = (): Promise<string> =>
    page.evaluate(() => document.activeElement?.closest('[data-index]')?.getAttribute('aria-posinset') ?? '')
  // The link of each row follows on its box, however many rows there are.
  await list.getByRole('checkbox', { name: 'Select note-00000' }).focus()
  for (let i = 0; i < 2 * 40; i++) await page.keyboard.press('Tab')
  expect(await focused()).toBe('41')
  await page.keyboard.press('Space')
  await page.getByText('1 selected').waitFor()

  // What has the focus stays in the page, wherever one looks meanwhile, and is where Tab goes on from.
  await page.locator('main').hover()
  await page.mouse.wheel(0, 1_000_000)
  await list.getByText(names.at(-1)!, { exact: true }).waitFor()
  expect(await rows.count()).toBeLessThan(DRAWN_MAX)
  expect(await rows.last().getAttribute('aria-posinset')).toBe(String(CONFLICTS))
  expect(await rows.last().getAttribute('aria-setsize')).toBe(String(CONFLICTS))
  expect(await barriers(page, 'all')).toEqual([])
  expect(await misfits(page)).toEqual([])
  expect(await focused()).toBe('41')
  await page.locator('main li[aria-posinset="42"]').waitFor({ state: 'attached' }) // before Tab asks for it
  await page.keyboard.press('Tab')
  await page.keyboard.press('Tab')
  expect(await focused()).toBe('42')

  await list.getByRole('checkbox', { name: 'Select all of f' }).check()
  await page.getByText(`${CONFLICTS} selected`).waitFor()
  expect(opened.complaints).toEqual([])
})

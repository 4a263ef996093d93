/** A directory of thousands in a browser: only what is seen is in the page, in the same elements wherever one goes. */
import { writeFile } from 'node:fs/promises'
import { join } from 'node:path'
import { expect, test } from 'vitest'
import { chromiumPath, TestPage } from '../support/browser.ts'
import { TestWorld } from '../support/world.ts'

const FILES = 3000
/** It ends what hangs, and judges no speed. */
const DEADLINE = { timeout: 30_000 }
const nameOf = (index: number): string => `file-${String(index).padStart(4, '0')}`

test('thousands of rows are moved through by keys and by wheel in a few elements', async (context) => {
  if (chromiumPath() === undefined) context.skip('needs Chromium')
  await using world = await TestWorld.create()
  const node = world.node('a')
  const directory = await world.directory('many')
  await Promise.all(Array.from({ length: FILES }, (_, i) => writeFile(join(directory, nameOf(i)), '')))
  await node.up('--web')
  await node.ok('folder', 'add', directory, '--name', 'many')
  await node.ok('folder', 'wait', 'many')
  await using opened = await TestPage.open(node)
  const { page } = opened
  await page.getByRole('navigation').first().waitFor()
  await page.goto(`${node.ready.web}#/files/many`)
  await page.getByRole('status').getByText('3,000').waitFor()
  const grid = page.getByRole('grid')
  const rows = grid.locator('[data-index]')
  const drawn = await rows.count()
  expect(drawn).toBeLessThan(60)
  const marked = await rows.evaluateAll(
    (all) => all.map((row, at) => row.setAttribute('data-marked', String(at))).length,
  )
  expect(marked).toBe(drawn)

  /** The row the keys are at: its name, and whether all of it is seen, below the heads. */
  const activeRow = async (): Promise<readonly [string, boolean]> => {
    const active = grid.locator('[aria-selected=true]')
    const [box, around] = [await active.boundingBox(), await grid.boundingBox()]
    const isSeen = box!.y >= around!.y + box!.height && box!.y + box!.height <= around!.y + around!.height
    return [(await active.locator('bdi').first().textContent()) ?? '', isSeen]
  }
  await grid.focus()
  await page.keyboard.press('End')
  await grid.locator(`[aria-rowindex="${FILES + 1}"][aria-selected=true]`).waitFor()
  await expect.poll(activeRow, DEADLINE).toEqual([nameOf(FILES - 1), true])
  await page.keyboard.press('Home')
  for (let i = 0; i < 40; i++) await page.keyboard.press('ArrowDown')
  await grid.locator('[aria-rowindex="42"][aria-selected=true]').waitFor()
  await expect.poll(activeRow, DEADLINE).toEqual([nameOf(40), true])
  await grid.hover()
  await page.mouse.wheel(0, 50_000)

  // At rest the elements are in the order of the rows again, for whoever reads them one by one; and none is new.
  await page.waitForFunction(() => {
    const indexes = [...document.querySelectorAll<HTMLElement>('[data-index]')].map((row) =>
      Number(row.dataset['index']),
    )
    return indexes[0]! > 1000 && indexes.every((index, at) => index === indexes[0]! + at)
  })
  expect(await grid.locator('[data-index][data-marked]').count()).toBe(drawn)
  expect(await rows.count()).toBe(drawn)

  // Files that come above move neither the rows in sight nor the row the keys are at.
  const firstSeen = (): Promise<string> =>
    grid.evaluate((element) => {
      const heads = element.querySelector('[role=columnheader]')!.getBoundingClientRect().bottom
      const seen = [...element.querySelectorAll<HTMLElement>('[data-index]')]
        .filter((row) => row.getBoundingClientRect().bottom > heads + 4)
        .toSorted((one, other) => Number(one.dataset['index']) - Number(other.dataset['index']))
      return seen[0]?.querySelector('bdi')?.textContent ?? ''
    })
  const seen = await firstSeen()
  await Promise.all(['a', 'b', 'c'].map((name) => writeFile(join(directory, name), '')))
  await page.getByRole('status').getByText('3,003').waitFor()
  await expect.poll(firstSeen, DEADLINE).toBe(seen)
  expect(await grid.evaluate((element) => element === document.activeElement)).toBe(true)
  await page.keyboard.press('ArrowDown')
  await grid.locator('[aria-rowindex="46"][aria-selected=true]').waitFor()
  await expect.poll(activeRow, DEADLINE).toEqual([nameOf(41), true])
  expect(opened.complaints).toEqual([])
})

/** A person's first minute with a new node, in a browser: name the device, choose a folder, see it come up to date. */
import { writeFile } from 'node:fs/promises'
import { join } from 'node:path'
import { expect, test } from 'vitest'
import { chromiumPath, TestPage } from '../support/browser.ts'
import { TestWorld } from '../support/world.ts'

test('three actions from nothing to a folder that is up to date', async (context) => {
  if (chromiumPath() === undefined) context.skip('needs Chromium')
  await using world = await TestWorld.create()
  const node = world.node('a')
  const directory = await world.directory('Holiday plans')
  await node.up('--web')
  await using opened = await TestPage.open(node)
  const { page } = opened

  const name = page.getByLabel('Device name')
  expect(await name.inputValue()).toBe('a')
  await name.fill('Kitchen laptop')
  await page.getByRole('button', { name: 'Continue' }).click()
  await page.getByLabel('Directory').fill(directory)
  await page.getByRole('button', { name: 'Start syncing' }).click()

  const card = page.getByRole('region', { name: 'Holiday plans' })
  await card.getByText('Up to date').waitFor()
  await card.getByText('0 files').waitFor()
  await writeFile(join(directory, 'boats.txt'), 'two canoes')
  await card.getByText('1 file ·').waitFor()
  await card.getByText('Up to date').waitFor()

  expect(await page.getByRole('navigation').getByText('Kitchen laptop').count()).toBe(1)
  expect((await node.json<{ name: string }>('status')).name).toBe('Kitchen laptop')
  expect(page.url()).not.toContain('token')
  expect(opened.complaints).toEqual([])
})

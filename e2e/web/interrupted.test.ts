/** What a person sees when the page or the node goes away in the middle of something: no gap, nothing half done. */
import { writeFile } from 'node:fs/promises'
import { join } from 'node:path'
import { expect, test } from 'vitest'
import { chromiumPath, TestPage } from '../support/browser.ts'
import { askToJoin, lookAround, makeInvite, nameDevice, witnessed } from '../support/two-devices.ts'
import { WebDevice } from '../support/web-device.ts'
import { TestWorld } from '../support/world.ts'

const LOST = 'The connection to the node is lost.'

test('a page outlives its node, and knows what happened meanwhile', async (context) => {
  if (chromiumPath() === undefined) context.skip('needs Chromium')
  await using world = await TestWorld.create()
  const node = world.node('a')
  const directory = await world.directory('Notes')
  await writeFile(join(directory, 'one.txt'), 'one')
  const { web = '' } = await node.up('--web')
  await node.ok('folder', 'add', directory)
  await using opened = await TestPage.open(node)
  const { page } = opened
  const card = page.getByRole('region', { name: 'Notes' })
  await card.getByText('1 file ·').waitFor()
  await page.evaluate(() => Reflect.set(window, 'opened', 'once'))

  await node.kill()
  await page.getByText(LOST).waitFor()
  await card.getByText('1 file ·').waitFor() // what was known last
  await writeFile(join(directory, 'two.txt'), 'two')
  await node.up('--web', new URL(web).port)
  await card.getByText('2 files ·').waitFor()
  await page.getByText(LOST).waitFor({ state: 'detached' })
  await writeFile(join(directory, 'three.txt'), 'three')
  await card.getByText('3 files ·').waitFor()
  await card.getByRole('button', { name: 'Pause' }).click()
  await card.getByRole('button', { name: 'Resume' }).waitFor()

  expect(await page.evaluate(() => Reflect.get(window, 'opened') as unknown)).toBe('once')
  expect(opened.complaints.filter((complaint) => !complaint.includes('net::ERR_'))).toEqual([])
})

/** What brings the page back to its beginning. */
const interruptions = {
  reloaded: async ({ page }: WebDevice) => void (await page.reload()),
  crashed: (device: WebDevice) => device.crashPage(),
} as const

for (const how of ['reloaded', 'crashed'] as const)
  test(`a page that is ${how} while it asks to be let in asks no more, and can ask again`, async (context) => {
    if (chromiumPath() === undefined) context.skip('needs Chromium')
    await using world = await TestWorld.create()
    await using first = await WebDevice.start(world, 'Kitchen laptop')
    await using second = await WebDevice.start(world, 'Phone')
    await witnessed([first, second], async () => {
      await lookAround(first)
      const link = await makeInvite(first)
      const request = first.page.getByRole('region', { name: 'Phone wants to join' })

      await nameDevice(second)
      await second.openLink(link)
      await askToJoin(second, second.disk)
      await request.waitFor()
      await interruptions[how](second)
      await request.waitFor({ state: 'detached' })

      await second.page.getByRole('button', { name: 'Continue' }).click()
      await second.openLink(link)
      await askToJoin(second, second.disk)
      await request.getByRole('button', { name: 'The words match: let in' }).click()
      await second.page.getByRole('button', { name: 'They match' }).click()
      await second.page.getByRole('heading', { level: 1, name: 'Folders' }).waitFor()
      await request.waitFor({ state: 'detached' })
    })
  })

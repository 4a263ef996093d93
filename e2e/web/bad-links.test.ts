/** Links that do not let in: each says why, the form stays, and nobody else hears of it. */
import { join } from 'node:path'
import { expect, test } from 'vitest'
import { chromiumPath } from '../support/browser.ts'
import { askToJoin, lookAround, makeInvite } from '../support/two-devices.ts'
import { WebDevice } from '../support/web-device.ts'
import { TestWorld } from '../support/world.ts'

/** The last but one, whose bits all count. */
const withOtherLetter = (link: string): string => link.replace(/.(?=.$)/, (letter) => (letter === 'A' ? 'B' : 'A'))

test('a link that cannot be followed says why', async (context) => {
  if (chromiumPath() === undefined) context.skip('needs Chromium')
  await using world = await TestWorld.create()
  const issuer = world.node('issuer')
  await issuer.up()
  await using first = await WebDevice.start(world, 'Kitchen laptop')
  await using second = await WebDevice.start(world, 'Phone')
  await lookAround(first)
  await lookAround(second)
  const link = await makeInvite(first)
  const { page } = second
  await page.getByRole('link', { name: 'Invite and join' }).click()
  const alert = page.getByRole('alert')
  const field = page.getByRole('textbox', { name: 'Link' })

  const outdated = await issuer.ok('invite', 'space', '--expires', '1ms')
  const own = await makeInvite(second)
  for (const [bad, why] of [
    ['hello', /not an invite link/],
    ['https://example.org/', /not an invite link/],
    [withOtherLetter(link), /incomplete or was changed/],
    [outdated, /expired.*Ask for a new link/],
    [own, /made that link itself/],
  ] as const) {
    await second.openLink(bad)
    await page.getByRole('button', { name: 'Look at the link' }).click()
    await alert.filter({ hasText: why }).waitFor()
    expect(await field.inputValue()).toBe(bad)
  }

  await first.page.getByRole('button', { name: 'Take back' }).click()
  await first.page.getByText('Taken back').waitFor()
  await second.openLink(link)
  await askToJoin(second, join(second.disk, 'From others'))
  await alert.getByText('Ask for a new link').waitFor()
  expect(await first.page.getByRole('region', { name: 'Phone wants to join' }).count()).toBe(0)
  expect([first.complaints, second.complaints]).toEqual([[], []])
})

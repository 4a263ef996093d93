/** The story of two devices in two browsers, each on a headless node of its own. */
import { expect, test } from 'vitest'
import { chromiumPath } from '../support/browser.ts'
import { tellStory } from '../support/two-devices.ts'
import { WebDevice } from '../support/web-device.ts'
import { TestWorld } from '../support/world.ts'

test('two devices meet, share, contradict each other and settle it', { timeout: 600_000 }, async (context) => {
  if (chromiumPath() === undefined) context.skip('needs Chromium')
  await using world = await TestWorld.create()
  await using first = await WebDevice.start(world, 'Kitchen laptop')
  await using second = await WebDevice.start(world, 'Phone')
  const { conflictAfterMs } = await tellStory(first, second)
  console.log(`conflict in the inboxes ${conflictAfterMs.map(Math.round).join(' and ')} ms after being connected`)
  expect(conflictAfterMs).toHaveLength(2)
})

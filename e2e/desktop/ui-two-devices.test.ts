/** The story of two devices in two desktop apps, each with a home of its own. */
import { mkdtemp, rm } from 'node:fs/promises'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { afterAll, beforeAll, expect, test } from 'vitest'
import { DesktopDevice } from '../support/desktop-device.ts'
import { tellStory } from '../support/two-devices.ts'

let root: string
beforeAll(async () => {
  root = await mkdtemp(join(tmpdir(), 'lattice-desktop-story-'))
})
afterAll(() => rm(root, { recursive: true, force: true, maxRetries: 5 }))

test('two apps meet, share, contradict each other and settle it', { timeout: 600_000 }, async () => {
  await using first = await DesktopDevice.start(root, 'Kitchen laptop')
  await using second = await DesktopDevice.start(root, 'Phone')
  const { conflictAfterMs } = await tellStory(first, second)
  console.log(`conflict in the inboxes ${conflictAfterMs.map(Math.round).join(' and ')} ms after being connected`)
  expect(conflictAfterMs).toHaveLength(2)
})

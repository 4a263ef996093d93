/** Notifications of the system, by a real daemon: for what needs a person, once, and a click leads there. */
import { execFileSync } from 'node:child_process'
import { once } from 'node:events'
import { mkdir, mkdtemp, rename, rm, writeFile } from 'node:fs/promises'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import type { Page } from 'playwright-core'
import { afterEach, beforeEach, expect, test } from 'vitest'
import { TestApp } from '../support/electron.ts'
import { Notifications } from '../support/notifications.ts'
import { SharedFolder } from '../support/shared-folder.ts'

let root: string
let notifications: Notifications
beforeEach(async () => {
  root = await mkdtemp(join(tmpdir(), 'lattice-notices-'))
  notifications = await Notifications.start(root)
})
afterEach(async () => {
  await notifications[Symbol.asyncDispose]()
  await rm(root, { recursive: true, force: true, maxRetries: 5 })
})

/** The page that a click on the only notification leads to. */
const clickThrough = async (app: TestApp, address: RegExp): Promise<Page> => {
  await notifications.click()
  const page = await app.page()
  await page.waitForURL(address)
  return page
}

const closeWindow = async (app: TestApp, page: Page): Promise<void> => {
  await Promise.all([
    page.waitForEvent('close'),
    app.app.evaluate(({ BrowserWindow }) => BrowserWindow.getAllWindows()[0]?.close()),
  ])
}

test('what needs a person is told once, a click opens the place, and nothing else is told', async () => {
  await using shared = await SharedFolder.create(root, { hasInterface: true, args: ['--hidden'] })
  const { app, ben, mine } = shared
  await shared.join()
  expect(await notifications.nth(1)).toEqual({ title: 'A device joined', body: 'ben has joined Photos.' })
  const peers = await clickThrough(app, /#\/peers$/)
  await peers.getByText('ben').first().waitFor()
  await closeWindow(app, peers)

  // None of this needs anybody: files that come and go, a pause, a peer that leaves and returns.
  await writeFile(join(mine, 'a.txt'), 'a')
  await shared.level()
  await shared.run('folder', 'pause', 'Photos')
  await shared.run('folder', 'resume', 'Photos')
  await ben.stop()
  await ben.up()
  await rm(join(mine, 'a.txt'))
  await shared.level()

  const name = 'cats & <b>.txt'
  await shared.conflictOn(name)
  expect(await notifications.nth(2)).toEqual({
    title: 'Changed on two devices',
    body: 'cats &amp; &lt;b&gt;.txt in Photos: ben changed it too.',
  })
  const conflict = await clickThrough(app, /#\/conflicts\/.+$/)
  await conflict.getByRole('heading', { name }).first().waitFor()

  // A second conflict while the window shows conflicts: what comes next says that it was not told.
  await app.app.evaluate(({ BrowserWindow }) => BrowserWindow.getAllWindows()[0]?.focus())
  await shared.conflictOn('seen.txt')
  await expect.poll(() => shared.run('conflicts'), { timeout: 30_000 }).toContain('seen.txt')
  await shared.run('peer', 'revoke', ben.ready.device)
  expect(await notifications.nth(3)).toEqual({
    title: 'A device was removed',
    body: 'ben has no rights to Photos any more.',
  })
  await closeWindow(app, conflict)
  const revoked = await clickThrough(app, /#\/peers$/)
  await closeWindow(app, revoked)

  await rename(mine, `${mine}-elsewhere`)
  expect(await notifications.nth(4)).toEqual({ title: 'A folder does not sync', body: 'Photos needs attention.' })
  const folder = await clickThrough(app, /#\/files\/[0-9a-f]{64}$/)
  await folder.getByText('Photos').first().waitFor()
  expect(await app.quit(), app.output).toBe(0)
  expect(notifications.shown).toHaveLength(4)
})

test('a device that asks to join is told of, in the language of the app', async () => {
  await using shared = await SharedFolder.create(root, {
    hasInterface: true,
    args: ['--hidden'],
    env: { LANG: 'de_DE.UTF-8', LANGUAGE: 'de' },
  })
  const { app, ben } = shared
  const joining = ben.run('join', await shared.run('invite', 'Photos', '--approve'), shared.his)
  expect(await notifications.nth(1)).toEqual({
    title: 'Ein Gerät möchte beitreten',
    body: 'ben möchte Photos beitreten.',
  })
  const page = await clickThrough(app, /#\/pairing$/)
  // With the window in front the next one shows itself there, and is not told beside it.
  await page.getByRole('button', { name: 'Ablehnen' }).click()
  expect((await joining).code).toBe(1)
  expect(notifications.shown).toHaveLength(1)
})

test('a disk without room is told of, also one that was full at the start', async (context) => {
  const small = join(root, 'small')
  await mkdir(small)
  try {
    execFileSync('mount', ['-t', 'tmpfs', '-o', 'size=64m', 'tmpfs', small], { stdio: 'ignore' })
  } catch {
    context.skip('needs root, to mount a small disk')
  }
  try {
    await using app = await TestApp.launch(join(small, 'home'), { hasInterface: true, args: ['--hidden'] })
    expect(await notifications.nth(1)).toEqual({
      title: 'The disk is almost full',
      body: `Make room on the disk of ${join(small, 'home')}.`,
    })
    await clickThrough(app, /#\/settings$/)
    const exited = once(app.process, 'exit')
    await app.quit()
    await exited
    expect(notifications.shown).toHaveLength(1)
  } finally {
    execFileSync('umount', ['-l', small])
  }
})

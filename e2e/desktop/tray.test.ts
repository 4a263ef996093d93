/** The tray as a panel sees it, over D-Bus. */
import { mkdir, mkdtemp, rm } from 'node:fs/promises'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { expect, test } from 'vitest'
import { portScript, TestApp } from '../support/electron.ts'
import { TestPanel, type MenuItem, type TrayItem } from '../support/tray.ts'

const labels = ({ inner }: MenuItem): string[] => inner.map(({ label }) => label)

/** Asks again until the menu has it: the panel is told of a new layout only after it was made. */
const menuWith = async (item: TrayItem, label: string): Promise<MenuItem> =>
  await expect
    .poll(async () => labels(await item.menu()), { timeout: 20_000 })
    .toContain(label)
    .then(() => item.menu())

test('the tray registers, names folders with their states, and its entries lead somewhere', async () => {
  const root = await mkdtemp(join(tmpdir(), 'lattice-tray-'))
  const panel = new TestPanel()
  await panel.open()
  try {
    const script = await portScript()
    await using app = await TestApp.start(join(root, 'home'))
    const page = await app.page()
    await page.evaluate(script)
    const item = await panel.item()
    const empty = await menuWith(item, 'Add folder…')
    expect(labels(empty)).toEqual([
      'Open Lattice',
      '-',
      'Add folder…',
      'Invite…',
      'Conflicts (0)',
      '-',
      'Settings',
      'Quit Lattice',
    ])
    const directory = join(root, 'Photos')
    await mkdir(directory)
    await page.evaluate(async (path) => (await window.openClients()).folders.addFolder({ path }), directory)
    const full = await menuWith(item, 'Photos (up to date)')
    expect(labels(full)).toContain('Pause syncing')

    await item.click(full.inner.find(({ label }) => label === 'Pause syncing')!.id)
    const paused = await menuWith(item, 'Photos (paused)')
    expect(labels(paused)).toContain('Resume syncing')

    await item.click(paused.inner.find(({ label }) => label === 'Settings')!.id)
    const asked = await page.evaluate(async () => {
      const { desktop } = await window.openClients()
      for await (const { request } of desktop.watchRequests({})) return request
      return undefined
    })
    expect(asked).toMatchObject({ case: 'show', value: '/settings' })

    const exited = new Promise((resolve) => app.process.once('exit', resolve))
    // The app may be gone before it answers.
    await item.click(paused.inner.find(({ label }) => label === 'Quit Lattice')!.id).catch(() => undefined)
    expect(await exited).toBe(0)
  } finally {
    panel.close()
    await rm(root, { recursive: true, force: true })
  }
})

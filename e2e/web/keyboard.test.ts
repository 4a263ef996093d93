/** Every flow by keyboard alone: nothing is pointed at, and at every step one sees where the focus is. */
import { writeFileSync } from 'node:fs'
import { readFile, writeFile } from 'node:fs/promises'
import { join } from 'node:path'
import { afterAll, beforeAll, describe, expect, test } from 'vitest'
import { chromiumPath, TestPage } from '../support/browser.ts'
import { Keyboard, mouseless } from '../support/keyboard.ts'
import { liveIn, type LivedIn } from '../support/lived-in.ts'
import { TestWorld, type TestNode } from '../support/world.ts'

const FLOW_MS = 240_000
/** Focus is given back in a frame or two; the limit ends what hangs. */
const FOCUS_MS = 20_000
/** What was decided is on its way to the disk when the page says so; the limit ends what hangs. */
const DISK_MS = 20_000
/** As many as the grid is made for. */
const ROWS = 20_000

const focusIs = (keys: Keyboard, what: Readonly<Record<string, unknown>>): Promise<void> =>
  expect.poll(() => keys.focused(), { timeout: FOCUS_MS }).toMatchObject(what)

describe.skipIf(chromiumPath() === undefined)('by keyboard alone (needs Chromium)', () => {
  let world: TestWorld
  let tablet: TestNode
  let lived: LivedIn

  beforeAll(async () => {
    world = await TestWorld.create()
    tablet = world.node('Tablet')
    ;[lived] = await Promise.all([liveIn(world), tablet.up('--web')])
  }, FLOW_MS)

  afterAll(() => world[Symbol.asyncDispose]())

  /** Opens a window on a node, does something in it, and sees that no mouse had a part in it. */
  const sit = async (node: TestNode, route: string, act: (keys: Keyboard) => Promise<void>): Promise<void> => {
    await using opened = await TestPage.open(node)
    const { page } = opened
    await page.emulateMedia({ reducedMotion: 'reduce' })
    const pointed = await mouseless(page)
    if (route !== '') await page.goto(`${node.ready.web}#${route}`)
    // Past the page that waits for the node.
    const isThere = await page
      .locator('nav, form')
      .first()
      .waitFor()
      .then(
        () => true,
        () => false,
      )
    if (!isThere) expect.fail(`the page shows: ${await page.innerText('body')}\n${opened.complaints.join('\n')}`)
    await act(new Keyboard(page))
    expect(await pointed()).toBe(0)
    // That the node answered with an error is said by the page where it matters.
    expect(opened.complaints.filter((line) => !/Failed to load resource: the server responded/.test(line))).toEqual([])
  }

  test(
    'the first steps: a name, a folder, an invite and a link to follow',
    async () => {
      const directory = await world.directory('Recipes')
      const link = await lived.laptop.ok('invite', 'Notes', '--approve')
      await sit(tablet, '', async (keys) => {
        const { page } = keys
        await focusIs(keys, { role: 'textbox', isSeen: true })
        await keys.press('Control+A')
        await keys.type('Kitchen')
        await keys.press('Enter')
        await page.getByRole('tablist').waitFor()
        await keys.fill(/Directory/, directory)
        await keys.press('Enter')
        const card = page.getByRole('region', { name: 'Recipes' })
        await card.getByText('Up to date').waitFor()

        await keys.use('button', 'More for Recipes')
        await page.getByRole('menu').waitFor()
        await keys.press('Enter')
        await page.getByRole('button', { name: 'Make a link' }).waitFor()
        await keys.use('button', 'Make a link')
        await page.getByRole('img', { name: 'The link as a QR code' }).waitFor()
        await keys.tabTo('button', 'Copy')

        await keys.tabTo('tab', 'Invite', 'Shift+Tab')
        await keys.press('ArrowRight')
        await keys.fill(/^Link/, link)
        await keys.press('Enter')
        await page.getByLabel('Where the files go').waitFor()
        await keys.fill(/Where the files go/, join(world.root, 'kitchen'))
        await keys.use('button', 'Ask to be let in')
        await page.getByRole('list', { name: 'The four words' }).waitFor()
        const match = page.getByRole('button', { name: 'They match' })
        await expect.poll(() => match.isEnabled(), { timeout: FOCUS_MS }).toBe(true)
        await keys.use('button', 'They match')
        await page.getByText(/^Waiting for the person there/).waitFor()
        await sit(lived.laptop, '/folders', async (others) => {
          const accept = others.page
            .getByRole('region', { name: 'Kitchen wants to join' })
            .getByText('The words match: let in')
          // It can be pressed once there was time to read.
          await expect.poll(() => accept.isEnabled(), { timeout: FOCUS_MS }).toBe(true)
          await others.use('button', 'The words match: let in')
        })
        await page.getByRole('region', { name: 'Notes' }).waitFor()
      })
    },
    FLOW_MS,
  )

  test('dialogs hold the focus, close with Escape and give it back', async () => {
    await sit(lived.laptop, '/folders', async (keys) => {
      const { page } = keys
      await keys.use('button', /Add folder/)
      await page.getByRole('dialog').waitFor()
      expect(await keys.staysInside('[role=dialog]')).toBe(true)
      await keys.press('Escape')
      await page.getByRole('dialog').waitFor({ state: 'detached' })
      await focusIs(keys, { role: 'button', name: 'Add folder', isSeen: true })

      await keys.use('button', 'More for Notes')
      await page.getByRole('menuitem', { name: 'Remove…' }).waitFor()
      await keys.press('End', 'Enter')
      await page.getByRole('alertdialog').waitFor()
      await focusIs(keys, { name: 'Keep', isSeen: true })
      expect(await keys.staysInside('[role=alertdialog]')).toBe(true)
      await keys.press('Escape')
      await page.getByRole('alertdialog').waitFor({ state: 'detached' })
      await focusIs(keys, { name: 'More for Notes', isSeen: true })
    })
  })

  test(
    'conflicts: taken, undone, both kept, and merged',
    async () => {
      await sit(lived.laptop, '/conflicts', async (keys) => {
        const { page } = keys
        await keys.use('link', /tickets\.odt/)
        await page.getByRole('button', { name: 'Take this: Laptop' }).waitFor()
        await keys.use('button', 'Take this: Laptop')
        await page.getByText('Settled already').waitFor()
        await focusIs(keys, { name: 'Back to all conflicts', isSeen: true })
        await keys.use('button', 'Undo')
        await page.getByRole('button', { name: 'Take this: Laptop' }).first().waitFor()
        await keys.use('link', 'All conflicts')
        await keys.tabTo('checkbox', 'Select tickets.odt')
        await keys.press('Space')
        await keys.tabTo('button', 'Keep both', 'Shift+Tab')
        await keys.press('Enter')
        await page.getByRole('link', { name: 'tickets.odt' }).waitFor({ state: 'detached' })

        await keys.use('link', /packing\.md/)
        await page.getByRole('region', { name: 'Changes of both sides' }).waitFor()
        await keys.tabTo('region', 'Changes of both sides')
        await keys.press('F7', 'Shift+F7', 'Alt+3')
        await page.getByText('1 of 1 contradictions decided').waitFor()
        await keys.use('button', 'Save merged result')
        await page.getByRole('heading', { name: 'Settled already' }).or(page.getByText('Settled already')).waitFor()
      })
      const merged = (): Promise<string> => readFile(join(world.root, 'laptop', 'Notes', 'packing.md'), 'utf8')
      await expect.poll(merged, { timeout: DISK_MS }).toContain('one kayak')
      expect(await merged()).toContain('rope, 30 m')
    },
    FLOW_MS,
  )

  test('branches: along the lines, zoomed, and compared', async () => {
    await sit(lived.laptop, `/inspect/Photos/0x632f${lived.conflicts.get('lake.png')}`, async (keys) => {
      const { page } = keys
      const steps = page.getByRole('group', { name: /^Steps between/ })
      await steps.waitFor()
      const chosen = steps.locator('[aria-pressed=true]')
      const drawn = (): Promise<string> => steps.evaluate((element) => getComputedStyle(element).transform)
      await keys.tabTo('button', /Studio|Laptop/)
      const first = await chosen.textContent()
      await keys.press('ArrowUp')
      expect(await chosen.textContent()).not.toBe(first)
      await focusIs(keys, { isSeen: true })
      const before = await drawn()
      await keys.press('+')
      expect(await drawn()).not.toBe(before)
      await keys.press('0', 'c', 'ArrowDown')
      await page.getByRole('heading', { name: 'Differences' }).waitFor()
    })
  })

  test(
    'a directory of 20,000 files, walked through',
    async () => {
      // One that does not sync: it is listed all the same, and no other test waits for its files.
      const drafts = join(world.root, 'laptop', 'Notes', 'Drafts')
      for (let at = 0; at < ROWS - 1; at++) writeFileSync(join(drafts, `draft ${String(at).padStart(6, '0')}.md`), '')
      await sit(lived.laptop, `/files/${lived.folders.get('Notes')}/Drafts`, async (keys) => {
        const { page } = keys
        const chosen = page.getByRole('row', { selected: true })
        await page.getByText('20,000 entries').waitFor()
        await keys.tabTo('grid', /^Files in/)
        await keys.press('End')
        await chosen.getByText('first.md').waitFor()
        await keys.press('PageUp', 'ArrowUp')
        await chosen.getByText(/^draft 0199/).waitFor()
        await keys.press('Home', 'ArrowDown')
        await chosen.getByText('draft 000001.md').waitFor()
        await keys.press('Backspace')
        await page.getByRole('grid', { name: 'Files in Notes' }).getByText('scan.tmp').waitFor()
        await keys.tabTo('grid', /^Files in/)
        await keys.press('ArrowDown', 'ArrowDown', 'Enter')
        await page.getByRole('grid', { name: 'Files in Journal' }).waitFor()
      })
    },
    FLOW_MS,
  )

  test('a version restored', async () => {
    const file = join(world.root, 'laptop', 'Notes', 'Journal', 'tuesday.md')
    const before = await readFile(file, 'utf8')
    await writeFile(file, 'Out on the water at noon.\n')
    await lived.laptop.ok('folder', 'rescan', 'Notes')
    await sit(lived.laptop, `/files/${lived.folders.get('Notes')}/Journal`, async (keys) => {
      await keys.tabTo('grid', /^Files in/)
      await keys.press('End', 'Enter')
      await keys.page
        .getByRole('complementary', { name: 'Versions' })
        .getByRole('button', { name: 'Restore' })
        .waitFor()
      await keys.use('button', 'Restore')
      await keys.page.getByText('1 file is back.').waitFor()
    })
    await expect.poll(() => readFile(file, 'utf8'), { timeout: DISK_MS }).toBe(before)
  })

  test('the past of a folder', async () => {
    await sit(lived.laptop, `/history/${lived.folders.get('Notes')}`, async (keys) => {
      const { page } = keys
      const slider = page.getByRole('slider')
      await slider.waitFor()
      await keys.tabTo('slider', /time/i)
      const now = await slider.inputValue()
      await keys.press('Control+ArrowLeft')
      expect(Number(await slider.inputValue())).toBeLessThan(Number(now))
      await keys.press('Home')
      expect(await slider.inputValue()).toBe('0')
      await keys.tabTo('button', 'Restore the whole folder…')
      await keys.press('Enter')
      await page.getByRole('dialog').waitFor()
      expect(await keys.staysInside('[role=dialog]')).toBe(true)
      await keys.press('Escape')
      await page.getByRole('dialog').waitFor({ state: 'detached' })
      await focusIs(keys, { name: 'Restore the whole folder…', isSeen: true })
    })
  })

  test('settings and peers', async () => {
    await sit(lived.laptop, '/settings/general', async (keys) => {
      const { page } = keys
      await keys.tabTo('tab', 'General')
      await keys.press('ArrowRight')
      await keys.fill(/^Upload/, '500')
      await keys.use('button', 'Save')
      await page.getByRole('status').getByText('Saved.').waitFor()
      await keys.use('link', /^Peers/)
      await page.getByRole('button', { name: 'More for Studio' }).waitFor()
      await keys.use('button', 'More for Studio')
      await page.getByRole('menu').waitFor()
      await keys.press('Enter')
      await page.getByRole('dialog').waitFor()
      await focusIs(keys, { role: 'textbox', isSeen: true })
      await keys.press('Control+A')
      await keys.type('Workshop')
      await keys.use('button', 'Rename')
      await page.getByRole('region', { name: 'Workshop' }).waitFor()
      await focusIs(keys, { name: 'More for Workshop', isSeen: true })
    })
    expect((await lived.laptop.json<{ settings: { uploadLimit: number } }>('settings')).settings.uploadLimit).toBe(
      500_000,
    )
  })

  test('a folder that was removed here is kept here again', async () => {
    const path = join(world.root, 'laptop', 'Maps')
    await sit(lived.laptop, '/folders', async (keys) => {
      const { page } = keys
      await page.getByRole('region', { name: 'Maps' }).getByText('Not on this device').waitFor()
      await keys.use('button', 'Keep here…')
      await page.getByRole('dialog', { name: 'Keep Maps here again?' }).waitFor()
      await focusIs(keys, { role: 'textbox', isSeen: true })
      expect(await page.getByRole('textbox', { name: 'Directory' }).inputValue()).toBe(path)
      expect(await keys.staysInside('[role=dialog]')).toBe(true)
      await keys.use('button', 'Keep here')
      await page.getByRole('region', { name: 'Maps' }).getByText(path).waitFor()
    })
  })
})

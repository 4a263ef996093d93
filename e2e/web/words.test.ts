/** The four words at both ends of a join: each person has a say, neither before there was time to read. */
import { writeFile } from 'node:fs/promises'
import { join } from 'node:path'
import { afterAll, beforeAll, describe, expect, test } from 'vitest'
import { chromiumPath, TestPage } from '../support/browser.ts'
import { TestWorld, type TestNode } from '../support/world.ts'

const DEADLINE_MS = 60_000
/** As in the interface: `READ_MS`. */
const READ_MS = 1_000

describe.skipIf(chromiumPath() === undefined)('the words of a join (needs Chromium)', () => {
  let world: TestWorld
  let desk: TestNode
  let tablet: TestNode

  beforeAll(async () => {
    world = await TestWorld.create()
    ;[desk, tablet] = [world.node('Desk'), world.node('Tablet')]
    await Promise.all([desk.up('--web'), tablet.up('--web')])
    const notes = await world.directory('Notes')
    await writeFile(join(notes, 'one.txt'), 'one')
    await desk.ok('folder', 'add', notes)
    await tablet.ok('folder', 'add', await world.directory('Own'))
  }, 120_000)
  afterAll(() => world[Symbol.asyncDispose]())

  const open = async (node: TestNode): Promise<TestPage> => {
    const opened = await TestPage.open(node, { hasOwnClock: true })
    await opened.page.getByRole('heading', { level: 1, name: 'Folders' }).waitFor()
    return opened
  }

  /** Its timers stand still until they are moved on. */
  const hold = async ({ page }: TestPage): Promise<void> =>
    page.clock.pauseAt(await page.evaluate(() => Date.now() + 60_000))

  const ask = async (opened: TestPage, link: string, path: string): Promise<void> => {
    const { page } = opened
    await page.clock.resume()
    await page.goto(`${tablet.ready.web}#/folders`)
    await page.goto(`${tablet.ready.web}#/pairing/join`)
    await page.getByRole('textbox', { name: 'Link' }).fill(link)
    await page.getByRole('button', { name: 'Look at the link' }).click()
    await page.getByLabel('Where the files go').fill(path)
    await hold(opened)
    await page.getByRole('button', { name: 'Ask to be let in' }).click()
  }

  const folders = async (): Promise<string[]> =>
    (await tablet.json<{ folders: { name: string }[] }>('folder', 'list')).folders.map(({ name }) => name)

  test('who joins says that they differ: both screens say so; then that they match, and only then it is joined', async () => {
    await using here = await open(desk)
    await using there = await open(tablet)
    await hold(here)
    const link = await desk.ok('invite', 'Notes', '--approve', '--uses', '2')
    await ask(there, link, join(world.root, 'joined'))

    const request = here.page.getByRole('region', { name: 'Tablet wants to join' })
    const accept = request.getByRole('button', { name: 'The words match: let in' })
    const match = there.page.getByRole('button', { name: 'They match' })
    /** The button cannot be pressed for as long as it takes to read, to the millisecond. */
    const opensInTime = async ({ page }: TestPage, button: typeof accept): Promise<void> => {
      await button.waitFor()
      expect(await button.isDisabled()).toBe(true)
      await page.clock.runFor(READ_MS - 1)
      expect(await button.isDisabled()).toBe(true)
      await page.clock.runFor(1)
      await expect.poll(() => button.isEnabled(), { timeout: DEADLINE_MS }).toBe(true)
    }
    await opensInTime(here, accept)
    await opensInTime(there, match)

    await there.page.getByRole('button', { name: 'They do not match' }).click()
    await there.page.getByRole('alert').getByText('The words differ, so nothing was joined').waitFor()
    const told = here.page.getByRole('region', { name: 'Tablet says that the words differ' })
    await told.getByText('Somebody may stand between you two').waitFor()
    expect(await accept.count()).toBe(0)
    await told.getByRole('button', { name: 'Understood' }).click()
    await told.waitFor({ state: 'detached' })

    // Another round, another card: time to read anew.
    await ask(there, link, join(world.root, 'joined'))
    await opensInTime(here, accept)
    await accept.click()
    await there.page.getByText('The other device has let this one in.').waitFor()
    expect(await folders()).toEqual(['Own'])
    await opensInTime(there, match)
    await match.click()
    await there.page.getByRole('heading', { level: 1, name: 'Folders' }).waitFor()
    await expect.poll(folders, { timeout: DEADLINE_MS }).toContain('Notes')
    expect([here.complaints, there.complaints].flat().filter((line) => !/Failed to load resource/.test(line))).toEqual(
      [],
    )
  }, 120_000)

  test('a press counts although the other person answers in the midst of it', async () => {
    await using here = await open(desk)
    await using there = await open(tablet)
    await desk.ok('folder', 'add', await world.directory('Recipes'))
    await ask(there, await desk.ok('invite', 'Recipes', '--approve'), join(world.root, 'pressed'))
    const accept = here.page.getByRole('button', { name: 'The words match: let in' })
    const match = there.page.getByRole('button', { name: 'They match' })
    await match.waitFor()
    await there.page.clock.runFor(READ_MS)
    await match.hover()
    await there.page.mouse.down()
    await accept.click()
    await there.page.getByText('The other device has let this one in.').waitFor()
    await there.page.mouse.up()
    await there.page.getByRole('heading', { level: 1, name: 'Folders' }).waitFor()
  }, 120_000)
})

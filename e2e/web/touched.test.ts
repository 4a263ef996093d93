/** The files screen follows the directory it shows, and leaves the node alone while others change. */
import { mkdir, rename, writeFile } from 'node:fs/promises'
import { join } from 'node:path'
import { expect, test } from 'vitest'
import { chromiumPath, TestPage } from '../support/browser.ts'
import { TestWorld } from '../support/world.ts'

const ROUNDS = 5

test('what changes elsewhere does not make a directory be read again; what changes in it does', async (context) => {
  if (chromiumPath() === undefined) context.skip('needs Chromium')
  await using world = await TestWorld.create()
  const node = world.node('a')
  const directory = await world.directory('work')
  for (const name of ['shown', 'busy']) await mkdir(join(directory, name))
  await writeFile(join(directory, 'shown', 'first'), '')
  await node.up('--web')
  await node.ok('folder', 'add', directory, '--name', 'work')
  await node.ok('folder', 'wait', 'work')
  await using opened = await TestPage.open(node)
  const { page } = opened
  await page.getByRole('navigation').first().waitFor()
  let reads = 0
  page.on('request', (request) => {
    if (request.url().endsWith('/lattice.v1.FileService/Browse')) reads++
  })
  await page.goto(`${node.ready.web}#/files/work/shown`)
  await page.getByRole('status').getByText('1 entry').waitFor()
  const before = reads

  // Each round is told of before the next one begins: another page counts the files.
  const counting = await page.context().newPage()
  await counting.goto(await node.ok('web'))
  for (let round = 1; round <= ROUNDS; round++) {
    await writeFile(join(directory, 'busy', `f${round}`), '')
    await counting.getByText(`${1 + round} files`).waitFor()
  }
  expect(reads - before).toBe(0)

  await writeFile(join(directory, 'shown', 'second'), '')
  await page.getByRole('status').getByText('2 entries').waitFor()
  await rename(join(directory, 'shown'), join(directory, 'away'))
  await page.getByText('work has nothing at shown').waitFor()
  await rename(join(directory, 'away'), join(directory, 'shown'))
  await page.getByRole('status').getByText('2 entries').waitFor()
})

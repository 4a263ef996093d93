/** How a page comes by its token, and comes by it again. */
import { expect, test } from 'vitest'
import { chromiumPath, TestPage } from '../support/browser.ts'
import { TestWorld } from '../support/world.ts'

test('the token is kept though another address is gone to at once; lost, it is taken from a pasted one', async (context) => {
  if (chromiumPath() === undefined) context.skip('needs Chromium')
  await using world = await TestWorld.create()
  const node = world.node('a')
  await node.up('--web')
  await using opened = await TestPage.open(node)
  const { page } = opened
  const isIn = page.getByRole('button', { name: 'Continue' })
  await isIn.waitFor()
  const withToken = await node.ok('web')
  const leave = (): void => {
    sessionStorage.clear()
    document.addEventListener('DOMContentLoaded', () => (location.hash = '#/folders'), { once: true })
  }

  await page.evaluate(() => sessionStorage.clear())
  await page.reload()
  await page.getByRole('alert').waitFor()
  await page.goto(withToken)
  await isIn.waitFor()
  expect(page.url()).not.toContain('token')

  const other = await page.context().newPage()
  await other.addInitScript(leave)
  await other.goto(withToken)
  await other.getByRole('button', { name: 'Continue' }).waitFor()
  expect(new URL(other.url()).hash).toBe('#/folders')
})

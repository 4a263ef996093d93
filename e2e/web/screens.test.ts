/** Every screen a person reaches by the navigation, in both themes: no serious or critical finding of axe. */
import { AxeBuilder } from '@axe-core/playwright'
import { expect, test } from 'vitest'
import { chromiumPath, TestPage } from '../support/browser.ts'
import { TestWorld } from '../support/world.ts'

const routes = [
  '/folders',
  '/peers',
  '/pairing/invite',
  '/pairing/join',
  '/conflicts',
  '/settings/general',
  '/settings/network',
  '/settings/storage',
  '/settings/diagnostics',
]

test('screens are accessible in light and dark', async (context) => {
  if (chromiumPath() === undefined) context.skip('needs Chromium')
  await using world = await TestWorld.create()
  const { a } = await world.pair()
  await a.stop()
  await a.up('--web')
  await using opened = await TestPage.open(a)
  const { page } = opened
  await page.getByRole('navigation').waitFor()
  const findings: string[] = []
  for (const colorScheme of ['light', 'dark'] as const) {
    // Colours fade from one theme to the other; asking for less motion makes them change at once.
    await page.emulateMedia({ colorScheme, reducedMotion: 'reduce' })
    for (const route of routes) {
      await page.goto(`${a.ready.web}#${route}`)
      await page.locator(`nav a[aria-current=page][href="#/${route.split('/')[1]}"]`).waitFor()
      await page.getByRole('heading', { level: 1 }).waitFor()
      const { violations } = await new AxeBuilder({ page }).analyze()
      for (const { id, impact, nodes } of violations)
        if (impact === 'serious' || impact === 'critical')
          findings.push(`${colorScheme} ${route}: ${id} at ${nodes.map(({ target }) => target.join(' ')).join(', ')}`)
    }
  }
  expect(findings).toEqual([])
  expect(opened.complaints).toEqual([])
})

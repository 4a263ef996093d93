/**
 * Every screen and dialog, on real nodes: no serious or critical finding of axe in either theme, no text cut off in a
 * language that is longer or runs from right to left. `npm run screens` renews the pictures in docs/screens.
 */
import { afterAll, beforeAll, describe, expect, test } from 'vitest'
import { chromiumPath } from '../support/browser.ts'
import { hang, languagesSeen, Visit, wantsPictures, type Language } from '../support/gallery.ts'
import { liveIn, type LivedIn } from '../support/lived-in.ts'
import { dailyScreens } from '../support/screens/daily.ts'
import { asking, differed, events } from '../support/screens/events.ts'
import { firstScreens } from '../support/screens/first.ts'
import type { Screen } from '../support/screens/view.ts'
import { TestWorld, type TestNode } from '../support/world.ts'

/** A language goes over some fifty screens; the limit ends what hangs. */
const TOUR_MS = 400_000

describe.skipIf(chromiumPath() === undefined)('screens (need Chromium)', () => {
  let world: TestWorld
  let tablet: TestNode
  let lived: LivedIn
  let links: { readonly ofLaptop: string; readonly ofTablet: string }

  beforeAll(async () => {
    world = await TestWorld.create()
    tablet = world.node('Tablet')
    ;[lived] = await Promise.all([liveIn(world), tablet.up('--web')])
    links = { ofLaptop: await lived.laptop.ok('invite', 'Notes'), ofTablet: await tablet.ok('invite', 'space') }
  }, TOUR_MS)

  afterAll(() => world[Symbol.asyncDispose]())

  const tour = async (node: TestNode, language: Language, screens: readonly Screen[]): Promise<void> => {
    await using visit = await Visit.to(node, language)
    for (const screen of screens) await visit.look(screen)
    expect(visit.findings).toEqual([])
    expect(visit.complaints).toEqual([])
  }

  describe.concurrent('of every day', () => {
    test.each(languagesSeen)(
      'in %s',
      async (language) => {
        await tour(tablet, language, [...firstScreens(links.ofLaptop), events.locked])
        await tour(lived.laptop, language, dailyScreens(lived, links.ofTablet))
      },
      TOUR_MS,
    )
  })

  test('a conflict that was settled a moment ago', async () => {
    for (const language of languagesSeen) {
      await using visit = await Visit.to(lived.laptop, language)
      await visit.look(events.settled)
      const { page, t } = visit.view
      await page.getByRole('button', { name: t('conflicts:toast.undo') }).click()
      await page.getByRole('checkbox', { name: t('conflicts:inbox.select', { path: 'tickets.odt' }) }).waitFor()
      expect(visit.findings).toEqual([])
    }
  })

  test('asking to be let in, and saying that the words differ', async () => {
    const link = await lived.laptop.ok('invite', 'Notes', '--approve')
    for (const language of languagesSeen) {
      await using there = await Visit.to(tablet, language)
      await there.look(asking(link))
      await there.look(differed)
      await using here = await Visit.to(lived.laptop, language)
      await here.look(events.differing)
      const { page, t } = here.view
      await page.getByRole('button', { name: t('pairing:incoming.dismiss') }).click()
      await page
        .getByRole('heading', { name: t('pairing:incoming.differs', { name: 'Tablet' }) })
        .waitFor({ state: 'detached' })
      expect([there, here].flatMap(({ findings }) => findings)).toEqual([])
    }
  })

  test('somebody who asks to be let in', async () => {
    const joined = tablet.ok('join', await lived.laptop.ok('invite', 'Notes', '--approve'), `${world.root}/tablet`)
    for (const language of languagesSeen) await tour(lived.laptop, language, [events.incoming])
    await using visit = await Visit.to(lived.laptop, 'en')
    await visit.view.page.getByRole('button', { name: visit.view.t('pairing:incoming.accept') }).click()
    expect(await joined).toContain('Notes')
  })

  test('a node that goes away', async () => {
    const visits = await Promise.all(languagesSeen.map((language) => Visit.to(tablet, language)))
    for (const { view } of visits) await view.page.getByRole('region', { name: 'Notes' }).waitFor()
    await tablet.stop()
    for (const visit of visits) await visit.look(events.lost)
    expect(visits.flatMap(({ findings }) => findings)).toEqual([])
    await Promise.all(visits.map((visit) => visit[Symbol.asyncDispose]()))
  })

  // No test: what `npm run screens` does with the pictures once all of them were taken.
  afterAll(async () => {
    if (!wantsPictures) return
    await hang([
      ...firstScreens(''),
      ...dailyScreens(lived, ''),
      events.settled,
      asking(''),
      differed,
      events.incoming,
      events.differing,
      events.locked,
      events.lost,
    ])
  })
})

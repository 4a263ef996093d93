/** What one meets only when something happens. */
import { go, press, beginWithLink, look, type Screen } from './view.ts'

/** On a device that has nothing yet. `link`: an invite of another, which lets in by hand only. */
export const asking = (link: string): Screen => ({
  name: 'join-words',
  about: 'Waiting to be let in, with the words to compare with the other screen.',
  open: async (view) => {
    await beginWithLink(view)
    await look(view, link)
    await press(view, 'pairing:join.ask')
    await view.page.getByRole('list', { name: view.t('pairing:words.label') }).waitFor()
  },
})

/** On the same device, once its person has said that they differ. */
export const differed: Screen = {
  name: 'join-differed',
  about: 'The words differ: nothing was joined, and what that may mean.',
  open: async ({ page, t }) => {
    await page.getByRole('button', { name: t('pairing:join.differ') }).click()
    await page.getByRole('alert').waitFor()
  },
}

/** What one meets only when something happens: the world has to be in that state. */
export const events = {
  incoming: {
    name: 'join-incoming',
    about: 'Somebody asks to be let in: who, from where, and the words that their screen shows.',

    open: async (view) => {
      await go(view, '/folders')
      await view.page.getByRole('list', { name: view.t('pairing:words.label') }).waitFor()
      await view.page.getByRole('region', { name: 'Photos' }).waitFor()
    },
  },
  differing: {
    name: 'join-differs',
    about: 'The person at the other device says that the words differ: nobody was let in, and why that matters.',
    open: async (view) => {
      await go(view, '/folders')
      await view.page.getByRole('heading', { name: view.t('pairing:incoming.differs', { name: 'Tablet' }) }).waitFor()
      await view.page.getByRole('region', { name: 'Photos' }).waitFor()
    },
  },
  settled: {
    name: 'conflict-undo',
    about: 'Settled, with the way back.',
    open: async (view) => {
      await go(view, '/conflicts')
      await view.page.getByRole('checkbox', { name: view.t('conflicts:inbox.select', { path: 'tickets.odt' }) }).check()
      await press(view, 'conflicts:bulk.both')
      await view.page.getByRole('button', { name: view.t('conflicts:toast.undo') }).waitFor()
    },
  },
  locked: {
    name: 'no-access',
    about: 'The page without its key: what to do.',
    open: async (view) => {
      await view.page.evaluate(() => sessionStorage.clear())
      // The fragment alone changes: the page reloads itself.
      await view.page.goto(`${view.web}#token=${'0'.repeat(32)}`)
      await view.page.getByRole('alert').waitFor()
    },
  },
  lost: {
    name: 'connection-lost',
    about: 'The node is gone: what was known last stays, and the page tries again.',
    open: (view) => view.page.getByRole('status').getByText(view.t('app:lost.text')).waitFor(),
  },
} as const satisfies Record<string, Screen>

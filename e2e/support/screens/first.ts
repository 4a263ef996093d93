/** The screens of a device that has nothing yet. */
import { go, press, begin, beginWithLink, look, type Screen } from './view.ts'

const onboardingScreens = (link: string): readonly Screen[] => [
  {
    name: 'onboarding-name',
    about: 'The first step: the name that others will see.',

    open: async (view) => {
      await view.page.goto(view.web)
      await view.page.reload()
      await view.page.getByLabel(view.t('onboarding:name.label')).waitFor()
    },
  },
  { name: 'onboarding-folder', about: 'The second step: a folder of one’s own.', open: begin },
  {
    name: 'onboarding-no-folder',
    about: 'A path that is not there: the sentence of the node, beside the field.',
    open: async (view) => {
      await begin(view)
      await view.page.getByLabel(view.t('folders:add.path')).fill('/nowhere/at/all')
      await press(view, 'folders:add.submit')
      await view.page.getByRole('alert').waitFor()
    },
  },
  { name: 'onboarding-join', about: 'The second step: a link that somebody sent.', open: beginWithLink },
  {
    name: 'onboarding-link',
    about: 'What a link says, before anything is sent.',
    open: async (view) => {
      await beginWithLink(view)
      await look(view, link)
    },
  },
]

const emptyScreens: readonly Screen[] = [
  {
    name: 'folders-none',
    about: 'No folder yet, and what to do about it.',
    open: async (view) => {
      await begin(view)
      await press(view, 'onboarding:begin.later')
      await view.page.getByRole('heading', { name: view.t('folders:page.empty') }).waitFor()
    },
  },
  {
    name: 'peers-none',
    about: 'Nobody to share with yet.',
    open: async (view) => {
      await go(view, '/peers')
      await view.page.getByRole('heading', { name: view.t('peers:page.empty') }).waitFor()
    },
  },
  {
    name: 'history-none',
    about: 'No history before there is a folder.',
    open: async (view) => {
      await go(view, '/history')
      await view.page.getByRole('heading', { name: view.t('app:history.none') }).waitFor()
    },
  },
  {
    name: 'conflicts-none',
    about: 'An empty inbox.',
    open: async (view) => {
      await go(view, '/conflicts')
      await view.page.getByText(view.t('conflicts:inbox.none')).waitFor()
    },
  },
  {
    name: 'conflict-settled',
    about: 'A conflict that is settled already.',
    open: async (view) => {
      await go(view, '/conflicts/00000000000000000000000000000000')
      await view.page.getByText(view.t('conflicts:gone.title')).waitFor()
    },
  },
]

/** On a device that has nothing yet. `link`: an invite of another device. */
export const firstScreens = (link: string): readonly Screen[] => [...onboardingScreens(link), ...emptyScreens]

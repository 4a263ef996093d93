/**
 * Every screen and dialog of the interface: how a person gets to it from anywhere, and a line about it. Names are given
 * by keys of the translations, so that the way is the same in every language.
 */
import i18next, { type TFunction } from 'i18next'
import type { Page } from 'playwright-core'
import { resources } from '#renderer/i18n/languages.ts'
import type { LivedIn } from './lived-in.ts'

/** Somebody in front of a window. */
export interface View {
  readonly page: Page
  /** The address of the page, without a fragment. */
  readonly web: string
  readonly t: TFunction
}

export interface Screen {
  /** Of its picture. */
  readonly name: string
  readonly about: string
  readonly open: (view: View) => Promise<unknown>
  /** Its picture in docs/screens has a dark one beside it. */
  readonly dark?: boolean
}

/** What a language says for a key, as `feature:key`. */
export const sayingIn = async (language: string): Promise<TFunction> => {
  const speech = i18next.createInstance()
  return speech.init({
    resources: resources(),
    lng: language,
    fallbackLng: 'en',
    interpolation: { escapeValue: false },
  })
}

/** To another address, with nothing left open over the page and the pointer out of the way. */
const go = async ({ page, web }: View, route: string): Promise<void> => {
  await page.evaluate(() => dispatchEvent(new DragEvent('dragleave')))
  const overlays = page.locator('[role=dialog], [role=alertdialog], [role=menu], [role=listbox]')
  for (let open = await overlays.count(); open > 0; open = await overlays.count()) {
    await page.keyboard.press('Escape')
    await overlays.nth(open - 1).waitFor({ state: 'detached' })
  }
  await page.mouse.move(0, 0)
  await page.goto(`${web}#${route}`)
  await page.getByRole('main').locator('h1, [role=status], [role=alert]').first().waitFor()
}

const press = (view: View, key: string, options: Record<string, unknown> = {}): Promise<void> =>
  view.page
    .getByRole('button', { name: view.t(key, options), exact: true })
    .first()
    .click()

const choose = async (view: View, more: string, entry: string): Promise<void> => {
  await view.page.getByRole('button', { name: more, exact: true }).click()
  await view.page.getByRole('menuitem', { name: view.t(entry), exact: true }).click()
  await view.page.getByRole('dialog').or(view.page.getByRole('alertdialog')).waitFor()
}

const row = (view: View, name: string) => view.page.getByRole('row').filter({ hasText: name })

const begin = async (view: View): Promise<void> => {
  await view.page.goto(view.web)
  await view.page.reload()
  await press(view, 'onboarding:name.submit')
  await view.page.getByRole('tablist').waitFor()
}

/** The form for a link, on a device that has nothing yet. */
const beginWithLink = async (view: View): Promise<void> => {
  await begin(view)
  await view.page.getByRole('tab', { name: view.t('onboarding:begin.join') }).click()
}

/** Fills in the form for a link and has it looked at. */
const look = async (view: View, link: string): Promise<void> => {
  await view.page.getByRole('textbox', { name: view.t('pairing:join.link') }).fill(link)
  await press(view, 'pairing:join.look')
  await view.page.getByLabel(view.t('pairing:join.path')).waitFor()
}

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

const folderScreens: readonly Screen[] = [
  {
    name: 'folders',
    about: 'A card for each folder: its state, what moves, the last change.',
    dark: true,
    open: async (view) => {
      await go(view, '/folders')
      await view.page.getByRole('region', { name: 'Photos' }).getByRole('progressbar').waitFor()
    },
  },
  {
    name: 'folders-menu',
    about: 'What else can be done with a folder.',
    open: async (view) => {
      await go(view, '/folders')
      await view.page.getByRole('button', { name: view.t('folders:card.more', { name: 'Notes' }) }).click()
      await view.page.getByRole('menu').waitFor()
    },
  },
  {
    name: 'folders-add',
    about: 'Adding a folder.',
    open: async (view) => {
      await go(view, '/folders')
      await press(view, 'folders:page.add')
      await view.page.getByRole('dialog').waitFor()
    },
  },
  {
    name: 'folders-remove',
    about: 'Removing a folder, with an account of what happens to its files.',
    open: async (view) => {
      await go(view, '/folders')
      await choose(view, view.t('folders:card.more', { name: 'Notes' }), 'folders:card.remove')
    },
  },
  {
    name: 'folders-drop',
    about: 'A directory is dragged over the window.',
    open: async (view) => {
      await go(view, '/folders')
      await view.page.evaluate(() => {
        const dataTransfer = new DataTransfer()
        dataTransfer.items.add(new File([], 'Maps'))
        dispatchEvent(new DragEvent('dragover', { dataTransfer, cancelable: true }))
      })
      await view.page.getByText(view.t('folders:drop.here')).waitFor()
    },
  },
]

const fileScreens = ({ folders }: LivedIn): readonly Screen[] => [
  {
    name: 'files',
    about: 'The files of a folder, each with its state: in sync, in conflict, arriving, ignored, or what is wrong.',
    dark: true,
    open: async (view) => {
      await go(view, `/files/${folders.get('Photos')}`)
      await row(view, 'harbour.png').click()
    },
  },
  {
    name: 'files-ignored',
    about: 'Why a file does not sync: the rule and the file that holds it.',
    open: async (view) => {
      await go(view, `/files/${folders.get('Notes')}`)
      await row(view, 'scan.tmp').click()
      await view.page.getByRole('status').first().waitFor()
    },
  },
  {
    name: 'files-versions',
    about: 'The versions of a file, newest first, each to be restored.',

    open: async (view) => {
      await go(view, `/files/${folders.get('Notes')}`)
      await row(view, 'packing.md').last().dblclick()
      await view.page.getByRole('complementary').getByRole('listitem').nth(1).waitFor()
    },
  },
  {
    name: 'files-trash',
    about: 'What was deleted, by whom and when.',
    open: async (view) => {
      await go(view, `/files/${folders.get('Notes')}`)
      await press(view, 'files:trash.title')
      await view.page.getByText('Journal/monday.md').waitFor()
      await view.page.getByRole('checkbox').last().check()
    },
  },
  {
    name: 'files-directory',
    about: 'A directory inside of a folder, with a name that is longer than its column.',
    open: async (view) => {
      await go(view, `/files/${folders.get('Notes')}`)
      await go(view, `/files/${folders.get('Notes')}/Journal`)
      await row(view, 'tuesday.md').waitFor()
    },
  },
  {
    name: 'files-empty',
    about: 'An empty folder.',
    open: async (view) => {
      await go(view, `/files/${folders.get('Music')}`)
      await view.page.getByText(view.t('files:empty.title')).waitFor()
    },
  },
]

const pairingScreens = (link: string): readonly Screen[] => [
  {
    name: 'invite',
    about: 'Making an invite, and the invites there are.',

    open: async (view) => {
      await go(view, '/pairing/join')
      await go(view, '/pairing/invite')
      await view.page.getByRole('button', { name: view.t('pairing:create.submit') }).waitFor()
    },
  },
  {
    name: 'invite-choices',
    about: 'What the guest may do, each with what it means.',
    open: async (view) => {
      await go(view, '/pairing/join')
      await go(view, '/pairing/invite')
      await view.page.getByRole('button', { name: view.t('pairing:create.role') }).click()
      await view.page.getByRole('listbox').waitFor()
    },
  },
  {
    name: 'invite-link',
    about: 'An invite as a link and as a picture to scan.',

    open: async (view) => {
      await go(view, '/pairing/join')
      await go(view, '/pairing/invite')
      await press(view, 'pairing:create.submit')
      await view.page.getByRole('img', { name: view.t('pairing:link.qr') }).waitFor()
    },
  },
  {
    name: 'join',
    about: 'Following a link.',
    open: async (view) => {
      await go(view, '/pairing/invite')
      await go(view, '/pairing/join')
      await view.page.getByRole('textbox', { name: view.t('pairing:join.link') }).waitFor()
    },
  },
  {
    name: 'join-link',
    about: 'What the link says, before anything is sent.',
    open: async (view) => {
      await go(view, '/pairing/invite')
      await go(view, '/pairing/join')
      await look(view, link)
    },
  },
  {
    name: 'join-bad-link',
    about: 'A link that is none: one sentence, and the field as it was.',
    open: async (view) => {
      await go(view, '/pairing/invite')
      await go(view, '/pairing/join')
      await view.page.getByRole('textbox', { name: view.t('pairing:join.link') }).fill('lattice://join/not-a-link')
      await press(view, 'pairing:join.look')
      await view.page.getByRole('alert').waitFor()
    },
  },
]

const peerScreens: readonly Screen[] = [
  {
    name: 'peers',
    about: 'Who is connected to this device and how, and how far each is behind.',

    open: async (view) => {
      await go(view, '/peers')
      await view.page.getByRole('region', { name: 'Phone' }).waitFor()
    },
  },
  ...(['rename', 'setRole', 'revoke'] as const).map((what) => ({
    name: `peers-${what === 'setRole' ? 'role' : what}`,
    about: {
      rename: 'Renaming a device.',
      setRole: 'What a device may do.',
      revoke: 'Revoking a device, with an account of what that does and does not do.',
    }[what],
    open: async (view: View) => {
      await go(view, '/peers')
      await choose(view, view.t('peers:more', { name: 'Studio' }), `peers:${what}.open`)
    },
  })),
]

const conflictScreens = ({ conflicts }: LivedIn): readonly Screen[] => [
  {
    name: 'conflicts',
    about: 'The inbox: who changed what when, and settling many at once.',

    open: async (view) => {
      await go(view, '/conflicts')
      await view.page
        .getByRole('checkbox', { name: view.t('conflicts:inbox.selectFolder', { folder: 'Notes' }) })
        .check()
    },
  },
  {
    name: 'conflict-text',
    about: 'Two texts against what they were made from.',

    open: async (view) => {
      await go(view, `/conflicts/${conflicts.get('packing.md')}`)
      await view.page.getByRole('region', { name: view.t('conflicts:merge.changes') }).waitFor()
    },
  },
  {
    name: 'conflict-merge',
    about: 'Deciding region by region, with the result to edit below.',
    dark: true,
    open: async (view) => {
      await go(view, '/conflicts')
      await go(view, `/conflicts/${conflicts.get('packing.md')}`)
      await view.page
        .getByRole('button', { name: view.t('conflicts:merge.takeBoth'), exact: true })
        .first()
        .click()
      await view.page.getByRole('button', { name: view.t('conflicts:merge.save') }).scrollIntoViewIfNeeded()
    },
  },
  {
    name: 'conflict-images',
    about: 'Two pictures side by side.',

    open: async (view) => {
      await go(view, `/conflicts/${conflicts.get('lake.png')}`)
      await view.page.getByRole('img').nth(1).waitFor()
      await view.page
        .getByText(view.t('conflicts:images.size', { width: 480, height: 320 }))
        .last()
        .waitFor()
      await view.page.getByRole('img').last().scrollIntoViewIfNeeded()
    },
  },
  {
    name: 'conflict-images-wipe',
    about: 'One picture wiped over the other.',
    open: async (view) => {
      await go(view, `/conflicts/${conflicts.get('lake.png')}`)
      await press(view, 'conflicts:images.swipe')
      await view.page.getByRole('img').last().scrollIntoViewIfNeeded()
    },
  },
  {
    name: 'conflict-facts',
    about: 'Neither text nor picture: what is known of both sides.',
    open: async (view) => {
      await go(view, `/conflicts/${conflicts.get('tickets.odt')}`)
      await view.page.getByText(view.t('conflicts:facts.binary')).waitFor()
    },
  },
]

const branchScreens = ({ conflicts }: LivedIn): readonly Screen[] => {
  const inspect = async (view: View): Promise<void> => {
    await go(view, `/inspect/Notes/0x632f${conflicts.get('packing.md')}`)
    await view.page.getByRole('group', { name: view.t('inspector:graph.label') }).waitFor()
  }
  return [
    { name: 'branches', about: 'What happened between the fork point and the heads.', dark: true, open: inspect },
    {
      name: 'branches-compared',
      about: 'Two steps compared.',
      open: async (view) => {
        await inspect(view)
        await press(view, 'inspector:compare.start')
        await view.page
          .getByRole('group', { name: view.t('inspector:graph.label') })
          .getByRole('button')
          .first()
          .click()
        await view.page.getByRole('heading', { name: view.t('inspector:compare.title') }).waitFor()
      },
    },
  ]
}

const historyScreens = ({ folders }: LivedIn): readonly Screen[] => {
  const open = async (view: View): Promise<void> => {
    await go(view, '/folders')
    await go(view, `/history/${folders.get('Notes')}`)
    await view.page.getByRole('slider').waitFor()
    await view.page.getByText('packing.md').first().waitFor()
  }
  const past = async (view: View): Promise<void> => {
    await open(view)
    await view.page.getByRole('slider').press('Home')
  }
  return [
    { name: 'history', about: 'A folder as it was at any time, and who changed what.', open },
    { name: 'history-past', about: 'The first moment of a folder, a file or all of it to be restored.', open: past },
    {
      name: 'history-restore',
      about: 'What restoring a folder would do, asked before it is done.',
      open: async (view) => {
        await past(view)
        await press(view, 'history:tree.restoreAll')
        await view.page.getByRole('dialog').waitFor()
      },
    },
    {
      name: 'history-activity',
      about: 'The activity, narrowed to a path.',
      open: async (view) => {
        await open(view)
        await view.page.getByRole('searchbox').fill('Journal')
        await view.page.getByText('Journal/monday.md').first().waitFor()
      },
    },
  ]
}

const settingsScreens: readonly Screen[] = [
  {
    name: 'settings',
    about: 'The name of the device, theme and language.',

    open: async (view) => {
      await go(view, '/settings/general')
      await view.page.getByLabel(view.t('settings:general.name')).waitFor()
    },
  },
  {
    name: 'settings-bandwidth',
    about: 'Limits, and hours in which nothing is sent or fetched.',
    open: async (view) => {
      await go(view, '/settings/network')
      await press(view, 'settings:network.addSpan')
    },
  },
  {
    name: 'settings-storage',
    about: 'What takes up the disk.',

    open: async (view) => {
      await go(view, '/settings/storage')
      await view.page.getByText(view.t('settings:storage.database')).waitFor()
    },
  },
  {
    name: 'settings-diagnostics',
    about: 'The checks of the node, its log, and a report for those who help.',
    open: async (view) => {
      await go(view, '/settings/diagnostics')
      await view.page.getByText(view.t('settings:check.network')).waitFor()
      await view.page.getByRole('list', { name: view.t('settings:diagnostics.logs') }).waitFor()
    },
  },
]

/** On a device that is lived with. `link`: an invite of another device. */
export const dailyScreens = (lived: LivedIn, link: string): readonly Screen[] => [
  ...folderScreens,
  ...fileScreens(lived),
  ...pairingScreens(link),
  ...peerScreens,
  ...conflictScreens(lived),
  ...branchScreens(lived),
  ...historyScreens(lived),
  ...settingsScreens,
]

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
      await view.page.goto(`${view.web}#token=${'0'.repeat(32)}`)
      await view.page.reload()
      await view.page.getByRole('alert').waitFor()
    },
  },
  lost: {
    name: 'connection-lost',
    about: 'The node is gone: what was known last stays, and the page tries again.',
    open: (view) => view.page.getByRole('status').getByText(view.t('app:lost.text')).waitFor(),
  },
} as const satisfies Record<string, Screen>

/** The screens of a device that is lived with. */
import type { LivedIn } from '../lived-in.ts'
import { go, press, choose, row, look, type Screen, type View } from './view.ts'

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
    name: 'folders-keep',
    about: 'Keeping a folder here again that was removed from this device.',
    open: async (view) => {
      await go(view, '/folders')
      await press(view, 'folders:card.keep')
      await view.page.getByRole('dialog').waitFor()
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

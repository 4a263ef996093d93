/** The tray's menu as data: what it says and what each entry does. `tray.ts` makes a menu of the system of it. */
import { FolderState, type Folder } from '#proto/folder_api'
import { bytesToHex } from '#kernel/core/bytes.ts'
import type { Say } from './texts.ts'
import { countConflicts, heldFolders, trayState, type NodeView } from './tray-state.ts'

export type TrayAction =
  /** The window, wherever in it the person was. */
  | { readonly do: 'open' }
  | { readonly do: 'open-directory'; readonly path: string }
  | { readonly do: 'show'; readonly route: string }
  | { readonly do: 'add-folder' }
  | { readonly do: 'pause'; readonly folders: readonly string[] }
  | { readonly do: 'resume'; readonly folders: readonly string[] }
  | { readonly do: 'quit' }

export type MenuEntry =
  | { readonly kind: 'separator' }
  | { readonly kind: 'action'; readonly label: string; readonly action: TrayAction }
  | { readonly kind: 'submenu'; readonly label: string; readonly entries: readonly MenuEntry[] }

/** Routes of the page that the shell sends people to. */
export const routes = {
  home: '/',
  folders: '/folders',
  folder: (storeId: string) => `/files/${storeId}`,
  conflicts: '/conflicts',
  conflict: (id: string) => `/conflicts/${encodeURIComponent(id)}`,
  invite: '/pairing',
  devices: '/peers',
  settings: '/settings',
} as const

/** More folders than these would make a menu higher than a screen; the window has them all. */
const FOLDERS_MAX = 20

/** Keys of the texts. */
const folderTexts: Readonly<Record<FolderState, string>> = {
  [FolderState.UNSPECIFIED]: 'folder.unknown',
  [FolderState.SCANNING]: 'folder.scanning',
  [FolderState.SYNCING]: 'folder.syncing',
  [FolderState.IDLE]: 'folder.idle',
  [FolderState.PAUSED]: 'folder.paused',
  [FolderState.ERROR]: 'folder.error',
  [FolderState.AVAILABLE]: 'folder.available',
  [FolderState.REVOKED]: 'folder.revoked',
}

export const trayTooltip = (view: NodeView, say: Say): string =>
  say(view.down ? 'tooltip.down' : `tooltip.${trayState(view)}`)

const action = (label: string, does: TrayAction): MenuEntry => ({ kind: 'action', label, action: does })

/** An ampersand in a label would mark a key. */
const plain = (name: string): string => name.replaceAll('&', '&&')

const folderEntry = (folder: Folder, say: Say): MenuEntry => {
  const storeId = bytesToHex(folder.storeId)
  const stop = action(say('tray.pause'), { do: 'pause', folders: [storeId] })
  const go = action(say('tray.resume'), { do: 'resume', folders: [storeId] })
  return {
    kind: 'submenu',
    label: say('tray.folder', { name: plain(folder.name), state: say(folderTexts[folder.state]) }),
    entries: [
      action(say('tray.openFolder'), { do: 'open-directory', path: folder.path }),
      action(say('tray.showFolder'), { do: 'show', route: routes.folder(storeId) }),
      folder.state === FolderState.PAUSED ? go : stop,
    ],
  }
}

/** One entry for all folders: stops them while any runs. */
const pauseEntry = (folders: readonly Folder[], say: Say): readonly MenuEntry[] => {
  const isPaused = ({ state }: Folder): boolean => state === FolderState.PAUSED
  const ids = (some: readonly Folder[]): readonly string[] => some.map(({ storeId }) => bytesToHex(storeId))
  const running = folders.filter((folder) => !isPaused(folder))
  if (folders.length === 0) return []
  return running.length > 0
    ? [action(say('tray.pauseAll'), { do: 'pause', folders: ids(running) })]
    : [action(say('tray.resumeAll'), { do: 'resume', folders: ids(folders) })]
}

export const trayMenu = (view: NodeView, say: Say): readonly MenuEntry[] => {
  const separator: MenuEntry = { kind: 'separator' }
  const open = action(say('tray.open'), { do: 'open' })
  const quit = action(say('tray.quit'), { do: 'quit' })
  if (view.down) return [open, separator, quit]
  const folders = heldFolders(view)
  const entries = folders.slice(0, FOLDERS_MAX).map((folder) => folderEntry(folder, say))
  const hidden = folders.length - entries.length
  const more = hidden > 0 ? [action(say('tray.more', { count: hidden }), { do: 'show', route: routes.home })] : []
  return [
    open,
    separator,
    ...entries,
    ...more,
    ...(entries.length > 0 ? [separator] : []),
    action(say('tray.addFolder'), { do: 'add-folder' }),
    action(say('tray.invite'), { do: 'show', route: routes.invite }),
    action(say('tray.conflicts', { number: countConflicts(view) }), { do: 'show', route: routes.conflicts }),
    ...pauseEntry(folders, say),
    separator,
    action(say('tray.settings'), { do: 'show', route: routes.settings }),
    quit,
  ]
}

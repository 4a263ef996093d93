/** The tray's menu as data: what it says and what each entry does. `tray.ts` makes a menu of the system of it. */
import { FolderState, type Folder } from '#proto/folder_api'
import { bytesToHex } from '#kernel/core/bytes.ts'
import { countConflicts, heldFolders, trayState, type NodeView, type TrayState } from './tray-state.ts'

export type TrayAction =
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
  folder: (storeId: string) => `/folders/${storeId}`,
  conflicts: '/conflicts',
  conflict: (id: string) => `/conflicts/${encodeURIComponent(id)}`,
  invite: '/pairing',
  devices: '/peers',
  settings: '/settings',
} as const

/** More folders than these would make a menu higher than a screen; the window has them all. */
const FOLDERS_MAX = 20

const stateTexts: Readonly<Record<TrayState, string>> = {
  idle: 'Up to date',
  syncing: 'Syncing',
  paused: 'Paused',
  attention: 'Needs attention',
  offline: 'No other device is connected',
}

const folderTexts: Readonly<Record<FolderState, string>> = {
  [FolderState.UNSPECIFIED]: '',
  [FolderState.SCANNING]: 'scanning',
  [FolderState.SYNCING]: 'syncing',
  [FolderState.IDLE]: 'up to date',
  [FolderState.PAUSED]: 'paused',
  [FolderState.ERROR]: 'needs attention',
  [FolderState.AVAILABLE]: 'not on this device',
  [FolderState.REVOKED]: 'this device was removed from it',
}

export const trayTooltip = (view: NodeView): string =>
  view.down ? 'Lattice: not running' : `Lattice: ${stateTexts[trayState(view)]}`

const action = (label: string, does: TrayAction): MenuEntry => ({ kind: 'action', label, action: does })

/** An ampersand in a label would mark a key. */
const plain = (name: string): string => name.replaceAll('&', '&&')

const folderEntry = (folder: Folder): MenuEntry => {
  const storeId = bytesToHex(folder.storeId)
  const stop = action('Pause', { do: 'pause', folders: [storeId] })
  const go = action('Resume', { do: 'resume', folders: [storeId] })
  return {
    kind: 'submenu',
    label: `${plain(folder.name)} (${folderTexts[folder.state]})`,
    entries: [
      action('Open folder', { do: 'open-directory', path: folder.path }),
      action('Show in Lattice', { do: 'show', route: routes.folder(storeId) }),
      folder.state === FolderState.PAUSED ? go : stop,
    ],
  }
}

/** One entry for all folders: stops them while any runs. */
const pauseEntry = (folders: readonly Folder[]): readonly MenuEntry[] => {
  const isPaused = ({ state }: Folder): boolean => state === FolderState.PAUSED
  const ids = (some: readonly Folder[]): readonly string[] => some.map(({ storeId }) => bytesToHex(storeId))
  const running = folders.filter((folder) => !isPaused(folder))
  if (folders.length === 0) return []
  return running.length > 0
    ? [action('Pause syncing', { do: 'pause', folders: ids(running) })]
    : [action('Resume syncing', { do: 'resume', folders: ids(folders) })]
}

export const trayMenu = (view: NodeView): readonly MenuEntry[] => {
  const separator: MenuEntry = { kind: 'separator' }
  const open = action('Open Lattice', { do: 'show', route: routes.home })
  const quit = action('Quit Lattice', { do: 'quit' })
  if (view.down) return [open, separator, quit]
  const folders = heldFolders(view)
  const entries = folders.slice(0, FOLDERS_MAX).map(folderEntry)
  const hidden = folders.length - entries.length
  const more = hidden > 0 ? [action(`${hidden} more…`, { do: 'show', route: routes.home })] : []
  return [
    open,
    separator,
    ...entries,
    ...more,
    ...(entries.length > 0 ? [separator] : []),
    action('Add folder…', { do: 'add-folder' }),
    action('Invite…', { do: 'show', route: routes.invite }),
    action(`Conflicts (${countConflicts(view)})`, { do: 'show', route: routes.conflicts }),
    ...pauseEntry(folders),
    separator,
    action('Settings', { do: 'show', route: routes.settings }),
    quit,
  ]
}

/**
 * What the tray shows, as a pure fold: the events of the node make a view, the view makes one of five states.
 *
 * The order in which states win: what needs a person, then work under way, then what the person stopped, then nobody
 * to sync with.
 */
import type { WatchResponse } from '#proto/event_api'
import { FolderState, type Folder } from '#proto/folder_api'
import { bytesToHex } from '#kernel/core/bytes.ts'

export type TrayState = 'idle' | 'syncing' | 'paused' | 'attention' | 'offline'

export interface PeerView {
  readonly self: boolean
  readonly revoked: boolean
  readonly connected: boolean
}

export interface NodeView {
  /** By store id in hex. */
  readonly folders: ReadonlyMap<string, Folder>
  /** By device key in hex. */
  readonly peers: ReadonlyMap<string, PeerView>
  readonly joinsWaiting: number
  /** The node does not run, or could not be started. */
  readonly down: boolean
}

export const nodeDown: NodeView = { folders: new Map(), peers: new Map(), joinsWaiting: 0, down: true }

const withKey = <V>(map: ReadonlyMap<string, V>, key: string, value: V): ReadonlyMap<string, V> =>
  new Map([...map, [key, value]])

const withoutKey = <V>(map: ReadonlyMap<string, V>, key: string): ReadonlyMap<string, V> =>
  new Map([...map].filter(([held]) => held !== key))

/** The view after one event. Events that the tray does not show leave it as it is. */
export const stepView = (view: NodeView, { event }: WatchResponse): NodeView => {
  switch (event.case) {
    case 'snapshot':
      return {
        folders: new Map((event.value.status?.folders ?? []).map((folder) => [bytesToHex(folder.storeId), folder])),
        peers: new Map(event.value.peers.map((peer) => [bytesToHex(peer.device), peer])),
        joinsWaiting: event.value.pendingJoins.length,
        down: false,
      }
    case 'folder':
      return { ...view, folders: withKey(view.folders, bytesToHex(event.value.storeId), event.value) }
    case 'folderRemoved':
      return { ...view, folders: withoutKey(view.folders, bytesToHex(event.value)) }
    case 'peer':
      return { ...view, peers: withKey(view.peers, bytesToHex(event.value.device), event.value) }
    case 'pendingJoins':
      return { ...view, joinsWaiting: event.value.joins.length }
    case 'traffic':
    case 'conflicts':
    case 'invites':
    case 'settings':
    case 'notice':
    case 'touched':
    case undefined:
      return view
  }
}

/** Those that lie on this device, in the order of their names. */
export const heldFolders = (view: NodeView): readonly Folder[] =>
  [...view.folders.values()]
    .filter(({ state }) => state !== FolderState.AVAILABLE)
    .sort((a, b) => a.name.localeCompare(b.name, 'en'))

export const countConflicts = (view: NodeView): number =>
  heldFolders(view).reduce((sum, { conflicts }) => sum + conflicts, 0)

const isBusy = ({ state, pendingIn, pendingOut }: Folder, anyoneThere: boolean): boolean =>
  state === FolderState.SCANNING ||
  (state === FolderState.SYNCING && anyoneThere) ||
  (state === FolderState.IDLE && anyoneThere && pendingIn + pendingOut > 0)

export const trayState = (view: NodeView): TrayState => {
  const folders = heldFolders(view)
  const others = [...view.peers.values()].filter(({ self, revoked }) => !self && !revoked)
  const anyoneThere = others.some(({ connected }) => connected)
  if (view.down || view.joinsWaiting > 0 || countConflicts(view) > 0) return 'attention'
  if (folders.some(({ state }) => state === FolderState.ERROR)) return 'attention'
  if (folders.some((folder) => isBusy(folder, anyoneThere))) return 'syncing'
  if (folders.length > 0 && folders.every(({ state }) => state === FolderState.PAUSED)) return 'paused'
  if (others.length > 0 && !anyoneThere) return 'offline'
  return 'idle'
}

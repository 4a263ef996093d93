/**
 * Every screen, and which of them the navigation names. But for the one where the app opens, a screen is loaded when it is
 * first shown. The first route that matches is taken.
 */
import { lazy, type ComponentType } from 'react'
import type { IconName } from '../design/icons.tsx'
import { FoldersPage } from '../features/folders/folders-page.tsx'
import { useConflictCount } from '../state/node-store.ts'

export interface NavEntry {
  /** A key of the `app` texts. */
  readonly title: string
  readonly icon: IconName
  /** Another beginning of addresses that belong to this entry. */
  readonly also?: string
  /** A hook: how many things wait for a person there; 0 shows nothing. */
  readonly useCount?: () => number
}

export interface Route {
  /** As wouter writes it; the parts with a colon come from `useParams`. */
  readonly path: string
  readonly view: ComponentType
  readonly nav?: NavEntry
}

const Peers = lazy(() => import('../features/peers/peers-page.tsx').then((m) => ({ default: m.PeersPage })))
const Pairing = lazy(() => import('../features/pairing/pairing-page.tsx').then((m) => ({ default: m.PairingPage })))
const Settings = lazy(() => import('../features/settings/settings-page.tsx').then((m) => ({ default: m.SettingsPage })))

const Conflicts = lazy(() => import('./screens.tsx').then((m) => ({ default: m.Conflicts })))
const Conflict = lazy(() => import('./screens.tsx').then((m) => ({ default: m.Conflict })))
const Files = lazy(() => import('./screens.tsx').then((m) => ({ default: m.Files })))
const History = lazy(() => import('./screens.tsx').then((m) => ({ default: m.History })))
const Inspector = lazy(() => import('./screens.tsx').then((m) => ({ default: m.Inspector })))

export const routes: readonly Route[] = [
  { path: '/folders', view: FoldersPage, nav: { title: 'nav.folders', icon: 'folder', also: '/files' } },
  { path: '/peers', view: Peers, nav: { title: 'nav.peers', icon: 'peers' } },
  { path: '/pairing/:part?/:target?', view: Pairing, nav: { title: 'nav.pairing', icon: 'pair' } },
  { path: '/files/:folder/*?', view: Files },
  {
    path: '/conflicts',
    view: Conflicts,
    nav: { title: 'nav.conflicts', icon: 'conflict', useCount: useConflictCount },
  },
  { path: '/conflicts/:id', view: Conflict },
  { path: '/history/:folder?', view: History, nav: { title: 'nav.history', icon: 'history' } },
  { path: '/inspect/:store/:key', view: Inspector },
  { path: '/settings/:part?', view: Settings, nav: { title: 'nav.settings', icon: 'settings' } },
]

/** Where the app opens, and where it goes from an address that leads nowhere. */
export const homePath = '/folders'

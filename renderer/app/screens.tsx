/** Screens that take what they show as properties, joined to the address and to what the node told. */
import { useCallback, useMemo } from 'react'
import { useTranslation } from 'react-i18next'
import { useLocation } from 'wouter'
import type { FolderConflicts } from '#proto/event_api'
import { EmptyState } from '../design/empty-state.tsx'
import { SelectField } from '../design/field.tsx'
import { Page } from '../design/page.tsx'
import { ConflictScreen } from '../features/conflicts/conflict-screen.tsx'
import { ConflictsScreen } from '../features/conflicts/inbox.tsx'
import { FilesScreen } from '../features/files/files-screen.tsx'
import { HistoryScreen } from '../features/history/history-screen.tsx'
import { InspectorScreen } from '../features/inspector/inspector-screen.tsx'
import { toHex } from '../present/format.ts'
import { useFolders, useNode, usePeers } from '../state/node-store.ts'
import { useAddressParts } from './address.ts'

const noConflicts: ReadonlyMap<string, FolderConflicts> = new Map()

/** Of each folder that has any. */
const useConflicts = (): readonly FolderConflicts[] => {
  const byFolder = useNode(({ facts }) => facts?.conflicts ?? noConflicts)
  return useMemo(() => [...byFolder.values()], [byFolder])
}

/** This device's key in hex. */
const useSelf = (): string => useNode(({ facts }) => (facts === undefined ? '' : toHex(facts.status.device)))

/** What a device is called here; a device nobody knows goes by the beginning of its key. */
const useNameOf = (): ((device: Uint8Array) => string) => {
  const peers = usePeers()
  return useCallback((device) => peers.get(toHex(device))?.name ?? toHex(device).slice(0, 8), [peers])
}

export const Conflicts = () => <ConflictsScreen standing={useConflicts()} self={useSelf()} />

export const Conflict = () => {
  const [, id = ''] = useAddressParts()
  const standing = useConflicts()
  const listed = useMemo(() => standing.flatMap(({ conflicts }) => conflicts), [standing])
  return <ConflictScreen key={id} id={id} conflicts={listed} self={useSelf()} />
}

export const Files = () => {
  const [, folder = '', ...names] = useAddressParts()
  const folders = useFolders()
  const list = useMemo(() => [...folders.values()], [folders])
  return <FilesScreen key={folder} folder={folder} path={names.join('/')} folders={list} nameOf={useNameOf()} />
}

export const Inspector = () => {
  const [, store = '', key = ''] = useAddressParts()
  const name = useFolders().get(store)?.name ?? store
  return <InspectorScreen key={`${store} ${key}`} store={store} name={name} storeKey={key} />
}

/** Of the folder in the address, else of the one changed last; others are chosen above it. */
export const History = () => {
  const { t } = useTranslation('app')
  const [, wanted] = useAddressParts()
  const [, navigate] = useLocation()
  const folders = useFolders()
  const peers = usePeers()
  const nameOf = useNameOf()
  const here = useMemo(() => [...folders.values()].filter(({ path }) => path !== ''), [folders])
  const devices = useMemo(() => [...peers.values()].map(({ device, name }) => ({ device, name })), [peers])
  const latest = here.toSorted((a, b) => Number(b.changedMs - a.changedMs))[0]
  const folder = wanted ?? (latest && toHex(latest.storeId))
  if (folder === undefined)
    return (
      <Page title={t('nav.history')}>
        <EmptyState title={t('history.none')}>{t('history.noneWhy')}</EmptyState>
      </Page>
    )
  const chooser = here.length > 1 && (
    <SelectField
      label={t('history.folder')}
      isLabelHidden
      choices={here.map(({ storeId, name }) => ({ id: toHex(storeId), label: name }))}
      value={folder}
      onChange={(id) => navigate(`/history/${id}`)}
    />
  )
  return (
    <HistoryScreen key={folder} folder={folder} folders={here} devices={devices} nameOf={nameOf} chooser={chooser} />
  )
}

/** Screens that take what they show as properties, joined to the address and to what the node told. */
import { useCallback, useMemo } from 'react'
import type { ConflictInfo } from '#proto/conflict_api'
import { ConflictScreen } from '../features/conflicts/conflict-screen.tsx'
import { ConflictsScreen } from '../features/conflicts/inbox.tsx'
import { FilesScreen } from '../features/files/files-screen.tsx'
import { InspectorScreen } from '../features/inspector/inspector-screen.tsx'
import { toHex } from '../present/format.ts'
import { useFolders, useNode, usePeers } from '../state/node-store.ts'
import { useAddressParts } from './address.ts'

const noConflicts: ReadonlyMap<string, readonly ConflictInfo[]> = new Map()

const useConflicts = (): readonly ConflictInfo[] => {
  const byFolder = useNode(({ facts }) => facts?.conflicts ?? noConflicts)
  return useMemo(() => [...byFolder.values()].flat(), [byFolder])
}

/** This device's key in hex. */
const useSelf = (): string => useNode(({ facts }) => (facts === undefined ? '' : toHex(facts.status.device)))

/** What a device is called here; a device nobody knows goes by the beginning of its key. */
const useNameOf = (): ((device: Uint8Array) => string) => {
  const peers = usePeers()
  return useCallback((device) => peers.get(toHex(device))?.name ?? toHex(device).slice(0, 8), [peers])
}

export const Conflicts = () => <ConflictsScreen conflicts={useConflicts()} self={useSelf()} />

export const Conflict = () => {
  const [, id = ''] = useAddressParts()
  return <ConflictScreen key={id} id={id} conflicts={useConflicts()} self={useSelf()} />
}

export const Files = () => {
  const [, folder = '', ...names] = useAddressParts()
  const folders = useFolders()
  const list = useMemo(() => [...folders.values()], [folders])
  return <FilesScreen key={folder} folder={folder} path={names.join('/')} folders={list} nameOf={useNameOf()} />
}

export const Inspector = () => {
  const [, store = '', key = ''] = useAddressParts()
  return <InspectorScreen key={`${store} ${key}`} store={store} storeKey={key} />
}

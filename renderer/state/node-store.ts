/** The one store of what the node told. Components take single slices of it. */
import type { Transport } from '@connectrpc/connect'
import { create } from 'zustand'
import type { Folder } from '#proto/folder_api'
import type { PeerInfo } from '#proto/peer_api'
import { follow, type Wait } from '../connection/follow.ts'
import { initialState, loseLink, takeEvent, type NodeState } from './node-state.ts'

export const useNode = create<NodeState>(() => initialState)

/** Waiting ends early when the system says that there is a network again. */
const waitForNetwork: Wait = (ms, signal) =>
  new Promise((resolve) => {
    const finish = (): void => {
      clearTimeout(timer)
      removeEventListener('online', finish)
      signal.removeEventListener('abort', finish)
      resolve()
    }
    const timer = setTimeout(finish, ms)
    addEventListener('online', finish)
    signal.addEventListener('abort', finish)
  })

/** Keeps the store equal to what the node says, until `signal` aborts. */
export const followNode = (open: () => Promise<Transport>, signal: AbortSignal): Promise<void> =>
  follow(
    open,
    {
      onEvent: (response) => {
        const next = takeEvent(useNode.getState(), response)
        if (next === undefined) return false
        useNode.setState(next)
        return true
      },
      onLost: (failure) => useNode.setState((state) => loseLink(state, failure)),
    },
    signal,
    waitForNetwork,
  )

const noFolders: ReadonlyMap<string, Folder> = new Map()
const noPeers: ReadonlyMap<string, PeerInfo> = new Map()

export const useFolders = (): ReadonlyMap<string, Folder> => useNode(({ facts }) => facts?.folders ?? noFolders)
export const usePeers = (): ReadonlyMap<string, PeerInfo> => useNode(({ facts }) => facts?.peers ?? noPeers)
/** Of all folders. */
export const useConflictCount = (): number =>
  useNode(({ facts }) => [...(facts?.folders.values() ?? [])].reduce((sum, { conflicts }) => sum + conflicts, 0))

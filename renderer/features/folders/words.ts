/** What a folder's state is in words: a key of the `folders` texts, what to fill in, and its tone. */
import { FolderState, type Folder } from '#proto/folder_api'
import type { Tone } from '../../design/card.tsx'

export interface Situation {
  readonly key:
    | 'paused'
    | 'error'
    | 'available'
    | 'scanning'
    | 'both'
    | 'fetching'
    | 'sending'
    | 'syncing'
    | 'conflicts'
    | 'level'
    | 'removed'
  readonly tone: Tone
  readonly count: number
  readonly other: number
}

type Counts = Pick<Folder, 'state' | 'pendingIn' | 'pendingOut' | 'conflicts'>

const say = (key: Situation['key'], tone: Tone, count = 0, other = 0): Situation => ({ key, tone, count, other })

const moving = ({ pendingIn, pendingOut }: Counts): Situation => {
  if (pendingIn > 0 && pendingOut > 0) return say('both', 'info', pendingIn, pendingOut)
  if (pendingIn > 0) return say('fetching', 'info', pendingIn)
  if (pendingOut > 0) return say('sending', 'info', pendingOut)
  return say('syncing', 'info')
}

export const situationOf = (folder: Counts): Situation => {
  switch (folder.state) {
    case FolderState.PAUSED:
      return say('paused', 'neutral')
    case FolderState.ERROR:
      return say('error', 'bad')
    case FolderState.AVAILABLE:
      return say('available', 'neutral')
    case FolderState.REVOKED:
      return say('removed', 'warn')
    case FolderState.SCANNING:
      return say('scanning', 'info')
    case FolderState.SYNCING:
      return moving(folder)
    case FolderState.IDLE:
    case FolderState.UNSPECIFIED:
      if (folder.conflicts > 0) return say('conflicts', 'warn', folder.conflicts)
      return folder.pendingIn > 0 || folder.pendingOut > 0 ? moving(folder) : say('level', 'good')
  }
}

/** How much of a folder's content is here, 0 to 1; undefined while nothing is missing or the amount is not known. */
export const shareHere = ({ bytes, bytesIn }: Pick<Folder, 'bytes' | 'bytesIn'>): number | undefined =>
  bytesIn === 0n ? undefined : Number(bytes) / (Number(bytes) + Number(bytesIn))

/** Milliseconds until all content is here at this rate (bytes per second); undefined when that cannot be said. */
export const timeLeftMs = (bytesIn: bigint, bytesPerSecond: number): number | undefined =>
  bytesIn === 0n || bytesPerSecond < 1 ? undefined : (Number(bytesIn) / bytesPerSecond) * 1000

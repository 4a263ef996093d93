/** The event stream: one snapshot, then each thing that changed as it is now. */
import type { MessageInitShape } from '@bufbuild/protobuf'
import type { EventService, FolderConflictsSchema, WatchResponseSchema } from '#proto/event_api'
import type { FolderSchema } from '#proto/folder_api'
import type { GetStatusResponseSchema } from '#proto/node_api'
import type { PeerInfoSchema } from '#proto/peer_api'
import { bytesToHex, equalBytes, hexToBytes } from '#kernel/core/bytes.ts'
import { ok } from '#kernel/core/result.ts'
import type { ServiceApi } from '../rpc/port.ts'
import { DirtySet, pause, type Changes } from './dirty.ts'
import type { NoticeInit } from './notices.ts'

export interface Observed {
  readonly changes: Changes
  status(): MessageInitShape<typeof GetStatusResponseSchema>
  folders(): readonly MessageInitShape<typeof FolderSchema>[]
  peers(): readonly MessageInitShape<typeof PeerInfoSchema>[]
  /** Of the folders that have any. */
  conflicts(): readonly MessageInitShape<typeof FolderConflictsSchema>[]
  /** The latest, oldest first. */
  notices(): readonly NoticeInit[]
  traffic(): { readonly bytesSent: bigint; readonly bytesReceived: bigint }
}

/** No subject is reported more often than this: faster than the eye follows, and a sync of many files stays cheap. */
const PAUSE_MS = 100

/** Folders whose conflicts the snapshot holds: each takes up to 512 KiB. */
const SNAPSHOT_CONFLICTS_MAX = 4

type Event = NonNullable<MessageInitShape<typeof WatchResponseSchema>['event']>

const eventFor = (observed: Observed, key: string): Event | undefined => {
  const [subject, hex = ''] = key.split('/')
  if (subject === 'traffic') return { case: 'traffic', value: observed.traffic() }
  if (subject === 'peer') {
    const peer = observed.peers().find(({ device }) => bytesToHex(device!) === hex)
    return peer && { case: 'peer', value: peer }
  }
  const id = hexToBytes(hex)
  if (!id.ok) return undefined
  const isIt = ({ storeId }: { readonly storeId?: Uint8Array }): boolean => equalBytes(storeId!, id.value)
  if (subject === 'conflicts')
    return { case: 'conflicts', value: observed.conflicts().find(isIt) ?? { storeId: id.value } }
  if (subject !== 'folder') return undefined
  const folder = observed.folders().find(isIt)
  return folder ? { case: 'folder', value: folder } : { case: 'folderRemoved', value: id.value }
}

/** A notice is told once: those after `lastId`. */
const noticesAfter = (observed: Observed, lastId: bigint): Event[] =>
  observed
    .notices()
    .filter(({ id }) => id > lastId)
    .map((value) => ({ case: 'notice', value }))

export const eventService = (observed: Observed, stopped: AbortSignal): ServiceApi<typeof EventService> => ({
  async *watch(_, gone) {
    const signal = AbortSignal.any([gone, stopped])
    const dirty = new DirtySet()
    const unsubscribe = observed.changes.subscribe((key) => dirty.add(key))
    let sequence = 1n
    try {
      const notices = observed.notices()
      let lastNotice = notices.at(-1)?.id ?? 0n
      const conflicts = observed.conflicts()
      // What one message cannot hold follows.
      for (const { storeId } of conflicts.slice(SNAPSHOT_CONFLICTS_MAX)) dirty.add(`conflicts/${bytesToHex(storeId!)}`)
      const snapshot = {
        status: observed.status(),
        peers: [...observed.peers()],
        conflicts: conflicts.slice(0, SNAPSHOT_CONFLICTS_MAX),
        notices: [...notices],
      }
      yield ok({ sequence: sequence++, event: { case: 'snapshot', value: snapshot } })
      while (!signal.aborted) {
        for (const key of await dirty.take(signal)) {
          const events = key === 'notice' ? noticesAfter(observed, lastNotice) : [eventFor(observed, key) ?? []].flat()
          if (key === 'notice') lastNotice = observed.notices().at(-1)?.id ?? lastNotice
          for (const event of events) yield ok({ sequence: sequence++, event })
        }
        await pause(PAUSE_MS, signal)
      }
    } finally {
      unsubscribe()
    }
  },
})

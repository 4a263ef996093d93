/** The event stream: one snapshot, then each thing that changed as it is now. */
import type { MessageInitShape } from '@bufbuild/protobuf'
import type { EventService, WatchResponseSchema } from '#proto/event_api'
import type { FolderSchema } from '#proto/folder_api'
import type { GetStatusResponseSchema, SettingsSchema } from '#proto/node_api'
import type { PeerInfoSchema } from '#proto/peer_api'
import { bytesToHex, hexToBytes } from '#kernel/core/bytes.ts'
import { ok } from '#kernel/core/result.ts'
import type { ServiceApi } from '../rpc/port.ts'
import { DirtySet, type Changes } from './dirty.ts'

export interface Observed {
  readonly changes: Changes
  status(): MessageInitShape<typeof GetStatusResponseSchema>
  folders(): readonly MessageInitShape<typeof FolderSchema>[]
  peers(): readonly MessageInitShape<typeof PeerInfoSchema>[]
  settings(): MessageInitShape<typeof SettingsSchema>
  traffic(): { readonly bytesSent: bigint; readonly bytesReceived: bigint }
}

/** No subject is reported more often than this: faster than the eye follows, and a sync of many files stays cheap. */
const PAUSE_MS = 100

type Event = NonNullable<MessageInitShape<typeof WatchResponseSchema>['event']>

const eventFor = (observed: Observed, key: string): Event | undefined => {
  const [subject, hex = ''] = key.split('/')
  if (subject === 'traffic') return { case: 'traffic', value: observed.traffic() }
  if (subject === 'settings') return { case: 'settings', value: observed.settings() }
  if (subject === 'peer') {
    const peer = observed.peers().find(({ device }) => bytesToHex(device!) === hex)
    return peer && { case: 'peer', value: peer }
  }
  const folder = observed.folders().find(({ storeId }) => bytesToHex(storeId!) === hex)
  if (folder) return { case: 'folder', value: folder }
  const id = hexToBytes(hex)
  return id.ok ? { case: 'folderRemoved', value: id.value } : undefined
}

const pause = (signal: AbortSignal): Promise<void> =>
  new Promise((resolve) => {
    const timer = setTimeout(resolve, PAUSE_MS)
    signal.addEventListener('abort', () => (clearTimeout(timer), resolve()), { once: true })
  })

export const eventService = (observed: Observed, stopped: AbortSignal): ServiceApi<typeof EventService> => ({
  async *watch(_, gone) {
    const signal = AbortSignal.any([gone, stopped])
    const dirty = new DirtySet()
    const unsubscribe = observed.changes.subscribe((key) => dirty.add(key))
    let sequence = 1n
    try {
      const snapshot = { status: observed.status(), peers: [...observed.peers()], settings: observed.settings() }
      yield ok({ sequence: sequence++, event: { case: 'snapshot', value: snapshot } })
      while (!signal.aborted) {
        for (const key of await dirty.take(signal)) {
          const event = eventFor(observed, key)
          if (event) yield ok({ sequence: sequence++, event })
        }
        await pause(signal)
      }
    } finally {
      unsubscribe()
    }
  },
})

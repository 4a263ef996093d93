/** The event stream: one snapshot, then each thing that changed as it is now. */
import { create, toBinary, type MessageInitShape } from '@bufbuild/protobuf'
import type { EventService, WatchResponseSchema } from '#proto/event_api'
import type { FolderSchema } from '#proto/folder_api'
import type { InviteInfoSchema, PendingJoinSchema } from '#proto/invite_api'
import type { GetStatusResponseSchema } from '#proto/node_api'
import { PeerInfoSchema } from '#proto/peer_api'
import { bytesToHex, hexToBytes } from '#kernel/core/bytes.ts'
import { ok } from '#kernel/core/result.ts'
import type { ServiceApi } from '../rpc/port.ts'
import { DirtySet, type Changes } from './dirty.ts'

export interface Observed {
  readonly changes: Changes
  status(): MessageInitShape<typeof GetStatusResponseSchema>
  folders(): readonly MessageInitShape<typeof FolderSchema>[]
  peers(): readonly MessageInitShape<typeof PeerInfoSchema>[]
  invites(): MessageInitShape<typeof InviteInfoSchema>[]
  /** Who waits to be let in. */
  joins(): MessageInitShape<typeof PendingJoinSchema>[]
  traffic(): { readonly bytesSent: bigint; readonly bytesReceived: bigint }
}

/** No subject is reported more often than this: faster than the eye follows, and a sync of many files stays cheap. */
const PAUSE_MS = 100

type Event = NonNullable<MessageInitShape<typeof WatchResponseSchema>['event']>

type Peer = MessageInitShape<typeof PeerInfoSchema>

/** What one reader was told of each peer last: much that may change a peer changes none, and then says nothing. */
class ToldPeers {
  readonly #told = new Map<string, string>()

  /** Those not told yet as they are now. */
  take(peers: readonly Peer[]): Peer[] {
    return peers.filter((peer) => {
      // A connected peer is seen all the time.
      const seen = peer.connected ? { ...peer, lastSeenMs: 0n } : peer
      const now = bytesToHex(toBinary(PeerInfoSchema, create(PeerInfoSchema, seen)))
      const device = bytesToHex(peer.device!)
      if (this.#told.get(device) === now) return false
      this.#told.set(device, now)
      return true
    })
  }
}

const folderEvent = (observed: Observed, hex: string): Event | undefined => {
  const folder = observed.folders().find(({ storeId }) => bytesToHex(storeId!) === hex)
  if (folder) return { case: 'folder', value: folder }
  const id = hexToBytes(hex)
  return id.ok ? { case: 'folderRemoved', value: id.value } : undefined
}

const eventsFor = (observed: Observed, told: ToldPeers, key: string): readonly (Event | undefined)[] => {
  const [subject, hex = ''] = key.split('/')
  switch (subject) {
    case 'folder':
      return [folderEvent(observed, hex)]
    case 'traffic':
      return [{ case: 'traffic', value: observed.traffic() }]
    case 'peer':
    case 'peers':
    case 'level':
      return told.take(observed.peers()).map((value) => ({ case: 'peer', value }))
    case 'invites':
      return [{ case: 'invites', value: { invites: observed.invites() } }]
    case 'joins':
      return [{ case: 'pendingJoins', value: { joins: observed.joins() } }]
    default:
      return []
  }
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
    const told = new ToldPeers()
    let sequence = 1n
    try {
      const peers = [...observed.peers()]
      told.take(peers)
      const snapshot = {
        status: observed.status(),
        peers,
        invites: observed.invites(),
        pendingJoins: observed.joins(),
      }
      yield ok({ sequence: sequence++, event: { case: 'snapshot', value: snapshot } })
      while (!signal.aborted) {
        for (const key of await dirty.take(signal)) {
          for (const event of eventsFor(observed, told, key)) if (event) yield ok({ sequence: sequence++, event })
        }
        await pause(signal)
      }
    } finally {
      unsubscribe()
    }
  },
})

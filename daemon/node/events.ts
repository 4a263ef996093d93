/** The event stream: one snapshot, then each thing that changed as it is now. */
import { create, toBinary, type MessageInitShape } from '@bufbuild/protobuf'
import type { EventService, FolderConflictsSchema, SnapshotSchema, WatchResponseSchema } from '#proto/event_api'
import type { FolderSchema } from '#proto/folder_api'
import type { InviteInfoSchema, PendingJoinSchema } from '#proto/invite_api'
import type { GetStatusResponseSchema, SettingsSchema } from '#proto/node_api'
import { PeerInfoSchema } from '#proto/peer_api'
import { bytesToHex, equalBytes, hexToBytes, type HexKey } from '#kernel/core/bytes.ts'
import { ok } from '#kernel/core/result.ts'
import type { TouchedDirectories } from '#fs-bridge/folder/touched.ts'
import type { ServiceApi } from '../rpc/port.ts'
import { DirtySet, pause, type Changes } from './dirty.ts'
import type { NoticeInit } from './notices.ts'

export interface Observed {
  readonly changes: Changes
  status(): MessageInitShape<typeof GetStatusResponseSchema>
  settings(): MessageInitShape<typeof SettingsSchema>
  folders(): readonly MessageInitShape<typeof FolderSchema>[]
  /** How late it is for `touched`. */
  touches(): number
  /** Where in a folder something happened after that time. */
  touched(folder: HexKey, time: number): TouchedDirectories | undefined
  peers(): readonly MessageInitShape<typeof PeerInfoSchema>[]
  /** Of the folders that have any. */
  conflicts(): readonly MessageInitShape<typeof FolderConflictsSchema>[]
  invites(): MessageInitShape<typeof InviteInfoSchema>[]
  /** Who waits to be let in. */
  joins(): MessageInitShape<typeof PendingJoinSchema>[]
  /** The latest, oldest first. */
  notices(): readonly NoticeInit[]
  traffic(): { readonly bytesSent: bigint; readonly bytesReceived: bigint }
}

/** No subject is reported more often than this: faster than the eye follows, and a sync of many files stays cheap. */
const PAUSE_MS = 100

/** Folders whose conflicts the snapshot holds: each takes up to 512 KiB. */
const SNAPSHOT_CONFLICTS_MAX = 4

type Event = NonNullable<MessageInitShape<typeof WatchResponseSchema>['event']>
type Peer = MessageInitShape<typeof PeerInfoSchema>

/** What one listener was told, so that nothing is told twice. */
class Teller {
  readonly #observed: Observed
  readonly #peers = new Map<string, string>()
  /** Until when it was told of a folder what was touched. */
  readonly #touches = new Map<HexKey, number>()
  readonly #begun: number
  #lastNotice = 0n

  constructor(observed: Observed) {
    this.#observed = observed
    this.#begun = observed.touches()
  }

  /** `later`: keys of what one message cannot hold. */
  snapshot(): { readonly snapshot: MessageInitShape<typeof SnapshotSchema>; readonly later: readonly string[] } {
    const observed = this.#observed
    const conflicts = observed.conflicts()
    const peers = [...observed.peers()]
    this.#newPeers(peers)
    const snapshot = {
      status: observed.status(),
      settings: observed.settings(),
      peers,
      conflicts: conflicts.slice(0, SNAPSHOT_CONFLICTS_MAX),
      invites: observed.invites(),
      pendingJoins: observed.joins(),
      notices: this.#newNotices(),
    }
    const later = conflicts.slice(SNAPSHOT_CONFLICTS_MAX).map(({ storeId }) => `conflicts/${bytesToHex(storeId!)}`)
    return { snapshot, later }
  }

  /** What there is to say after a change with this key. */
  events(key: string): readonly Event[] {
    const observed = this.#observed
    const [subject, hex = ''] = key.split('/')
    switch (subject) {
      case 'folder':
        return this.#folder(hex)
      case 'conflicts':
        return this.#conflicts(hex)
      case 'peer':
      case 'peers':
      case 'level':
        return this.#newPeers(observed.peers()).map((value) => ({ case: 'peer', value }))
      case 'traffic':
        return [{ case: 'traffic', value: observed.traffic() }]
      case 'settings':
        return [{ case: 'settings', value: observed.settings() }]
      case 'invites':
        return [{ case: 'invites', value: { invites: observed.invites() } }]
      case 'joins':
        return [{ case: 'pendingJoins', value: { joins: observed.joins() } }]
      case 'notice':
        return this.#newNotices().map((value) => ({ case: 'notice', value }))
      default:
        return []
    }
  }

  #folder(hex: string): Event[] {
    const id = hexToBytes(hex)
    if (!id.ok) return []
    const folder = this.#observed.folders().find(({ storeId }) => equalBytes(storeId!, id.value))
    return folder
      ? [{ case: 'folder', value: folder }, ...this.#touched(id.value)]
      : [{ case: 'folderRemoved', value: id.value }]
  }

  #touched(storeId: Uint8Array): Event[] {
    const hex = bytesToHex(storeId)
    const touched = this.#observed.touched(hex, this.#touches.get(hex) ?? this.#begun)
    this.#touches.set(hex, this.#observed.touches())
    return touched
      ? [{ case: 'touched', value: { storeId, directories: [...touched.directories], trees: [...touched.trees] } }]
      : []
  }

  #conflicts(hex: string): Event[] {
    const id = hexToBytes(hex)
    if (!id.ok) return []
    const standing = this.#observed.conflicts().find(({ storeId }) => equalBytes(storeId!, id.value))
    return [{ case: 'conflicts', value: standing ?? { storeId: id.value } }]
  }

  #newNotices(): NoticeInit[] {
    const notices = this.#observed.notices().filter(({ id }) => id > this.#lastNotice)
    this.#lastNotice = notices.at(-1)?.id ?? this.#lastNotice
    return notices
  }

  /** Much that may change a peer changes none. */
  #newPeers(peers: readonly Peer[]): Peer[] {
    return peers.filter((peer) => {
      // A connected peer is seen all the time.
      const seen = peer.connected ? { ...peer, lastSeenMs: 0n } : peer
      const now = bytesToHex(toBinary(PeerInfoSchema, create(PeerInfoSchema, seen)))
      const device = bytesToHex(peer.device!)
      if (this.#peers.get(device) === now) return false
      this.#peers.set(device, now)
      return true
    })
  }
}

export const eventService = (observed: Observed, stopped: AbortSignal): ServiceApi<typeof EventService> => ({
  async *watch(_, gone) {
    const signal = AbortSignal.any([gone, stopped])
    const dirty = new DirtySet()
    const unsubscribe = observed.changes.subscribe((key) => dirty.add(key))
    const teller = new Teller(observed)
    let sequence = 1n
    try {
      const { snapshot, later } = teller.snapshot()
      for (const key of later) dirty.add(key)
      yield ok({ sequence: sequence++, event: { case: 'snapshot', value: snapshot } })
      while (!signal.aborted) {
        for (const key of await dirty.take(signal))
          for (const event of teller.events(key)) yield ok({ sequence: sequence++, event })
        await pause(PAUSE_MS, signal)
      }
    } finally {
      unsubscribe()
    }
  },
})

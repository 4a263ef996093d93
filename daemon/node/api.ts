/** The API of a node, put together from its services. */
import { ok } from '#kernel/core/result.ts'
import { hlcToMs } from '#kernel/core/hlc.ts'
import type { NodeApi } from '../rpc/port.ts'
import type { ConflictFeed } from './conflict-feed.ts'
import { conflictService } from './conflicts.ts'
import { createFileContents } from './contents.ts'
import { diagnosticsCalls } from './diagnostics.ts'
import { examine } from './doctor.ts'
import { eventService } from './events.ts'
import { describeAway, describeFolder, folderService } from './folder-service.ts'
import type { FolderKeeper } from './folders.ts'
import { fileService } from './files/service.ts'
import { Incoming } from './files/incoming.ts'
import { LatestChanges } from './files/latest.ts'
import { historyService } from './history.ts'
import { describeInvites, describeJoin, inviteService } from './invites.ts'
import { logCalls } from './log-service.ts'
import type { Common, Local } from './open-local.ts'
import type { Network } from './open-network.ts'
import type { FolderEntry } from './parts.ts'
import { describePeers, peerService } from './peers.ts'
import { removalsOf } from './removals.ts'
import { describeSettings, settingsCalls } from './settings-service.ts'
import { describeStatus } from './status.ts'
import { measureStorage, storageCalls } from './storage-use.ts'
import { storeService } from './stores.ts'

export interface ApiParts extends Common, Local, Network {
  readonly folders: FolderKeeper
  readonly conflicts: ConflictFeed
  readonly startedMs: number
  readonly version: string
  /** Aborted by the call that asks for the stop, and when the node stops. */
  readonly shutdown: AbortController
}

const newestMs = ({ stores }: ApiParts): number =>
  Math.max(0, ...stores.list().flatMap(({ dag }) => dag.heads().map((hash) => hlcToMs(dag.get(hash)?.hlc ?? 0n))))

export const createApi = (node: ApiParts): NodeApi => {
  const { stores, transport, folders, changes, levels, isIndependent, space, joins, shutdown, engine } = node
  const contents = createFileContents(node.cas, node.hasher, node.blobs)
  const latest = new LatestChanges()
  const incoming = new Incoming((hex) => changes.notify(`folder/${hex}`), node.report, shutdown.signal)
  const describe = (entry: FolderEntry) =>
    describeFolder(
      entry,
      isIndependent,
      latest.of(entry.store),
      incoming.bytes(entry.store, folders.synced(entry.store)),
    )
  const describeFolders = () => [...folders.list().map(describe), ...folders.away().map(describeAway)]
  const status = () =>
    describeStatus({
      ...node,
      name: node.settings.current.name,
      removals: () => removalsOf(engine, stores),
      describeFolders,
    })
  const checks = () => examine({ ...node, folders: folders.list(), newestMs: newestMs(node) })
  return {
    node: {
      getStatus: async () => ok(status()),
      diagnose: async () => ok({ checks: await checks() }),
      async shutdown() {
        // After the reply is on its way.
        setImmediate(() => shutdown.abort())
        return ok({})
      },
      ...settingsCalls({ ...node, self: transport.self }),
      ...storageCalls(node),
      ...logCalls(node.log, shutdown.signal),
      ...diagnosticsCalls({ ...node, checks, storageUse: () => measureStorage(node) }),
    },
    folders: folderService({ keeper: folders, levels, changes, describe, folders: describeFolders }),
    invites: inviteService({ ...node, describeFolder: describe }),
    peers: peerService({ manager: stores, isIndependent, space }, node),
    conflicts: conflictService(folders, contents),
    history: historyService(folders, contents),
    stores: storeService(stores),
    files: fileService({ ...node, contents }),
    events: eventService(
      {
        changes,
        status,
        settings: () => describeSettings(node.settings.current),
        folders: describeFolders,
        touches: () => folders.touches,
        touched: (hex, time) => folders.touched(hex).since(time),
        peers: () => describePeers(stores.list(), node),
        conflicts: () => node.conflicts.list(),
        invites: () => describeInvites(stores.list()),
        joins: () => joins.waiting().map(describeJoin),
        notices: () => node.notices.list(),
        traffic: () => ({ bytesSent: BigInt(transport.bytesSent), bytesReceived: BigInt(transport.bytesReceived) }),
      },
      shutdown.signal,
    ),
  }
}

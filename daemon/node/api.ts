/** The API of a node, put together from its services. */
import { ok } from '#kernel/core/result.ts'
import { hlcToMs } from '#kernel/core/hlc.ts'
import type { NodeApi } from '../rpc/port.ts'
import { conflictService } from './conflicts.ts'
import { createFileContents } from './contents.ts'
import { examine } from './doctor.ts'
import { eventService } from './events.ts'
import { describeFolder, folderService } from './folder-service.ts'
import type { FolderKeeper } from './folders.ts'
import { fileService } from './files/service.ts'
import { Incoming } from './files/incoming.ts'
import { LatestChanges } from './files/latest.ts'
import { historyService } from './history.ts'
import { inviteService } from './invites.ts'
import type { Common, Local } from './open-local.ts'
import type { Network } from './open-network.ts'
import type { FolderEntry } from './parts.ts'
import { pending, pendingStream } from './pending.ts'
import { describePeers, peerService } from './peers.ts'
import { describeStatus } from './status.ts'
import { storeService } from './stores.ts'

export interface ApiParts extends Common, Local, Network {
  readonly folders: FolderKeeper
  readonly startedMs: number
  readonly version: string
  /** Aborted by the call that asks for the stop, and when the node stops. */
  readonly shutdown: AbortController
}

const newestMs = ({ stores }: ApiParts): number =>
  Math.max(0, ...stores.list().flatMap(({ dag }) => dag.heads().map((hash) => hlcToMs(dag.get(hash)?.hlc ?? 0n))))

export const createApi = (node: ApiParts): NodeApi => {
  const { stores, transport, folders, changes, levels, isIndependent, shutdown } = node
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
  const status = () => describeStatus({ ...node, name: node.config.name, describeFolder: describe })
  return {
    node: {
      getStatus: async () => ok(status()),
      diagnose: async () =>
        ok({ checks: await examine({ ...node, folders: folders.list(), newestMs: newestMs(node) }) }),
      async shutdown() {
        // After the reply is on its way.
        setImmediate(() => shutdown.abort())
        return ok({})
      },
      getSettings: pending,
      changeSettings: pending,
      getStorageUse: pending,
      readLogs: pendingStream,
      exportDiagnostics: pending,
    },
    folders: folderService({ keeper: folders, levels, changes, describe }),
    invites: inviteService(node),
    peers: peerService({ manager: stores, isIndependent }, transport),
    conflicts: conflictService(folders, contents),
    history: historyService(folders, contents),
    stores: storeService(stores),
    files: fileService({ ...node, contents }),
    events: eventService(
      {
        changes,
        status,
        folders: () => folders.list().map(describe),
        peers: () => describePeers(stores.list(), transport),
        traffic: () => ({ bytesSent: BigInt(transport.bytesSent), bytesReceived: BigInt(transport.bytesReceived) }),
      },
      shutdown.signal,
    ),
  }
}

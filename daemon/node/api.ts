/** The API of a node, put together from its services. */
import { ok } from '#kernel/core/result.ts'
import { hlcToMs } from '#kernel/core/hlc.ts'
import type { NodeApi } from '../rpc/port.ts'
import { conflictService } from './conflicts.ts'
import { createFileContents } from './contents.ts'
import { diagnosticsCalls } from './diagnostics.ts'
import { examine } from './doctor.ts'
import { eventService } from './events.ts'
import { describeFolder, folderService } from './folder-service.ts'
import type { FolderKeeper } from './folders.ts'
import { historyService } from './history.ts'
import { inviteService } from './invites.ts'
import { logCalls } from './log-service.ts'
import type { Common, Local } from './open-local.ts'
import type { Network } from './open-network.ts'
import { pending, pendingStream } from './pending.ts'
import { describePeers, peerService } from './peers.ts'
import { describeSettings, settingsCalls } from './settings-service.ts'
import { describeStatus } from './status.ts'
import { measureStorage, storageCalls } from './storage-use.ts'
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
  const status = () => describeStatus({ ...node, name: node.settings.current.name })
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
    folders: folderService({ keeper: folders, levels, changes, isIndependent }),
    invites: inviteService(node),
    peers: peerService({ manager: stores, isIndependent }, transport),
    conflicts: conflictService(folders, contents),
    history: historyService(folders, contents),
    stores: storeService(stores),
    files: {
      browse: pending,
      readFile: pendingStream,
      listTrash: pending,
      restoreTrash: pending,
      restoreTree: pending,
      listActivity: pending,
      getTimeline: pending,
    },
    events: eventService(
      {
        changes,
        status,
        settings: () => describeSettings(node.settings.current),
        folders: () => folders.list().map((entry) => describeFolder(entry, isIndependent)),
        peers: () => describePeers(stores.list(), transport),
        traffic: () => ({ bytesSent: BigInt(transport.bytesSent), bytesReceived: BigInt(transport.bytesReceived) }),
      },
      shutdown.signal,
    ),
  }
}

/** The state of the node as one message. */
import type { MessageInitShape } from '@bufbuild/protobuf'
import type { FolderSchema } from '#proto/folder_api'
import type { GetStatusResponseSchema } from '#proto/node_api'
import type { StorageBackend } from '#kernel/storage/port.ts'
import type { Transport } from '#sync/transport/port.ts'
import { describeRemoval } from './folder-service.ts'
import type { Removed } from './parts.ts'

export interface StatusSources {
  readonly home: string
  readonly name: string
  readonly version: string
  readonly startedMs: number
  readonly storage: StorageBackend
  readonly transport: Transport
  readonly removals: () => readonly Removed[]
  readonly describeFolders: () => MessageInitShape<typeof FolderSchema>[]
}

export const describeStatus = (node: StatusSources): MessageInitShape<typeof GetStatusResponseSchema> => ({
  device: node.transport.self,
  name: node.name,
  home: node.home,
  version: node.version,
  pid: process.pid,
  startedMs: BigInt(node.startedMs),
  peersConnected: node.transport.connections().length,
  bytesSent: BigInt(node.transport.bytesSent),
  bytesReceived: BigInt(node.transport.bytesReceived),
  addresses: [...node.transport.addresses()],
  folders: node.describeFolders(),
  storageBytes: BigInt(node.storage.sizeBytes),
  memoryBytes: BigInt(process.memoryUsage.rss()),
  removals: node.removals().map(describeRemoval),
})

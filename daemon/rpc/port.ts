/**
 * The API as the node implements it: one method per rpc of `proto/lattice/v1/*_api.proto`, with expected failures as
 * values. What carries it (Connect, gRPC) is the business of `server.ts`.
 */
import type {
  DescMethodServerStreaming,
  DescMethodUnary,
  DescService,
  MessageInitShape,
  MessageShape,
} from '@bufbuild/protobuf'
import type { ConflictService } from '#proto/conflict_api'
import type { EventService } from '#proto/event_api'
import type { FileService } from '#proto/file_api'
import type { FolderService } from '#proto/folder_api'
import type { HistoryService } from '#proto/history_api'
import type { InviteService } from '#proto/invite_api'
import type { NodeService } from '#proto/node_api'
import type { PeerService } from '#proto/peer_api'
import type { StoreService } from '#proto/store_api'
import type { LatticeError, Result } from '#kernel/core/result.ts'

/** `signal` aborts when the caller is gone. */
export type Handler<M> =
  M extends DescMethodUnary<infer I, infer O>
    ? (request: MessageShape<I>, signal: AbortSignal) => Promise<Result<MessageInitShape<O>, LatticeError>>
    : M extends DescMethodServerStreaming<infer I, infer O>
      ? (request: MessageShape<I>, signal: AbortSignal) => AsyncIterable<Result<MessageInitShape<O>, LatticeError>>
      : never

/** A stream ends after the first failure it yields. */
export type ServiceApi<S extends DescService> = { readonly [K in keyof S['method']]: Handler<S['method'][K]> }

export interface NodeApi {
  readonly node: ServiceApi<typeof NodeService>
  readonly folders: ServiceApi<typeof FolderService>
  readonly invites: ServiceApi<typeof InviteService>
  readonly peers: ServiceApi<typeof PeerService>
  readonly conflicts: ServiceApi<typeof ConflictService>
  readonly history: ServiceApi<typeof HistoryService>
  readonly stores: ServiceApi<typeof StoreService>
  readonly files: ServiceApi<typeof FileService>
  readonly events: ServiceApi<typeof EventService>
}

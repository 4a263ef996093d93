/**
 * The services on a Connect router. Whatever a request holds and whatever a method does, the answer is a message or
 * a typed error: nothing from here reaches the process as an exception.
 */
import type { DescMessage, DescMethod, DescService, Message, MessageInitShape } from '@bufbuild/protobuf'
import type { HandlerContext, ServiceImpl } from '@connectrpc/connect'
import { ConflictService } from '#proto/conflict_api'
import { EventService } from '#proto/event_api'
import { FileService } from '#proto/file_api'
import { FolderService } from '#proto/folder_api'
import { HistoryService } from '#proto/history_api'
import { InviteService } from '#proto/invite_api'
import { NodeService } from '#proto/node_api'
import { PeerService } from '#proto/peer_api'
import { StoreService } from '#proto/store_api'
import { latticeError, type LatticeError, type Result } from '#kernel/core/result.ts'
import { internalError, toConnectError } from './errors.ts'
import type { NodeApi, ServiceApi } from './port.ts'

/** The longest string a request may hold, in UTF-16 units: paths and links stay well below. */
export const TEXT_MAX = 16 * 1024

/** What takes the services: a `ConnectRouter` does. */
export interface Router {
  service<S extends DescService>(service: S, implementation: ServiceImpl<S>): unknown
}

type Reply = MessageInitShape<DescMessage>
type Unary = (request: Message, signal: AbortSignal) => Promise<Result<Reply, LatticeError>>
type Stream = (request: Message, signal: AbortSignal) => AsyncIterable<Result<Reply, LatticeError>>

const holdsLongText = (value: unknown): boolean => {
  if (typeof value === 'string') return value.length > TEXT_MAX || value.includes('\0')
  if (value instanceof Uint8Array || typeof value !== 'object' || value === null) return false
  return Object.values(value).some(holdsLongText)
}

const checkRequest = (request: Message): LatticeError | undefined =>
  holdsLongText(request)
    ? latticeError(
        'bad-request',
        'permanent',
        `the request holds a text that is longer than ${TEXT_MAX} characters or has a NUL in it`,
      )
    : undefined

const unary = (call: Unary, report: (cause: unknown) => void) => async (request: Message, context: HandlerContext) => {
  const bad = checkRequest(request)
  if (bad) throw toConnectError(bad)
  let reply
  try {
    reply = await call(request, context.signal)
  } catch (cause) {
    report(cause)
    throw toConnectError(internalError())
  }
  if (!reply.ok) throw toConnectError(reply.error)
  return reply.value
}

const stream = (call: Stream, report: (cause: unknown) => void) =>
  async function* (request: Message, context: HandlerContext) {
    const bad = checkRequest(request)
    if (bad) throw toConnectError(bad)
    let failure: LatticeError | undefined
    try {
      for await (const reply of call(request, context.signal)) {
        if (!reply.ok) {
          failure = reply.error
          break
        }
        yield reply.value
      }
    } catch (cause) {
      report(cause)
      failure = internalError()
    }
    if (failure) throw toConnectError(failure)
  }

/** Serves one service. `report` is told of exceptions, which are bugs of ours. */
export const serve = <S extends DescService>(
  router: Router,
  service: S,
  api: ServiceApi<S>,
  report: (cause: unknown) => void,
): void => {
  const methods = Object.entries<DescMethod>(service.method).map(([name, method]) => {
    // The types of `ServiceApi` pair every method with its kind; the loop over them cannot express it.
    const call: unknown = api[name as keyof S['method']]
    return [name, method.methodKind === 'unary' ? unary(call as Unary, report) : stream(call as Stream, report)]
  })
  router.service(service, Object.fromEntries(methods) as ServiceImpl<S>)
}

export const routes =
  (api: NodeApi, report: (cause: unknown) => void) =>
  (router: Router): void => {
    serve(router, NodeService, api.node, report)
    serve(router, FolderService, api.folders, report)
    serve(router, InviteService, api.invites, report)
    serve(router, PeerService, api.peers, report)
    serve(router, ConflictService, api.conflicts, report)
    serve(router, HistoryService, api.history, report)
    serve(router, StoreService, api.stores, report)
    serve(router, FileService, api.files, report)
    serve(router, EventService, api.events, report)
  }

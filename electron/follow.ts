/** Follows the node's events inside this process: the view for the tray, and notices as they come. */
import { create } from '@bufbuild/protobuf'
import { WatchRequestSchema, WatchResponseSchema, type Notice, type WatchResponse } from '#proto/event_api'
import type { NodeApi } from '#daemon/rpc/port.ts'
import { nodeDown, stepView, type NodeView } from './tray-state.ts'

export interface Follower {
  onView(view: NodeView): void
  /** `view`: as the notice found it. */
  onNotice(notice: Notice, view: NodeView): void
}

/** What a message tells that is new, or that a new snapshot has in place of messages that were skipped. */
const noticesIn = ({ event }: WatchResponse): readonly Notice[] => {
  if (event.case === 'snapshot') return event.value.notices
  return event.case === 'notice' ? [event.value] : []
}

/**
 * Ends when the node stops or `signal` aborts. To be called once, when the node has just started: its notices count up
 * from there, so that each is told, and told once.
 */
export const followNode = async (api: NodeApi, follower: Follower, signal: AbortSignal): Promise<void> => {
  let view = nodeDown
  let lastNotice = 0n
  for await (const reply of api.events.watch(create(WatchRequestSchema), signal)) {
    if (!reply.ok) return
    const message = create(WatchResponseSchema, reply.value)
    const next = stepView(view, message)
    if (next !== view) follower.onView((view = next))
    for (const notice of noticesIn(message)) {
      if (notice.id <= lastNotice) continue
      lastNotice = notice.id
      follower.onNotice(notice, view)
    }
  }
}

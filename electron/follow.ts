/** Follows the node's events inside this process: the view for the tray, and notices as they come. */
import { create } from '@bufbuild/protobuf'
import { WatchRequestSchema, WatchResponseSchema, type Notice } from '#proto/event_api'
import type { NodeApi } from '#daemon/rpc/port.ts'
import { nodeDown, stepView, type NodeView } from './tray-state.ts'

export interface Follower {
  onView(view: NodeView): void
  /** `view`: as the notice found it. */
  onNotice(notice: Notice, view: NodeView): void
}

/** Ends when the node stops or `signal` aborts. Notices of the snapshot are old ones: they are not told again. */
export const followNode = async (api: NodeApi, follower: Follower, signal: AbortSignal): Promise<void> => {
  let view = nodeDown
  for await (const reply of api.events.watch(create(WatchRequestSchema), signal)) {
    if (!reply.ok) return
    const message = create(WatchResponseSchema, reply.value)
    const next = stepView(view, message)
    if (next !== view) follower.onView((view = next))
    if (message.event.case === 'notice') follower.onNotice(message.event.value, view)
  }
}

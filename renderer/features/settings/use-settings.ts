/** The settings of the node: as it tells them, or asked for where it does not, and the call that changes them. */
import { useCallback } from 'react'
import type { MessageInitShape } from '@bufbuild/protobuf'
import { NodeService, type ChangeSettingsRequestSchema, type Settings } from '#proto/node_api'
import { useAction, type Action } from '../../present/use-action.ts'
import { useClient } from '../../present/use-client.ts'
import { useLoaded, type Loaded } from '../../present/use-loaded.ts'
import { useNode } from '../../state/node-store.ts'

export interface SettingsInHand {
  readonly settings: Loaded<Settings>
  readonly action: Action
  readonly change: (change: MessageInitShape<typeof ChangeSettingsRequestSchema>) => Promise<boolean>
}

export const useSettings = (): SettingsInHand => {
  const client = useClient(NodeService)
  const action = useAction()
  const told = useNode(({ facts }) => facts?.settings)
  const load = useCallback(
    async (signal: AbortSignal): Promise<Settings> => {
      const settings = told ?? (await client.getSettings({}, { signal })).settings
      if (settings === undefined) throw new Error('The node answered without its settings.')
      return settings
    },
    [client, told],
  )
  const [settings, again] = useLoaded(load)
  const { run } = action
  const change = useCallback(
    async (request: MessageInitShape<typeof ChangeSettingsRequestSchema>) => {
      const changed = await run(() => client.changeSettings(request))
      if (changed) again()
      return changed
    },
    [client, run, again],
  )
  return { settings, action, change }
}

/** The settings as the contract has them, and what a new name of this device means to others. */
import type { MessageInitShape } from '@bufbuild/protobuf'
import type { ChangeSettingsRequest, NodeService, SettingsSchema } from '#proto/node_api'
import { equalBytes, type PublicKey } from '#kernel/core/bytes.ts'
import { err, latticeError, ok, type LatticeError, type Result } from '#kernel/core/result.ts'
import { renamePeer, setName } from '#kernel/store/admin.ts'
import type { LocalStoreManager } from '#kernel/store/manager.ts'
import type { Store } from '#kernel/store/port.ts'
import type { SyncEngine } from '#sync/engine.ts'
import type { ServiceApi } from '../rpc/port.ts'
import type { NodeConfig } from './home.ts'
import type { Settings, SettingsChange } from './settings.ts'

export interface SettingsParts {
  readonly settings: Settings
  readonly stores: LocalStoreManager
  readonly engine: Pick<SyncEngine, 'removalOf'>
  readonly self: PublicKey
  readonly isIndependent: (store: Store) => boolean
  /** This device's own. */
  readonly space: Store
}

export const describeSettings = (config: NodeConfig): MessageInitShape<typeof SettingsSchema> => ({
  deviceName: config.name,
  uploadLimit: BigInt(config.uploadLimit),
  downloadLimit: BigInt(config.downloadLimit),
  quietHours: config.quietHours.map((hours) => ({ ...hours, weekdays: [...hours.weekdays] })),
  localDiscovery: config.localDiscovery,
})

/** What a request changes; numbers too large for a limit are refused with the rest of the checks. */
const changeOf = (request: ChangeSettingsRequest): SettingsChange => ({
  ...(request.deviceName !== undefined && { name: request.deviceName.trim() }),
  ...(request.uploadLimit !== undefined && { uploadLimit: Number(request.uploadLimit) }),
  ...(request.downloadLimit !== undefined && { downloadLimit: Number(request.downloadLimit) }),
  ...(request.quietHours !== undefined && {
    quietHours: request.quietHours.hours.map(({ fromMinute, toMinute, weekdays }) => ({
      fromMinute,
      toMinute,
      weekdays: [...new Set(weekdays)].sort((a, b) => a - b),
    })),
  }),
  ...(request.localDiscovery !== undefined && { localDiscovery: request.localDiscovery }),
})

/** Wherever this device is listed and takes part: in roots, and in folders that list their own peers. */
const renameSelf = async (parts: SettingsParts, name: string): Promise<Result<void, LatticeError>> => {
  const { stores, self, isIndependent, engine } = parts
  for (const store of stores.list()) {
    if (stores.parentOf(store.id) !== undefined && !isIndependent(store)) continue
    if (engine.removalOf(store)) continue
    const listed = store.access.peers().find(({ device }) => equalBytes(device, self))
    if (!listed || listed.status === 'revoked' || listed.name === name) continue
    const renamed = await renamePeer(stores, store.id, self, name)
    if (!renamed.ok) return renamed
  }
  return ok(undefined)
}

/** A space that was never given a name of its own goes by that of the device that made it. */
const renameSpace = async (
  { stores, space }: SettingsParts,
  before: string,
  name: string,
): Promise<Result<void, LatticeError>> => {
  if (space.name !== before || name === before) return ok(undefined)
  const named = await setName(stores, space.id, name)
  return named.ok ? ok(undefined) : named
}

type SettingsCalls = Pick<ServiceApi<typeof NodeService>, 'getSettings' | 'changeSettings'>

export const settingsCalls = (parts: SettingsParts): SettingsCalls => ({
  getSettings: () => Promise.resolve(ok({ settings: describeSettings(parts.settings.current) })),

  async changeSettings(request) {
    const change = changeOf(request)
    if (Object.keys(change).length === 0)
      return err(latticeError('bad-request', 'permanent', 'the request changes nothing'))
    const before = parts.settings.current.name
    const changed = parts.settings.change(change)
    if (!changed.ok) return changed
    if (change.name !== undefined) {
      const renamed = await renameSelf(parts, change.name)
      if (!renamed.ok) return renamed
      const named = await renameSpace(parts, before, change.name)
      if (!named.ok) return named
    }
    return ok({ settings: describeSettings(changed.value) })
  },
})

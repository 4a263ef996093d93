/** How far each peer is with the folders shared with it, as the API tells it. */
import type { MessageInitShape } from '@bufbuild/protobuf'
import { LagState, type FolderLagSchema } from '#proto/peer_api'
import { bytesToHex, type HexKey, type PublicKey } from '#kernel/core/bytes.ts'
import type { Store } from '#kernel/store/port.ts'
import { FILESTORE_TYPE } from '#fs-bridge/filestore/machine.ts'
import { changesBehind, type PeerStanding } from '#sync/standing.ts'

type Lag = MessageInitShape<typeof FolderLagSchema>

/** What was heard of a peer: by store, how far it is, and which stores it chose not to hold. */
export interface Heard {
  readonly standings: ReadonlyMap<HexKey, PeerStanding>
  readonly declined: readonly Uint8Array[]
}

export const lagOf = (store: Pick<Store, 'id' | 'dag'>, device: HexKey, standing: PeerStanding | undefined): Lag => {
  const storeId = store.id
  if (!standing) return { storeId, state: LagState.UNSPECIFIED }
  const mine = { count: store.dag.count, seq: store.dag.vector().get(device) ?? 0 }
  const behind = changesBehind(standing, mine)
  if (behind > 0) return { storeId, state: LagState.BEHIND, changesBehind: behind, pending: standing.pendingIn }
  if (standing.settled) return { storeId, state: LagState.LEVEL }
  return { storeId, state: LagState.WRITING, pending: standing.pendingIn }
}

/** Of the folders among `stores`, which the device may read. */
export const lagsOf = (stores: readonly Store[], device: PublicKey, heard: Heard | undefined): Lag[] => {
  const hex = bytesToHex(device)
  const declined = new Set((heard?.declined ?? []).map(bytesToHex))
  return stores
    .filter((store) => store.type === FILESTORE_TYPE && !declined.has(bytesToHex(store.id)))
    .map((store) => lagOf(store, hex, heard?.standings.get(bytesToHex(store.id))))
}

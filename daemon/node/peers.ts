/** The devices this one shares with: who they are, whether they are connected, and taking their rights away. */
import type { MessageInitShape } from '@bufbuild/protobuf'
import type { PeerInfoSchema, PeerService } from '#proto/peer_api'
import { Role as WireRole, type SystemOp } from '#proto/system'
import { bytesToHex, equalBytes, type PublicKey } from '#kernel/core/bytes.ts'
import { err, latticeError, ok, type LatticeError, type Result } from '#kernel/core/result.ts'
import { systemOp } from '#kernel/state/system-op.ts'
import type { Peer, Role, Store, StoreManager } from '#kernel/store/port.ts'
import type { Transport } from '#sync/transport/port.ts'
import type { ServiceApi } from '../rpc/port.ts'
import { collectPeers, findPeer } from './lookup.ts'

const NAME_BYTES_MAX = 64
const WIRE_ROLES: Readonly<Record<Role, WireRole>> = {
  reader: WireRole.READER,
  writer: WireRole.WRITER,
  admin: WireRole.ADMIN,
}

/** The stores, and which of the children have left the list of their space. */
export interface SharedStores extends Pick<StoreManager, 'list' | 'parentOf'> {
  isIndependent(store: Store): boolean
}

type PeerInit = MessageInitShape<typeof PeerInfoSchema>

/** This device first, then by name. */
export const describePeers = (stores: readonly Store[], transport: Transport): PeerInit[] => {
  const connections = new Map(transport.connections().map((connection) => [connection.peerKey as string, connection]))
  const self = bytesToHex(transport.self)
  return [...collectPeers(stores)]
    .map(([hex, { peer, in: memberships }]) => {
      const connection = connections.get(hex)
      const active = memberships.filter((m) => m.peer.status !== 'revoked')
      return {
        device: peer.device,
        name: peer.name,
        self: hex === self,
        connected: connection !== undefined,
        revoked: active.length === 0,
        address: connection?.remoteAddress ?? '',
        direct: connection?.direct ?? false,
        latencyMs: Math.round(connection?.latencyMs ?? 0),
        memberships: active.map((m) => ({ storeId: m.store.id, name: m.store.name, role: WIRE_ROLES[m.peer.role] })),
      }
    })
    .sort((a, b) => Number(b.self) - Number(a.self) || a.name.localeCompare(b.name))
}

/**
 * Submits one op in every store that has the device in a list of its own and that this device administers. Children
 * that inherit their peers follow their space. Gives back the names of the stores.
 */
const submitWhereListed = async (
  stores: SharedStores,
  self: PublicKey,
  device: PublicKey,
  isWanted: (peer: Peer) => boolean,
  op: (store: Store) => SystemOp,
): Promise<Result<string[], LatticeError>> => {
  const names: string[] = []
  let denied = false
  for (const store of stores.list()) {
    const peer = store.access.peer(device)
    if (!peer || !isWanted(peer) || !listsOwnPeers(stores, store)) continue
    if (!store.access.mayAdminister(self)) {
      denied = true
      continue
    }
    const done = await store.submit(() => ({ system: op(store) }))
    if (!done.ok) return done
    names.push(store.name)
  }
  if (names.length === 0 && denied)
    return err(latticeError('not-permitted', 'denied', 'only an admin can do this, and this device is none'))
  return ok(names)
}

/** A root, or a child that was made independent of its space. */
const listsOwnPeers = (stores: SharedStores, store: Store): boolean =>
  stores.parentOf(store.id) === undefined || stores.isIndependent(store)

export const peerService = (stores: SharedStores, transport: Transport): ServiceApi<typeof PeerService> => ({
  async listPeers() {
    return ok({ peers: describePeers(stores.list(), transport) })
  },

  async renamePeer({ peer: wanted, name }) {
    if (name.trim() === '' || Buffer.byteLength(name) > NAME_BYTES_MAX)
      return err(latticeError('bad-request', 'permanent', `a name has 1 to ${NAME_BYTES_MAX} bytes`))
    const peer = findPeer(stores.list(), wanted)
    if (!peer.ok) return peer
    const { device } = peer.value
    const done = await submitWhereListed(
      stores,
      transport.self,
      device,
      () => true,
      () => systemOp({ case: 'peerRename', value: { device, name } }),
    )
    return done.ok ? ok({}) : done
  },

  async revokePeer({ peer: wanted }) {
    const peer = findPeer(stores.list(), wanted)
    if (!peer.ok) return peer
    const { device } = peer.value
    if (equalBytes(device, transport.self))
      return err(latticeError('bad-request', 'permanent', 'this device cannot revoke itself; another admin can'))
    const done = await submitWhereListed(
      stores,
      transport.self,
      device,
      ({ status }) => status !== 'revoked',
      (store) => systemOp({ case: 'peerRevoke', value: { device, cutoffs: cutoffs(stores, store, device) } }),
    )
    if (!done.ok) return done
    await transport.disconnect(device)
    return ok({ stores: done.value })
  },
})

/** Where the device's right to write ends, in the store and in what inherits its peers: what this node has of its chains. */
const cutoffs = (stores: SharedStores, listing: Store, device: PublicKey): { storeId: Uint8Array; lastSeq: bigint }[] =>
  stores
    .list()
    .filter((store) => store === listing || inheritsFrom(stores, store, listing))
    .map((store) => ({ storeId: store.id, lastSeq: BigInt(store.dag.vector().get(bytesToHex(device)) ?? 0) }))

const inheritsFrom = (stores: SharedStores, store: Store, listing: Store): boolean => {
  const parent = stores.parentOf(store.id)
  return parent !== undefined && equalBytes(parent, listing.id) && !listsOwnPeers(stores, store)
}

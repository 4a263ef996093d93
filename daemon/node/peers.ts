/** The devices this one shares with: who they are, whether they are connected, and taking their rights away. */
import type { MessageInitShape } from '@bufbuild/protobuf'
import type { PeerInfoSchema, PeerService } from '#proto/peer_api'
import { Role as WireRole } from '#proto/system'
import { bytesToHex, equalBytes, type PublicKey } from '#kernel/core/bytes.ts'
import { err, latticeError, ok, type LatticeError, type Result } from '#kernel/core/result.ts'
import { renamePeer, revokePeer } from '#kernel/store/admin.ts'
import type { LocalStoreManager } from '#kernel/store/manager.ts'
import type { Peer, Role, Store } from '#kernel/store/port.ts'
import type { Transport } from '#sync/transport/port.ts'
import { pending } from './pending.ts'
import type { ServiceApi } from '../rpc/port.ts'
import { collectPeers, findPeer } from './lookup.ts'

const NAME_BYTES_MAX = 64
export const WIRE_ROLES: Readonly<Record<Role, WireRole>> = {
  reader: WireRole.READER,
  writer: WireRole.WRITER,
  admin: WireRole.ADMIN,
}

/** The stores, and which of the children have left the list of their space. */
export interface SharedStores {
  readonly manager: LocalStoreManager
  readonly isIndependent: (store: Store) => boolean
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
 * Acts in every store that has the device in a list of its own and that this device may act in; children that inherit
 * their peers follow their space. Gives back the names of the stores.
 */
const actWhereListed = async (
  stores: SharedStores,
  device: PublicKey,
  mayAct: (store: Store, peer: Peer) => boolean,
  act: (store: Store) => Promise<Result<unknown, LatticeError>>,
): Promise<Result<string[], LatticeError>> => {
  const names: string[] = []
  for (const store of stores.manager.list()) {
    const peer = store.access.peer(device)
    if (!peer || peer.status === 'revoked' || !listsOwnPeers(stores, store) || !mayAct(store, peer)) continue
    const done = await act(store)
    if (!done.ok) return done
    names.push(store.name)
  }
  return names.length > 0
    ? ok(names)
    : err(latticeError('not-permitted', 'denied', 'only an admin can do this, and this device is none'))
}

/** A root, or a child that was made independent of its space. */
const listsOwnPeers = ({ manager, isIndependent }: SharedStores, store: Store): boolean =>
  manager.parentOf(store.id) === undefined || isIndependent(store)

export const peerService = (stores: SharedStores, transport: Transport): ServiceApi<typeof PeerService> => {
  const { manager } = stores
  const administers = (store: Store): boolean => store.access.mayAdminister(transport.self)
  return {
    setRole: pending,
    async listPeers() {
      return ok({ peers: describePeers(manager.list(), transport) })
    },

    async renamePeer({ peer: wanted, name }) {
      if (name.trim() === '' || Buffer.byteLength(name) > NAME_BYTES_MAX)
        return err(latticeError('bad-request', 'permanent', `a name has 1 to ${NAME_BYTES_MAX} bytes`))
      const peer = findPeer(manager.list(), wanted)
      if (!peer.ok) return peer
      const { device } = peer.value
      const isSelf = equalBytes(device, transport.self)
      const done = await actWhereListed(
        stores,
        device,
        (store) => isSelf || administers(store),
        (store) => renamePeer(manager, store.id, device, name),
      )
      return done.ok ? ok({}) : done
    },

    async revokePeer({ peer: wanted }) {
      const peer = findPeer(manager.list(), wanted)
      if (!peer.ok) return peer
      const { device } = peer.value
      if (equalBytes(device, transport.self))
        return err(latticeError('bad-request', 'permanent', 'this device cannot revoke itself; another admin can'))
      const done = await actWhereListed(stores, device, administers, (store) => revokePeer(manager, store.id, device))
      return done.ok ? ok({ stores: done.value }) : done
    },
  }
}

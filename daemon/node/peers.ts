/** The devices this one shares with: who they are, whether they are connected and level, and what they may do. */
import type { MessageInitShape } from '@bufbuild/protobuf'
import type { PeerInfoSchema, PeerService } from '#proto/peer_api'
import { Role as WireRole } from '#proto/system'
import { bytesToHex, equalBytes, type PublicKey } from '#kernel/core/bytes.ts'
import { err, latticeError, ok, type LatticeError, type Result } from '#kernel/core/result.ts'
import { makeIndependent, renamePeer, revokePeer, setRole } from '#kernel/store/admin.ts'
import type { LocalStoreManager } from '#kernel/store/manager.ts'
import type { Peer, Role, Store } from '#kernel/store/port.ts'
import type { SyncEngine } from '#sync/engine.ts'
import type { PeerLink } from '#sync/gossip/links.ts'
import type { Connection, Transport } from '#sync/transport/port.ts'
import type { ServiceApi } from '../rpc/port.ts'
import { lagsOf } from './lags.ts'
import { collectPeers, findPeer, findTarget } from './lookup.ts'
import { whyRemoved } from './removals.ts'

const NAME_BYTES_MAX = 64
export const WIRE_ROLES: Readonly<Record<Role, WireRole>> = {
  reader: WireRole.READER,
  writer: WireRole.WRITER,
  admin: WireRole.ADMIN,
}

export const ROLES: Readonly<Partial<Record<WireRole, Role>>> = {
  [WireRole.READER]: 'reader',
  [WireRole.WRITER]: 'writer',
  [WireRole.ADMIN]: 'admin',
}

/** The stores, and which of the children have left the list of their space. */
export interface SharedStores {
  readonly manager: LocalStoreManager
  readonly isIndependent: (store: Store) => boolean
  /** This device's own. */
  readonly space: Store
}

/** What is known of connections, and of how far peers are. */
export interface PeerLinks {
  readonly transport: Transport
  readonly engine: Pick<SyncEngine, 'peers' | 'removalOf'>
}

type PeerInit = MessageInitShape<typeof PeerInfoSchema>

const ownLink = ({ peer, direct, latencyMs }: Connection): PeerLink => ({
  peer,
  direct,
  latencyMs: Math.round(latencyMs ?? 0),
})

/** This device first, then by name. */
export const describePeers = (stores: readonly Store[], { transport, engine }: PeerLinks): PeerInit[] => {
  const heard = new Map(engine.peers().map((link) => [bytesToHex(link.peer) as string, link]))
  const connections = new Map(transport.connections().map((connection) => [connection.peerKey as string, connection]))
  const self = bytesToHex(transport.self)
  const linksOf = (hex: string): readonly PeerLink[] =>
    hex === self ? [...connections.values()].map(ownLink) : connections.has(hex) ? (heard.get(hex)?.links ?? []) : []
  const known = collectPeers(stores)
  const describeLinks = (hex: string) =>
    linksOf(hex)
      .filter(({ peer }) => known.has(bytesToHex(peer)))
      .map(({ peer, direct, latencyMs }) => {
        const other = bytesToHex(peer) as string
        const isSaid = linksOf(other).some((link) => bytesToHex(link.peer) === hex)
        return {
          device: peer,
          direct,
          latencyMs,
          confirmed: hex === self || isSaid,
        }
      })
  return [...known]
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
        lastSeenMs: BigInt(heard.get(hex)?.lastSeenMs ?? 0),
        lags:
          hex === self
            ? []
            : lagsOf(
                active.map((m) => m.store),
                peer.device,
                heard.get(hex),
              ),
        links: describeLinks(hex),
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

/** Why the role of a device in a store cannot be changed by this one. */
const whyFixed = (store: Store, device: PublicKey, self: PublicKey): LatticeError | undefined => {
  if (!store.access.mayAdminister(self))
    return latticeError('not-permitted', 'denied', 'only an admin can do this, and this device is none')
  // So a store never runs out of admins, and an admin may step down.
  const founder = store.dag.get(store.id)?.author
  if (founder && equalBytes(founder, device))
    return latticeError('founder-role', 'permanent', `the device that founded ${store.name} stays its admin`)
  return store.access.mayRead(device)
    ? undefined
    : latticeError('peer-not-found', 'permanent', `the device is no peer of ${store.name}: invite it first`)
}

const changeRole = async (
  { manager, isIndependent }: SharedStores,
  store: Store,
  device: PublicKey,
  role: Role,
): Promise<Result<void, LatticeError>> => {
  if (store.access.peer(device)?.role === role) return ok(undefined)
  // A role for one folder alone is for the folder to say.
  const alone =
    manager.parentOf(store.id) && !isIndependent(store) ? await makeIndependent(manager, store.id) : ok(undefined)
  return alone.ok ? setRole(manager, store.id, device, role) : alone
}

export const peerService = (stores: SharedStores, links: PeerLinks): ServiceApi<typeof PeerService> => {
  const { manager } = stores
  const { transport, engine } = links
  const takesPart = (store: Store): boolean => engine.removalOf(store) === undefined
  const administers = (store: Store): boolean => takesPart(store) && store.access.mayAdminister(transport.self)
  return {
    async listPeers() {
      return ok({ peers: describePeers(manager.list(), links) })
    },

    async setRole({ peer: wanted, target, role: wireRole }) {
      const role = ROLES[wireRole]
      if (!role) return err(latticeError('bad-request', 'permanent', 'a role is reader, writer or admin'))
      const peer = findPeer(manager.list(), wanted)
      if (!peer.ok) return peer
      const store = findTarget(manager.list(), stores.space, target)
      if (!store.ok) return store
      const removed = whyRemoved(engine, manager, store.value)
      if (removed) return err(removed)
      const fixed = whyFixed(store.value, peer.value.device, transport.self)
      if (fixed) return err(fixed)
      const done = await changeRole(stores, store.value, peer.value.device, role)
      return done.ok ? ok({}) : done
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
        (store) => (isSelf && takesPart(store)) || administers(store),
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

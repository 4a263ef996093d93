/**
 * What an admin does to a space or a store, one submit each: the op is built inside the write, on the state it will
 * follow, so that positions and names are current. What happens to a device in a space is written into the tables of
 * its children too, where they count or may come to count: see `withChildren`.
 */
import { bytesToHex, hexToBytes, type Hash, type PublicKey, type StoreId } from '../core/bytes.ts'
import { err, invariant, latticeError, ok, type LatticeError, type Result } from '../core/result.ts'
import type { SystemOp } from '#proto/system'
import { Strategy } from '#proto/system'
import { RANK, roleOf, systemOp, wireRole } from '../state/system-op.ts'
import type { StoreCore } from './core.ts'
import type { LocalStoreManager } from './manager.ts'
import type { Invite, Role } from './port.ts'
import type { LocalStore } from './store.ts'

export type AdminResult = Result<void, LatticeError>

const find = (manager: LocalStoreManager, storeId: StoreId): Result<LocalStore, LatticeError> => {
  const store = manager.get(storeId)
  return store === undefined
    ? err(latticeError('unknown-store', 'permanent', 'there is no such store on this device'))
    : ok(store)
}

const submit = async (
  manager: LocalStoreManager,
  storeId: StoreId,
  build: (core: StoreCore) => SystemOp | undefined,
): Promise<AdminResult> => {
  const store = find(manager, storeId)
  if (!store.ok) return store
  const done = await store.value.submit(() => {
    const op = build(store.value.core)
    return op === undefined ? undefined : { system: op }
  })
  return done.ok ? ok(undefined) : done
}

/** Where a device's chain stands in every store that the op will speak about, as far as this device knows. */
const positionsOf = (core: StoreCore, device: PublicKey): { storeId: StoreId; lastSeq: bigint }[] =>
  [core, ...core.children].map(({ id, view }) => ({
    storeId: id,
    lastSeq: BigInt(view.dag.vector().get(bytesToHex(device)) ?? 0),
  }))

/**
 * The store itself, then those of its children whose own table this device administers and where it matters: those
 * that list their own peers, those whose table names the device, and all of them for an admin, who may make any of
 * them independent.
 */
const withChildren = async (
  manager: LocalStoreManager,
  storeId: StoreId,
  device: PublicKey,
  role: Role | undefined,
  act: (storeId: StoreId) => Promise<AdminResult>,
): Promise<AdminResult> => {
  const first = await act(storeId)
  if (!first.ok) return first
  for (const child of [...manager.childrenOf(bytesToHex(storeId))]) {
    const own = child.authority
    if (own.rank(bytesToHex(manager.signer.publicKey)) < RANK.admin) continue
    if (!own.isIndependent && !own.isKnown(bytesToHex(device)) && role !== 'admin') continue
    const done = await act(child.id)
    if (!done.ok) return done
  }
  return ok(undefined)
}

/**
 * Lets a device in, or answers an invite with it. A device that had lost its rights starts where its chains stand
 * now; one that has more rights already keeps them.
 */
export const addPeer = (
  manager: LocalStoreManager,
  storeId: StoreId,
  peer: { readonly device: PublicKey; readonly name: string; readonly role: Role; readonly invite?: Hash },
): Promise<AdminResult> =>
  withChildren(manager, storeId, peer.device, peer.role, (id) =>
    submit(manager, id, (core) => {
      const { device, name } = peer
      const hex = bytesToHex(device)
      const rank = core.authority.rank(hex)
      if (id !== storeId && rank >= RANK[peer.role]) return undefined
      const role = rank > RANK[peer.role] ? roleOf(rank)! : peer.role
      const lapsed = rank < RANK.writer && core.authority.isKnown(hex)
      const since = lapsed ? positionsOf(core, device) : []
      const invite = id === storeId ? peer.invite : undefined
      return systemOp({ case: 'peerAdd', value: { device, name, role: wireRole(role), invite, since } })
    }),
  )

export const setRole = (
  manager: LocalStoreManager,
  storeId: StoreId,
  device: PublicKey,
  role: Role,
): Promise<AdminResult> =>
  withChildren(manager, storeId, device, role, (id) =>
    submit(manager, id, (core) => {
      const rank = core.authority.rank(bytesToHex(device))
      if (rank === RANK[role]) return undefined
      return systemOp({
        case: 'setRole',
        value: { device, role: wireRole(role), cutoffs: positionsOf(core, device) },
      })
    }),
  )

/** Ends a device's rights after what this device has of it, in every store it knows. */
export const revokePeer = (manager: LocalStoreManager, storeId: StoreId, device: PublicKey): Promise<AdminResult> =>
  withChildren(manager, storeId, device, undefined, (id) =>
    submit(manager, id, (core) =>
      core.authority.rank(bytesToHex(device)) === RANK.none
        ? undefined
        : systemOp({ case: 'peerRevoke', value: { device, cutoffs: positionsOf(core, device) } }),
    ),
  )

/** A device may rename itself; an admin anyone. */
export const renamePeer = (
  manager: LocalStoreManager,
  storeId: StoreId,
  device: PublicKey,
  name: string,
): Promise<AdminResult> => submit(manager, storeId, () => systemOp({ case: 'peerRename', value: { device, name } }))

/** The secret itself stays in the link; see InviteCreate. */
export const createInvite = (
  manager: LocalStoreManager,
  storeId: StoreId,
  invite: Pick<Invite, 'secretHash' | 'role' | 'expiresMs' | 'uses'> & Partial<Pick<Invite, 'approval'>>,
): Promise<AdminResult> =>
  submit(manager, storeId, () => {
    const { secretHash, role, expiresMs, uses, approval } = invite
    return systemOp({
      case: 'inviteCreate',
      value: { secretHash, role: wireRole(role), expiresMs: BigInt(expiresMs), uses, approval },
    })
  })

export const revokeInvite = (manager: LocalStoreManager, storeId: StoreId, secretHash: Hash): Promise<AdminResult> =>
  submit(manager, storeId, () => systemOp({ case: 'inviteRevoke', value: { secretHash } }))

/** A child lists its own peers from here on: those of its space, copied. Does nothing if it does already. */
export const makeIndependent = (manager: LocalStoreManager, storeId: StoreId): Promise<AdminResult> =>
  submit(manager, storeId, (core) => {
    const { independent, own, space } = core.jurisdiction
    if (independent || space === undefined) return undefined
    const lastSeqs = core.view.dag.vector()
    const names = core.space?.system
    const members = space.devices().flatMap((device) => {
      const key = hexToBytes(device)
      invariant(key.ok, 'a device key is not hexadecimal')
      // The store's own table may know of a revocation in the space before the space itself was received.
      const source = own.isKnown(device) && own.rank(device) === RANK.none ? own : space
      const rank = source.rank(device)
      const role = roleOf(rank === RANK.none ? source.peakRank(device) : rank)
      if (role === undefined) return []
      const ends = source.intervals(device, core.hex, RANK.writer).map(({ until }) => until)
      const lastSeq = rank >= RANK.writer ? 0 : Math.min(Math.max(0, ...ends), lastSeqs.get(device) ?? 0)
      const name = names?.peerName(key.value as PublicKey) ?? ''
      const revoked = rank === RANK.none
      return [{ device: key.value, name, role: wireRole(role), lastSeq: BigInt(lastSeq), revoked }]
    })
    return systemOp({ case: 'setStrategy', value: { strategy: Strategy.INDEPENDENT, members } })
  })

export const addChild = (
  manager: LocalStoreManager,
  space: StoreId,
  child: { readonly storeId: StoreId; readonly type: string; readonly name: string },
): Promise<AdminResult> => submit(manager, space, () => systemOp({ case: 'childAdd', value: child }))

export const removeChild = (manager: LocalStoreManager, space: StoreId, storeId: StoreId): Promise<AdminResult> =>
  submit(manager, space, () => systemOp({ case: 'childRemove', value: { storeId } }))

export const setName = (manager: LocalStoreManager, storeId: StoreId, name: string): Promise<AdminResult> =>
  submit(manager, storeId, () => systemOp({ case: 'setName', value: { name } }))

/** Finds what a person named: a store or a peer by its name, its id in hex, or a beginning of that id. */
import { bytesToHex, type PublicKey } from '#kernel/core/bytes.ts'
import { err, latticeError, ok, type LatticeError, type Result } from '#kernel/core/result.ts'
import { SPACE_TYPE } from '#kernel/state/registry.ts'
import type { Access, Peer, Store } from '#kernel/store/port.ts'
import { FILESTORE_TYPE } from '#fs-bridge/filestore/machine.ts'

/** A shorter beginning of an id would match by accident. */
const PREFIX_MIN = 4

export interface Named {
  readonly name: string
  readonly hex: string
}

/** Names come first: a folder called “cafe” is found although an id begins so. */
export const findNamed = <T extends Named>(
  items: readonly T[],
  wanted: string,
  what: string,
): Result<T, LatticeError> => {
  const byName = items.filter((item) => item.name === wanted)
  const prefix = wanted.toLowerCase()
  const byId = prefix.length >= PREFIX_MIN ? items.filter((item) => item.hex.startsWith(prefix)) : []
  const found = byName.length > 0 ? byName : byId
  if (found.length === 1) return ok(found[0]!)
  if (found.length === 0) return err(latticeError(`${what}-not-found`, 'permanent', `there is no ${what} “${wanted}”`))
  const ids = found.map((item) => item.hex.slice(0, 12)).join(', ')
  return err(
    latticeError('ambiguous', 'permanent', `“${wanted}” names more than one ${what}: use one of the ids ${ids}`),
  )
}

export const findStore = (stores: readonly Store[], wanted: string, what = 'store'): Result<Store, LatticeError> => {
  const named = stores.map((store) => ({ store, name: store.name, hex: bytesToHex(store.id) as string }))
  const found = findNamed(named, wanted, what)
  return found.ok ? ok(found.value.store) : found
}

/** A folder, or a space by its name; “space” is this device's own, `space`. */
export const findTarget = (stores: readonly Store[], space: Store, wanted: string): Result<Store, LatticeError> => {
  const ofType = (type: string): readonly Store[] => stores.filter((store) => store.type === type)
  const folder = findStore(ofType(FILESTORE_TYPE), wanted, 'folder')
  if (folder.ok || folder.error.kind === 'ambiguous') return folder
  if (wanted === 'space') return ok(space)
  const found = findStore(ofType(SPACE_TYPE), wanted, 'space')
  return found.ok || found.error.kind === 'ambiguous'
    ? found
    : err(latticeError('folder-not-found', 'permanent', `there is no folder or space “${wanted}”`))
}

/** One entry a device, over all stores; its name is that of the first store that has one. */
export const collectPeers = (
  stores: readonly Store[],
): Map<string, { peer: Peer; in: { store: Store; peer: Peer }[] }> => {
  const peers = new Map<string, { peer: Peer; in: { store: Store; peer: Peer }[] }>()
  for (const store of stores)
    for (const peer of store.access.peers()) {
      const hex = bytesToHex(peer.device)
      const entry = peers.get(hex)
      if (entry) entry.in.push({ store, peer })
      else peers.set(hex, { peer, in: [{ store, peer }] })
    }
  return peers
}

export const findPeer = (stores: readonly Store[], wanted: string): Result<Peer, LatticeError> => {
  const named = [...collectPeers(stores)].map(([hex, { peer }]) => ({ peer, name: peer.name, hex }))
  const found = findNamed(named, wanted, 'peer')
  return found.ok ? ok(found.value.peer) : found
}

/** What to call a device: its name in the store, else the beginning of its key. */
export const deviceNameIn =
  (access: Access) =>
  (device: PublicKey): string =>
    access.peer(device)?.name || bytesToHex(device).slice(0, 8)

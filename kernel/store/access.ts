/** Who may do what in a store right now, as the layers above ask it. */
import { bytesToHex, hexToBytes, type HexKey, type PublicKey } from '../core/bytes.ts'
import { invariant } from '../core/result.ts'
import type { Authority } from '../state/authority.ts'
import { RANK, roleOf, type Rank } from '../state/system-op.ts'
import type { SystemView } from '../state/system.ts'
import type { Access, Invite, Peer } from './port.ts'
import type { LastWord } from './revocation.ts'

/** What access is read from. Both are asked anew for every question: they follow the committed state. */
export interface AccessSource {
  /** The authority that governs the store. */
  authority(): Authority
  /** The system table it stands in, for names. */
  names(): SystemView
  /** The store's own system table, for invites. */
  own(): SystemView
  inherits(): boolean
  lastWordAbout(device: PublicKey): LastWord | undefined
}

const keyOf = (device: HexKey): PublicKey => {
  const bytes = hexToBytes(device)
  invariant(bytes.ok, 'a device key is not hexadecimal')
  return bytes.value as PublicKey
}

export class StoreAccess implements Access {
  readonly #source: AccessSource
  constructor(source: AccessSource) {
    this.#source = source
  }

  #peer(device: HexKey, authority: Authority): Peer | undefined {
    const rank = authority.rank(device)
    const peak = authority.peakRank(device)
    const role = roleOf(rank === RANK.none ? peak : rank)
    if (role === undefined) return undefined
    const key = keyOf(device)
    const status = rank === RANK.none ? 'revoked' : 'active'
    return { device: key, name: this.#source.names().peerName(key), role, status }
  }

  peers(): readonly Peer[] {
    const authority = this.#source.authority()
    return authority.devices().flatMap((device) => this.#peer(device, authority) ?? [])
  }

  peer(device: PublicKey): Peer | undefined {
    return this.#peer(bytesToHex(device), this.#source.authority())
  }

  #has(device: PublicKey, level: Rank): boolean {
    return this.#source.authority().rank(bytesToHex(device)) >= level
  }

  mayRead(device: PublicKey): boolean {
    return this.#has(device, RANK.reader)
  }

  mayWrite(device: PublicKey): boolean {
    return this.#has(device, RANK.writer)
  }

  mayAdminister(device: PublicKey): boolean {
    return this.#has(device, RANK.admin)
  }

  invites(): readonly Invite[] {
    return [...this.#source.own().invites()]
  }

  get inherits(): boolean {
    return this.#source.inherits()
  }

  lastWordAbout(device: PublicKey): LastWord | undefined {
    return this.inherits ? undefined : this.#source.lastWordAbout(device)
  }
}

/**
 * How a store that lists its own peers follows its space: whichever device administers both carries over what the
 * space says, when it learns of it. The later word about a device counts, so what an admin decides for the store alone
 * stands until the space speaks about that device again. Two devices that carry over the same do no harm.
 */
import type { SystemOp } from '#proto/system'
import { bytesToHex, type HexKey, type PublicKey } from '../core/bytes.ts'
import type { Authority } from '../state/authority.ts'
import { RANK, roleOf, systemOp, wireRole } from '../state/system-op.ts'
import type { StoreCore } from './core.ts'

/** The last event about a device that an admin wrote. Events are in the order of their clocks. */
const lastWord = ({ events }: Authority, device: HexKey) =>
  events.findLast((event) => event.admin && event.device === device)

/** What to write into `child` next so that it says of its space's members what the space says; undefined: it does. */
export const nextToCarryOver = (space: StoreCore, child: StoreCore, self: PublicKey): SystemOp | undefined => {
  const [says, own] = [space.authority, child.authority]
  const selfHex = bytesToHex(self)
  if (!own.isIndependent || own.rank(selfHex) < RANK.admin || says.rank(selfHex) < RANK.admin) return undefined
  for (const hex of says.devices()) {
    const word = lastWord(says, hex)
    const [rank, current] = [says.rank(hex), own.rank(hex)]
    if (word === undefined || rank === current || hex === own.founder) continue
    const carried = lastWord(own, hex)
    if (carried !== undefined && carried.at.hlc > word.at.hlc) continue
    const device = word.deviceKey
    const written = child.view.dag.vector().get(hex) ?? 0
    const cutoffs = [{ storeId: child.id, lastSeq: BigInt(word.positions.get(child.hex) ?? written) }]
    if (rank === RANK.none) return systemOp({ case: 'peerRevoke', value: { device, cutoffs } })
    const role = wireRole(roleOf(rank)!)
    if (current !== RANK.none) return systemOp({ case: 'setRole', value: { device, role, cutoffs } })
    const since = own.isKnown(hex) ? cutoffs : []
    return systemOp({ case: 'peerAdd', value: { device, name: space.system.peerName(device), role, since } })
  }
  return undefined
}

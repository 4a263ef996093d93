/** What must hold in a simulated world: each checker names the first thing that does not, or returns undefined. */
import { bytesToHex, type StoreId } from '#kernel/core/bytes.ts'
import type { SimNode } from './device.ts'
import type { World } from './world.ts'

const printOf = (node: SimNode, id: StoreId): string | undefined => {
  const store = node.store(id)
  return store && bytesToHex(store.dag.fingerprint())
}

/** Devices that take part in a store, as its founder sees it, and have not declined it. */
export const holdersOf = (world: World, id: StoreId): readonly SimNode[] => {
  const founder = world.nodes[0]!
  const access = founder.store(id)?.access
  return world.nodes.filter((node) => access?.mayRead(node.signer.publicKey) && !hasDeclined(founder, node, id))
}

const hasDeclined = (founder: SimNode, node: SimNode, id: StoreId): boolean =>
  node !== founder && node.running !== undefined && node.declined.has(bytesToHex(id))

export const isConverged = (world: World, id: StoreId): boolean => {
  const prints = holdersOf(world, id).map((node) => printOf(node, id))
  return prints.every((print) => print !== undefined && print === prints[0])
}

/** Every holder says level, and is connected to another if there is one. */
export const isLevel = (world: World, id: StoreId): boolean => {
  const holders = holdersOf(world, id)
  return holders.every(
    (node) => node.engine.isLevel(id) && (holders.length === 1 || node.running!.transport.connections().length > 0),
  )
}

/**
 * A device says level: then every connected device that it knows as a member, and that has not declined the store,
 * holds all that it holds.
 */
export const findLie = (world: World, node: SimNode, id: StoreId): string | undefined => {
  const store = node.store(id)
  if (!store || !node.engine.isLevel(id)) return undefined
  for (const { peerKey, peer } of node.running!.transport.connections()) {
    const other = world.nodeOf(peerKey)
    if (!other?.running || !store.access.mayRead(peer) || other.declined.has(bytesToHex(id))) continue
    if (printOf(other, id) === printOf(node, id)) continue
    for (const { hash } of store.dag.log())
      if (!other.store(id)?.dag.has(hash)) return `${node.name} says level, ${other.name} lacks an intention`
  }
  return undefined
}

/** A device that runs has everything it was ever told is durable. */
export const findLoss = (node: SimNode): string | undefined => {
  for (const [hex, hashes] of node.acknowledged) {
    const store = node.running?.manager.byHex(hex)
    if (!store) continue
    const kept = new Set([...store.dag.log()].map(({ hash }) => bytesToHex(hash)))
    for (const hash of hashes) if (!kept.has(hash)) return `${node.name} lost an acknowledged write`
  }
  return undefined
}

/** All who hold a store hold the same bytes of state. */
export const findDivergence = (world: World, id: StoreId): string | undefined => {
  const [first, ...others] = holdersOf(world, id)
  if (!first) return undefined
  const state = first.stateOf(id).join('\n')
  const odd = others.find((node) => node.stateOf(id).join('\n') !== state)
  return odd && `the states of ${first.name} and ${odd.name} differ`
}

/** State folded anew from the log is the state that grew with it. */
export const findMisfold = async (world: World, id: StoreId): Promise<string | undefined> => {
  for (const node of holdersOf(world, id)) {
    const rebuilt = await world.finish(node.store(id)!.rebuild())
    if (rebuilt.changed) return `${node.name} folds another state than it grew`
  }
  return undefined
}

/** One random life of a world, and what must hold of it. Shared by the unit test (few seeds) and the campaigns. */
import { bytesToHex, type StoreId } from '#kernel/core/bytes.ts'
import { addPeer, revokePeer, setRole } from '#kernel/store/admin.ts'
import { findDivergence, findLie, findLoss, findMisfold, holdersOf, isConverged, isLevel } from './checkers.ts'
import { seededRandom } from './clock.ts'
import type { SimNode } from './device.ts'
import { CORE_KINDS, type StoreKind } from './kinds.ts'
import { World } from './world.ts'

const STEPS = 60
const CHILDREN_MAX = 6
/** After healing, so much virtual time must do … */
const LEVEL_MS_MAX = 120_000
/** … beyond what the clocks are apart: what is dated ahead waits. */
const AHEAD_MS = 8 * 60_000
const ROLES = ['reader', 'writer', 'admin'] as const

export interface Life {
  readonly intentions: number
  /** Virtual time from healing until all said level. */
  readonly levelMs: number
  readonly fingerprint: string
}

interface Scene {
  readonly world: World
  readonly space: StoreId
  readonly stores: StoreId[]
  /** In one child only. */
  readonly guest: SimNode | undefined
  readonly kinds: readonly StoreKind[]
  readonly random: () => number
  readonly fail: (why: string) => never
}

/** What a seed makes of its world. One in four is checked at every event, one in three has wrong clocks, and so on. */
const traits = (seed: number, random: () => number) => ({
  nodes: 2 + Math.floor(random() * 4),
  jitterMs: Math.floor(random() * 100),
  commitMsMax: random() < 0.75 ? Math.floor(random() * 60) : 0,
  isWatched: seed % 4 === 0,
  hasGuest: random() < 0.4,
  /** None, a little apart, or one device far ahead of what the others accept. */
  skew: (['none', 'none', 'small', 'far'] as const)[Math.floor(random() * 4)]!,
  hasBackups: random() < 0.3,
  hasRevocations: random() < 0.4,
  hasRefusals: random() < 0.3,
})

type Traits = ReturnType<typeof traits>

const skewsOf = ({ nodes, skew }: Traits, random: () => number): number[] => {
  const skews = Array.from({ length: nodes }, () => (skew === 'none' ? 0 : Math.floor((random() - 0.5) * 4_000)))
  // The founder's word opens everything: were it dated ahead, everybody would only wait.
  if (skew === 'far') skews[1] = AHEAD_MS
  return skews
}

/** Throws with the seed in the message when anything that must hold does not. */
export const live = async (seed: number, kinds: readonly StoreKind[] = []): Promise<Life> => {
  const random = seededRandom(seed ^ 0x5eed)
  const trait = traits(seed, random)
  const fail = (why: string): never => {
    throw new Error(`seed ${seed}: ${why}`)
  }
  let lie: string | undefined
  const stores: StoreId[] = []
  const world: World = new World({
    seed,
    ...trait,
    skewsMs: skewsOf(trait, random),
    kinds,
    changed: (node) => {
      if (trait.isWatched) for (const id of stores) lie ??= findLie(world, node, id)
    },
  })
  const all = [...CORE_KINDS, ...kinds]
  const types = all.map(({ type }) => type)
  const guest = trait.hasGuest && trait.nodes > 2 ? world.nodes.at(-1) : undefined
  const { space, children } = await world.foundSpace(types, guest !== undefined)
  stores.push(space, ...children)
  const scene: Scene = { world, space, stores, guest, kinds: all, random, fail }
  for (let i = 0; i < STEPS; i++) {
    await act(scene, trait)
    await world.timers.run(random() * 400)
    const found = lie ?? everyNode(scene, (node, id) => findLie(world, node, id) ?? findLoss(node))
    if (found) fail(found)
  }
  const levelMs = await settle(scene)
  await judge(scene)
  if (lie) fail(lie)
  const { dag } = world.nodes[0]!.store(space)!
  const life = { intentions: dag.count, levelMs, fingerprint: bytesToHex(dag.fingerprint()) }
  await world.dispose()
  return life
}

const everyNode = (
  { world, stores }: Scene,
  check: (node: SimNode, id: StoreId) => string | undefined,
): string | undefined => {
  for (const node of world.nodes)
    for (const id of node.running ? stores : []) {
      const found = check(node, id)
      if (found) return found
    }
  return undefined
}

/** Heals everything and waits for all to say level. Returns how long that took. */
const settle = async ({ world, stores, fail }: Scene): Promise<number> => {
  await world.heal()
  const healedMs = world.timers.nowMs()
  const done = await world.timers.run(LEVEL_MS_MAX + AHEAD_MS, () =>
    stores.every((id) => isConverged(world, id) && isLevel(world, id)),
  )
  if (!done) {
    const at = stores.flatMap((id) =>
      isConverged(world, id) && isLevel(world, id)
        ? []
        : holdersOf(world, id).map(
            (node) => `${node.name} ${node.store(id)?.type}: ${node.store(id)?.dag.count} ${node.engine.isLevel(id)}`,
          ),
    )
    fail(`not level after healing (${at.join(', ')})`)
  }
  return world.timers.nowMs() - healedMs
}

const judge = async (scene: Scene): Promise<void> => {
  const { world, stores, fail } = scene
  const found =
    everyNode(scene, (node, id) => findLie(world, node, id) ?? findLoss(node)) ??
    stores.map((id) => findDivergence(world, id)).find((odd) => odd !== undefined)
  if (found) fail(found)
  for (const id of stores) {
    const misfold = await findMisfold(world, id)
    if (misfold) fail(misfold)
  }
  if (world.errors.length > 0) fail(`a device failed in the background: ${String(world.errors[0])}`)
}

// --- what happens ---

const act = async (scene: Scene, trait: Traits): Promise<void> => {
  const { world, stores, random } = scene
  const pickOf = <T>(items: readonly T[]): T => items[Math.floor(random() * items.length)]!
  const [a, b] = [pickOf(world.nodes), pickOf(world.nodes)]
  const id = pickOf(stores)
  const [x, y] = [a.signer.publicKey, b.signer.publicKey]
  const dice = random()
  if (dice < 0.5) for (let n = 1 + Math.floor(random() * 3); n > 0; n--) void a.write(id, random)
  else if (dice < 0.58 && a !== b) world.network.setCut(x, y, true)
  else if (dice < 0.66 && a !== b) world.network.setCut(x, y, false)
  else if (dice < 0.72 && a !== b) world.network.drop(x, y)
  else if (dice < 0.8) {
    // A write is under way, as likely as not.
    void a.write(id, random)
    await world.timers.run(random() * 40)
    a.crash()
  } else if (dice < 0.9) await world.finish(a.start())
  else if (dice < 0.96) await administer(scene, trait, a, b)
  else if (trait.hasBackups) await restoreOrBackUp(scene, a)
  else if (trait.hasRefusals && a !== world.nodes[0] && id !== scene.space && a.store(id)) void a.decline(id)
}

/** An act of a random device; it may be refused. */
const administer = async (scene: Scene, trait: Traits, by: SimNode, subject: SimNode): Promise<void> => {
  const { world, space, stores, guest, random, kinds } = scene
  if (!by.has(space)) return
  const { manager, name } = by
  const device = subject.signer.publicKey
  const role = ROLES[Math.floor(random() * 3)]!
  const dice = random()
  if (dice < 0.4 && stores.length < CHILDREN_MAX && manager.get(space)!.access.mayAdminister(by.signer.publicKey)) {
    const type = kinds[Math.floor(random() * kinds.length)]!.type
    const created = await world.finish(manager.create(type, { name: `of ${name}`, parent: space }))
    if (created.ok) stores.push(created.value.id)
  } else if (subject === world.nodes[0] || subject === guest) return
  else if (dice < 0.6) void setRole(manager, space, device, role)
  else if (dice < 0.8) void addPeer(manager, space, { device, name: subject.name, role })
  else if (trait.hasRevocations) void revokePeer(manager, space, device)
}

/** What a restored device was told is durable counts only as far as the copy, or somebody else, has it. */
const restoreOrBackUp = async ({ world, random }: Scene, node: SimNode): Promise<void> => {
  if (random() < 0.5) return node.backUp()
  if (!node.restore()) return
  await world.finish(node.start())
  for (const [hex, hashes] of node.acknowledged) {
    const store = node.manager.byHex(hex)
    const kept = new Set(store && [...store.dag.log()].map(({ hash }) => bytesToHex(hash)))
    for (const hash of hashes) if (!kept.has(hash)) hashes.delete(hash)
  }
}

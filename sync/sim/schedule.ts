/** One random life of a world, and what must hold of it. Shared by the unit test (few seeds) and the campaign. */
import { bytesToHex } from '#kernel/core/bytes.ts'
import { seededRandom } from './clock.ts'
import { World } from './world.ts'

const STEPS = 60
/** After healing, so much virtual time must do. */
const LEVEL_MS_MAX = 120_000

export interface Life {
  readonly intentions: number
  /** Virtual time from healing until all said level. */
  readonly levelMs: number
  readonly fingerprint: string
}

/** Throws with the seed in the message when anything that must hold does not. */
export const live = async (seed: number): Promise<Life> => {
  const random = seededRandom(seed ^ 0x5eed)
  const pick = (n: number): number => Math.floor(random() * n)
  const world = new World({ seed, nodes: 2 + pick(4), jitterMs: pick(100) })
  const fail = (why: string): never => {
    throw new Error(`seed ${seed}: ${why}`)
  }
  const id = await world.found()
  for (let i = 0; i < STEPS; i++) {
    const [a, b] = [world.nodes[pick(world.nodes.length)]!, world.nodes[pick(world.nodes.length)]!]
    const dice = random()
    if (dice < 0.55) void a.write(id, random)
    else if (dice < 0.65 && a !== b) world.network.setCut(a.signer.publicKey, b.signer.publicKey, true)
    else if (dice < 0.75 && a !== b) world.network.setCut(a.signer.publicKey, b.signer.publicKey, false)
    else if (dice < 0.83 && a !== b) world.network.drop(a.signer.publicKey, b.signer.publicKey)
    else if (dice < 0.9) a.crash()
    else await a.start()
    await world.timers.run(pick(400))
    const lie = world.findLie(id)
    if (lie) fail(lie)
  }
  await world.heal()
  const healedMs = world.timers.nowMs()
  const isDone = await world.timers.run(LEVEL_MS_MAX, () => world.isConverged(id) && world.isLevel(id))
  if (!isDone) {
    const at = world.nodes.map((node) => `${node.name}: ${node.store(id)?.dag.count} level ${node.engine.isLevel(id)}`)
    fail(`not level ${LEVEL_MS_MAX} ms after healing (${at.join(', ')})`)
  }
  const lie = world.findLie(id)
  if (lie) fail(lie)
  const states = world.nodes.map((node) => node.stateOf(id).join('\n'))
  if (states.some((state) => state !== states[0])) fail('the states differ')
  if (world.errors.length > 0) fail(`a device failed in the background: ${String(world.errors[0])}`)
  const { dag } = world.nodes[0]!.store(id)!
  const life = {
    intentions: dag.count,
    levelMs: world.timers.nowMs() - healedMs,
    fingerprint: bytesToHex(dag.fingerprint()),
  }
  await world.dispose()
  return life
}

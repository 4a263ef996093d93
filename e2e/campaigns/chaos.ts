/**
 * Two nodes, two scribblers at work on both sides at once, and SIGKILL for a random node every few seconds. In the
 * end both trees are equal, no version is gone that nobody replaced knowingly, and a rebuild changes no byte of state.
 *
 *     node e2e/campaigns/chaos.ts --seconds 300 [--seed N]
 */
import fs from 'node:fs'
import path from 'node:path'
import { setTimeout as pause } from 'node:timers/promises'
import { parseArgs } from 'node:util'
import { seededRandom, type Random } from '../support/random.ts'
import { describeTree, differences } from '../support/trees.ts'
import { level, TestWorld } from '../support/world.ts'
import { Ledger, Scribbler, versionsUnder } from './scribbler.ts'

export interface ChaosReport {
  readonly seed: number
  readonly steps: number
  readonly kills: number
  readonly versions: number
  /** Why the two are not level; undefined: they are. */
  readonly stuck: string | undefined
  /** Lines of both trees that differ. */
  readonly differences: readonly string[]
  /** Versions that are nowhere, though nobody replaced or deleted them knowingly. */
  readonly lost: readonly string[]
  /** Stores whose state a rebuild changed. */
  readonly rebuilt: readonly string[]
}

/** `seconds` is how long the scribbling lasts; the pauses between acts are the workload, not a wait for a result. */
export async function chaos(options: { seed: number; seconds: number }): Promise<ChaosReport> {
  await using world = await TestWorld.create()
  const nodes = await world.pair()
  const random = seededRandom(options.seed)
  const ledger = new Ledger(path.join(world.root, 'diary'))
  const scribblers = (['a', 'b'] as const).map((side) => {
    const outside = path.join(world.root, `outside-${side}`)
    fs.mkdirSync(outside)
    const root = side === 'a' ? nodes.dirA : nodes.dirB
    return new Scribbler({
      root,
      outside,
      side,
      ledger,
      random: seededRandom(options.seed * 2 + (side === 'a' ? 0 : 1)),
    })
  })
  const end = performance.now() + options.seconds * 1000
  let steps = 0
  const scribble = async (scribbler: Scribbler, own: Random): Promise<void> => {
    while (performance.now() < end) {
      for (let burst = own.below(8); burst >= 0; burst--, steps++) scribbler.step()
      await pause(own.below(120))
    }
  }
  let kills = 0
  const kill = async (): Promise<void> => {
    while (performance.now() < end) {
      await pause(1000 + random.below(4000))
      const victim = random.pick([nodes.a, nodes.b])!
      await victim.kill()
      ledger.note(victim.name, 'is killed')
      kills++
      await pause(random.below(1500))
      await victim.up()
      ledger.note(victim.name, 'is up')
    }
  }
  await Promise.all([kill(), ...scribblers.map((s, i) => scribble(s, seededRandom(options.seed + 100 + i)))])
  const stuck = await level('f', nodes.a, nodes.b).then(
    () => undefined,
    (error: unknown) => String(error),
  )

  const rebuilt: string[] = []
  for (const node of [nodes.a, nodes.b]) {
    const { stores } = await node.json<{ stores: { id: string; changed: boolean }[] }>('store', 'rebuild')
    for (const store of stores) if (store.changed) rebuilt.push(`${node.home} ${store.id}`)
  }
  const found = new Set([nodes.dirA, nodes.dirB].flatMap((dir) => [...versionsUnder(dir)]))
  const lost = [...ledger.written]
    .filter(([id]) => !found.has(id) && !ledger.gone.has(id))
    .map(([id, file]) => `${id} (${file})`)
  return {
    seed: options.seed,
    steps,
    kills,
    versions: ledger.written.size,
    stuck,
    differences: differences(describeTree(nodes.dirA), describeTree(nodes.dirB)),
    lost,
    rebuilt,
  }
}

if (import.meta.main) {
  const { values } = parseArgs({ options: { seconds: { type: 'string', default: '300' }, seed: { type: 'string' } } })
  const report = await chaos({
    seconds: Number(values.seconds),
    seed: Number(values.seed ?? Math.floor(Math.random() * 1e6)),
  })
  console.log(JSON.stringify(report, null, 2))
  const { stuck, differences: differ, lost, rebuilt } = report
  process.exit(stuck === undefined && differ.length + lost.length + rebuilt.length === 0 ? 0 : 1)
}

import fc from 'fast-check'
import { describe, expect, test } from 'vitest'
import { bytesToHex, compareBytes, type Hash, type HexKey } from '../core/bytes.ts'
import { AHEAD_MS_MAX, hlcToMs } from '../core/hlc.ts'
import type { VerifiedIntention } from '../core/intention.ts'
import { MemoryDisk } from '../storage/memory.ts'
import { DagWriter, type DagHooks, type Insertion } from './dag.ts'
import type { FloatingLimits } from './floating.ts'
import {
  dotOf,
  genesis,
  history,
  Model,
  NOW_MS,
  parentsOf,
  resigned,
  testSigner,
  writeNext,
  type Step,
} from './model.ts'
import { nextChain } from './records.ts'
import { allocateStore, storeNumber } from './summary.ts'
import { addTo, zeroSum } from './sum.ts'
import { LOG_TABLES } from './tables.ts'
import { DagView } from './view.ts'

const APPLY: DagHooks = { admit: () => 'apply', witnessed: () => {}, pause: () => false }
const hex = (hashes: Iterable<Hash>): HexKey[] => [...hashes].map(bytesToHex)
const peer = testSigner(200).publicKey

/** A device under test: a memory disk that can be restarted. */
class Device {
  readonly disk = new MemoryDisk(LOG_TABLES)
  backend = this.disk.open()
  readonly storeId: Hash

  constructor(storeId: Hash) {
    this.storeId = storeId
  }

  restart(): void {
    this.backend.crash()
    this.backend = this.disk.open()
  }

  within<T>(body: (dag: DagWriter) => T, hooks = APPLY, limits?: FloatingLimits): Promise<T> {
    return this.backend.write((tx) => {
      const dag = new DagWriter(tx, allocateStore(tx, this.storeId), hooks, limits)
      const result = body(dag)
      dag.flush()
      return result
    })
  }

  insert(batch: readonly VerifiedIntention[], wallMs = NOW_MS, hooks = APPLY): Promise<Insertion[]> {
    return this.within((dag) => batch.map((x) => dag.insert(x, { wallMs, from: peer })), hooks)
  }

  get view(): DagView {
    return DagView.open(this.backend, storeNumber(this.backend, this.storeId)!)
  }
}

const steps = fc.array(fc.record({ who: fc.nat(5), from: fc.nat(5), learn: fc.boolean() }), { maxLength: 40 })
/** Signers of the replicas: one history has a restored backup of signer 1, one has two, the first none. */
const worlds = fc.constantFrom([0, 1, 2, 3], [0, 1, 1, 2], [0, 1, 1, 2, 2, 1])

const scenario = fc.record({
  replicas: worlds,
  steps,
  order: fc.infiniteStream(fc.nat()),
  batch: fc.integer({ min: 1, max: 12 }),
  restarts: fc.boolean(),
})

const shuffled = <T>(items: readonly T[], order: Iterator<number>): T[] => {
  const out = [...items]
  for (let i = out.length - 1; i > 0; i--) {
    const j = (order.next().value as number) % (i + 1)
    ;[out[i], out[j]] = [out[j]!, out[i]!]
  }
  return out
}

const expectGraph = (dag: DagView, all: readonly VerifiedIntention[]): void => {
  const model = new Model(all)
  expect(dag.count).toBe(all.length)
  expect(hex(dag.heads()).sort()).toEqual(model.heads().sort())
  expect(new Map(dag.vector())).toEqual(model.vector())
  expect(new Set(dag.forkedAuthors())).toEqual(model.forkedAuthors())
  const sum = zeroSum()
  for (const x of all) addTo(sum, x.hash)
  expect(dag.fingerprint()).toEqual(sum)
  expect(dag.ranges.sum(0, all.length)).toEqual(sum)
  const byTime = [...all].sort((a, b) => hlcToMs(a.hlc) - hlcToMs(b.hlc) || compareBytes(a.hash, b.hash))
  expect(hex([...dag.ranges.items(0, all.length)].map((item) => item.id))).toEqual(hex(byTime.map((x) => x.hash)))
  for (const x of all) {
    const got = dag.get(x.hash)!
    expect(got.generation).toBe(model.generation(bytesToHex(x.hash)))
    expect(dag.signedBytes(x.hash)).toEqual(x.bytes)
    for (const y of all)
      expect(dag.isAncestor(dotOf(y), x.hash)).toBe(model.isAncestor(bytesToHex(y.hash), bytesToHex(x.hash)))
  }
}

const expectWalks = (dag: DagView, all: readonly VerifiedIntention[]): void => {
  const model = new Model(all)
  const some = all.filter((_, i) => i % 5 === 0 || i === all.length - 1).map((x) => bytesToHex(x.hash))
  const hashOf = (x: HexKey) => model.byHash.get(x)!.hash
  const inOrder = (path: readonly HexKey[]) => {
    const positions = path.map((x) => dag.get(hashOf(x))!.witnessSeq)
    expect(positions).toEqual(positions.toSorted((a, b) => a - b))
  }
  for (const a of some)
    for (const b of some) {
      expect(new Set(hex(dag.lca(hashOf(a), hashOf(b))))).toEqual(model.fork([a, b]))
      const path = hex(dag.path(hashOf(a), hashOf(b)))
      expect(new Set(path)).toEqual(model.path(a, b))
      inOrder(path)
    }
  const heads = dag.heads()
  const { fork, branches } = dag.branches(heads)
  expect(new Set(hex(fork))).toEqual(model.fork(hex(heads)))
  for (const head of hex(heads)) {
    const branch = hex(branches.get(head)!)
    expect(new Set(branch)).toEqual(model.own(head, hex(heads)))
    inOrder(branch)
    if (heads.length > 1) expect(branch.at(-1)).toBe(head)
  }
}

const expectLog = (dag: DagView, all: readonly VerifiedIntention[]): void => {
  let chain: Hash = new Uint8Array(32) as Hash
  const seen = new Set<HexKey>()
  const byHash = new Map(all.map((x) => [bytesToHex(x.hash), x]))
  let next = 0
  for (const { witnessSeq, hash } of dag.log()) {
    expect(witnessSeq).toBe(next++)
    for (const parent of parentsOf(byHash.get(bytesToHex(hash))!)) expect(seen).toContain(bytesToHex(parent))
    seen.add(bytesToHex(hash))
    chain = nextChain(chain, hash)
  }
  expect(seen.size).toBe(all.length)
  expect(dag.logChain()).toEqual(chain)
  for (const author of new Set(all.map((x) => x.author)))
    expect(hex([...dag.chain(author, 2, 5)].map((x) => x.hash)).sort()).toEqual(
      hex(
        all.filter((x) => compareBytes(x.author, author) === 0 && x.seq >= 2 && x.seq <= 5).map((x) => x.hash),
      ).sort(),
    )
}

describe('any history, in any order, batching and with restarts', () => {
  test('gives the graph that the model knows', { timeout: 120_000 }, async () => {
    const property = fc.asyncProperty(scenario, async ({ replicas, steps, order, batch, restarts }) => {
      const all = history(replicas, steps)
      const device = new Device(all[0]!.storeId)
      const arriving = shuffled([...all, ...all.slice(0, 5)], order[Symbol.iterator]())
      for (let i = 0; i < arriving.length; i += batch) {
        await device.insert(arriving.slice(i, i + batch))
        expectFloating(device.view, arriving.slice(0, i + batch))
        if (restarts) device.restart()
      }
      expectGraph(device.view, all)
      expectWalks(device.view, all)
      expectLog(device.view, all)
    })
    await fc.assert(property, { numRuns: 150 })
  })
})

/** Witnessed is what has all its past; the rest floats and asks for exactly the parents nobody has sent. */
const expectFloating = (dag: DagView, arrived: readonly VerifiedIntention[]): void => {
  const byHash = new Map(arrived.map((x) => [bytesToHex(x.hash), x]))
  const whole = new Map<HexKey, boolean>()
  const isWhole = (x: HexKey): boolean => {
    const known = whole.get(x) ?? (byHash.has(x) && hex(parentsOf(byHash.get(x)!)).every(isWhole))
    whole.set(x, known)
    return known
  }
  const floating = [...byHash.keys()].filter((x) => !isWhole(x))
  expect(dag.count).toBe(byHash.size - floating.length)
  expect(dag.floatingCount()).toBe(floating.length)
  const missing = new Set(floating.flatMap((x) => hex(parentsOf(byHash.get(x)!))).filter((x) => !byHash.has(x)))
  expect(new Set(hex(dag.missing(1_000)))).toEqual(missing)
}

const line = (length: number): VerifiedIntention[] =>
  history(
    [0],
    Array.from({ length: length - 1 }, (): Step => ({ who: 0, from: 0, learn: false })),
  )

describe('floating', () => {
  test('the last missing parent wakes a whole chain, in order', async () => {
    const all = line(6)
    const device = new Device(all[0]!.storeId)
    const first = await device.insert([...all].reverse().slice(0, 5))
    expect(first.map((x) => x.outcome)).toEqual(Array(5).fill('floating'))
    expect(hex(device.view.missing(10))).toEqual([bytesToHex(all[0]!.hash)])
    expect(device.view.signedBytes(all[3]!.hash)).toEqual(all[3]!.bytes)
    const [woken] = await device.insert([all[0]!])
    expect(hex(woken!.witnessed.map((x) => x.hash))).toEqual(hex(all.map((x) => x.hash)))
    expect(device.view.floatingCount()).toBe(0)
    expect([...device.backend.range('waiting')]).toEqual([])
  })

  test('a chain that is woken with pauses, and a power cut between two, goes on until all of it is there', async () => {
    const all = line(12)
    const side = Array.from({ length: 5 }, (_, i) => writeNext(testSigner(i + 1), [all[0]!], NOW_MS + 100 + i))
    const device = new Device(all[0]!.storeId)
    await device.insert([...side, ...all.slice(1)].reverse())
    const hasty: DagHooks = { ...APPLY, pause: () => true }
    await device.insert([all[0]!], NOW_MS, hasty)
    expect(device.view.count).toBe(1)
    // Every step looks at one parent at least.
    for (let step = 0; step < 2 * (all.length + side.length); step++) {
      device.restart()
      await device.within((dag) => dag.resume(NOW_MS), hasty)
    }
    expect(await device.within((dag) => dag.isPaused)).toBe(false)
    expect(device.view.count).toBe(all.length + side.length)
    expect(device.view.floatingCount()).toBe(0)
    expect([...device.backend.range('waiting')]).toEqual([])
  })

  test('what is ahead of the clock waits for it', async () => {
    const [first] = line(1)
    const ahead = writeNext(testSigner(0), [first!], NOW_MS + AHEAD_MS_MAX + 10)
    const device = new Device(first!.storeId)
    await device.insert([first!, ahead])
    expect(device.view.count).toBe(1)
    expect(device.view.nextDueMs()).toBe(NOW_MS + 10)
    expect((await device.within((dag) => dag.wakeDue(NOW_MS + 9))).witnessed).toEqual([])
    expect((await device.within((dag) => dag.wakeDue(NOW_MS + 10))).witnessed).toHaveLength(1)
    expect(device.view.nextDueMs()).toBeUndefined()
  })

  test('what waits for a grant is asked again, per author, and may be excluded', async () => {
    const [first] = line(1)
    const [guest, other] = [1, 2].map((n) => writeNext(testSigner(n), [first!], NOW_MS))
    const device = new Device(first!.storeId)
    const gate = (answer: 'apply' | 'exclude'): DagHooks => ({
      admit: ({ author }) =>
        compareBytes(author, guest!.author) === 0 ? answer : author === first!.author ? 'apply' : 'float',
      witnessed: () => {},
      pause: () => false,
    })
    const closed: DagHooks = {
      admit: ({ isGenesis }) => (isGenesis ? 'apply' : 'float'),
      witnessed: () => {},
      pause: () => false,
    }
    await device.insert([first!, guest!, other!], NOW_MS, closed)
    expect(device.view.count).toBe(1)
    expect(device.view.missing(10)).toEqual([])
    const woken = await device.within((dag) => dag.wakeGated(NOW_MS, guest!.author), gate('exclude'))
    expect(woken.witnessed.map((x) => x.excluded)).toEqual([true])
    expect(device.view.count).toBe(2)
    await device.within((dag) => dag.setExcluded(guest!.hash, false))
    expect(device.view.get(guest!.hash)!.excluded).toBe(false)
    expect((await device.within((dag) => dag.wakeGated(NOW_MS))).witnessed).toHaveLength(1)
  })

  test('is bounded per peer and in total, and expires', async () => {
    const all = line(20)
    const device = new Device(all[0]!.storeId)
    const limits: FloatingLimits = {
      countMax: 6,
      bytesMax: 1e6,
      peerBytesMax: 3 * all[5]!.bytes.length,
      ageMsMax: 1_000,
    }
    const send = (from: number, batch: readonly VerifiedIntention[], wallMs = NOW_MS) =>
      device.within(
        (dag) => batch.map((x) => dag.insert(x, { wallMs, from: testSigner(from).publicKey }).outcome),
        APPLY,
        limits,
      )
    expect(await send(1, all.slice(2, 6))).toEqual(['floating', 'floating', 'floating', 'rejected'])
    expect(await send(2, all.slice(10, 14), NOW_MS + 500)).toEqual(['floating', 'floating', 'floating', 'rejected'])
    expect(await send(3, all.slice(15, 16))).toEqual(['rejected'])
    expect(await device.within((dag) => dag.expire(NOW_MS + 1_000).length, APPLY, limits)).toBe(3)
    expect(await send(1, all.slice(2, 5))).toEqual(['floating', 'floating', 'floating'])
    await device.within((dag) => dag.expire(NOW_MS + 9_000), APPLY, limits)
    expect(device.view.floatingCount()).toBe(0)
    expect([...device.backend.range('waiting')]).toEqual([])
  })
})

describe('what cannot be', () => {
  test('another store, a broken chain and a clock that runs back are rejected', async () => {
    const [first, second] = line(2)
    const device = new Device(first!.storeId)
    await device.insert([first!, second!])
    const reasons = async (x: VerifiedIntention) => (await device.insert([x]))[0]!.rejected.map((r) => r.error.kind)
    expect(await reasons(genesis(testSigner(0), 9))).toEqual(['wrong-store'])
    const guest = writeNext(testSigner(1), [first!], NOW_MS)
    expect(await reasons(resigned(guest, { seq: 2, prev: second!.hash, deps: [], hlc: second!.hlc + 9n }))).toEqual([
      'bad-chain',
    ])
    expect(await reasons(resigned(guest, { hlc: first!.hlc }))).toEqual(['bad-clock'])
    expect(device.view.count).toBe(2)
  })

  test('a body that throws leaves nothing behind', async () => {
    const all = line(3)
    const device = new Device(all[0]!.storeId)
    await device.insert(all.slice(0, 1))
    const before = [...LOG_TABLES].map((table) => [...device.backend.range(table)])
    const failing = device.within((dag) => {
      dag.insert(all[1]!, { wallMs: NOW_MS, from: peer })
      throw new RangeError('no')
    })
    await expect(failing).rejects.toThrow(RangeError)
    expect([...LOG_TABLES].map((table) => [...device.backend.range(table)])).toEqual(before)
  })
})

test('each witness is folded before the next is admitted, with its own past in view', async () => {
  const all = line(4)
  const device = new Device(all[0]!.storeId)
  const events: string[] = []
  const hooks: DagHooks = {
    pause: () => false,
    admit: (x, dag) => (events.push(`admit ${x.seq} after ${dag.count}`), 'apply'),
    witnessed: (w, x, dag) => {
      events.push(`fold ${x.seq} at ${w.witnessSeq}`)
      expect(dag.isAncestor(dotOf(all[0]!), w.hash)).toBe(true)
    },
  }
  await device.insert([...all].reverse(), NOW_MS, hooks)
  expect(events).toEqual([1, 2, 3, 4].flatMap((n) => [`admit ${n} after ${n - 1}`, `fold ${n} at ${n - 1}`]))
})

/**
 * Order does not matter: random sets of intentions in a space and its child, in random orders and batches, with power
 * cuts in between, fold to the bytes of a straight run and to what the naive model says. `ORDER_RUNS` and
 * `ORDER_DISK_RUNS` set the numbers.
 */
import { mkdtemp, rm } from 'node:fs/promises'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import fc from 'fast-check'
import { expect, test } from 'vitest'
import { bytesToHex, compareBytes, type Hash, type StoreId } from '../core/bytes.ts'
import { signIntention } from '../core/intention.ts'
import type { Signature } from '../core/bytes.ts'
import type { Signer } from '../core/signing.ts'
import { kvBatch } from '../state/kv.ts'
import { KV_TYPE, SPACE_TYPE } from '../state/registry.ts'
import { systemOp, wireRole } from '../state/system-op.ts'
import { Strategy, type SystemOp } from '#proto/system'
import { openLmdb } from '../storage/lmdb.ts'
import type { StorageBackend } from '../storage/port.ts'
import { encodeDraft } from './author.ts'
import { encodeGenesis } from './found.ts'
import { KERNEL_TABLES } from './tables.ts'
import { ModelAuthority, modelCells, type ModelIntention, type ModelOp } from './model.ts'
import { must, openDevice, restart, stateOf, storeOf, TestClock, testSigner, type Device } from './testkit.ts'

const NAMES = ['founder', 'bea', 'cai', 'dov'] as const
const ROLES = ['reader', 'writer', 'admin'] as const
const text = (s: string) => new TextEncoder().encode(s)

/** Signatures are not what is tested here: none is made, and every one is good. */
const trusting = { verify: () => true }
const signers = new Map<string, Signer>(
  NAMES.map((name) => [
    name,
    { publicKey: testSigner(name).publicKey, sign: () => new Uint8Array(64) as Uint8Array as Signature },
  ]),
)
const keyOf = (name: string) => signers.get(name)!.publicKey

/** What to write, as small numbers: whoever shrinks it understands it. */
const step = fc.record({
  store: fc.constantFrom('space', 'child'),
  author: fc.nat(3),
  /** Which earlier intentions its author has seen. */
  seen: fc.array(fc.nat(60), { maxLength: 3 }),
  later: fc.nat(3),
  what: fc.nat(9),
  device: fc.integer({ min: 1, max: 3 }),
  rank: fc.nat(3),
  position: fc.nat(8),
  key: fc.nat(2),
  keep: fc.boolean(),
})
type Step = typeof step extends fc.Arbitrary<infer T> ? T : never

interface Made {
  readonly bytes: Uint8Array
  readonly model: ModelIntention
}

class Log {
  readonly name: string
  readonly id: StoreId
  readonly made: Made[] = []
  readonly #last = new Map<string, Made>()

  constructor(name: string, type: string) {
    this.name = name
    const ops = encodeGenesis(type, new Uint8Array(16).fill(name.length))
    this.id = this.#push(
      { storeId: undefined, seq: 1, prev: undefined, deps: [], hlc: 1n, ops },
      'founder',
      new Set(),
      { kind: 'none' },
    )
  }

  #push(draft: Parameters<typeof signIntention>[0], device: string, past: Set<ModelIntention>, op: ModelOp): Hash {
    const signed = must(signIntention(draft, signers.get(device)!))
    const { hash, author, seq, hlc } = signed
    const made = { bytes: signed.bytes, model: { hash, author, device, seq, hlc, op, past } }
    this.made.push(made)
    this.#last.set(device, made)
    return hash
  }

  /** `ops` is asked for once the causal past is known. */
  add(
    device: string,
    seen: readonly number[],
    later: number,
    write: (past: ReadonlySet<ModelIntention>) => { op: ModelOp; ops: Uint8Array },
  ): void {
    const own = this.#last.get(device)
    const others = seen.map((i) => this.made[i % this.made.length]!)
    const parents = [...new Set(own === undefined ? [this.made[0]!, ...others] : [own, ...others])].map((m) => m.model)
    const past = new Set(parents.flatMap((parent) => [parent, ...parent.past]))
    const heads = parents.filter((parent) => !parents.some((other) => other.past.has(parent)))
    const prev = own?.model.hash
    const deps = heads
      .map(({ hash }) => hash)
      .filter((hash) => hash !== prev)
      .sort(compareBytes)
    const hlc = parents.reduce((most, { hlc }) => (hlc > most ? hlc : most), 0n) + 1n + BigInt(later)
    const { op, ops } = write(past)
    const seq = (own?.model.seq ?? 0) + 1
    this.#push({ storeId: this.id, seq, prev, deps, hlc, ops }, device, past, op)
  }
}

const memberOps = (
  device: string,
  rank: number,
  positions: Record<string, number>,
  ids: Record<string, StoreId>,
  add: boolean,
) => {
  const cutoffs = Object.entries(positions).map(([name, seq]) => ({ storeId: ids[name]!, lastSeq: BigInt(seq) }))
  const [key, role] = [keyOf(device), rank === 0 ? undefined : wireRole(ROLES[rank - 1]!)]
  let system: SystemOp
  if (role === undefined) system = systemOp({ case: 'peerRevoke', value: { device: key, cutoffs } })
  else if (add) system = systemOp({ case: 'peerAdd', value: { device: key, name: device, role, since: cutoffs } })
  else system = systemOp({ case: 'setRole', value: { device: key, role, cutoffs } })
  return encodeDraft({ system })
}

const build = (steps: readonly Step[]): { space: Log; child: Log } => {
  const [space, child] = [new Log('space', SPACE_TYPE), new Log('child', KV_TYPE)]
  const ids = { space: space.id, child: child.id }
  const member = (
    log: Log,
    author: string,
    seen: readonly number[],
    later: number,
    device: string,
    rank: number,
    positions: Record<string, number>,
    add: boolean,
  ) =>
    log.add(author, seen, later, () => ({
      op: { kind: 'member', device, rank, positions, giving: rank > 0 },
      ops: memberOps(device, rank, positions, ids, add),
    }))
  // Everyone is named, so that nothing floats for ever; the rest is up to the steps.
  NAMES.slice(1).forEach((name, i) => member(space, 'founder', [], 0, name, [3, 2, 3][i]!, {}, true))
  const listed = systemOp({ case: 'childAdd', value: { storeId: child.id, type: KV_TYPE, name: 'notes' } })
  space.add('founder', [], 0, () => ({ op: { kind: 'none' }, ops: encodeDraft({ system: listed }) }))
  for (const s of steps) {
    const author = NAMES[s.author]!
    if (s.store === 'space') {
      const positions: Record<string, number> =
        s.what % 2 ? { space: s.position, child: s.position } : { child: s.position }
      member(space, author, [4, ...s.seen], s.later, NAMES[s.device]!, s.what < 4 ? 0 : s.rank, positions, s.what > 6)
    } else if (s.what === 9 && s.keep) {
      const role = wireRole(ROLES[s.rank % 3]!)
      const members = NAMES.map((name, i) => ({
        device: keyOf(name),
        name,
        role: i === s.device ? role : wireRole('writer'),
        lastSeq: BigInt(s.position),
        revoked: i === s.device && s.rank === 3,
      }))
      const system = systemOp({ case: 'setStrategy', value: { strategy: Strategy.INDEPENDENT, members } })
      child.add(author, s.seen, s.later, () => ({ op: { kind: 'none' }, ops: encodeDraft({ system }) }))
    } else
      child.add(author, s.seen, s.later, (past) => {
        const key = `k${s.key}`
        const value = s.what === 0 ? undefined : `${author} ${s.what}`
        const keep = s.keep
          ? [...past]
              .filter((i) => i.op.kind === 'write' && i.op.key === key)
              .map((i) => i.hash)
              .slice(0, 2)
          : []
        const batch =
          value === undefined ? kvBatch().delete(text(key), keep) : kvBatch().put(text(key), text(value), keep)
        return { op: { kind: 'write', key, value, keep }, ops: encodeDraft({ app: batch.encode() }) }
      })
  }
  return { space, child }
}

const cellsOf = (device: Device, id: StoreId) =>
  new Map(
    [...storeOf(device, id).state.cells.cells()].map(([key, { heads }]) => [
      new TextDecoder().decode(key),
      heads.map(
        ({ hash, value }) => `${bytesToHex(hash)}=${value === undefined ? undefined : new TextDecoder().decode(value)}`,
      ),
    ]),
  )

const fresh = async (clock: TestClock, logs: { space: Log; child: Log }, on?: StorageBackend): Promise<Device> => {
  const device = await openDevice('reader', clock, on, trusting)
  must(await device.manager.adopt(logs.space.id))
  must(await device.manager.adopt(logs.child.id))
  return device
}

const quiet = { store: 'space', seen: [], later: 0, device: 1, position: 0, key: 0, keep: false } as const
/** What this test found once. */
const FOUND: [Step[], number[]][] = [
  // A revocation cuts an op of the revoked admin, whom a later grant then covers again from the start.
  [
    [
      { ...quiet, author: 0, seen: [], what: 0, rank: 0 },
      { ...quiet, author: 1, seen: [], what: 7, rank: 1, position: 1 },
      { ...quiet, author: 0, seen: [], what: 4, rank: 3 },
    ],
    [0, 0, 9],
  ],
]

const RUNS = Number(process.env['ORDER_RUNS'] ?? 150)

test('any order, batching and restarts fold to the same bytes, and to what the model says', async () => {
  const schedule = fc.array(fc.nat(1_000), { minLength: 1, maxLength: 100 })
  await fc.assert(
    fc.asyncProperty(fc.array(step, { maxLength: 24 }), schedule, async (steps, order) => {
      const clock = new TestClock()
      const logs = build(steps)
      const straight = await fresh(clock, logs)
      for (const log of [logs.space, logs.child])
        must(
          await storeOf(straight, log.id).ingest(
            log.made.map(({ bytes }) => bytes),
            keyOf('founder'),
          ),
        )

      const shuffled = [logs.space, logs.child]
        .flatMap((log) => log.made.map(({ bytes }) => ({ log, bytes })))
        .map((item, i) => ({ item, at: (order[i % order.length]! * (i + 1) * 7_919) % 10_007 }))
        .sort((a, b) => a.at - b.at)
      const device = await fresh(clock, logs)
      for (let i = 0; i < shuffled.length;) {
        const { log } = shuffled[i]!.item
        const size = 1 + (shuffled[i]!.at % 5)
        const batch = shuffled.slice(i, i + size).map(({ item }) => item)
        i += size
        for (const each of new Set([log, ...batch.map((item) => item.log)])) {
          const bytes = batch.filter((item) => item.log === each).map((item) => item.bytes)
          must(await storeOf(device, each.id).ingest(bytes, keyOf('founder')))
        }
        if (shuffled[i]?.at !== undefined && shuffled[i]!.at % 11 === 0) await restart(device, clock)
      }
      for (const log of [logs.space, logs.child]) {
        expect(storeOf(device, log.id).dag.count).toBe(log.made.length)
        expect(stateOf(device, log.id)).toEqual(stateOf(straight, log.id))
        expect(await storeOf(device, log.id).rebuild()).toMatchObject({ changed: false })
      }
      if (storeOf(device, logs.child.id).core.authority.isIndependent) return // the model speaks of inheriting stores
      const authority = new ModelAuthority(
        'space',
        'founder',
        logs.space.made.map(({ model }) => model),
      )
      const counted = logs.child.made
        .map(({ model }) => model)
        .filter((i) => authority.may(i.device, i.seq, 'child', 2))
      expect(cellsOf(device, logs.child.id)).toEqual(modelCells(counted))
    }),
    { numRuns: RUNS, examples: FOUND },
  )
}, 3_600_000)

test('the same on a real disk, closed and opened half-way', async () => {
  await fc.assert(
    fc.asyncProperty(fc.array(step, { minLength: 10, maxLength: 24 }), async (steps) => {
      const clock = new TestClock()
      const logs = build(steps)
      const straight = await fresh(clock, logs)
      const path = await mkdtemp(join(tmpdir(), 'lattice-order-'))
      let backend = openLmdb({ path, tables: KERNEL_TABLES })
      try {
        let device = await fresh(clock, logs, backend)
        for (const log of [logs.child, logs.space]) {
          const bytes = log.made.map((made) => made.bytes)
          must(await storeOf(straight, log.id).ingest(bytes, keyOf('founder')))
          for (const each of bytes.toReversed()) must(await storeOf(device, log.id).ingest([each], keyOf('founder')))
          await device.manager[Symbol.asyncDispose]()
          await backend[Symbol.asyncDispose]()
          backend = openLmdb({ path, tables: KERNEL_TABLES })
          device = await openDevice('reader', clock, backend, trusting)
        }
        for (const { id } of [logs.space, logs.child]) expect(stateOf(device, id)).toEqual(stateOf(straight, id))
      } finally {
        await backend[Symbol.asyncDispose]()
        await rm(path, { recursive: true })
      }
    }),
    { numRuns: Number(process.env['ORDER_DISK_RUNS'] ?? 4) },
  )
}, 3_600_000)

/** The indexed tree equals the naive one, for random histories of several authors, in whatever order they arrive. */
import fc from 'fast-check'
import { describe, expect, test } from 'vitest'
import { bytesToHex } from '#kernel/core/bytes.ts'
import type { Change } from '#kernel/state/port.ts'
import type { FileOp } from '#proto/file'
import {
  editAppearance,
  renameAppearance,
  resolveBoth,
  resolveMerged,
  resolveTake,
  restoreOps,
  trashAppearances,
  trashLone,
  trashed,
} from './intents.ts'
import { projectNaively, type Clash, type Seen } from './model.ts'
import { createOp, fileOp, moveOp, trashOp } from './ops.ts'
import type { ContentValue, Inode, Visible } from './port.ts'
import { dumpTables, inode, World, type Replica } from './testing.ts'
import { ROOT } from './values.ts'

const NAMES = ['a', 'b', 'c.txt', 'a (conflict, dev0, 2026-01-02 03.04)', 'é'.repeat(126)]

const text = (n: number): ContentValue => ({
  size: 1,
  mtimeNs: BigInt(n),
  mode: 0o644,
  data: { kind: 'inline', bytes: Uint8Array.of(n % 4) },
})

const walk = (replica: Replica, dir: Inode = ROOT, path = ''): { seen: Seen; visible: Visible }[] =>
  [...replica.tree.children(dir)].flatMap((visible) => {
    const { contentHead, conflict, parent, name } = visible
    const seen = {
      path: path + name,
      inode: bytesToHex(visible.inode),
      parent: bytesToHex(parent),
      contentHead: contentHead ? bytesToHex(contentHead) : '',
      conflict,
    }
    const rest = visible.kind === 'dir' ? walk(replica, visible.inode, `${path}${name}/`) : []
    return [{ seen, visible }, ...rest]
  })

const deviceName = (device: Uint8Array) => `dev${device[0]! - 1}`

interface Step {
  readonly who: number
  readonly what: number
  readonly a: number
  readonly b: number
  readonly c: number
}

const pickOf = <T>(list: readonly T[], n: number): T | undefined => list[n % list.length]

const SPARE = 6

/** What each author saw before one of its steps. */
const seenBefore = new WeakMap<Replica, Visible[]>()

/** The short way to delete a file says the same as the long one, if it says anything: also of what was seen long ago. */
const expectOneDeletion = (replica: Replica, visible: Visible | undefined, which: number): void => {
  const before = seenBefore.get(replica) ?? []
  seenBefore.set(replica, before)
  if (visible) before.push(visible)
  const seen = pickOf(before, which)
  const lone = seen && trashLone(replica.tree, seen)
  if (lone) expect([lone]).toEqual(trashAppearances(replica.tree, [seen]))
}

/** What one author does next: through what it sees, or (a hostile one) straight at inodes. */
const opsOf = (replica: Replica, { what, a, b, c }: Step, fresh: () => Inode): FileOp[] => {
  const all = walk(replica).map(({ visible }) => visible)
  const dirs = [ROOT, ...all.filter(({ kind }) => kind === 'dir').map((dir) => dir.inode)]
  const place = { parent: pickOf(dirs, b)!, name: pickOf(NAMES, c)! }
  const visible = pickOf(all, a)
  expectOneDeletion(replica, visible, b)
  const wild = inode(a % SPARE)
  const wildTo = { parent: b % 3 === 0 ? ROOT : inode(b % SPARE), name: pickOf(NAMES, c)! }
  const differ = bytesToHex(wild) !== bytesToHex(wildTo.parent)
  switch (what) {
    case 0:
    case 1:
      return [createOp(fresh(), 'dir', place)]
    case 2:
    case 3:
      return [createOp(fresh(), 'file', place, text(a))]
    case 4:
      return visible?.kind === 'file' ? editAppearance(replica.tree, visible, text(b)) : []
    case 5:
    case 6:
    case 7: {
      if (!visible) return []
      const target = [...replica.tree.merged(place.parent)].map((dir) => bytesToHex(dir))
      const own = visible.kind === 'dir' ? replica.tree.merged(visible.inode).map((dir) => bytesToHex(dir)) : []
      return own.some((dir) => target.includes(dir)) ? [] : renameAppearance(replica.tree, visible, place, fresh())
    }
    case 8:
    case 9: {
      if (!visible) return []
      const inside = visible.kind === 'dir' ? walk(replica, visible.inode).map((each) => each.visible) : []
      return trashAppearances(replica.tree, [visible, ...inside])
    }
    case 10: {
      const conflict = pickOf([...replica.tree.conflicts()], a)
      if (!conflict) return []
      if (b % 3 === 0) return resolveBoth(replica.tree, conflict, fresh)
      if (b % 3 === 1) return resolveMerged(replica.tree, conflict, text(c))
      return resolveTake(replica.tree, conflict, pickOf(conflict.heads, c)!.hash)
    }
    case 11: {
      const gone = pickOf([...trashed(replica.tree)], a)
      return gone
        ? restoreOps(replica.tree, gone.inode, undefined, b % 2 && gone.kind === 'file' ? text(c) : undefined)
        : []
    }
    case 12:
      if (!differ) return []
      return [c % 3 === 0 ? createOp(wild, 'file', wildTo, text(a)) : createOp(wild, 'dir', wildTo)]
    case 13:
      return differ ? [moveOp(wild, 'dir', { parent: ROOT, name: 'b' }, wildTo)] : []
    case 14:
      return differ ? [trashOp(wild, c % 2 ? 'file' : 'dir', wildTo, c % 2 ? text(a) : undefined)] : []
    default:
      return [fileOp(wild, { content: text(c) })]
  }
}

const stepArb = (hostile: boolean): fc.Arbitrary<Step> =>
  fc.record({
    who: fc.nat({ max: 3 }),
    what: fc.nat({ max: hostile ? 15 : 11 }),
    a: fc.nat({ max: 50 }),
    b: fc.nat({ max: 50 }),
    c: fc.nat({ max: 50 }),
  })

type Script = readonly (Step | { readonly from: number; readonly to: number })[]

const scriptArb = (hostile: boolean, length: number): fc.Arbitrary<Script> =>
  fc.array(
    fc.oneof(
      { weight: 4, arbitrary: stepArb(hostile) },
      { weight: 1, arbitrary: fc.record({ from: fc.nat({ max: 3 }), to: fc.nat({ max: 3 }) }) },
    ),
    { maxLength: length, size: 'max' },
  )

const checkAgainstModel = (replica: Replica): void => {
  const walked = walk(replica)
  const seen = walked.map((each) => each.seen).sort((x, y) => (x.path < y.path ? -1 : 1))
  const model = projectNaively(replica.tables.cells, deviceName)
  expect(seen).toEqual(model.seen)
  expect(new Set(seen.map(({ path }) => path)).size).toBe(seen.length)
  const all = [...replica.tree.conflicts()]
  for (const [i, conflict] of all.entries()) {
    expect([...replica.tree.conflicts(conflict.at)].map(({ id }) => id)).toEqual(all.slice(i + 1).map(({ id }) => id))
    expect(replica.tree.conflict(conflict.id)).toEqual(conflict)
  }
  const conflicts = all.map(({ id, kind, path, heads }): Clash => ({
    id,
    kind,
    path,
    heads: heads.map(({ hash, name }) => `${bytesToHex(hash)} ${name}`),
  }))
  expect(conflicts.sort((x, y) => (x.id < y.id ? -1 : 1))).toEqual(model.conflicts)
  expect(replica.tree.conflictCount()).toBe(model.conflicts.length)
  for (const { seen: each, visible } of walked) {
    expect(replica.tree.at(visible.parent, visible.name)).toEqual(visible)
    expect(replica.tree.resolve(each.path)).toEqual(visible)
    expect(replica.tree.pathOf(visible)).toBe(each.path)
    expect(replica.tree.appearances(visible.inode)).toContainEqual(visible)
  }
}

const run = (script: Script, onApplied: (replica: Replica) => void = () => undefined): World => {
  const world = new World()
  const replicas = [0, 1, 2, 3].map((n) => world.replica(n))
  let next = 100
  for (const step of script) {
    if ('who' in step) {
      const replica = replicas[step.who]!
      world.write(
        replica,
        opsOf(replica, step, () => inode(next++)),
      )
      onApplied(replica)
    } else if (step.from !== step.to) {
      world.sync(replicas[step.from]!, replicas[step.to]!)
      onApplied(replicas[step.to]!)
    }
  }
  return world
}

interface Look {
  /** How each inode is seen in its directory. */
  readonly seen: ReadonlyMap<string, readonly Seen[]>
  /** The directories, with the root. */
  readonly dirs: ReadonlySet<string>
}

const lookAt = (replica: Replica): Look => {
  const seen = new Map<string, readonly Seen[]>()
  const dirs = new Set<string>([bytesToHex(ROOT)])
  for (const { seen: each, visible } of walk(replica)) {
    seen.set(each.inode, [...(seen.get(each.inode) ?? []), { ...each, path: visible.name }])
    if (visible.kind === 'dir') dirs.add(each.inode)
  }
  return { seen, dirs }
}

/** `PROPERTY_RUNS` makes a campaign of it. */
const runs = (n: number) => ({
  numRuns: Number(process.env['PROPERTY_RUNS'] ?? n),
})
const CAMPAIGN_MS = 3_600_000

/** `atOnce`: how many events are told of together, as those of one commit are. */
const checkAffected = (script: Script, atOnce: number): void => {
  const world = run(script)
  const replica = world.replica(50)
  let before = lookAt(replica)
  const events = [...world.events.values()]
  for (let from = 0; from < events.length; from += atOnce) {
    const changes = new Map<string, Change>()
    for (const event of events.slice(from, from + atOnce))
      for (const change of world.apply(replica, event)) changes.set(bytesToHex(change.key), change)
    const named = replica.tree.affected([...changes.values()])
    const affected = new Set<string>(named.map(({ inode: each }) => bytesToHex(each)))
    const after = lookAt(replica)
    for (const id of new Set([...before.seen.keys(), ...after.seen.keys()])) {
      const [was, is] = [before.seen.get(id) ?? [], after.seen.get(id) ?? []]
      // What merely hangs in a directory that comes or goes is not named: only the directory is.
      const below =
        was.some(({ parent }) => !after.dirs.has(parent)) || is.some(({ parent }) => !before.dirs.has(parent))
      if (!below && JSON.stringify(was) !== JSON.stringify(is)) expect(affected).toContain(id)
    }
    for (const { inode: each, isGone } of named) if (isGone) expect(replica.tree.appearances(each)).toEqual([])
    before = after
  }
}

describe.each([
  ['by people', false],
  ['with hostile ops', true],
])('the tree of random histories %s', (_, hostile) => {
  test('is what the naive model makes of the cells, in any order, byte for byte', { timeout: CAMPAIGN_MS }, () => {
    fc.assert(
      fc.property(scriptArb(hostile, 40), fc.infiniteStream(fc.nat()), (script, picks) => {
        const world = run(script)
        const pick = (n: number): number => (picks.next().value ?? 0) % n
        const first = world.replay(() => 0)
        checkAgainstModel(first)
        expect(dumpTables(world.replay(pick).tables)).toEqual(dumpTables(first.tables))
        expect(dumpTables(world.replay((n) => n - 1).tables)).toEqual(dumpTables(first.tables))
      }),
      runs(300),
    )
  })

  test('changes only where affected() says so', { timeout: CAMPAIGN_MS }, () => {
    fc.assert(fc.property(scriptArb(hostile, 30), fc.integer({ min: 1, max: 5 }), checkAffected), runs(100))
  })
})

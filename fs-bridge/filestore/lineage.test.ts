import { describe, expect, test } from 'vitest'
import type { FileOp } from '#proto/file'
import { bytesToHex, equalBytes, type Hash } from '#kernel/core/bytes.ts'
import { editAppearance, resolveMerged, resolveTake } from './intents.ts'
import { forkPoint, lastMeeting, lastMeetingOfPlaces, type ContentWrite, type PlaceWrite } from './lineage.ts'
import { contentOf, decodeOps, editOp, linkOf } from './ops.ts'
import type { Conflict, Inode } from './port.ts'
import { scene, text } from './scene.ts'
import { rememberTouched, undoSteps } from './undo.ts'
import { contentKey, isTrash, linkKey } from './values.ts'

type Scene = ReturnType<typeof scene>

/** All writes of one inode with what an op says of the cell that is meant. */
const cellWrites = <W extends ContentWrite | PlaceWrite>(
  s: Scene,
  inode: Inode,
  read: (op: FileOp) => Pick<W, 'keep' | 'value'> | undefined,
) =>
  [...s.a.applied.values()].flatMap(({ hash, author, seq, hlc, ops, parents }) => {
    const own = parents.map((id) => s.world.events.get(id)!).filter((each) => equalBytes(each.author, author))
    const prev = own.find((each) => each.seq === seq - 1)?.hash
    const said = decodeOps(ops).ops.flatMap((op) => (equalBytes(op.inode, inode) ? (read(op) ?? []) : []))
    return said.map((each) => ({ hash, author, seq, hlc, prev, ...each }))
  })

const writesOf = (s: Scene, inode: Inode): ContentWrite[] =>
  cellWrites<ContentWrite>(s, inode, ({ link, content, keepContent }) =>
    content || (link && isTrash(link.parent as never))
      ? { keep: keepContent as Hash[], value: content && contentOf(content) }
      : undefined,
  )

const placesOf = (s: Scene, inode: Inode): PlaceWrite[] =>
  cellWrites<PlaceWrite>(
    s,
    inode,
    ({ link, keepLink }) =>
      link && { keep: keepLink as Hash[], value: isTrash(link.parent as never) ? undefined : linkOf(link) },
  )

/** The base of the only conflict; undefined: it has none. */
const base = (s: Scene): string | undefined => {
  const [conflict] = s.conflicts()
  const writes = writesOf(s, conflict!.heads[0]!.inode)
  const heads = conflict!.heads.map(({ hash }) => hash)
  const found = forkPoint(writes, heads, s.world.causality)?.value
  return found?.data.kind === 'inline' ? new TextDecoder().decode(found.data.bytes) : undefined
}

/** An edit by who has received what he does not see yet. */
const editUnseen = (s: Scene, who: Scene['a'], path: string, data: string, unseen: readonly Hash[]): void => {
  s.world.write(who, [editOp(s.see(who, path).inode, text(data), unseen)])
}

const lastHash = (s: Scene): Hash => [...s.world.events.values()].at(-1)!.hash

test('two edits of one content', () => {
  const s = scene()
  s.put(s.a, 'x', 'first')
  s.edit(s.a, 'x', 'second')
  s.meet()
  for (const step of ['1', '2']) s.edit(s.a, 'x', `a${step}`)
  for (const step of ['1', '2', '3']) s.edit(s.b, 'x', `b${step}`)
  s.meet()
  expect(base(s)).toBe('second')
})

test('three edits of one content', () => {
  const s = scene()
  s.put(s.a, 'x', 'old')
  s.meet()
  for (const who of [s.a, s.b, s.c]) s.edit(who, 'x', `by ${who.n}`)
  s.meet()
  expect(base(s)).toBe('old')
})

test('an edit of something received but not seen was made from what was there before', () => {
  const s = scene()
  s.put(s.a, 'x', 'old')
  s.meet()
  s.edit(s.a, 'x', 'newer')
  s.world.sync(s.a, s.b)
  editUnseen(s, s.b, 'x', 'by b', [lastHash(s)])
  s.meet()
  expect(base(s)).toBe('old')
})

/** `before` is known to both; a writes `while away`, of which b sees only what it held when it wrote `other`. */
const editedWhileAway = (before: (s: Scene) => void, whileAway: (s: Scene) => void): string | undefined => {
  const s = scene()
  s.put(s.a, 'x', 'old')
  before(s)
  s.meet()
  s.put(s.b, 'other', 'b was here')
  whileAway(s)
  s.world.sync(s.a, s.b)
  editUnseen(s, s.b, 'x', 'by b', [[...s.a.applied.values()].at(-1)!.hash])
  s.meet()
  return base(s)
}

test('several edits received while away are not taken for seen', () => {
  const twice = (s: Scene): void => ['newer', 'newest'].forEach((data) => s.edit(s.a, 'x', data))
  expect(editedWhileAway(() => undefined, twice)).toBe('old')
})

test('who wrote after an edit reached him has seen it', () => {
  const once = (data: string) => (s: Scene) => s.edit(s.a, 'x', data)
  expect(editedWhileAway(once('newer'), once('newest'))).toBe('newer')
})

test('a conflict after another was settled is made from what settled it', () => {
  const s = scene()
  s.put(s.a, 'x', 'old')
  s.meet()
  s.edit(s.a, 'x', 'a1')
  s.edit(s.b, 'x', 'b1')
  s.meet()
  s.world.write(s.a, resolveMerged(s.a.tree, s.conflicts()[0]!, text('merged')))
  s.meet()
  s.edit(s.a, 'x', 'a2')
  s.edit(s.b, 'x', 'b2')
  s.meet()
  expect(base(s)).toBe('merged')
})

test('a conflict that is brought back has the base it had, also when one side is edited further', () => {
  for (const how of ['merged', 'taken'] as const) {
    const s = scene()
    s.put(s.a, 'x', 'old')
    s.meet()
    s.edit(s.a, 'x', 'a1')
    s.edit(s.b, 'x', 'b1')
    s.meet()
    const [conflict] = s.conflicts()
    const ops =
      how === 'merged'
        ? resolveMerged(s.a.tree, conflict!, text('merged'))
        : resolveTake(s.a.tree, conflict!, conflict!.heads[0]!.hash)
    const remembered = rememberTouched(s.a.tree.state, conflict!, ops)
    s.world.write(s.a, ops)
    for (const step of undoSteps(remembered, [lastHash(s)])) s.world.write(s.a, step(s.a.tree))
    s.meet()
    expect(base(s)).toBe('old')
    s.world.write(s.b, editAppearance(s.b.tree, s.see(s.b, 'x'), text('further')))
    s.meet()
    expect(base(s)).toBe('old')
  }
})

test('files made apart have no base', () => {
  const s = scene()
  s.put(s.a, 'x', 'one')
  s.put(s.b, 'x', 'two')
  s.meet()
  expect(base(s)).toBeUndefined()
})

const hexes = (hashes: readonly Hash[] = []): string[] => hashes.map(bytesToHex)
const sorted = (hashes: readonly Hash[] = []): string[] => hexes(hashes).toSorted()

describe('where branches met last', () => {
  /** A file that a and b have edited apart, again with each round. */
  const quarrel = () => {
    const s = scene()
    s.put(s.a, 'x', 'old')
    s.meet()
    const { inode } = s.see(s.a, 'x')
    let round = 0
    const part = () => {
      round++
      s.edit(s.a, 'x', `a ${round}`)
      s.edit(s.b, 'x', `b ${round}`)
      s.meet()
      const [conflict] = s.conflicts()
      return { conflict: conflict!, parted: conflict!.heads.map(({ hash }) => hash) }
    }
    const heads = (): Hash[] =>
      s.a.tree.state.cells.cell(contentKey(inode))!.heads.flatMap(({ hash, value }) => (value ? [hash] : []))
    const meeting = () => lastMeeting(writesOf(s, inode), heads(), s.world.causality)
    /** Settles it and gives what brings it back. */
    const settle = (conflict: Conflict, ops: FileOp[]): (() => void) => {
      const remembered = rememberTouched(s.a.tree.state, conflict, ops)
      s.world.write(s.a, ops)
      const settling = lastHash(s)
      s.meet()
      return () => {
        for (const step of undoSteps(remembered, [settling])) s.world.write(s.a, step(s.a.tree))
        s.meet()
      }
    }
    return { s, part, meeting, settle, heads }
  }

  test('a write replaced several, and after that', () => {
    const { s, part, meeting, settle } = quarrel()
    s.edit(s.a, 'x', 'newer')
    s.meet()
    expect(meeting()).toBeUndefined()
    for (const round of [1, 2]) {
      const { conflict, parted } = part()
      // What stands side by side has parted since it met last.
      expect(meeting()).toBeUndefined()
      settle(conflict, resolveMerged(s.a.tree, conflict, text(`merged ${round}`)))
      const joint = lastHash(s)
      expect(sorted(meeting()?.of)).toEqual(parted.map(bytesToHex).toSorted())
      expect(hexes(meeting()?.since)).toEqual(hexes([joint]))
      s.edit(s.b, 'x', `since ${round}`)
      s.meet()
      expect(hexes(meeting()?.since)).toEqual(hexes([joint, lastHash(s)]))
      expect(meeting()?.taken).toBeUndefined()
    }
  })

  test.each([0, 1])('one side was taken, side %i', (side) => {
    const { s, part, meeting, settle } = quarrel()
    for (const round of [1, 2]) {
      const { conflict, parted } = part()
      settle(conflict, resolveTake(s.a.tree, conflict, parted[side]!))
      const settling = lastHash(s)
      const found = { of: sorted(parted), since: hexes([settling]), taken: bytesToHex(parted[side]!) }
      const told = () => ({
        of: sorted(meeting()?.of),
        since: hexes(meeting()?.since),
        taken: bytesToHex(meeting()!.taken!),
      })
      expect(told()).toEqual(found)
      s.edit(s.b, 'x', `since ${round}`)
      s.meet()
      expect(told()).toEqual({ ...found, since: hexes([settling, lastHash(s)]) })
    }
  })

  test.each(['merged', 'taken'])('it was taken back after it was %s, edited, and settled again', (how) => {
    const { s, part, meeting, settle, heads } = quarrel()
    const { conflict, parted } = part()
    const ops =
      how === 'merged' ? resolveMerged(s.a.tree, conflict, text('m')) : resolveTake(s.a.tree, conflict, parted[0]!)
    const bringBack = settle(conflict, ops)
    const settling = bytesToHex(lastHash(s))
    const isThere = (): void => {
      expect(sorted(meeting()?.of)).toEqual(sorted(parted))
      expect(hexes(meeting()?.since)[0]).toBe(settling)
      expect(meeting()?.taken).toEqual(how === 'merged' ? undefined : parted[0])
    }
    bringBack()
    expect(heads()).toHaveLength(2)
    isThere()
    expect(hexes(meeting()?.since).slice(1).toSorted()).toEqual(sorted(heads()))
    s.world.write(s.b, editAppearance(s.b.tree, s.see(s.b, 'x'), text('further')))
    s.meet()
    expect(heads()).toHaveLength(2)
    isThere()
    const [again] = s.conflicts()
    settle(again!, resolveTake(s.a.tree, again!, again!.heads[1]!.hash))
    isThere()
    // What parts after that is another matter.
    const later = part()
    expect(meeting()).toBeUndefined()
    settle(later.conflict, resolveMerged(s.a.tree, later.conflict, text('at last')))
    expect(sorted(meeting()?.of)).toEqual(sorted(later.parted))
  })
})

describe('where two places met last', () => {
  const moved = () => {
    const s = scene()
    s.put(s.a, 'x', 'old')
    s.meet()
    const { inode } = s.see(s.a, 'x')
    s.move(s.a, 'x', 'by a')
    s.move(s.b, 'x', 'by b')
    s.meet()
    const [conflict] = s.conflicts()
    const heads = (): Hash[] => s.a.tree.state.cells.cell(linkKey(inode))!.heads.map(({ hash }) => hash)
    const meeting = () => lastMeetingOfPlaces(placesOf(s, inode), heads(), s.world.causality)
    return { s, conflict: conflict!, parted: heads(), heads, meeting }
  }

  test.each([0, 1])('one was taken, place %i, and taken back', (side) => {
    const { s, conflict, parted, heads, meeting } = moved()
    expect([parted.length, meeting()]).toEqual([2, undefined])
    const ops = resolveTake(s.a.tree, conflict, parted[side]!)
    const remembered = rememberTouched(s.a.tree.state, conflict, ops)
    s.world.write(s.a, ops)
    const settling = lastHash(s)
    s.meet()
    expect(sorted(meeting()?.of)).toEqual(sorted(parted))
    expect([hexes(meeting()?.since), meeting()?.taken]).toEqual([hexes([settling]), parted[side]])
    for (const step of undoSteps(remembered, [settling])) s.world.write(s.a, step(s.a.tree))
    s.meet()
    expect(heads()).toHaveLength(2)
    expect(sorted(meeting()?.of)).toEqual(sorted(parted))
    expect(hexes(meeting()?.since)[0]).toBe(bytesToHex(settling))
  })

  test('another took their place, and was left for another yet', () => {
    const { s, parted, meeting } = moved()
    s.move(s.b, s.meet()[0]!.split('=')[0]!, 'third')
    const settling = lastHash(s)
    s.meet()
    s.move(s.a, 'third', 'fourth')
    s.meet()
    expect(sorted(meeting()?.of)).toEqual(sorted(parted))
    expect(hexes(meeting()?.since)).toEqual(hexes([settling, lastHash(s)]))
    expect(meeting()?.taken).toBeUndefined()
  })
})

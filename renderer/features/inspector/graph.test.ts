import { create } from '@bufbuild/protobuf'
import fc from 'fast-check'
import { describe, expect, it } from 'vitest'
import { InspectBranchResponseSchema, type InspectBranchResponse } from '#proto/store_api'
import {
  graphOf,
  neighbour,
  NODE_HEIGHT,
  NODE_WIDTH,
  pathThrough,
  place,
  STEPS_DRAWN_MAX,
  type Direction,
} from './graph.ts'
import { anchoring, inspected, notInspected, selecting } from './store.ts'

const hash = (at: number): Uint8Array => Uint8Array.of(at >> 8, at & 255, 7)
const entry = (at: number, parents: readonly number[]) => ({
  hash: hash(at),
  parentHashes: parents.map(hash),
  summary: `${at}`,
})

/** A fork and branches over it; some steps also name a step of the branch before. */
const response = fc
  .array(fc.array(fc.boolean(), { minLength: 1, maxLength: 6 }), { minLength: 1, maxLength: 4 })
  .map((branches) => {
    let made = 1
    let before: number[] = []
    return create(InspectBranchResponseSchema, {
      fork: [hash(0)],
      forkEntries: [entry(0, [])],
      branches: branches.map((steps) => {
        const ids: number[] = []
        const path = steps.map((merges, at) => {
          const id = made++
          const other = merges && before[at] !== undefined ? [before[at]] : []
          const made_ = entry(id, [ids.at(-1) ?? 0, ...other])
          ids.push(id)
          return made_
        })
        before = ids
        return { head: path.at(-1)!, path }
      }),
    })
  })

const drawn = (each: InspectBranchResponse) => {
  const graph = graphOf(each)
  return { graph, placed: place(graph) }
}

describe('a graph of branches', () => {
  it('has every edge go down, and no node on another', () => {
    fc.assert(
      fc.property(response, (each) => {
        const { graph, placed } = drawn(each)
        for (const { from, to } of graph.edges)
          expect(placed.centres.get(from)!.y).toBeLessThan(placed.centres.get(to)!.y)
        const centres = [...placed.centres.values()]
        centres.forEach((a, at) => {
          for (const b of centres.slice(at + 1))
            expect(Math.abs(a.x - b.x) >= NODE_WIDTH || Math.abs(a.y - b.y) >= NODE_HEIGHT).toBe(true)
        })
        expect(placed.lines.every(({ points }) => pathThrough(points).startsWith('M'))).toBe(true)
      }),
      { numRuns: 60 },
    )
  })

  it('is walked along edges by up and down, and wholly reached by the arrow keys', () => {
    fc.assert(
      fc.property(response, (each) => {
        const { graph, placed } = drawn(each)
        const isEdge = (from: string, to: string) => graph.edges.some((edge) => edge.from === from && edge.to === to)
        const reached = new Set([graph.nodes[0]!.id])
        for (const id of reached)
          for (const direction of ['up', 'down', 'left', 'right'] satisfies Direction[]) {
            const next = neighbour(graph, placed, id, direction)
            if (next === undefined) continue
            reached.add(next)
            if (direction === 'down') expect(isEdge(id, next)).toBe(true)
            if (direction === 'up') expect(isEdge(next, id)).toBe(true)
          }
        expect(reached.size).toBe(graph.nodes.length)
      }),
      { numRuns: 60 },
    )
  })

  it('draws the latest steps of a long branch, and says how many it left out', () => {
    const path = Array.from({ length: STEPS_DRAWN_MAX + 20 }, (_, at) => entry(at + 1, [at]))
    const graph = graphOf(
      create(InspectBranchResponseSchema, { forkEntries: [entry(0, [])], branches: [{ head: path.at(-1)!, path }] }),
    )
    expect(graph.hidden).toBe(20)
    expect(graph.nodes).toHaveLength(STEPS_DRAWN_MAX + 1)
    expect(graph.edges.filter(({ isElided }) => isElided)).toHaveLength(1)
  })

  it('shows a key with one head as that head, and nothing else', () => {
    const graph = graphOf(
      create(InspectBranchResponseSchema, {
        forkEntries: [entry(3, [2])],
        branches: [{ head: entry(3, [2]), path: [] }],
      }),
    )
    expect(graph.nodes).toMatchObject([{ role: 'head', branches: [0] }])
    expect(graph.edges).toEqual([])
  })

  it('draws what joined the branches below them, and what came later below that', () => {
    const each = create(InspectBranchResponseSchema, {
      forkEntries: [entry(0, [])],
      branches: [1, 2].map((at) => ({ head: entry(at, [0]), path: [entry(at, [0])] })),
      // Before the last one its author wrote something else.
      joined: [entry(3, [1, 2]), entry(5, [4])],
      heads: [hash(5)],
    })
    const { graph, placed } = drawn(each)
    expect(graph.nodes.map(({ role }) => role)).toEqual(['fork', 'branch', 'branch', 'merge', 'head'])
    expect(graph.edges.map(({ from, to, isElided }) => `${from} ${to} ${isElided}`)).toEqual([
      '000007 000107 false',
      '000007 000207 false',
      '000107 000307 false',
      '000207 000307 false',
      '000307 000507 true',
    ])
    for (const { from, to } of graph.edges) expect(placed.centres.get(from)!.y).toBeLessThan(placed.centres.get(to)!.y)
    expect(inspected(each)).toMatchObject({ selected: '000307' })
  })

  it('draws the side that was taken, and what was brought back side by side', () => {
    const each = create(InspectBranchResponseSchema, {
      forkEntries: [entry(0, [])],
      branches: [1, 2].map((at) => ({ head: entry(at, [0]), path: [entry(at, [0])] })),
      joined: [entry(3, [1, 2]), entry(4, [3]), entry(5, [4])],
      taken: hash(2),
      heads: [hash(5), hash(4)],
    })
    const { graph } = drawn(each)
    expect(graph.nodes.map(({ role, branches }) => `${role} ${branches}`)).toEqual(
      ['fork ', 'branch 0', 'taken 1', 'take ', 'head 1', 'head 0'], // prettier-ignore
    )
    expect(graph.edges.slice(2).map(({ from, to, isElided }) => `${from} ${to} ${isElided}`)).toEqual([
      '000107 000307 false',
      '000207 000307 false',
      '000307 000407 false',
      '000307 000507 true',
    ])
    expect(inspected(each)).toMatchObject({ selected: '000307' })
  })

  it('is empty for a key nobody wrote', () => {
    expect(inspected(create(InspectBranchResponseSchema, {}))).toEqual({ at: 'empty' })
    expect(notInspected({ kind: 'key-not-found', sentence: '' })).toEqual({ at: 'empty' })
    expect(notInspected({ kind: 'store-not-found', sentence: '' })).toMatchObject({ at: 'failed' })
  })
})

describe('the nodes looked at', () => {
  const shown = inspected(
    create(InspectBranchResponseSchema, {
      forkEntries: [entry(0, [])],
      branches: [1, 2].map((at) => ({ head: entry(at, [0]), path: [entry(at, [0])] })),
    }),
  )

  it('start at the winner, and only nodes can be selected', () => {
    expect(shown).toMatchObject({ selected: '000107' })
    expect(selecting(shown, 'no such')).toBe(shown)
    expect(selecting(shown, '000207')).toMatchObject({ selected: '000207' })
  })

  it('are compared with the one that was held, until it is let go', () => {
    const held = anchoring(shown)
    expect(selecting(held, '000207')).toMatchObject({ anchor: '000107', selected: '000207' })
    expect(anchoring(held)).toMatchObject({ anchor: undefined })
  })
})

/**
 * The DAG between a fork point and the heads of a key: which nodes and edges it has, where they are drawn, and where
 * the arrow keys lead. Pure. The earlier is above; lengths are CSS pixels at a scale of 1.
 */
import { Graph as DagreGraph, layout } from '@dagrejs/dagre'
import type { InspectBranchResponse, StoreLogEntry } from '#proto/store_api'
import { toHex } from '../../present/format.ts'

export interface GraphNode {
  readonly id: string // the intention's hash, hex
  readonly entry: StoreLogEntry
  /**
   * Of a key whose branches have met: 'branch' is the end of one, 'taken' that of the one that was left as it is, 'merge'
   * and 'take' are what settled it.
   */
  readonly role: 'fork' | 'step' | 'head' | 'branch' | 'taken' | 'merge' | 'take'
  /**
   * The branches it is part of, as indices; the winner's is 0. None for the fork point, what settled it, and after that;
   * but for heads that were brought back, which are branches anew.
   */
  readonly branches: readonly number[]
}

export interface GraphEdge {
  readonly from: string // parent
  readonly to: string
  /** There are steps in between that are not drawn. */
  readonly isElided: boolean
}

export interface BranchGraph {
  readonly nodes: readonly GraphNode[]
  readonly edges: readonly GraphEdge[]
  readonly hidden: number // steps not drawn
}

/** More steps of one branch are not drawn: nobody reads them, and placing them takes long. The latest are kept. */
export const STEPS_DRAWN_MAX = 150

export function graphOf(response: InspectBranchResponse): BranchGraph {
  const { branches, forkEntries, joined, taken } = response
  const nodes = new Map<string, GraphNode>()
  const endOf = (id: string) => (joined.length === 0 ? 'head' : id === toHex(taken) ? 'taken' : 'branch')
  // A key with one head has no fork: what is named as such is the head itself.
  const headAt = (id: string) => branches.flatMap(({ head }, at) => (head && toHex(head.hash) === id ? [at] : []))
  for (const entry of forkEntries) {
    const id = toHex(entry.hash)
    const heads = headAt(id)
    nodes.set(id, { id, entry, role: heads.length > 0 ? endOf(id) : 'fork', branches: heads })
  }
  const all = new Set(nodes.keys())
  branches.forEach(({ head, path }, branch) => {
    const steps =
      head === undefined || path.some((entry) => toHex(entry.hash) === toHex(head.hash)) ? path : [...path, head]
    for (const { hash } of steps) all.add(toHex(hash))
    for (const entry of steps.slice(-STEPS_DRAWN_MAX)) {
      const id = toHex(entry.hash)
      const known = nodes.get(id)
      if (known?.role === 'fork' || known?.branches.includes(branch)) continue
      const isEnd = (known !== undefined && known.role !== 'step') || (head !== undefined && id === toHex(head.hash))
      nodes.set(id, { id, entry, role: isEnd ? endOf(id) : 'step', branches: [...(known?.branches ?? []), branch] })
    }
  })
  const edges = [...nodes.values()].flatMap((node) => edgesTo(node, nodes))
  edges.push(...join(nodes, response))
  return { nodes: [...nodes.values()], edges, hidden: all.size - nodes.size }
}

/**
 * Draws what settled the branches below their ends, and what came after it one below the other. Nothing follows a head:
 * those that were brought back stand side by side.
 */
const join = (
  nodes: Map<string, GraphNode>,
  { joined, taken, heads: stand }: InspectBranchResponse,
): readonly GraphEdge[] => {
  const edges: GraphEdge[] = []
  const heads = stand.map(toHex)
  let before = [...nodes.values()].filter(({ role }) => role === 'branch' || role === 'taken').map(({ id }) => id)
  for (const [at, entry] of joined.entries()) {
    const id = toHex(entry.hash)
    const isHead = heads.includes(id)
    const role = at === 0 ? (taken.length > 0 ? 'take' : 'merge') : isHead ? 'head' : 'step'
    nodes.set(id, { id, entry, role, branches: isHead && heads.length > 1 ? [heads.indexOf(id)] : [] })
    const parents = new Set(entry.parentHashes.map(toHex))
    edges.push(...before.map((from) => ({ from, to: id, isElided: !parents.has(from) })))
    if (at === 0 || !isHead || heads.length === 1) before = [id]
  }
  return edges
}

const edgesTo = (node: GraphNode, nodes: ReadonlyMap<string, GraphNode>): GraphEdge[] => {
  if (node.role === 'fork') return []
  const parents = node.entry.parentHashes.map(toHex).filter((parent) => nodes.has(parent))
  if (parents.length > 0) return [...new Set(parents)].map((from) => ({ from, to: node.id, isElided: false }))
  const fork = [...nodes.values()].filter(({ role }) => role === 'fork')
  return fork.map(({ id }) => ({ from: id, to: node.id, isElided: true }))
}

export interface Point {
  readonly x: number
  readonly y: number
}
export interface Placed {
  readonly width: number
  readonly height: number
  readonly centres: ReadonlyMap<string, Point>
  readonly lines: readonly { readonly edge: GraphEdge; readonly points: readonly Point[] }[]
}

export const NODE_WIDTH = 256
export const NODE_HEIGHT = 88

export function place(graph: BranchGraph): Placed {
  const dagre = new DagreGraph({ directed: true })
  dagre.setGraph({ rankdir: 'TB', nodesep: 36, ranksep: 44, marginx: 24, marginy: 24 })
  dagre.setDefaultEdgeLabel(() => ({}))
  for (const { id } of graph.nodes) dagre.setNode(id, { width: NODE_WIDTH, height: NODE_HEIGHT })
  for (const { from, to } of graph.edges) dagre.setEdge(from, to)
  if (graph.nodes.length > 0) layout(dagre)
  const centres = new Map<string, Point>()
  let [width, height] = [0, 0]
  for (const { id } of graph.nodes) {
    const { x, y } = dagre.node(id) as Point
    centres.set(id, { x, y })
    width = Math.max(width, x + NODE_WIDTH / 2 + 24)
    height = Math.max(height, y + NODE_HEIGHT / 2 + 24)
  }
  const lines = graph.edges.map((edge) => ({
    edge,
    points: (dagre.edge(edge.from, edge.to) as { points?: Point[] }).points ?? [],
  }))
  return { width, height, centres, lines }
}

/** An SVG path through points, with rounded corners: straight to the middle of each piece, bent at the points. */
export function pathThrough(points: readonly Point[]): string {
  const [first, ...rest] = points
  const last = points.at(-1)
  if (first === undefined || last === undefined) return ''
  let path = `M${first.x} ${first.y}`
  for (let at = 0; at + 1 < rest.length; at++) {
    const [here, next] = [rest[at]!, rest[at + 1]!]
    path += `Q${here.x} ${here.y} ${(here.x + next.x) / 2} ${(here.y + next.y) / 2}`
  }
  return `${path}L${last.x} ${last.y}`
}

export type Direction = 'up' | 'down' | 'left' | 'right'

/**
 * Where an arrow key leads from a node. Up and down follow edges, to the nearest parent or child; left and right go to
 * the next node beside it, on the same level if there is one. Undefined: nowhere.
 */
export function neighbour(graph: BranchGraph, placed: Placed, from: string, direction: Direction): string | undefined {
  const here = placed.centres.get(from)
  if (here === undefined) return undefined
  if (direction === 'up' || direction === 'down') {
    const ids = graph.edges.flatMap((edge) =>
      direction === 'up' ? (edge.to === from ? [edge.from] : []) : edge.from === from ? [edge.to] : [],
    )
    return nearest(placed, ids, ({ x, y }) => Math.abs(x - here.x) * 4 + Math.abs(y - here.y))
  }
  const sign = direction === 'right' ? 1 : -1
  const beside = graph.nodes.flatMap(({ id }) => ((placed.centres.get(id)!.x - here.x) * sign > 1 ? [id] : []))
  return nearest(placed, beside, ({ x, y }) => Math.abs(y - here.y) * 4 + Math.abs(x - here.x))
}

const nearest = (placed: Placed, ids: readonly string[], cost: (at: Point) => number): string | undefined =>
  ids.toSorted((a, b) => cost(placed.centres.get(a)!) - cost(placed.centres.get(b)!) || (a < b ? -1 : 1))[0]

/** What the inspector shows, and which nodes are looked at: a union and pure transitions. */
import type { InspectBranchResponse } from '#proto/store_api'
import type { Failure } from '../../present/failure.ts'
import { graphOf, place, type BranchGraph, type GraphNode, type Placed } from './graph.ts'

export type Inspection =
  | { at: 'loading' }
  | { at: 'failed'; why: Failure }
  | { at: 'empty' } // nothing was ever written under that key
  | {
      at: 'shown'
      graph: BranchGraph
      placed: Placed
      selected: string
      /** The node that the selected one is compared with. */
      anchor: string | undefined
    }

export function inspected(response: InspectBranchResponse): Inspection {
  const graph = graphOf(response)
  const isFirst = ({ role, branches }: GraphNode): boolean =>
    response.joined.length > 0 ? role === 'merge' || role === 'take' : role === 'head' && branches.includes(0)
  const winner = graph.nodes.find(isFirst) ?? graph.nodes[0]
  if (winner === undefined) return { at: 'empty' }
  return { at: 'shown', graph, placed: place(graph), selected: winner.id, anchor: undefined }
}

export const notInspected = (why: Failure): Inspection =>
  why.kind === 'key-not-found' ? { at: 'empty' } : { at: 'failed', why }

export const selecting = (state: Inspection, id: string): Inspection =>
  state.at === 'shown' && state.placed.centres.has(id) ? { ...state, selected: id } : state

/** Compares with the selected node from now on, or stops to, when it is that one already. */
export const anchoring = (state: Inspection): Inspection =>
  state.at === 'shown' ? { ...state, anchor: state.anchor === undefined ? state.selected : undefined } : state

/**
 * What the node told, as the interface keeps it: one pure step from a state and an event to the next state. Events are
 * numbered; one that does not follow on the last is not applied, because something was missed.
 */
import type { FolderConflicts, Notice, Snapshot, TouchedDirectories, Traffic, WatchResponse } from '#proto/event_api'
import type { Folder } from '#proto/folder_api'
import type { InviteInfo, PendingJoin } from '#proto/invite_api'
import type { GetStatusResponse, Settings } from '#proto/node_api'
import type { PeerInfo } from '#proto/peer_api'
import type { Failure } from '../present/failure.ts'
import { toHex } from '../present/format.ts'

/** How fresh the state is. */
export type Link =
  | { readonly at: 'connecting' }
  | { readonly at: 'live' }
  | { readonly at: 'lost'; readonly why: Failure; readonly attempts: number }

/** All that one snapshot and the events after it say. Maps are by hex of the id. */
export interface NodeFacts {
  readonly sequence: bigint
  readonly status: GetStatusResponse
  readonly folders: ReadonlyMap<string, Folder>
  /** This device among them. */
  readonly peers: ReadonlyMap<string, PeerInfo>
  /** Of each folder that has any, the first ones. */
  readonly conflicts: ReadonlyMap<string, FolderConflicts>
  readonly invites: readonly InviteInfo[]
  readonly pendingJoins: readonly PendingJoin[]
  /** Undefined on a node that does not tell them in its snapshot. */
  readonly settings: Settings | undefined
  readonly traffic: Pick<Traffic, 'bytesSent' | 'bytesReceived'>
  /** The latest, oldest first. */
  readonly notices: readonly Notice[]
  /** The latest that was told. After a snapshot none: then it may be anything. */
  readonly touched: TouchedDirectories | undefined
}

export interface NodeState {
  readonly link: Link
  /** Kept while the link is lost: then it is what was known last. */
  readonly facts: NodeFacts | undefined
}

export const initialState: NodeState = { link: { at: 'connecting' }, facts: undefined }

const NOTICES_MAX = 100

export const factsOf = (snapshot: Snapshot, sequence: bigint): NodeFacts | undefined => {
  const { status, peers, conflicts, invites, pendingJoins, settings, notices } = snapshot
  if (status === undefined) return undefined
  return {
    sequence,
    status,
    folders: new Map(status.folders.map((folder) => [toHex(folder.storeId), folder])),
    peers: new Map(peers.map((peer) => [toHex(peer.device), peer])),
    conflicts: new Map(conflicts.map((of) => [toHex(of.storeId), of])),
    invites,
    pendingJoins,
    settings,
    traffic: { bytesSent: status.bytesSent, bytesReceived: status.bytesReceived },
    notices,
    touched: undefined,
  }
}

const withEntry = <V>(map: ReadonlyMap<string, V>, key: string, value: V): ReadonlyMap<string, V> =>
  new Map(map).set(key, value)

const without = <V>(map: ReadonlyMap<string, V>, key: string): ReadonlyMap<string, V> => {
  const next = new Map(map)
  next.delete(key)
  return next
}

/** Applies what one event says; `sequence` is the caller's. */
export const applyEvent = (facts: NodeFacts, event: WatchResponse['event']): NodeFacts => {
  switch (event.case) {
    case 'snapshot':
      return factsOf(event.value, facts.sequence) ?? facts
    case 'folder':
      return { ...facts, folders: withEntry(facts.folders, toHex(event.value.storeId), event.value) }
    case 'folderRemoved': {
      const id = toHex(event.value)
      return { ...facts, folders: without(facts.folders, id), conflicts: without(facts.conflicts, id) }
    }
    case 'peer':
      return { ...facts, peers: withEntry(facts.peers, toHex(event.value.device), event.value) }
    case 'traffic':
      return { ...facts, traffic: event.value }
    case 'conflicts': {
      const id = toHex(event.value.storeId)
      const isSettled = event.value.conflicts.length === 0
      return {
        ...facts,
        conflicts: isSettled ? without(facts.conflicts, id) : withEntry(facts.conflicts, id, event.value),
      }
    }
    case 'invites':
      return { ...facts, invites: event.value.invites }
    case 'pendingJoins':
      return { ...facts, pendingJoins: event.value.joins }
    case 'settings':
      return { ...facts, settings: event.value }
    case 'notice':
      return { ...facts, notices: [...facts.notices, event.value].slice(-NOTICES_MAX) }
    case 'touched':
      return { ...facts, touched: event.value }
    case undefined:
      return facts // of a newer node than we know
  }
}

/**
 * The state after one message of the stream; undefined when the message does not follow on the last one, so that
 * the caller must ask for a new snapshot.
 */
export const takeEvent = (state: NodeState, { sequence, event }: WatchResponse): NodeState | undefined => {
  const { facts, link } = state
  if (event.case === 'snapshot') {
    const next = factsOf(event.value, sequence)
    return next && { link: { at: 'live' }, facts: next }
  }
  // After a loss only a snapshot can say where we are.
  if (facts === undefined || link.at !== 'live' || sequence !== facts.sequence + 1n) return undefined
  return { link, facts: { ...applyEvent(facts, event), sequence } }
}

/** The stream is gone: all stays as it was, and is marked as old. */
export const loseLink = (state: NodeState, why: Failure): NodeState => ({
  ...state,
  link: { at: 'lost', why, attempts: state.link.at === 'lost' ? state.link.attempts + 1 : 1 },
})

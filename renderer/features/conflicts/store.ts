/**
 * What the conflict views know, as unions and pure transitions: one conflict from loading to settled, what is chosen
 * of its regions, and the resolutions that can still be undone.
 */
import type { ConflictInfo, ConflictSide, GetConflictResponse } from '#proto/conflict_api'
import type { Failure } from '../../present/failure.ts'
import { toHex } from '../../present/format.ts'
import { defaultChoice, mergeRegions, type Choice, type Region } from './merge.ts'
import type { FactsReason } from './sides.ts'

/** The sides that are compared, and how far that is. */
export type Compared =
  | { at: 'loading' }
  | { at: 'failed'; why: Failure }
  | { at: 'facts'; because: FactsReason }
  | { at: 'images'; left: string; right: string } // blob: URLs
  | { at: 'texts'; regions: readonly Region[]; hasBase: boolean }

/** One conflict on the screen. */
export type Conflict =
  | { at: 'loading' }
  | { at: 'failed'; why: Failure }
  | { at: 'gone' }
  | {
      at: 'open'
      info: ConflictInfo
      sides: readonly ConflictSide[]
      base: ConflictSide | undefined
      left: number
      right: number
      compared: Compared
    }

export function opened({ conflict, sides, base }: GetConflictResponse): Conflict {
  if (conflict === undefined || sides.length < 2) return { at: 'gone' }
  return { at: 'open', info: conflict, sides, base, left: 0, right: 1, compared: { at: 'loading' } }
}

export const notOpened = (why: Failure): Conflict =>
  why.kind === 'conflict-not-found' || why.kind === 'notfound' ? { at: 'gone' } : { at: 'failed', why }

/** Compares other sides. A side chosen on both places changes them. */
export function comparing(state: Conflict, place: 'left' | 'right', side: number): Conflict {
  if (state.at !== 'open' || state.sides[side] === undefined || state[place] === side) return state
  const other = place === 'left' ? 'right' : 'left'
  const moved = state[other] === side ? { [other]: state[place] } : {}
  return { ...state, ...moved, [place]: side, compared: { at: 'loading' } }
}

export const compared = (state: Conflict, result: Compared): Conflict =>
  state.at === 'open' ? { ...state, compared: result } : state

export const comparedTexts = (base: string | undefined, left: string, right: string): Compared => ({
  at: 'texts',
  regions: mergeRegions(base, left, right),
  hasBase: base !== undefined,
})

/** What is decided of each region. `made` of a conflict: nobody has decided yet. */
export interface Decision {
  readonly by: 'default' | 'person' | 'hand' // hand: typed in the result
  readonly choice: Choice
}

export const undecided = (regions: readonly Region[]): readonly Decision[] =>
  regions.map(({ kind }) => ({ by: 'default', choice: defaultChoice(kind) }))

export const decide = (
  decisions: readonly Decision[],
  at: number,
  by: Decision['by'],
  choice: Choice,
): readonly Decision[] => decisions.map((each, index) => (index === at ? { by, choice } : each))

/** The conflicts nobody has decided yet, as indices of regions. */
export const openConflicts = (regions: readonly Region[], decisions: readonly Decision[]): number[] =>
  regions.flatMap(({ kind }, at) => (kind === 'conflict' && decisions[at]?.by === 'default' ? [at] : []))

/** The region with a change after (or before) `from`, around the end; undefined when nothing was changed. */
export function nextRegion(regions: readonly Region[], from: number | undefined, step: 1 | -1): number | undefined {
  const conflicts = regions.flatMap(({ kind }, at) => (kind === 'conflict' ? [at] : []))
  const stops = conflicts.length > 0 ? conflicts : regions.flatMap(({ kind }, at) => (kind === 'same' ? [] : [at]))
  if (from === undefined) return step === 1 ? stops[0] : stops.at(-1)
  return step === 1 ? (stops.find((at) => at > from) ?? stops[0]) : (stops.findLast((at) => at < from) ?? stops.at(-1))
}

export type Settling = { at: 'idle' } | { at: 'running'; done: number; all: number } | { at: 'failed'; why: Failure }

/** A resolution that can be undone until the node stops. */
export interface Settled {
  readonly id: string // of the conflict
  readonly path: string
  readonly undo: string // empty: cannot be undone
}

/** One step of a person: one conflict, or many at once. */
export interface Outcome {
  readonly number: number
  readonly settled: readonly Settled[]
  readonly failed: readonly { readonly path: string; readonly why: Failure }[]
  readonly undoing: Settling
}

export type Outcomes = readonly Outcome[]

/** At most this many toasts lie on each other; older ones go. */
const OUTCOMES_MAX = 3

export const withOutcome = (outcomes: Outcomes, outcome: Outcome): Outcomes =>
  [...outcomes, outcome].slice(-OUTCOMES_MAX)

export const withoutOutcome = (outcomes: Outcomes, number: number): Outcomes =>
  outcomes.filter((each) => each.number !== number)

export const withUndoing = (outcomes: Outcomes, number: number, undoing: Settling): Outcomes =>
  outcomes.map((each) => (each.number === number ? { ...each, undoing } : each))

/** What is chosen to be settled at once: all that there are, known here or not, or some that are shown. */
export type Selection = { readonly at: 'all' } | { readonly at: 'some'; readonly ids: ReadonlySet<string> }

export const nothing: Selection = { at: 'some', ids: new Set() }

/** The chosen ids of those that are shown; what is no conflict any more drops out. */
export const selectedOf = (chosen: Selection, conflicts: readonly ConflictInfo[]): ReadonlySet<string> =>
  new Set(conflicts.flatMap(({ id }) => (chosen.at === 'all' || chosen.ids.has(id) ? [id] : [])))

/** Conflicts by the folder they are in, folders and paths in order. */
export function byFolder(conflicts: readonly ConflictInfo[]): { folder: string; conflicts: ConflictInfo[] }[] {
  const { compare } = new Intl.Collator()
  const groups = Map.groupBy(conflicts, ({ folder }) => folder)
  return [...groups]
    .map(([folder, found]) => ({ folder, conflicts: found.toSorted((a, b) => compare(a.path, b.path)) }))
    .toSorted((a, b) => compare(a.folder, b.folder))
}

/** What `ResolveConflict` is to do, in words of the views. */
export type Bulk = 'mine' | 'theirs' | 'both'

/** The side of this device, or the latest of the others; undefined when there is no such side. */
export function headFor(conflict: ConflictInfo, bulk: Exclude<Bulk, 'both'>, self: string): Uint8Array | undefined {
  const isMine = (device: Uint8Array): boolean => toHex(device) === self
  return conflict.heads.find(({ device }) => isMine(device) === (bulk === 'mine'))?.hash
}

/** The key whose branches made a conflict, as InspectBranch takes it; undefined for one of several files. */
export function inspectKey({ id, kind }: ConflictInfo): string | undefined {
  const inode = /^(?:link-)?([0-9a-f]{32})$/.exec(id)?.[1]
  const prefix = { content: '632f', link: '6e2f' }[kind] // "c/" and "n/"
  return inode !== undefined && prefix !== undefined ? `0x${prefix}${inode}` : undefined
}

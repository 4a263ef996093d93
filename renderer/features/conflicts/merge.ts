/**
 * A three-way comparison of texts, and the result that choices make of it.
 *
 * A text is a list of lines that keep their line ends, so that lines joined are the text again, byte for byte. The
 * regions partition all three texts in order: joining `base`, `left` or `right` of all regions gives that text.
 * Without a base the two sides are compared with each other; what differs is then a conflict with nothing in between.
 */
import { diffIndices } from 'node-diff3'

export type RegionKind = 'same' | 'left' | 'right' | 'alike' | 'conflict'

export interface Region {
  /** Who changed it: nobody, one side, both sides alike, or both differently. */
  readonly kind: RegionKind
  readonly base: readonly string[]
  readonly left: readonly string[]
  readonly right: readonly string[]
}

/** What a region becomes in the result. */
export type Choice = 'left' | 'right' | 'both' | 'base'

/** The lines of a text with their ends ("\n"; a "\r" before it stays part of the line). */
export const splitLines = (text: string): string[] => text.match(/[^\n]*\n|[^\n]+$/g) ?? []

const sameLines = (a: readonly string[], b: readonly string[]): boolean =>
  a.length === b.length && a.every((line, at) => line === b[at])

const regionOf = (base: string[], left: string[], right: string[]): Region => {
  const leftSame = sameLines(base, left)
  const rightSame = sameLines(base, right)
  const kind: RegionKind = leftSame
    ? rightSame
      ? 'same'
      : 'right'
    : rightSame
      ? 'left'
      : sameLines(left, right)
        ? 'alike'
        : 'conflict'
  return { kind, base, left, right }
}

/** Neighbours that nobody changed become one region; empty ones go. */
const joined = (regions: readonly Region[]): Region[] => {
  const out: Region[] = []
  for (const region of regions) {
    if (region.base.length + region.left.length + region.right.length === 0) continue
    const last = out.at(-1)
    if (region.kind === 'same' && last?.kind === 'same') {
      const lines = [...last.base, ...region.base]
      out[out.length - 1] = { kind: 'same', base: lines, left: lines, right: lines }
    } else out.push(region)
  }
  return out
}

/** The regions of two texts made from one. `base` undefined: nothing is known of what they were made from. */
export function mergeRegions(base: string | undefined, left: string, right: string): Region[] {
  const a = splitLines(left)
  const b = splitLines(right)
  return base === undefined ? twoWay(a, b) : threeWay(splitLines(base), a, b)
}

/** Lines `from` to `to` of one text stand where `lines` other ones stand in the text it is compared with. */
interface Hunk {
  readonly side: 'left' | 'right'
  readonly from: number
  readonly to: number
  readonly lines: number
}

/** Steps the search for common lines may take: about a second. Beyond it all between the equal ends counts as one hunk. */
const STEPS_MAX = 300_000_000

const stepsOf = (a: readonly string[], b: readonly string[]): number => {
  const counts = new Map<string, number>()
  for (const line of a) counts.set(line, (counts.get(line) ?? 0) + 1)
  let matches = 0
  for (const line of b) matches += counts.get(line) ?? 0
  return matches * Math.min(a.length, b.length)
}

const hunksOf = (base: readonly string[], other: readonly string[], side: Hunk['side']): Hunk[] => {
  const shorter = Math.min(base.length, other.length)
  let start = 0
  while (start < shorter && base[start] === other[start]) start++
  let end = 0
  while (end < shorter - start && base[base.length - 1 - end] === other[other.length - 1 - end]) end++
  const inBase = base.slice(start, base.length - end)
  const inOther = other.slice(start, other.length - end)
  if (inBase.length === 0 && inOther.length === 0) return []
  if (stepsOf(inBase, inOther) > STEPS_MAX)
    return [{ side, from: start, to: start + inBase.length, lines: inOther.length }]
  return diffIndices(inBase, inOther).map(({ buffer1: [at, length], buffer2: [, lines] }) => ({
    side,
    from: start + at,
    to: start + at + length,
    lines,
  }))
}

/** Hunks of both sides that overlap or touch in the base belong together. */
const groupsOf = (hunks: readonly Hunk[]): Hunk[][] => {
  const groups: Hunk[][] = []
  let end = -1
  for (const hunk of hunks.toSorted((a, b) => a.from - b.from)) {
    if (hunk.from <= end) groups.at(-1)!.push(hunk)
    else groups.push([hunk])
    end = Math.max(end, hunk.to)
  }
  return groups
}

function threeWay(base: readonly string[], left: readonly string[], right: readonly string[]): Region[] {
  const regions: Region[] = []
  const at = { base: 0, left: 0, right: 0 }
  const upTo = (baseEnd: number, leftEnd: number, rightEnd: number): void => {
    regions.push(regionOf(base.slice(at.base, baseEnd), left.slice(at.left, leftEnd), right.slice(at.right, rightEnd)))
    at.base = baseEnd
    at.left = leftEnd
    at.right = rightEnd
  }
  for (const group of groupsOf([...hunksOf(base, left, 'left'), ...hunksOf(base, right, 'right')])) {
    const before = group[0]!.from - at.base
    upTo(at.base + before, at.left + before, at.right + before)
    const grown = { left: 0, right: 0 }
    for (const { side, from, to, lines } of group) grown[side] += lines - (to - from)
    const length = Math.max(...group.map((hunk) => hunk.to)) - at.base
    upTo(at.base + length, at.left + length + grown.left, at.right + length + grown.right)
  }
  upTo(base.length, left.length, right.length)
  return joined(regions)
}

function twoWay(left: readonly string[], right: readonly string[]): Region[] {
  const regions: Region[] = []
  const at = { left: 0, right: 0 }
  const sameUpTo = (leftEnd: number): void => {
    const lines = left.slice(at.left, leftEnd)
    regions.push({ kind: 'same', base: lines, left: lines, right: lines })
    at.right += lines.length
    at.left = leftEnd
  }
  for (const { from, to, lines } of hunksOf(left, right, 'right')) {
    sameUpTo(from)
    regions.push({
      kind: 'conflict',
      base: [],
      left: left.slice(from, to),
      right: right.slice(at.right, at.right + lines),
    })
    at.left = to
    at.right += lines
  }
  sameUpTo(left.length)
  return joined(regions)
}

/** What nobody has to decide: one side's change, or the same change twice. A conflict starts as the left side. */
export const defaultChoice = (kind: RegionKind): Choice =>
  kind === 'right' ? 'right' : kind === 'same' ? 'base' : 'left'

/** The text of one region under a choice. Both: left, then right, on lines of their own. */
export function textOf(region: Region, choice: Choice): string {
  if (choice !== 'both') return region[choice].join('')
  const left = region.left.join('')
  const right = region.right.join('')
  return left + (left !== '' && right !== '' && !left.endsWith('\n') ? '\n' : '') + right
}

/** Where each region starts in the result, in characters; one entry more than regions: the end. */
export function startsOf(regions: readonly Region[], choices: readonly Choice[]): number[] {
  const starts = [0]
  regions.forEach((region, at) => starts.push(starts[at]! + textOf(region, choices[at]!).length))
  return starts
}

export const resultOf = (regions: readonly Region[], choices: readonly Choice[]): string =>
  regions.map((region, at) => textOf(region, choices[at]!)).join('')

/** A folder's life in equal parts, as the scrubber draws it and moves through it. Pure; times are unix ms. */
import type { GetTimelineResponse } from '#proto/file_api'

export interface Timeline {
  readonly fromMs: number
  readonly toMs: number // exclusive
  readonly changes: readonly number[] // of each part; at least one part
}

/** Undefined for a folder nobody has changed yet. */
export function timelineOf({ fromMs, toMs, changes }: GetTimelineResponse): Timeline | undefined {
  const [from, to] = [Number(fromMs), Number(toMs)]
  return to > from && changes.length > 0 ? { fromMs: from, toMs: to, changes } : undefined
}

/** The last moment of a part: a tree "as it was" has all that happened in it. The last part's is the newest there is. */
export const timeOfPart = ({ fromMs, toMs, changes }: Timeline, part: number): number =>
  fromMs + Math.round(((toMs - fromMs) * (part + 1)) / changes.length) - 1

/** The part a time falls into; what lies outside belongs to the nearest. */
export function partOfTime({ fromMs, toMs, changes }: Timeline, ms: number): number {
  const part = Math.floor(((ms - fromMs) / (toMs - fromMs)) * changes.length)
  return Math.min(changes.length - 1, Math.max(0, part))
}

/** The next part with changes in a direction; the same part when there is none. */
export function changedPart({ changes }: Timeline, part: number, step: 1 | -1): number {
  for (let at = part + step; at >= 0 && at < changes.length; at += step) if (changes[at]! > 0) return at
  return part
}

/** Heights from 0 to 1. Roots, so that one change beside a thousand still shows. */
export function barsOf({ changes }: Timeline): number[] {
  const most = Math.max(1, ...changes)
  return changes.map((count) => Math.sqrt(count / most))
}

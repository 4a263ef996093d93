/**
 * How many changes fell into each part of a folder's life. The log's index by time counts what lies before a moment
 * without reading it, so this costs the number of parts, whatever the length of the log.
 */
import type { MessageInitShape } from '@bufbuild/protobuf'
import type { GetTimelineResponseSchema } from '#proto/file_api'
import type { Store } from '#kernel/store/port.ts'
import type { Breathe } from './turns.ts'

const ANY = new Uint8Array()

/** From the first change to the last, in `buckets` equal parts. */
export const timelineOf = async (
  { dag: { ranges } }: Store,
  buckets: number,
  breathe: Breathe,
): Promise<MessageInitShape<typeof GetTimelineResponseSchema>> => {
  const first = ranges.at(0)
  const last = ranges.at(ranges.size - 1)
  if (!first || !last) return { fromMs: 0n, toMs: 0n, changes: [] }
  const fromMs = first.timestampMs
  // No part is shorter than a millisecond.
  const length = last.timestampMs - fromMs + 1n
  const toMs = fromMs + (length < BigInt(buckets) ? BigInt(buckets) : length)
  const changes: number[] = []
  let before = 0
  for (let i = 1n; i <= BigInt(buckets); i++) {
    const upTo = ranges.lowerBound(fromMs + ((toMs - fromMs) * i) / BigInt(buckets), ANY)
    changes.push(Math.max(0, upTo - before))
    before = Math.max(before, upTo)
    await breathe()
  }
  return { fromMs, toMs, changes }
}

/**
 * Follows the node's events for as long as the app lives. A stream that ends, breaks or skips a number is opened anew,
 * after a pause that grows; what was known stays and counts as stale until the next snapshot.
 */
import { createClient, type Transport } from '@connectrpc/connect'
import { EventService, type WatchResponse } from '#proto/event_api'
import { failureOf, type Failure } from '../present/failure.ts'

export interface FollowSink {
  /** Takes an event in; false when it does not follow on the one before. */
  onEvent(response: WatchResponse): boolean
  /** The stream is gone; the next attempt comes after `retryInMs`. */
  onLost(failure: Failure, retryInMs: number): void
}

const FIRST_PAUSE_MS = 250
const LONGEST_PAUSE_MS = 10_000

/** How long to wait before attempt number `attempt` (from 0), in ms. */
export const pauseBefore = (attempt: number): number => Math.min(LONGEST_PAUSE_MS, FIRST_PAUSE_MS * 2 ** attempt)

const gap: Failure = { kind: 'event-gap', sentence: 'an event of the node was missed; asking for all of it again' }
const ended: Failure = { kind: 'unavailable', sentence: 'the node ended the connection' }

/** Resolves with why the stream is over; `progressed` is called at every event that fits. */
const followOnce = async (
  open: () => Promise<Transport>,
  sink: FollowSink,
  signal: AbortSignal,
  progressed: () => void,
): Promise<Failure> => {
  try {
    const client = createClient(EventService, await open())
    for await (const response of client.watch({}, { signal })) {
      if (!sink.onEvent(response)) return gap
      progressed()
    }
    return ended
  } catch (thrown) {
    return failureOf(thrown)
  }
}

/** `wait` resolves after so many ms, or earlier when the signal aborts or waiting has become pointless. */
export type Wait = (ms: number, signal: AbortSignal) => Promise<void>

/** Runs until `signal` aborts. `open` gives the way to the node for the next attempt: it may be another one each time. */
export const follow = async (
  open: () => Promise<Transport>,
  sink: FollowSink,
  signal: AbortSignal,
  wait: Wait,
): Promise<void> => {
  let attempt = 0
  while (!signal.aborted) {
    // Leaving a stream does not end its call on every transport; its signal does.
    const over = new AbortController()
    const failure = await followOnce(open, sink, AbortSignal.any([signal, over.signal]), () => {
      attempt = 0
    })
    over.abort()
    if (signal.aborted) return
    const pauseMs = pauseBefore(attempt++)
    sink.onLost(failure, pauseMs)
    await wait(pauseMs, signal)
  }
}

/** The stream is asked for again after every end, with growing pauses, and after a gap. */
import { Code, ConnectError, createRouterTransport } from '@connectrpc/connect'
import { expect, test } from 'vitest'
import { EventService } from '#proto/event_api'
import { follow, pauseBefore, type FollowSink } from './follow.ts'

/** Every call of `watch` sends one of these lists of sequence numbers and then ends; after the last it aborts. */
const runWith = async (streams: readonly (readonly bigint[])[], accepts: (sequence: bigint) => boolean) => {
  const over = new AbortController()
  const events: bigint[] = []
  const losses: string[] = []
  const pauses: number[] = []
  let opened = 0
  const transport = createRouterTransport(({ service }) => {
    service(EventService, {
      async *watch() {
        for (const sequence of streams[opened++] ?? []) yield { sequence }
      },
    })
  })
  const sink: FollowSink = {
    onEvent: ({ sequence }) => (events.push(sequence), accepts(sequence)),
    onLost: ({ kind }) => {
      losses.push(kind)
      if (opened === streams.length) over.abort()
    },
  }
  await follow(
    async () => transport,
    sink,
    over.signal,
    async (ms) => void pauses.push(ms),
  )
  return { events, losses, pauses, opened }
}

test('a stream that ends is opened again, and each pause is longer while nothing arrives', async () => {
  const { losses, pauses } = await runWith([[], [], []], () => true)
  expect(losses).toEqual(['unavailable', 'unavailable', 'unavailable'])
  expect(pauses).toEqual([pauseBefore(0), pauseBefore(1), pauseBefore(2)])
  expect(pauses[1]).toBeGreaterThan(pauses[0]!)
})

test('what arrives makes the next pause short again', async () => {
  const { pauses } = await runWith([[], [], [1n], []], () => true)
  expect(pauses).toEqual([pauseBefore(0), pauseBefore(1), pauseBefore(0), pauseBefore(1)])
})

test('an event that does not fit ends the stream, and a new one is asked for', async () => {
  const { events, losses, opened } = await runWith([[1n, 5n, 6n], [1n]], (sequence) => sequence !== 5n)
  expect(events).toEqual([1n, 5n, 1n])
  expect(losses[0]).toBe('event-gap')
  expect(opened).toBe(2)
})

test('pauses do not grow for ever', () => {
  expect(pauseBefore(1000)).toBe(10_000)
})

test('every attempt asks for a way to the node, and one that cannot be opened counts as lost', async () => {
  const over = new AbortController()
  const losses: string[] = []
  let opened = 0
  const open = async (): Promise<never> => {
    opened++
    throw new ConnectError('no port', Code.Unavailable)
  }
  const onLost: FollowSink['onLost'] = ({ kind }) => {
    losses.push(kind)
    if (losses.length === 3) over.abort()
  }
  await follow(open, { onEvent: () => true, onLost }, over.signal, async () => undefined)
  expect([opened, losses]).toEqual([3, ['unavailable', 'unavailable', 'unavailable']])
})

test('the call of a stream that was left is ended', async () => {
  const over = new AbortController()
  const ended = Promise.withResolvers<void>()
  const transport = createRouterTransport(({ service }) => {
    service(EventService, {
      async *watch(_, { signal }) {
        signal.addEventListener('abort', () => ended.resolve(), { once: true })
        yield { sequence: 7n }
        await ended.promise
      },
    })
  })
  const sink: FollowSink = { onEvent: () => false, onLost: () => over.abort() }
  await follow(
    async () => transport,
    sink,
    over.signal,
    async () => undefined,
  )
  await ended.promise
})

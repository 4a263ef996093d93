/** The queue between a pushing source and a pulling reader: order, bounds, endings. */
import fc from 'fast-check'
import { expect, test } from 'vitest'
import { InvariantError } from '#kernel/core/result.ts'
import { StreamClosedError } from '../port.ts'
import { HIGH_WATER, LOW_WATER, ReadQueue } from './read-queue.ts'

/** A queue, and how often its source was told what. */
const makeQueue = (): { queue: ReadQueue; told: string[] } => {
  const told: string[] = []
  return { queue: new ReadQueue({ pause: () => told.push('pause'), resume: () => told.push('resume') }), told }
}

test('whatever the order of pushes and reads, the bytes come out in order and the source is paused above the mark', () =>
  fc.assert(
    fc.asyncProperty(
      fc.array(fc.oneof(fc.integer({ min: 1, max: HIGH_WATER / 2 }), fc.constant('read' as const))),
      async (steps) => {
        const { queue, told } = makeQueue()
        const reads: Promise<Uint8Array | undefined>[] = []
        const pushed: number[] = []
        let available = 0
        for (const step of steps) {
          if (step !== 'read') {
            queue.push(new Uint8Array(step))
            pushed.push(step)
            available++
          } else if (available > 0) {
            available--
            reads.push(queue.read())
          }
          const isPaused = told.at(-1) === 'pause'
          if (queue.bytes >= HIGH_WATER) expect(isPaused).toBe(true)
          if (queue.bytes < LOW_WATER) expect(isPaused).toBe(false)
        }
        const found = (await Promise.all(reads)).map((bytes) => bytes?.length)
        expect(found).toEqual(pushed.slice(0, found.length))
      },
    ),
    { numRuns: 300 },
  ))

test('a reader that waits gets the next bytes, the end, or the failure', async () => {
  const { queue } = makeQueue()
  const first = queue.read()
  await expect(queue.read()).rejects.toThrow(InvariantError)
  queue.push(Uint8Array.of(1))
  expect(await first).toEqual(Uint8Array.of(1))
  const second = queue.read()
  queue.finish()
  expect(await second).toBeUndefined()

  const broken = makeQueue().queue
  const third = broken.read()
  broken.fail(new Error('cut'))
  await expect(third).rejects.toThrow(StreamClosedError)
  await expect(broken.read()).rejects.toThrow('cut')
})

test('what came before the end can be read after it, what came before a failure cannot', async () => {
  const ended = makeQueue().queue
  ended.push(Uint8Array.of(1))
  ended.finish()
  ended.push(Uint8Array.of(2))
  expect([await ended.read(), await ended.read()]).toEqual([Uint8Array.of(1), undefined])
  ended.fail(new Error('late'))
  expect(await ended.read()).toBeUndefined()

  const broken = makeQueue().queue
  broken.push(Uint8Array.of(1))
  broken.fail(new Error('cut'))
  await expect(broken.read()).rejects.toThrow(StreamClosedError)
})

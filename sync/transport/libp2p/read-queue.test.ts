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

test('whatever is lent, and however it is read, the same bytes come out', () =>
  fc.assert(
    fc.asyncProperty(
      fc.array(fc.record({ bytes: fc.integer({ min: 1, max: 2000 }), isLent: fc.boolean() })),
      fc.array(fc.integer({ min: 0, max: 3000 }), { minLength: 1 }),
      async (pushes, sizes) => {
        const { queue } = makeQueue()
        const parts: Uint8Array[] = []
        const reading = (async () => {
          for (let i = 0; ; i++) {
            const size = sizes[i % sizes.length]!
            const target = new Uint8Array(size)
            const part = size === 0 ? await queue.read() : target.subarray(0, await queue.readInto(target))
            if (part === undefined || (size > 0 && part.length === 0)) return
            parts.push(part)
          }
        })()
        const pushed: Uint8Array[] = []
        for (const [i, { bytes, isLent }] of pushes.entries()) {
          const piece = new Uint8Array(bytes).fill(i + 1)
          pushed.push(piece.slice())
          queue.push(piece, isLent)
          if (isLent) piece.fill(0)
          if (i % 3 === 0) await Promise.resolve()
        }
        queue.finish()
        await reading
        expect(Buffer.compare(Buffer.concat(parts), Buffer.concat(pushed))).toBe(0)
      },
    ),
    { numRuns: 300 },
  ))

test('a reader that waits for so much is told of a failure, and has what came before the end', async () => {
  const { queue } = makeQueue()
  const waiting = queue.readInto(new Uint8Array(10))
  queue.push(Uint8Array.of(1, 2))
  queue.fail(new Error('cut'))
  await expect(waiting).rejects.toThrow(StreamClosedError)
  await expect(queue.readInto(new Uint8Array(1))).rejects.toThrow('cut')

  const ended = makeQueue().queue
  const rest = ended.readInto(new Uint8Array(10))
  ended.push(Uint8Array.of(1, 2))
  ended.finish()
  expect([await rest, await ended.readInto(new Uint8Array(10))]).toEqual([2, 0])
})

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

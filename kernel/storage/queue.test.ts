/** Group commit alone: a backend may cut a group short, and nothing is lost, doubled or reordered. */
import fc from 'fast-check'
import { expect, test } from 'vitest'
import type { StorageWriter } from './port.ts'
import { GroupCommit } from './queue.ts'

const tx = {} as StorageWriter

test('what a group leaves over goes before what came later', () =>
  fc.assert(
    fc.asyncProperty(
      fc.array(fc.nat(4), { maxLength: 40 }),
      fc.infiniteStream(fc.integer({ min: 1, max: 5 })),
      async (pauses, cuts) => {
        const ran: number[] = []
        const queue = new GroupCommit(async (group) => {
          await Promise.resolve()
          const taken = group.slice(0, cuts.next().value)
          for (const entry of taken) entry.run(tx)
          return taken.length
        })
        const settled: Promise<number>[] = []
        for (const [i, pause] of pauses.entries()) {
          settled.push(queue.push(() => (ran.push(i), i)))
          for (let k = 0; k < pause; k++) await Promise.resolve()
        }
        expect(await Promise.all(settled)).toEqual(pauses.map((_, i) => i))
        await queue.close()
        expect(ran).toEqual(pauses.map((_, i) => i))
      },
    ),
  ))

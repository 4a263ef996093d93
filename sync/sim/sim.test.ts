import { describe, expect, test } from 'vitest'
import { live } from './schedule.ts'

describe('a world', () => {
  test.each(Array.from({ length: 20 }, (_, seed) => seed))('converges and tells the truth, seed %i', async (seed) => {
    await live(seed)
  })

  test('replays exactly from its seed', async () => {
    expect(await live(7)).toEqual(await live(7))
  })
})

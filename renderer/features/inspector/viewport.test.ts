import fc from 'fast-check'
import { expect, it } from 'vitest'
import { fitted, revealing, zoomed } from './viewport.ts'

const length = fc.double({ min: -2000, max: 2000, noNaN: true })

it('zooming leaves what is under the pointer under it', () => {
  fc.assert(
    fc.property(
      length,
      length,
      fc.double({ min: 0.1, max: 10, noNaN: true }),
      length,
      length,
      (x, y, factor, px, py) => {
        const before = { scale: 1, x, y }
        const after = zoomed(before, factor, { x: px, y: py })
        expect((px - after.x) / after.scale).toBeCloseTo(px - x, 5)
        expect((py - after.y) / after.scale).toBeCloseTo(py - y, 5)
      },
    ),
  )
})

it('fitting shows a small drawing at its size and a large one whole', () => {
  expect(fitted({ width: 100, height: 100 }, { width: 400, height: 300 })).toEqual({ scale: 1, x: 150, y: 100 })
  expect(fitted({ width: 800, height: 300 }, { width: 400, height: 300 }).scale).toBe(0.5)
})

it('revealing moves what is outside to the edge, and what is inside not at all', () => {
  const size = { width: 400, height: 300 }
  const view = { scale: 1, x: 0, y: 0 }
  expect(revealing(view, { x: 200, y: 150 }, { width: 100, height: 50 }, size)).toEqual(view)
  expect(revealing(view, { x: 600, y: 150 }, { width: 100, height: 50 }, size)).toEqual({ scale: 1, x: -262, y: 0 })
})

/** Devices in the picture do not leave it, and do not stand on each other. */
import { expect, test } from 'vitest'
import { placeAround, shorten } from './mesh.ts'

const box = { width: 640, height: 300, marginX: 90, marginY: 50 }

test.each([1, 2, 3, 7, 20])('%d devices stand inside, apart from each other and from the middle', (count) => {
  const placed = placeAround(
    Array.from({ length: count }, (_, at) => at),
    box,
  )
  placed.forEach(({ x, y }, at) => {
    expect(x).toBeGreaterThanOrEqual(box.marginX)
    expect(x).toBeLessThanOrEqual(box.width - box.marginX)
    expect(y).toBeGreaterThanOrEqual(box.marginY)
    expect(y).toBeLessThanOrEqual(box.height - box.marginY)
    for (const other of [...placed.slice(at + 1), { x: box.width / 2, y: box.height / 2 }])
      expect(Math.hypot(x - other.x, y - other.y)).toBeGreaterThan(20)
  })
})

test('long names are cut between letters, not inside one', () => {
  expect(shorten('short')).toBe('short')
  expect(shorten('📱'.repeat(20))).toBe(`${'📱'.repeat(17)}…`)
})

/** Devices in the picture do not leave it, and do not stand on each other. */
import { expect, test } from 'vitest'
import { create } from '@bufbuild/protobuf'
import { PeerInfoSchema } from '#proto/peer_api'
import { linksBetween, placeAround, shorten } from './mesh.ts'

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

test('a link that two devices tell of is drawn once; one to a device that is not shown, or to itself, not at all', () => {
  const of = (n: number, ...links: { to: number; direct: boolean; confirmed: boolean }[]) =>
    create(PeerInfoSchema, {
      device: Uint8Array.of(n),
      links: links.map(({ to, ...link }) => ({ device: Uint8Array.of(to), ...link })),
    })
  const others = [
    of(1, { to: 2, direct: false, confirmed: true }, { to: 9, direct: true, confirmed: false }),
    of(2, { to: 1, direct: true, confirmed: true }, { to: 3, direct: false, confirmed: false }),
    of(3, { to: 3, direct: true, confirmed: true }),
  ]
  expect(linksBetween(others)).toEqual([
    { ends: [0, 1], direct: true, confirmed: true },
    { ends: [1, 2], direct: false, confirmed: false },
  ])
})

test('long names are cut between letters, not inside one', () => {
  expect(shorten('short')).toBe('short')
  expect(shorten('📱'.repeat(20))).toBe(`${'📱'.repeat(17)}…`)
})

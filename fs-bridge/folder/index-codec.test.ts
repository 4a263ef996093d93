import fc from 'fast-check'
import { expect, test } from 'vitest'
import { afterPrefix } from './index-codec.ts'
import { damageIsRefused, entriesComeBack, noiseIsRefused, placesComeBack } from './index-codec.property.ts'

const numRuns = 300

test('entries come back as they were', () => fc.assert(entriesComeBack, { numRuns }))
test('damage is refused or harmless', () => fc.assert(damageIsRefused, { numRuns }))
test('noise is refused', () => fc.assert(noiseIsRefused, { numRuns }))
test('places come back', () => fc.assert(placesComeBack, { numRuns }))
test('the end of a prefix', () => {
  expect(afterPrefix(Uint8Array.of(1, 255))).toEqual(Uint8Array.of(2))
  expect(afterPrefix(Uint8Array.of(255))).toBeUndefined()
})

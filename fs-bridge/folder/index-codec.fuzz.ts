import fc from 'fast-check'
import { test } from 'vitest'
import { damageIsRefused, entriesComeBack, noiseIsRefused, placesComeBack } from './index-codec.property.ts'

const numRuns = Number(process.env['FUZZ_RUNS'] ?? 100_000)

test('entries come back as they were', () => fc.assert(entriesComeBack, { numRuns }))
test('damage is refused or harmless', () => fc.assert(damageIsRefused, { numRuns }))
test('noise is refused', () => fc.assert(noiseIsRefused, { numRuns }))
test('places come back', () => fc.assert(placesComeBack, { numRuns }))

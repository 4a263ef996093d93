import fc from 'fast-check'
import { test } from 'vitest'
import { manifestHolds, partsHold } from './manifest.property.ts'
import { valuesProperty } from './tables.property.ts'

const numRuns = Number(process.env['FUZZ_RUNS'] ?? 100_000)

test('only canonical manifests parse', () => manifestHolds(numRuns))
test('only canonical lists of parts parse', () => partsHold(numRuns))
test('a damaged value is named', () => fc.assert(valuesProperty, { numRuns }))

import { test } from 'vitest'
import { manifestHolds, partsHold } from './manifest.property.ts'

test('only canonical manifests parse', () => manifestHolds(Number(process.env['FUZZ_RUNS'] ?? 100_000)))

test('only canonical lists of parts parse', () => partsHold(Number(process.env['FUZZ_RUNS'] ?? 100_000)))

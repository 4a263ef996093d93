import fc from 'fast-check'
import { test } from 'vitest'
import { anyMarkerIsHandled } from './marker.property.ts'

test('any text is a marker or none', () =>
  fc.assert(anyMarkerIsHandled, { numRuns: Number(process.env['FUZZ_RUNS'] ?? 100_000) }))

import fc from 'fast-check'
import { test } from 'vitest'
import { manifestHolds } from './manifest.property.ts'

test('only canonical manifests parse', () =>
  fc.assert(manifestHolds(), { numRuns: Number(process.env['FUZZ_RUNS'] ?? 100_000) }))

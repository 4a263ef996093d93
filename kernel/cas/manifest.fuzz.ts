import { test } from 'vitest'
import { manifestHolds } from './manifest.property.ts'

test('only canonical manifests parse', () => manifestHolds(Number(process.env['FUZZ_RUNS'] ?? 100_000)))

import fc from 'fast-check'
import { test } from 'vitest'
import { anyBytesAreFrames } from './framing.property.ts'

test('any bytes are frames or a named error', () =>
  fc.assert(anyBytesAreFrames(), { numRuns: Number(process.env['FUZZ_RUNS'] ?? 100_000) }))

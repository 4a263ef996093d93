import fc from 'fast-check'
import { test } from 'vitest'
import { anyHeadIsJudged, anyTokenIsHandled } from './guard.property.ts'

const numRuns = Number(process.env['FUZZ_RUNS'] ?? 100_000)

test('any head of a request is judged', () => fc.assert(anyHeadIsJudged, { numRuns }))
test('any text is a token or damaged', () => fc.assert(anyTokenIsHandled, { numRuns }))

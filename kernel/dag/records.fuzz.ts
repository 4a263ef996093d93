import fc from 'fast-check'
import { test } from 'vitest'
import { recordDamage, recordRoundTrip, treeDamage } from './records.property.ts'

const numRuns = Number(process.env['FUZZ_RUNS'] ?? 100_000)

test('a witness record is read as it was written', () => fc.assert(recordRoundTrip, { numRuns }))
test('a damaged witness record is named', () => fc.assert(recordDamage, { numRuns }))
test('a damaged index is named, and walks over it end', () => fc.assert(treeDamage, { numRuns }))

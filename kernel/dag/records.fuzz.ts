import fc from 'fast-check'
import { test } from 'vitest'
import { floatingDamage, recordDamage, recordRoundTrip, summaryDamage, treeDamage } from './records.property.ts'

const numRuns = Number(process.env['FUZZ_RUNS'] ?? 100_000)

test('a witness record is read as it was written', () => fc.assert(recordRoundTrip, { numRuns }))
test('a damaged witness record is named', () => fc.assert(recordDamage, { numRuns }))
test('a damaged index is named, and walks over it end', () => fc.assert(treeDamage, { numRuns }))
test('a damaged summary is named', () => fc.assert(summaryDamage, { numRuns }))
test('a damaged floating intention is named', () => fc.assert(floatingDamage, { numRuns }))

import fc from 'fast-check'
import { test } from 'vitest'
import {
  floatingDamage,
  recordDamage,
  recordRoundTrip,
  summaryDamage,
  treeDamage,
  vectorMerge,
} from './records.property.ts'

test('a witness record is read as it was written', () => fc.assert(recordRoundTrip, { numRuns: 300 }))
test('a damaged witness record is named', () => fc.assert(recordDamage, { numRuns: 500 }))
test('a damaged index is named, and walks over it end', () => fc.assert(treeDamage, { numRuns: 300 }))
test('a damaged summary is named', () => fc.assert(summaryDamage, { numRuns: 300 }))
test('a damaged floating intention is named', () => fc.assert(floatingDamage, { numRuns: 300 }))
test('vectors merge as maps do', () => fc.assert(vectorMerge, { numRuns: 200 }))

import fc from 'fast-check'
import { test } from 'vitest'
import { catalogProperty, legProperty } from './records.property.ts'

const numRuns = Number(process.env['FUZZ_RUNS'] ?? 100_000)

test('what a peer signed asks for something or for nothing', () => fc.assert(legProperty, { numRuns }))
test('a damaged catalogue is named', () => fc.assert(catalogProperty, { numRuns }))

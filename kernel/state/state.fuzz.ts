/** The decoders of this folder on a long run of arbitrary bytes. */
import fc from 'fast-check'
import { test } from 'vitest'
import { cellProperty } from './cell.property.ts'
import { opsProperty } from './ops.property.ts'
import { rowsProperty } from './rows.property.ts'

const numRuns = Number(process.env['FUZZ_RUNS'] ?? 100_000)

test('cells', () => fc.assert(cellProperty, { numRuns }))
test('ops', () => fc.assert(opsProperty, { numRuns }))
test('rows', () => fc.assert(rowsProperty, { numRuns }))

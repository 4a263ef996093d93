import fc from 'fast-check'
import { test } from 'vitest'
import { roundTrip, strict, strictGenesis } from './intention.property.ts'

const numRuns = Number(process.env['FUZZ_RUNS'] ?? 100_000)

test('what is written is read', () => fc.assert(roundTrip, { numRuns }))
test('what is read is canonical', () => fc.assert(strict, { numRuns }))
test('so is a genesis', () => fc.assert(strictGenesis, { numRuns }))

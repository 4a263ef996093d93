/** A long campaign against the decoders of file operations and cells. FUZZ_RUNS: how many cases of each. */
import fc from 'fast-check'
import { test } from 'vitest'
import { cellsAreCanonical, codecIsProtobuf, decodingIsStrict, keysAreCanonical } from './ops.property.ts'

const numRuns = Number(process.env['FUZZ_RUNS'] ?? 100_000)

test('decoding is strict', () => fc.assert(decodingIsStrict, { numRuns }))
test('the codec is that of protobuf, canonical', () => fc.assert(codecIsProtobuf, { numRuns }))
test('cells are canonical', () => fc.assert(cellsAreCanonical, { numRuns }))
test('keys are canonical', () => fc.assert(keysAreCanonical, { numRuns }))

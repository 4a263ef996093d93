/** The lane's decoders against many random bytes; FUZZ_RUNS sets how many. */
import fc from 'fast-check'
import { test } from 'vitest'
import { decodersAreStrict, framesSurviveCuts, readerIsBounded } from './lane-messages.property.ts'

const numRuns = Number(process.env['FUZZ_RUNS'] ?? 100_000)

test('a lane message is refused or canonical', () => fc.assert(decodersAreStrict, { numRuns }))
test('frames survive any cut', () => fc.assert(framesSurviveCuts, { numRuns }))
test('the frame reader is bounded on any bytes', () => fc.assert(readerIsBounded, { numRuns }))

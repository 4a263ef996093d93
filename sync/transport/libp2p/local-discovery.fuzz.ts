/** Announcements on the local network against many random ones; FUZZ_RUNS sets how many. */
import fc from 'fast-check'
import { test } from 'vitest'
import { announcementsAreStrict } from './local-discovery.property.ts'

const numRuns = Number(process.env['FUZZ_RUNS'] ?? 100_000)
test('any announcement is ignored or well formed', () => fc.assert(announcementsAreStrict, { numRuns }))

/** What a node reads from its home and from its log; FUZZ_RUNS sets how many of each. */
import fc from 'fast-check'
import { test } from 'vitest'
import { bindingsProperty } from './bindings.property.ts'
import { anyConfigIsHandled, anySeedIsHandled } from './home.property.ts'
import { anyOpsAreShown } from './sexpr.property.ts'

const numRuns = Number(process.env['FUZZ_RUNS'] ?? 100_000)

test('any text is a configuration or refused', () => fc.assert(anyConfigIsHandled, { numRuns }))
test('any text is a key or damaged', () => fc.assert(anySeedIsHandled, { numRuns }))
test('a damaged record of a folder is told', () => fc.assert(bindingsProperty, { numRuns }))
test('any bytes are shown', () => fc.assert(anyOpsAreShown, { numRuns }))

import fc from 'fast-check'
import { test } from 'vitest'
import { valuesProperty } from './tables.property.ts'

test('values are read as they were written, damage is named', () => fc.assert(valuesProperty, { numRuns: 300 }))

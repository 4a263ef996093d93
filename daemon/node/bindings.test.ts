import fc from 'fast-check'
import { test } from 'vitest'
import { bindingsProperty } from './bindings.property.ts'

test('a damaged record is told, and its folder is not placed anew', () => fc.assert(bindingsProperty, { numRuns: 300 }))

import fc from 'fast-check'
import { test } from 'vitest'
import { bookProperty } from './addressbook.property.ts'

test('a damaged address book opens', () => fc.assert(bookProperty, { numRuns: 300 }))

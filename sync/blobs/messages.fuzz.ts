import fc from 'fast-check'
import { test } from 'vitest'
import { messagesHold } from './messages.property.ts'

test('any bytes decode strictly', () =>
  fc.assert(messagesHold(), { numRuns: Number(process.env['FUZZ_RUNS'] ?? 100_000) }))

import { test } from 'vitest'
import { messagesHold } from './messages.property.ts'

test('any bytes decode strictly', () => messagesHold(Number(process.env['FUZZ_RUNS'] ?? 100_000)))
